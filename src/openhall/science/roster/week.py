"""A branch's week in numbers: who can work when, what covers what, and what is lost where nobody sits.

Names stay outside: people, groups, shifts, services and days are indices. `week_model` makes a mixed-integer
program of it, `week_solving` solves it. Costs are late minutes throughout: what customers wait beyond their
limit, and everything else priced against it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

Post = Literal["window", "lobby", "guard", "remote"]
POSTS: tuple[Post, ...] = ("window", "lobby", "guard", "remote")


class Segment(NamedTuple):
    """A stretch of the day in which nobody comes, goes, or begins or ends a break: intervals from, until."""

    first: int
    until: int


class ShiftNumbers(msgspec.Struct, frozen=True):
    """A shift.

    Attributes
    ----------
    starts, ends : minutes of the day.
    paid_minutes : without meal and gap.
    overtime_minutes : of these, beyond the normal hours of a day.
    span : for each segment, whether somebody on this shift is at work, the meal left aside.
    lunches : for each choice of meal break, for each segment, whether it takes somebody away.
    """

    starts: int
    ends: int
    paid_minutes: int
    overtime_minutes: int
    span: tuple[bool, ...]
    lunches: tuple[tuple[bool, ...], ...] = ()
    is_elsewhere: bool = False
    """At another branch: it counts for the rules of work and covers nothing here."""


class Group(msgspec.Struct, frozen=True):
    """People who can stand in for each other: the same posts, the same skills.

    Attributes
    ----------
    posts : what they are trained for; may be empty (a manager).
    skills : services that they serve at a window.
    """

    posts: tuple[Post, ...]
    skills: tuple[int, ...] = ()


class Bound(msgspec.Struct, frozen=True):
    """What somebody may work on some days, usually those of one week.

    Attributes
    ----------
    days : indices.
    minutes_agreed : beyond this it is overtime.
    overtime_most : minutes.
    days_most : worked.
    """

    days: tuple[int, ...]
    minutes_agreed: int
    overtime_most: int
    days_most: int


class Fixed(NamedTuple):
    """A day that is given: the shift and its meal break (-1 without one)."""

    shift: int
    lunch: int


class Worker(msgspec.Struct, frozen=True):
    """Somebody who can be rostered.

    Attributes
    ----------
    group : index.
    shifts : for each day the shifts that are allowed; none on leave.
    costs : for each day the cost of each allowed shift, as many: wishes, habits, the price of borrowing.
    idle_costs : for each day the cost of not working.
    bounds : of weeks.
    is_key_holder : counts at opening and closing.
    days_in_row_most : worked days that may follow each other.
    days_in_row_before : worked without a break up to the day before the first.
    ended_before : minute at which the day before the first ended, -1 if it was free.
    fixed : for each day what is given, or None.
    burden_before : unpleasant slots of the weeks before.
    burdens : for each day the unpleasantness of each allowed shift, as many.
    is_fair : takes part in the fairness of unpleasant slots.
    is_borrowed : belongs to another branch; time that is not used here costs nothing.
    """

    group: int
    shifts: tuple[tuple[int, ...], ...]
    costs: tuple[tuple[float, ...], ...]
    idle_costs: tuple[float, ...]
    bounds: tuple[Bound, ...]
    is_key_holder: bool = False
    days_in_row_most: int = 7
    days_in_row_before: int = 0
    ended_before: int = -1
    fixed: tuple[Fixed | None, ...] = ()
    burden_before: float = 0.0
    burdens: tuple[tuple[float, ...], ...] = ()
    is_fair: bool = True
    is_borrowed: bool = False

    def fixed_on(self, day: int) -> Fixed | None:
        """What is given on a day."""
        return self.fixed[day] if self.fixed else None


class Flow(msgspec.Struct, frozen=True):
    """The line as a fluid: work that comes, and windows that take it away.

    Attributes
    ----------
    work : minutes at a window that come in each segment.
    service_minutes : mean of a customer.
    limit_minutes : a longer wait is late.
    """

    work: tuple[float, ...]
    service_minutes: float
    limit_minutes: float


class DayNumbers(msgspec.Struct, frozen=True):
    """What a day asks for, segment by segment; nothing while the branch is closed."""

    is_open: tuple[bool, ...]
    least: dict[Post, int]
    """People at each post while it is open."""
    key_holders: int
    opens: int
    closes: int
    late: tuple[tuple[float, ...], ...] = ()
    """For each segment, late minutes with 0, 1, 2, ... windows that serve everything; convex and falling."""
    shares: tuple[tuple[float, ...], ...] = ()
    """For each segment, each service's share of the work that comes."""
    flow: Flow | None = None


class Prices(msgspec.Struct, frozen=True):
    """In late minutes.

    Attributes
    ----------
    missing_minute : somebody missing at a post below its minimum, each minute.
    missing_key_holder : each, at opening or closing.
    overtime_hour : by the bank's policy.
    idle_hour : agreed time that nobody uses. Small: it is paid anyway, but people should get their hours.
    unfair_slot : the unpleasant slots of whoever has most.
    left_minutes : somebody who is still in line when the doors close.
    """

    missing_minute: float = 20.0
    missing_key_holder: float = 1_500.0
    overtime_hour: float = 60.0
    idle_hour: float = 2.0
    unfair_slot: float = 4.0
    left_minutes: float = 20.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0.0 <= getattr(self, name) <= 1e6:
                raise ValueError(f"Expected {name} between 0 and 1,000,000, got {getattr(self, name)}")


class Week(msgspec.Struct, frozen=True):
    """The whole problem.

    Attributes
    ----------
    interval_minutes : of the grid that segments are made of.
    counters : windows that there are.
    counters_by_service : windows that serve each service.
    rest_minutes : between the end of a day and the begin of the next.
    """

    interval_minutes: int
    segments: tuple[Segment, ...]
    shifts: tuple[ShiftNumbers, ...]
    groups: tuple[Group, ...]
    workers: tuple[Worker, ...]
    days: tuple[DayNumbers, ...]
    counters: int
    counters_by_service: tuple[int, ...]
    rest_minutes: int = 0
    prices: Prices = Prices()

    def minutes_of(self, segment: int) -> int:
        """How long a segment is."""
        first, until = self.segments[segment]
        return (until - first) * self.interval_minutes


class Missing(NamedTuple):
    """Below a minimum in a segment (-1 at opening, -2 at closing): what, and how many."""

    day: int
    segment: int
    what: Literal["window", "lobby", "guard", "remote", "key_holder"]
    number: int


AT_OPENING, AT_CLOSING = -1, -2


class Rostered(msgspec.Struct, frozen=True):
    """The answer.

    Attributes
    ----------
    work : for each worker, for each day, the shift and meal, or None for a free day.
    missing : minimums that nobody could be found for.
    late_minutes : that the curves expect, without the other costs.
    objective, bound : cost of the answer; no answer costs less than the bound.
    status : `fallback` when the solver had no answer in time.
    """

    work: tuple[tuple[Fixed | None, ...], ...]
    missing: tuple[Missing, ...]
    late_minutes: float
    objective: float
    bound: float
    status: Literal["optimal", "within_gap", "time_limit", "fallback"]

    @property
    def gap_percent(self) -> float:
        """How far from the best possible the answer can be, in percent of its cost."""
        if self.objective <= 1e-9:
            return 0.0
        return min(100.0, max(0.0, 100.0 * (self.objective - self.bound) / self.objective))
