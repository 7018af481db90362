"""What a service manager is told: ready, stopping, still alive. systemd's protocol: a datagram a word."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping

from openhall.app.build import App

BEATS_A_WATCH = 3
"""The manager hears so many times within its limit, so that one lost word costs nothing."""
MICROSECONDS = 1_000_000


class Supervisor:
    """The service manager that started this process, or nobody."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        limit = environ.get("WATCHDOG_USEC", "")
        is_for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watch_seconds = int(limit) / MICROSECONDS if limit.isdigit() and is_for_us else 0.0

    def tell(self, *words: str) -> None:
        """Say something, if anybody listens; a manager that is gone, or does not read, is not our trouble."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
            # A manager that is stuck must not hold up the halls: what its queue does not take is lost.
            speaker.setblocking(False)
            try:
                speaker.connect(address)
                speaker.sendall("\n".join(words).encode())
            except OSError:
                return

    async def keep_telling(self, app: App) -> None:
        """Say again and again that commands go through; who is stuck says nothing and is started again.

        Trouble that a restart does not mend (a full disk, say) is told in words, and is no reason for one.
        """
        if not self._watch_seconds:
            await asyncio.Event().wait()
        while True:
            health = await app.writer.check_health()
            status = "serving" if health.is_ok else f"{health.trouble_code}: {health.trouble}"
            self.tell("WATCHDOG=1", f"STATUS={status}")
            await asyncio.sleep(self._watch_seconds / BEATS_A_WATCH)
