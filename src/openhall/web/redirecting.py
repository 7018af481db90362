"""Sends whoever comes without TLS over to TLS: a port of its own, which serves nothing else.

A read is redirected. A write is refused: whatever was in it has already gone over the network in clear, and a
redirect would teach programs to go on sending it that way.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import Final

from openhall.app.certificates import Certificate, InUse, covers

HEAD_BYTES_MAX: Final = 8_192
SECONDS_AT_MOST: Final = 5.0
OPEN_AT_MOST: Final = 256
"""Connections at one time; more are closed at once."""

_REQUEST = re.compile(rb"([A-Z]{3,10}) (/[!-~]{0,2000}) HTTP/1\.[01]")
_HOST = re.compile(
    rb"\r\nhost:[ \t]*([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?[ \t]*\r\n", re.IGNORECASE
)

_log = logging.getLogger(__name__)


def answer_to(head: bytes, certificate: Certificate, port: int) -> bytes:
    """The answer to a request's head."""
    found = _REQUEST.match(head)
    if found is None:
        return _answer("400 Bad Request")
    if found[1] not in {b"GET", b"HEAD"}:
        return _answer("403 Forbidden")
    said = _HOST.search(head)
    host = said[1].decode().strip("[]") if said else ""
    # Only to a name of the certificate's own: nobody is sent to an address that the request made up.
    names = [host] if covers(certificate, host) else [n for n in certificate.names if "*" not in n]
    if not names:
        return _answer("400 Bad Request")
    name = names[0]
    place = f"[{name}]" if ":" in name else name
    at = "" if port == 443 else f":{port}"
    return _answer("308 Permanent Redirect", f"Location: https://{place}{at}{found[2].decode()}\r\n")


def _answer(status: str, header: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()


async def redirect(host: str, at_port: int, tls: InUse, to_port: int) -> None:
    """Serve until cancelled."""
    open_now = 0

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        try:
            if open_now <= OPEN_AT_MOST:
                async with asyncio.timeout(SECONDS_AT_MOST):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(answer_to(head, tls.certificate, to_port))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # Who does not ask properly, or goes away, gets no answer.
        finally:
            open_now -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(take, host, at_port, limit=HEAD_BYTES_MAX)
    _log.info("Requests without TLS at port %s are sent to port %s", at_port, to_port)
    async with server:
        await server.serve_forever()
