"""The server at its port, and its change to a renewed certificate while people are connected.

A certificate is renewed by a second server at the same port: the system spreads new connections over both,
and once a client has been shown the new certificate the old server takes no more, and ends when the last of
its streams does. So nobody is cut off, and a certificate that does not work is never alone at the port.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
from contextlib import suppress
from typing import Any, Final

from granian.constants import Interfaces, SSLProtocols
from granian.server.embed import Server

from openhall.app import certificates
from openhall.app.build import App
from openhall.app.certificates import Certificate, InUse, TlsFiles
from openhall.kernel.trouble import Trouble

LOOK_SECONDS: Final = 5.0
"""A file that changed is taken at the second look, so that nobody catches it while it is being written."""
SHOWN_SECONDS: Final = 10.0
"""So long a new server may take until it is seen at the port."""
ASK_SECONDS: Final = 0.05

_log = logging.getLogger(__name__)


class ServerEnded(Trouble):
    """The server at the port has ended without being told to."""

    code = "server_ended"
    remedy = "Look at the server's log, and start it again; a service manager does so by itself."


class Listener:
    """Serves one site at one port."""

    def __init__(self, app: App, site: Any, files: TlsFiles | None, *, host: str, port: int) -> None:
        self._app, self._site, self._files = app, site, files
        self._host, self._port = host, port
        self._present = self._start(files)
        self._before: list[asyncio.Task[None]] = []
        self._taken = self._seen = files.stamp if files is not None else ()
        self._is_asked = asyncio.Event()

    def _start(self, files: TlsFiles | None) -> tuple[Server, asyncio.Task[None]]:
        tls = self._app.settings.tls
        server = Server(
            self._site,
            address=self._host,
            port=self._port,
            interface=Interfaces.ASGINL,
            log_access=False,
            log_enabled=False,
            http1_settings=None,
            backlog=4_096,
            backpressure=4_096,
            ssl_cert=files.certificate if files else None,
            ssl_key=files.key if files else None,
            ssl_key_password=tls.key_password or None,
            ssl_protocol_min=SSLProtocols.tls13 if tls.minimum == "1.3" else SSLProtocols.tls12,
        )
        return server, asyncio.create_task(server.serve(), name="openhall-server")

    async def until_over(self) -> None:
        """Raises what ended the present server, whichever it is by then; `ServerEnded` when nothing says."""
        while True:
            _, serving = self._present
            await asyncio.wait({serving})
            if self._present[1] is serving:
                await serving
                raise ServerEnded(f"Nobody serves at {self._host}:{self._port}", place=self._host)

    async def until_listening(self) -> None:
        """Back when the server takes connections; raises what ended it if it did not come so far."""
        await until_listening(self._host, self._port, self._present[1])

    def stop(self) -> set[asyncio.Task[None]]:
        """Take no more connections; what still has streams ends with the last of them."""
        server, serving = self._present
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it without types
        return {serving, *(each for each in self._before if not each.done())}

    # -- a renewed certificate ------------------------------------------------------------------------

    def ask_to_renew(self) -> None:
        """Look at the files now, and not only when the next look is due."""
        self._is_asked.set()

    async def keep_renewing(self) -> None:
        """Take up what somebody puts into the files; what cannot be used leaves the old one in use."""
        while True:
            is_asked = False
            with suppress(TimeoutError):
                is_asked = await asyncio.wait_for(self._is_asked.wait(), LOOK_SECONDS)
            self._is_asked.clear()
            if self._files is None or self._app.tls is None:
                if is_asked:
                    _log.info("Asked to take up a renewed certificate; the server runs without TLS")
                continue
            await self.look(self._files, self._app.tls, is_asked=is_asked)

    async def look(self, files: TlsFiles, shown: InUse, *, is_asked: bool) -> None:
        """Take what lies in the files if it is new, or was asked for; say why not when it cannot be used."""
        stamp, before = files.stamp, self._seen
        self._seen = stamp
        if not is_asked and (stamp == self._taken or stamp != before):
            return
        try:
            found = certificates.read(files, self._app.wall.now_ms(), self._app.settings.tls.key_password)
            self._taken = stamp  # What does not work at the port is not tried again and again.
            if found.fingerprint != shown.certificate.fingerprint:
                await self._change_to(files, found)
                shown.certificate, shown.renewals_count = found, shown.renewals_count + 1
                _log.info("A renewed certificate is in use; it holds %s days", self._days_left(found))
            elif is_asked:
                _log.info("The certificate is the one in use; it holds %s days", self._days_left(found))
            shown.refused = ""
        except Trouble as trouble:
            if str(trouble) != shown.refused or is_asked:
                left = self._days_left(shown.certificate)
                _log.error(
                    "The new certificate is not taken (%s): %s; the one in use holds %s days",
                    trouble.code,
                    trouble,
                    left,
                )
            shown.refused = str(trouble)

    def _days_left(self, certificate: Certificate) -> int:
        return certificate.days_left(self._app.wall.now_ms())

    async def _change_to(self, files: TlsFiles, found: Certificate) -> None:
        """Another server at the port, and the present one out of it. Raises `CertificateWrong`."""
        try:
            server, serving = self._start(files)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise certificates.CertificateWrong(f"It cannot be loaded: {error}", place="") from error
        if not await self._is_shown(found.fingerprint, serving):
            server.stop()  # type: ignore[no-untyped-call]  # granian leaves it without types
            self._before.append(serving)
            raise certificates.CertificateWrong("No client was shown it", place=str(files.certificate))
        old, old_serving = self._present
        self._present = (server, serving)
        self._before = [each for each in (*self._before, old_serving) if not each.done()]
        old.stop()  # type: ignore[no-untyped-call]  # granian leaves it without types

    async def _is_shown(self, fingerprint: str, serving: asyncio.Task[None]) -> bool:
        """Has a client been shown it? Old and new server take turns, so more than one may have to ask."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_SECONDS):
                while not serving.done():
                    if await _shown_at(self._host, self._port) == fingerprint:
                        return True
                    await asyncio.sleep(ASK_SECONDS)
        return False


async def _shown_at(host: str, port: int) -> str:
    """The fingerprint of the certificate that one client is shown; empty when there was no connection."""
    # Whose it is does not matter here: nothing is sent, and which one it is is what is asked.
    looking = ssl.create_default_context()
    looking.check_hostname = False
    looking.verify_mode = ssl.CERT_NONE
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=looking)
    except OSError:
        return ""
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return hashlib.sha256(found or b"").hexdigest()


async def until_listening(host: str, port: int, serving: asyncio.Task[None]) -> None:
    """Back when the server takes connections; raises what ended it if it did not come so far."""
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return
    await serving
