"""The part of the bank that planning its people rests on. Checked by `network.loading`, like the rest.

Minutes are of the local day unless a name says otherwise; a day's work ends before midnight.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from openhall.kernel.text import Text
from openhall.network.hours import Hours

PlannedPost = Literal["window", "lobby", "guard", "remote", "break", "gap", "travel"]
"""What somebody on duty does. `break` is the meal, `gap` the free hours of a split shift, `travel` the way
between two branches, which is paid."""


class Shift(msgspec.Struct, frozen=True):
    """A working day that somebody can be given [D3]."""

    id: str
    name: Text
    hours: Hours
    """From coming to going, the meal break and the gap of a split shift included."""
    lunches: tuple[Hours, ...] = ()
    """The meal break, unpaid: one of these. None given is no break."""
    gap: Hours | None = None
    """A split shift: the unpaid hours between its two parts."""
    branches: tuple[str, ...] = ()
    """Empty is every branch."""

    @property
    def paid_minutes(self) -> int:
        """Paid time; all meal breaks of a shift are equally long."""
        meal = self.lunches[0].minutes if self.lunches else 0
        return self.hours.minutes - meal - (self.gap.minutes if self.gap else 0)


class Contract(msgspec.Struct, frozen=True):
    """What somebody has agreed to work."""

    id: str
    name: Text
    minutes_weekly: int
    days_weekly: int = 5
    overtime_minutes_weekly: int = 0
    """Beyond the agreed minutes, at most; never beyond the labour rules."""
    shifts: tuple[str, ...] = ()
    """Empty is every shift."""


class LabourRules(msgspec.Struct, frozen=True):
    """A rule pack: what the law and the agreement allow from a date on, till the next pack.

    The defaults follow China's Labour Law (articles 36, 38, 41 and the State Council's rule of 40 hours of
    1995): eight hours a day, forty a week, a day of rest each week, overtime of at most three hours a day and
    thirty-six a month. The rest between two days is not in that law; eleven hours are the European Working
    Time Directive's, and a good habit. A bank checks them with its own lawyers.
    """

    id: str
    name: Text
    first: date
    minutes_daily: int = 480
    overtime_minutes_daily: int = 180
    minutes_weekly: int = 2_400
    overtime_minutes_monthly: int = 2_160
    rest_minutes: int = 660
    """Between going home and coming again."""
    days_in_row: int = 6
    rest_days_weekly: int = 1
    minutes_without_break: int = 300
    """So long anybody works before a meal break or the gap of a split shift, at most."""


class WaitTarget(msgspec.Struct, frozen=True):
    """What a class is promised: at most `late_percent` of all who join wait longer, or leave [D2]."""

    class_code: str
    limit_minutes: int
    late_percent: float = 10.0


class StaffingPolicy(msgspec.Struct, frozen=True):
    """How the bank plans its people."""

    targets: tuple[WaitTarget, ...] = ()
    """A class without one has the limit beyond which a wait counts as late, and 10 %."""
    interval_minutes: int = 15
    windows_at_least: int = 2
    """Or all windows, where a branch has fewer."""
    lobby_at_least: int = 1
    guards_at_least: int = 0
    remote_at_least: int = 0
    key_holders_at_least: int = 2
    """There at opening and at closing, as no one opens a vault alone."""
    late_minutes_per_paid_hour: float = 60.0
    """An hour of overtime or of a colleague from elsewhere is worth it when it saves so many late minutes."""
    stint_minutes_least: int = 30
    """Nobody is sent to another post or counter for less."""
    switches_daily_most: int = 4
    fairness_weeks: int = 4
    horizon_days: int = 28
    travel_minutes_most: int = 60
    """Nobody is borrowed from farther away."""


class Leave(msgspec.Struct, frozen=True):
    """Somebody is away, on both days and between."""

    person: str
    first: date
    last: date
    kind: Literal["annual", "sick", "training", "other"] = "annual"


class Wish(msgspec.Struct, frozen=True):
    """Something that somebody would like; kept where it costs customers nothing much."""

    person: str
    date: date
    wants: Literal["off", "work", "shift"]
    shift: str = ""


class PensionDay(msgspec.Struct, frozen=True):
    """Pensions are paid out [A1]."""

    date: date
    cohort: int
    """People paid at each of these branches on that day."""
    branches: tuple[str, ...] = ()
    """Empty is every branch."""


class Neighbour(msgspec.Struct, frozen=True):
    """A branch that another one's customers and colleagues can reach [A7, D6]; both ways."""

    branch: str
    other: str
    travel_minutes: int
    share_percent: float = 0.0
    """Of a closed branch's customers, how many come to the other."""

    def beyond(self, branch_id: str) -> str:
        """The branch at the other end; empty for a branch that is at neither."""
        return {self.branch: self.other, self.other: self.branch}.get(branch_id, "")


class Reopening(msgspec.Struct, frozen=True):
    """A manager's word about the days after a closure: so many times the usual people come [A9]."""

    date: date
    factor: float
    branches: tuple[str, ...] = ()
    """Empty is every branch."""
