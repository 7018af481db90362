"""Mail over SMTP: plain text, both languages, never without the protection that the settings ask for."""

from __future__ import annotations

import ssl
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_LINES
from email.utils import format_datetime
from typing import Final, Literal

import aiosmtplib

from openhall.messages.outgoing import Later, MessagesMisconfigured, Never, Outcome, Outgoing, Sent

Security = Literal["starttls", "tls", "none"]
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
RECIPIENTS_AT_MOST: Final = 50


class MailAdapter:
    """One mail server. Each message has a connection of its own: notices are few and apart."""

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        *,
        sender_name: str = "",
        security: Security = "starttls",
        username: str = "",
        password: str = "",
        ca_file: str = "",
        timeout_seconds: float,
    ) -> None:
        if security == "none" and host not in LOOPBACK:
            raise MessagesMisconfigured(
                "Expected starttls or tls: this leaves the machine", place="[smtp] security"
            )
        if bool(username) != bool(password):
            raise MessagesMisconfigured("Expected a username with a password", place="[smtp] password")
        try:
            self._sender = Address(display_name=sender_name, addr_spec=sender)
            self._context = ssl.create_default_context(cafile=ca_file or None)
        except (ValueError, IndexError) as error:
            raise MessagesMisconfigured(
                "Expected an address such as hall@bank.example", place="[smtp] sender"
            ) from error
        except OSError as error:
            raise MessagesMisconfigured(f"{ca_file}: {error}", place="[smtp] ca_file") from error
        self._host, self._port, self._security = host, port, security
        self._username, self._password = username, password
        self._timeout_seconds = timeout_seconds

    @property
    def place(self) -> str:
        """The server."""
        return f"{self._host}:{self._port}"

    async def send(self, message: Outgoing) -> Outcome:
        """Hand it to the server once."""
        recipients = [message.to.contact] if message.to.contact else [*message.to.mailboxes]
        if not 0 < len(recipients) <= RECIPIENTS_AT_MOST:
            return Never("no_recipient" if not recipients else "too_many_recipients")
        try:
            letter = self._letter(message, recipients)
        except (ValueError, IndexError):
            # A line break in an address or a subject: the library lets no header be smuggled in.
            return Never("bad_address")
        try:
            await aiosmtplib.send(
                letter,
                hostname=self._host,
                port=self._port,
                username=self._username or None,
                password=self._password or None,
                use_tls=self._security == "tls",
                start_tls=self._security == "starttls",
                tls_context=self._context if self._security != "none" else None,
                timeout=self._timeout_seconds,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            return _outcome(error)
        return Sent()

    def _letter(self, message: Outgoing, recipients: list[str]) -> EmailMessage:
        letter = EmailMessage(policy=SMTP_LINES)
        letter["From"] = self._sender
        letter["To"] = [Address(addr_spec=address) for address in recipients]
        letter["Subject"] = message.subject
        letter["Date"] = format_datetime(datetime.fromisoformat(message.created_at))
        # The same for each attempt, so that a mail server that has it already can tell.
        letter["Message-ID"] = f"<{message.id}@{self._sender.domain}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter["Content-Language"] = message.language
        letter.set_content(message.text + "\n", charset="utf-8", cte="base64")
        return letter

    async def close(self) -> None:
        """Nothing is kept open."""


def _outcome(error: Exception) -> Outcome:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [refused.code for refused in error.recipients]
        is_final = bool(codes) and all(code >= 500 for code in codes)
        return Never("recipient_refused") if is_final else Later("recipient_put_off")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return Later("sign_in_refused")
    if isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        return Later("timed_out")
    if type(error) in {aiosmtplib.SMTPException, aiosmtplib.SMTPNotSupported}:
        # The library says so of a server that offers no STARTTLS, or no way of signing in that it knows.
        return Later("tls_missing" if "STARTTLS" in str(error) else "not_supported")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        is_final = error.code >= 500 and not isinstance(error, aiosmtplib.SMTPConnectResponseError)
        return Never(f"smtp_{error.code}") if is_final else Later(f"smtp_{error.code}")
    if _is_tls(error):
        return Later("tls_failed")
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return Later("cut_off")
    return Later("not_reached")


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
