"""When a name is locked after failed sign-ins, and for how long.

Counted by the name that was typed, whether there is such an account or not, so that a lock tells nobody
which names exist. Locks are short and grow: whoever guesses gets a few tries an hour, and whoever is locked
out by somebody else's guessing waits minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.refusal import Refusal, refusals

REFUSALS = refusals(
    sign_in_paused=(
        "Too many sign-ins have failed under this name; it is locked for {minutes} min.",
        "Wait so long and try again, or ask your manager for a new password.",
    ),
)


@dataclass(frozen=True)
class LockOutPolicy:
    """How many failures are borne, and how long a lock lasts."""

    failures_at_most: int = 5
    window_minutes: int = 15
    first_minutes: int = 1
    longest_minutes: int = 30

    def __post_init__(self) -> None:
        if min(self.failures_at_most, self.window_minutes, self.first_minutes) < 1:
            raise ValueError("Expected failures and minutes of a lock-out of 1 or more")
        if self.longest_minutes < self.first_minutes:
            raise ValueError("Expected the longest lock to be no shorter than the first")


class Failures(msgspec.Struct, frozen=True):
    """What went wrong under one name lately."""

    count: int = 0
    last_ms: int = 0
    locked_until_ms: int = 0


def refuse_locked(failures: Failures, now_ms: int) -> Refusal | None:
    """Why nobody may try this name now; None when they may."""
    if now_ms >= failures.locked_until_ms:
        return None
    minutes = -(-(failures.locked_until_ms - now_ms) // MINUTE_MS)
    return Refusal("sign_in_paused", place="name", detail={"minutes": minutes})


def after_failure(failures: Failures, now_ms: int, policy: LockOutPolicy) -> Failures:
    """One failure more: locked once there are too many, each time twice as long."""
    quiet_ms = now_ms - max(failures.last_ms, failures.locked_until_ms)
    count = 1 if quiet_ms > policy.window_minutes * MINUTE_MS else failures.count + 1
    over = count - policy.failures_at_most
    minutes = min(policy.first_minutes * 2 ** min(over, 30), policy.longest_minutes) if over >= 0 else 0
    return Failures(count, now_ms, now_ms + minutes * MINUTE_MS if minutes else 0)
