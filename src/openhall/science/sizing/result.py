"""What sizing answers, as plain values that can be kept and shown; no numpy."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Rung(StrEnum):
    """Which method an answer comes from."""

    STEADY = "steady"
    """Erlang C or A, interval by interval: at once, and blind to backlog."""
    FINITE_DAY = "finite_day"
    """The day's forward equations."""
    TWIN = "twin"
    """Simulated by the twin's engine."""


class DayFigures(msgspec.Struct, frozen=True):
    """What a plan gives on a day; shares and minutes are expectations.

    Parameters
    ----------
    late_share : for each interval, of the ordinary customers who come in it, the share that waits longer than
        the limit; 0 where nobody comes.
    green_late_share : the same of the green channel; empty when there is none.
    late_minutes : minutes that people of both classes wait beyond their limit, by the interval in which they
        pass; those after closing are in the last.
    in_line : mean people in line at the end of each interval.
    overtime_minutes : from closing till the last customer in line is done, on average.
    done_by_overtime_share : share of days on which all are done by the permitted overtime.
    """

    late_share: tuple[float, ...]
    late_minutes: tuple[float, ...]
    in_line: tuple[float, ...]
    overtime_minutes: float
    done_by_overtime_share: float
    green_late_share: tuple[float, ...] = ()

    @property
    def late_minutes_total(self) -> float:
        """Of the day."""
        return sum(self.late_minutes)


class Sizing(msgspec.Struct, frozen=True):
    """A plan: counters in each interval, what it costs and what it gives.

    Parameters
    ----------
    plan : open counters in each interval.
    interval_minutes : its length.
    window_hours : hours of open counters, from opening to closing.
    finishing_hours : hours that closing counters go on for the customer in hand, at most; not in
        `window_hours`.
    figures : what the plan gives.
    unmet : indices of the intervals in which the target is missed, as no permitted number of counters
        keeps it.
    worst : index of the interval with the largest share of its allowance; of the ordinary class unless
        `worst_is_green`.
    """

    rung: Rung
    plan: tuple[int, ...]
    interval_minutes: float
    window_hours: float
    finishing_hours: float
    figures: DayFigures
    unmet: tuple[int, ...] = ()
    worst: int = 0
    worst_share: float = 0.0
    worst_is_green: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the promise is kept in every interval."""
        return not self.unmet


class Step(msgspec.Struct, frozen=True):
    """An interval's price of counters.

    Parameters
    ----------
    needed : counters of the plan.
    late_minutes : expected late minutes of the whole day with 0, 1, 2, ... counters in this interval while
        the others have the plan's; convex and falling.
    raw : the same before it was made convex.
    """

    needed: int
    late_minutes: tuple[float, ...]
    raw: tuple[float, ...]


class CostCurve(msgspec.Struct, frozen=True):
    """What each further counter saves, interval by interval."""

    interval_minutes: float
    steps: tuple[Step, ...]


class Carrying(msgspec.Struct, frozen=True):
    """How many customers a day carries.

    Parameters
    ----------
    customers : expected arrivals of the largest day (both classes, crowd included) that keeps the promise.
    factor : that day by the given one.
    held_by : what gives first beyond it: `wait`, `green_wait` or `overtime`; empty when the search's own
        limit held.
    """

    customers: float
    factor: float
    held_by: str
