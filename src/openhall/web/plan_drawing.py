"""A day's plan as pictures: who comes, how many windows that takes, and everybody's day as a row.

Only geometry, in shares of the width, so that the same numbers fit a phone and a wall; no script draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from openhall.staffing.plan import DayPlan, Duty, Shortfall, Stint, Violation

HEIGHT = 100
"""Of the two charts, in their own units; their width is 1000."""
WIDTH = 1_000


@dataclass(frozen=True)
class Bar:
    """A stint in a row. `left` and `width` are percentages of the row."""

    stint: Stint
    left: float
    width: float


@dataclass(frozen=True)
class Row:
    """Somebody's day."""

    duty: Duty
    bars: list[Bar]
    violations: list[Violation] = field(default_factory=list)


@dataclass(frozen=True)
class Picture:
    """A day. The charts are points and paths for SVG; `hours` are (percentage, minute)."""

    begins: int
    ends: int
    hours: list[tuple[float, int]]
    band: str
    mean: str
    people_most: int
    needed: str
    windows: str
    windows_most: int
    lived: str
    """Windows that were open, of a day that has ended."""
    rows: list[Row]
    gaps: list[tuple[float, float, Shortfall]]
    """(left, width, what): stretches in which too few are there, in percentages."""


def picture(
    plan: DayPlan, violations: Iterable[Violation] = (), windows_open: Sequence[float] = ()
) -> Picture:
    """A day's plan drawn, with the windows that were really open once it has ended; an empty day has an empty
    picture of eight hours."""
    begins, ends = _span(plan)

    def share(minute: int) -> float:
        return round(100 * (minute - begins) / (ends - begins), 3)

    edges = [plan.from_minute + n * plan.interval_minutes for n in range(len(plan.expected) + 1)]
    xs = [round(WIDTH * (edge - begins) / (ends - begins), 1) for edge in edges]
    # A whole number that is easy to read, so that the top of the chart means something.
    people_most = _rounded_up(max([*plan.high, *plan.expected, 1.0]))
    windows_most = max([*plan.needed, *plan.windows, *(-(-n // 1) for n in windows_open), 1])
    found = list(violations)
    return Picture(
        begins,
        ends,
        [(share(minute), minute) for minute in range(-(-begins // 60) * 60, ends + 1, 60)],
        _band(xs, plan.low, plan.high, people_most),
        _line(xs, plan.expected, people_most),
        people_most,
        _steps(xs, plan.needed, windows_most, is_closed=False),
        _steps(xs, plan.windows, windows_most, is_closed=True),
        int(windows_most),
        _steps(xs, windows_open[: len(xs) - 1], windows_most, is_closed=False),
        [_row(duty, share, found) for duty in sorted(plan.duties, key=_in_order)],
        [(share(g.from_minute), share(g.until_minute) - share(g.from_minute), g) for g in plan.shortfalls],
    )


def _span(plan: DayPlan) -> tuple[int, int]:
    """From the hour in which the first of the day begins to the hour in which the last ends."""
    last = plan.from_minute + len(plan.expected) * plan.interval_minutes
    begins = min([plan.from_minute or 540, *(duty.from_minute for duty in plan.duties)])
    ends = max([last if plan.expected else 1_020, *(duty.until_minute for duty in plan.duties)])
    return begins // 60 * 60, -(-ends // 60) * 60


def _rounded_up(people: float) -> int:
    return next(n for n in (5, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 400, 1_000, 100_000) if n >= people)


def _in_order(duty: Duty) -> tuple[int, int, str]:
    """Tellers above the lobby, the early above the late."""
    windows = any(stint.post == "window" for stint in duty.stints)
    return (0 if windows else 1, duty.from_minute, duty.person_id)


def _row(duty: Duty, share: Callable[[int], float], violations: Iterable[Violation]) -> Row:
    bars = [
        Bar(stint, share(stint.from_minute), round(share(stint.until_minute) - share(stint.from_minute), 3))
        for stint in duty.stints
    ]
    return Row(duty, bars, [v for v in violations if v.person_id == duty.person_id])


def _y(value: float, most: float) -> float:
    return round(HEIGHT - HEIGHT * min(value, most) / most, 1)


def _middles(xs: Sequence[float]) -> list[float]:
    return [round((left + right) / 2, 1) for left, right in pairwise(xs)]


def _line(xs: Sequence[float], values: Sequence[float], most: float) -> str:
    points = zip(_middles(xs), values, strict=False)
    return " ".join(f"{x:g},{_y(value, most):g}" for x, value in points)


def _band(xs: Sequence[float], low: Sequence[float], high: Sequence[float], most: float) -> str:
    if not low:
        return ""
    lower = _line(xs, low, most).split()
    return " ".join([_line(xs, high, most), *reversed(lower)])


def _steps(xs: Sequence[float], values: Sequence[float], most: float, *, is_closed: bool) -> str:
    """A path that goes flat over each interval; closed, it is an area down to nothing."""
    if not values:
        return ""
    parts = [f"M{xs[0]:g},{HEIGHT if is_closed else _y(values[0], most):g}"]
    for (left, right), value in zip(pairwise(xs), values, strict=False):
        parts.append(f"L{left:g},{_y(value, most):g}L{right:g},{_y(value, most):g}")
    if is_closed:
        parts.append(f"L{xs[len(values)]:g},{HEIGHT}Z")
    return "".join(parts)
