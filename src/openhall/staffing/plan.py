"""A plan of people and windows: plain values that are kept, shown, drawn, changed by hand and checked.

Minutes are of the local day, and every stretch is half open: from a minute until, but not at, another.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from openhall.network.staffing import PlannedPost


class Stint(msgspec.Struct, frozen=True):
    """Somebody at one post, at one counter, without a change."""

    post: PlannedPost
    from_minute: int
    until_minute: int
    counter_id: str = ""
    """For a window."""


class Duty(msgspec.Struct, frozen=True):
    """One person's day at a branch.

    Time between the stints, and before the doors open, is on duty without a post: work behind the windows,
    ready to step in.
    """

    person_id: str
    shift_id: str
    from_minute: int
    until_minute: int
    stints: tuple[Stint, ...]
    from_branch: str = ""
    """Where somebody who is borrowed belongs; empty for the branch's own people [D6]."""
    overtime_minutes: int = 0
    is_pinned: bool = False
    """Set by hand: planning again leaves it as it is."""


class Shortfall(msgspec.Struct, frozen=True):
    """What could not be covered, and what that costs the customers."""

    what: Literal["windows", "lobby", "guard", "remote", "key_holder"]
    from_minute: int
    until_minute: int
    missing: int
    late_minutes: float = 0.0
    service: str = ""
    """Where only somebody with this skill is missing."""


class DayPlan(msgspec.Struct, frozen=True):
    """One day of one branch. Tuples hold one entry an interval, the first beginning at `from_minute`."""

    day: date
    is_open: bool
    from_minute: int = 0
    interval_minutes: int = 15
    expected: tuple[float, ...] = ()
    """People who join, all services together: the mean of the forecast."""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    """Its 10 % and 90 % points."""
    needed: tuple[int, ...] = ()
    """Windows that keep every class's target."""
    windows: tuple[int, ...] = ()
    """Windows that somebody is planned to sit at."""
    late_minutes: float = 0.0
    """Expected with the planned windows: minutes waited beyond the limit, summed over the day's customers."""
    carries: int = 0
    """So many people could come on a day like this before the planned windows break the promise [C10]."""
    duties: tuple[Duty, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()


class Note(msgspec.Struct, frozen=True):
    """Something a planner should know: a code, whom and when it is about, and figures for its sentence."""

    code: str
    person_id: str = ""
    day: date | None = None
    from_minute: int = 0
    detail: dict[str, str] = {}


class WeekPlan(msgspec.Struct, frozen=True):
    """Some days of one branch, usually a week from its Monday."""

    branch: str
    first: date
    days: tuple[DayPlan, ...]
    network_version: str
    status: Literal["optimal", "within_gap", "time_limit", "fallback", "by_hand"]
    """`fallback`: no solver answered, so that the plain rule seated people."""
    gap_percent: float
    """How far the plan's cost may be from the best possible, by the solver's proof, in percent of that cost.
    Agreed hours cost nothing in it, so that a good week's cost is small and the percentage large."""
    gap_minutes: float = 0.0
    """The same in late minutes, which everything is priced in: no other plan could save more."""
    rounds: int = 1
    """How often sizing and roster were run till they agreed."""
    notes: tuple[Note, ...] = ()


class Violation(msgspec.Struct, frozen=True):
    """A rule that a plan breaks: the checker's finding, with a code that a person's sentence exists for."""

    code: str
    day: date
    person_id: str = ""
    from_minute: int = 0
    until_minute: int = 0
    detail: dict[str, str] = {}
