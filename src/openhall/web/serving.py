"""Running the web application in this process, until somebody stops it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from granian.constants import Interfaces, SSLProtocols
from granian.server.embed import Server
from granian.utils.proxies import wrap_asgi_with_proxy_headers

from openhall.app import certificates
from openhall.app.build import App, settle_memory
from openhall.kernel.trouble import Trouble
from openhall.web.redirecting import redirect
from openhall.web.site import create_site
from openhall.web.supervision import Supervisor

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SWITCH_SECONDS = 0.0002
"""How long the loop may keep the interpreter from the log's thread. The default of 5 ms costs commits; 0.2 ms
against 1 ms shortened the tail of Next in most pairs of runs."""

_log = logging.getLogger(__name__)


class PortInUse(Trouble):
    """Another program listens at this address."""

    code = "port_in_use"
    remedy = "Stop the other program, or choose another port with --port."


class PlainNetwork(Trouble):
    """Without TLS everybody on the network could read what people type, passwords too."""

    code = "plain_network"
    remedy = (
        "Give the server a certificate (`openhall tls request`), let it listen at 127.0.0.1 behind a proxy"
        " with TLS, or set is_network_trusted under [server] in openhall.toml."
    )


def check_plain(host: str, *, is_network_trusted: bool) -> None:
    """Raise `PlainNetwork` for a server without TLS that others than this machine could reach."""
    if host in LOOPBACK:
        return
    if not is_network_trusted:
        raise PlainNetwork(f"No TLS at {host}", place=host)
    _log.warning("Serving at %s WITHOUT TLS: whoever is on this network can read and change everything", host)


def check_port(host: str, port: int) -> None:
    """Raise `PortInUse` now, with a remedy, and not from inside the server."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortInUse(f"{host}:{port}: {error.strerror}", place=f"{host}:{port}") from error


async def serve(
    app: App,
    *,
    host: str,
    port: int,
    on_ready: Callable[[], None] = lambda: None,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then end open streams and let the file go.

    `beside` runs next to the server and is cancelled with it: the demo's day.
    """
    files, certificate = _certificate(app, host)
    check_port(host, port)
    sys.setswitchinterval(SWITCH_SECONDS)
    server = _server(app, files, host=host, port=port)
    supervisor, stopped = Supervisor(), _told_to_stop()
    serving = asyncio.create_task(server.serve(), name="openhall-server")
    tasks = [serving]

    def go_along(name: str, turn: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.create_task(turn, name=f"openhall-{name}"))

    try:
        await until_listening(host, port, serving)
        settle_memory()
        on_ready()
        supervisor.tell("READY=1", "STATUS=serving")
        go_along("watchdog", supervisor.keep_telling(app))
        if certificate is not None and app.settings.tls.redirect_port:
            go_along("redirect", redirect(host, app.settings.tls.redirect_port, certificate, port))
        if beside is not None:
            go_along("beside", beside())
        await _until_over(tasks, stopped)
    finally:
        supervisor.tell("STOPPING=1", "STATUS=stopping")
        for task in tasks[1:]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        app.hub.close()
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it without types
        await _until_stopped(app, serving)


def _certificate(app: App, host: str) -> tuple[certificates.TlsFiles | None, certificates.Certificate | None]:
    """The files of TLS and what they hold; without them only this machine, or a network that is trusted."""
    files = certificates.in_use(app.settings.tls, app.folder.path)
    if files is None:
        check_plain(host, is_network_trusted=app.settings.server.is_network_trusted)
        return None, None
    return files, certificates.read(files, app.wall.now_ms(), app.settings.tls.key_password)


def _told_to_stop() -> asyncio.Event:
    """Set by SIGINT and SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for kind in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(kind, stopped.set)
    return stopped


async def _until_over(tasks: Sequence[asyncio.Task[None]], stopped: asyncio.Event) -> None:
    """Back when told to stop, or when one of the tasks has ended; a fault in one is in the log."""
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({*tasks, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception() is not None:
            _log.error("Stopping because of a fault", exc_info=task.exception())


def _server(app: App, files: certificates.TlsFiles | None, *, host: str, port: int) -> Server:
    """The server around the site, with TLS where there is a certificate."""
    tls = app.settings.tls
    return Server(
        believing_proxies(traced_site(app), app.settings.server.trusted_proxies),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
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


def traced_site(app: App) -> Any:
    """The site, with its requests traced where that is wanted."""
    site = create_site(app)
    return site if app.tracing is None else app.tracing.around(site)


def believing_proxies(site: Any, proxies: Sequence[str]) -> Any:
    """The site as it is reached through proxies: what they say of a request's origin and TLS is taken, and
    from nobody else."""
    if not proxies:
        return site
    return wrap_asgi_with_proxy_headers(site, list(proxies))


async def _until_stopped(app: App, serving: asyncio.Task[None]) -> None:
    """Wait for open requests, but not for ever: one that was sent by half never ends by itself."""
    stop_seconds = app.settings.service.stop_seconds
    await asyncio.wait({serving}, timeout=stop_seconds)
    if serving.done():
        return
    _log.warning("Requests were still open after %s seconds; they are cut off", stop_seconds)
    # Before anything is cancelled: the writer carries out what waits, and the file is let go.
    await app.stop()
    # Granian tells a future of its own that it has ended; by then the future is cancelled.
    asyncio.get_running_loop().set_exception_handler(lambda _, context: _log.debug("%s", context))
    serving.cancel()
    await asyncio.wait({serving})


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
