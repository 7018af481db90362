"""How often somebody may ask: one bucket a name, which fills as time goes by and is emptied by asking.

Names are accounts (each device has its own), network addresses of who is not signed in, tickets. The limits
are for machines gone wild and for guessing: a hall at its busiest stays far below them.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from litestar.connection import ASGIConnection

from openhall.app.build import App
from openhall.app.settings import LimitSettings
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.kernel.refusal import Refusal
from openhall.log.account_rows import UNATTENDED_ROLES
from openhall.web.problems import Refused

NAMES_AT_MOST: Final = 20_000
"""Buckets kept; the one asked of longest ago goes first, and is full again when it is asked of anew."""
BURST_SECONDS: Final = 30
"""A bucket holds what comes in within so long: a hall that opens, a page with all its files."""


@dataclass(frozen=True)
class Rate:
    """So many in a minute for long, and at most so many at once."""

    per_minute: float
    at_once: float


class Rates:
    """The buckets of one process. Bounded, and in memory only: a restart forgives."""

    def __init__(self, names_at_most: int = NAMES_AT_MOST) -> None:
        self._names_at_most = names_at_most
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def _filled(self, name: str, rate: Rate, now_ms: int) -> float:
        left, then_ms = self._buckets.get(name, (rate.at_once, now_ms))
        # A clock that was put back fills nothing, and takes nothing away.
        return min(rate.at_once, left + max(0, now_ms - then_ms) * rate.per_minute / MINUTE_MS)

    def take(self, name: str, rate: Rate, now_ms: int) -> int:
        """Take one out of a bucket: 0, or after how many ms there will be one again."""
        filled = self._filled(name, rate, now_ms)
        is_there = filled >= 1
        self._buckets[name] = (filled - is_there, now_ms)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._names_at_most:
            self._buckets.popitem(last=False)
        return 0 if is_there else max(1, round((1 - filled) * MINUTE_MS / rate.per_minute))

    def note(self, name: str, per_minute: int, now_ms: int) -> bool:
        """Count one more of so many a minute; False when there were too many."""
        return self.take(name, Rate(per_minute, per_minute), now_ms) == 0

    def has_room(self, name: str, per_minute: int, now_ms: int) -> bool:
        """Would `note` count one more now? Takes nothing."""
        return self._filled(name, Rate(per_minute, per_minute), now_ms) >= 1

    def __len__(self) -> int:
        """How many names are remembered."""
        return len(self._buckets)


def network_address(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Where a request comes from in the network; a proxy that is believed was looked through already."""
    return connection.client.host if connection.client else ""


def hold_to_rates(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Part of the guard: raises `Refused` for who asks more often than people or devices of a hall do."""
    app: App = connection.app.state.openhall
    require(connection, *_who(connection, app.settings.limits))


def require(connection: ASGIConnection[Any, Any, Any, Any], name: str, per_second: int) -> None:
    """Raise `Refused`, with the time to wait, when a bucket is empty; 0 is no limit."""
    if not per_second:
        return
    app: App = connection.app.state.openhall
    rates: Rates = connection.app.state.rates
    rate = Rate(per_second * 60, per_second * BURST_SECONDS)
    wait_ms = rates.take(name, rate, app.wall.now_ms())
    if wait_ms:
        raise Refused(Refusal("too_many_requests", detail={"seconds": -(-wait_ms // SECOND_MS)}))


def _who(connection: ASGIConnection[Any, Any, Any, Any], limits: LimitSettings) -> tuple[str, int]:
    account = connection.scope.get("user")
    if account is None:
        return f"address {network_address(connection)}", limits.address_per_second
    is_device = account.role in UNATTENDED_ROLES
    return f"account {account.name}", limits.device_per_second if is_device else limits.account_per_second
