"""What the bank decides about appointments, automatic calls and rings for a colleague."""

from __future__ import annotations

from typing import Literal

import msgspec


class AppointmentPolicy(msgspec.Struct, frozen=True):
    """Booking ahead, in the same order as everybody else [C17]. Not offered unless a share is given."""

    share_percent: int = 0
    """Of the windows' time that can be booked ahead; the rest is kept for those who walk in."""
    slot_minutes: int = 15
    days_ahead: int = 14
    """How many days before somebody can book; 0 is today only."""
    head_start_minutes: int = 15
    """Who checks in on time counts as having come so long before the appointment."""
    early_minutes: int = 30
    """Checking in begins so long before the appointment."""
    late_minutes: int = 15
    """After so long the appointment is given up; who still comes is served as somebody who walks in."""
    when_late: Literal["shrink", "keep", "walk_in"] = "shrink"
    """Late by less: each late minute takes one off the head start; or the head start is kept; or it is gone
    with the first minute."""
    services: tuple[str, ...] = ()
    """Those that can be booked; empty is every one."""
    reminder_hours: tuple[int, ...] = (24, 2)
    """So long before it whoever left a number or an address is reminded; empty reminds nobody."""
    reminders_from_hour: int = 8
    reminders_until_hour: int = 21
    """Nobody is reminded earlier or later in the day than this."""


class AutoCallPolicy(msgspec.Struct, frozen=True):
    """Calling the next customer for a window that is free. Branches and windows can differ."""

    is_on: bool = False
    after_seconds: int = 10
    """A window is left alone for so long after it became free."""


class RingPolicy(msgspec.Struct, frozen=True):
    """Rings for a colleague, from the kiosk, the phone's page or a window."""

    escalate_seconds: int = 90
    """A ring that nobody took by then is shown to the manager too."""
    times_at_most: int = 5
    """From one device, or with one number, within ten minutes."""
