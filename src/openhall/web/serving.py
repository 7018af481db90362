"""Running the web application in this process, until somebody stops it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from granian.utils.proxies import wrap_asgi_with_proxy_headers

from openhall.app import certificates
from openhall.app.build import App, settle_memory
from openhall.kernel.trouble import Trouble
from openhall.web.listening import Listener
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
    files = _certificate(app, host)
    check_port(host, port)
    sys.setswitchinterval(SWITCH_SECONDS)
    site = create_site(app)
    around = site if app.tracing is None else app.tracing.around(site)
    async with site.lifespan():
        listener = Listener(
            app, believing_proxies(around, app.settings.server.trusted_proxies), files, host=host, port=port
        )
        supervisor, stopped = Supervisor(), _told(listener)
        tasks: list[asyncio.Task[None]] = []

        def go_along(name: str, turn: Coroutine[Any, Any, None]) -> None:
            tasks.append(asyncio.create_task(turn, name=f"openhall-{name}"))

        try:
            await listener.until_listening()
            settle_memory()
            on_ready()
            supervisor.tell("READY=1", "STATUS=serving")
            go_along("serving", listener.until_over())
            go_along("watchdog", supervisor.keep_telling(app))
            go_along("certificate", listener.keep_renewing())
            if app.tls is not None and app.settings.tls.redirect_port:
                go_along("redirect", redirect(host, app.settings.tls.redirect_port, app.tls, port))
            if beside is not None:
                go_along("beside", beside())
            await _until_over(tasks, stopped)
        finally:
            supervisor.tell("STOPPING=1", "STATUS=stopping")
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            app.hub.close()
            await _until_stopped(app, listener.stop())
    # A service manager starts a server again that ends with a fault, and no other.
    for fault in ended:
        if isinstance(fault, Exception):
            raise fault


def _certificate(app: App, host: str) -> certificates.TlsFiles | None:
    """The files of TLS, checked; without them only this machine, or a network that is trusted."""
    files = certificates.in_use(app.settings.tls, app.folder.path)
    if files is None:
        check_plain(host, is_network_trusted=app.settings.server.is_network_trusted)
        return None
    found = certificates.read(files, app.wall.now_ms(), app.settings.tls.key_password)
    app.tls = certificates.InUse(found)
    return files


def _told(listener: Listener) -> asyncio.Event:
    """Set by SIGINT and SIGTERM; SIGHUP has the certificate renewed, unless the terminal is gone."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    is_at_terminal = sys.stdin is not None and sys.stdin.isatty()

    def hung_up() -> None:
        if is_at_terminal and not _has_terminal():
            stopped.set()
        else:
            listener.ask_to_renew()

    for kind in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(kind, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, hung_up)
    return stopped


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def _until_over(tasks: Sequence[asyncio.Task[None]], stopped: asyncio.Event) -> None:
    """Back when told to stop, or when one of the tasks has ended; a fault in one is in the log."""
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({*tasks, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception() is not None:
            _log.error("Stopping because of a fault", exc_info=task.exception())


def believing_proxies(site: Any, proxies: Sequence[str]) -> Any:
    """The site as it is reached through proxies: what they say of a request's origin and TLS is taken, and
    from nobody else."""
    if not proxies:
        return site
    return wrap_asgi_with_proxy_headers(site, list(proxies))


async def _until_stopped(app: App, serving: set[asyncio.Task[None]]) -> None:
    """Wait for open requests, but not for ever: one that was sent by half never ends by itself."""
    stop_seconds = app.settings.service.stop_seconds
    _, open_still = await asyncio.wait(serving, timeout=stop_seconds)
    if not open_still:
        return
    _log.warning("Requests were still open after %s seconds; they are cut off", stop_seconds)
    # Before anything is cancelled: the writer carries out what waits, and the file is let go.
    await app.stop()
    # Granian tells a future of its own that it has ended; by then the future is cancelled.
    asyncio.get_running_loop().set_exception_handler(lambda _, context: _log.debug("%s", context))
    for each in open_still:
        each.cancel()
    await asyncio.wait(open_still)
