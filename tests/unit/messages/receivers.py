"""A gateway and a mail server of our own, in this process: what a message is really handed to."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from ssl import SSLContext
from typing import Any

import msgspec
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"the secret that was used before.").decode()


@dataclass
class Received:
    """One request."""

    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str = SECRET) -> Any:
        """Its content, if the signature is right: as a receiver looks at it."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Gateway:
    """Answers each request with the next of its answers; the last one goes on."""

    answers: list[bytes] = field(default_factory=lambda: [b"204 No Content"])
    received: list[Received] = field(default_factory=list)
    delay: asyncio.Event | None = None
    """Answers only once it is set."""
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(_header(line) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.received.append(Received(headers, body))
            if self.delay is not None:
                await self.delay.wait()
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer:
                writer.write(b"HTTP/1.1 " + answer + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The sender gave up: that is what some tests are about.
        finally:
            writer.close()

    def ids(self) -> list[str]:
        """The ids of what came, in order."""
        return [each.headers["webhook-id"] for each in self.received]


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name.lower(), value


@asynccontextmanager
async def gateway(*answers: bytes, tls: SSLContext | None = None) -> AsyncIterator[Gateway]:
    """A receiver of webhooks on a port of its own."""
    found = Gateway(list(answers) or [b"204 No Content"])
    server = await asyncio.start_server(found.handle, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    found.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/messages"
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()


@dataclass
class Post:
    """A mail server that keeps letters; `refuse` gives its answer to RCPT."""

    letters: list[Message] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    refuse: str = ""
    signed_in: list[str] = field(default_factory=list)
    was_tls: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        del session
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        assert server.transport is not None
        self.was_tls.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth: Any
    ) -> AuthResult:
        """One name and password are right."""
        del server, session, envelope, mechanism
        assert isinstance(auth, LoginPassword)
        is_right = (auth.login, auth.password) == (b"hall", b"mail password")
        if is_right:
            self.signed_in.append(auth.login.decode())
        return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def post_office(
    *, starttls: SSLContext | None = None, tls: SSLContext | None = None, is_signing_in: bool = False
) -> AsyncIterator[Post]:
    """A mail server on a port of its own."""
    found = Post()

    def connection() -> SMTP:
        return SMTP(
            found,
            hostname="mail.bank.example",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=found.authenticate if is_signing_in else None,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )

    make: Callable[[], asyncio.Protocol] = connection
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()


def content(received: Received) -> dict[str, Any]:
    """The message in a request."""
    found: dict[str, Any] = msgspec.json.decode(received.body)["data"]
    return found
