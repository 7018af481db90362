"""What a day asks of a branch: who is expected, how many windows that needs, what fewer windows lose.

Plain values; `sizing` fills them from a forecast in a worker process.
"""

from __future__ import annotations

from datetime import date

import msgspec

from openhall.network.calendar import hours_on, services_at
from openhall.network.hours import Hours
from openhall.network.model import Bank, Branch
from openhall.science.forecast.result import Forecast


class ServiceLoad(msgspec.Struct, frozen=True):
    """People who come for one service, interval by interval."""

    service: str
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    minutes: float
    """Mean time at the counter."""


class DayLoad(msgspec.Struct, frozen=True):
    """Who is expected on one day. Without loads the branch is closed."""

    day: date
    from_minute: int = 0
    until_minute: int = 0
    interval_minutes: int = 15
    loads: tuple[ServiceLoad, ...] = ()
    cv: float = 0.1
    """Of the factor by which the whole day may be busier or quieter."""
    green_share: float = 0.0
    is_assumed: bool = False
    """No history: the bank's counters were taken for a sign of how many come."""

    @property
    def is_open(self) -> bool:
        """Whether customers are served."""
        return self.until_minute > self.from_minute

    @property
    def count(self) -> int:
        """Intervals; a last one may reach beyond closing."""
        return -(-(self.until_minute - self.from_minute) // self.interval_minutes)

    def total(self, which: str = "mean") -> tuple[float, ...]:
        """All services together; `which` is mean, low or high."""
        return tuple(sum(getattr(load, which)[i] for load in self.loads) for i in range(self.count))


class DayDemand(msgspec.Struct, frozen=True):
    """A day's load, sized."""

    load: DayLoad
    needed: tuple[int, ...] = ()
    """Windows that keep every target."""
    late: tuple[tuple[float, ...], ...] = ()
    """For each interval, late minutes with 0, 1, 2, ... windows that serve everything."""
    limit_minutes: float = 0.0
    """A longer wait of the ordinary class is late."""
    is_target_kept: bool = True
    """Whether all physical windows together could keep the targets."""


class Assumptions(msgspec.Struct, frozen=True):
    """What is taken for granted where a new bank has no history. A plan that rests on them says so.

    Attributes
    ----------
    visitors_per_counter_daily : who come on an ordinary open day for each counter that is not elastic.
    elastic_share : an elastic counter counts for so much of one.
    cohort_share : of a pension day's cohort, who come to a counter.
    weekday : factors, Monday first.
    cv : of the day's factor.
    green_share : of customers.
    """

    visitors_per_counter_daily: float = 32.0
    elastic_share: float = 0.5
    cohort_share: float = 0.15
    weekday: tuple[float, ...] = (1.1, 1.0, 1.0, 1.0, 1.05, 0.8, 0.7)
    cv: float = 0.15
    green_share: float = 0.15

    def __post_init__(self) -> None:
        if not 0.0 < self.visitors_per_counter_daily <= 1_000.0:
            raise ValueError(
                f"Expected visitors_per_counter_daily above 0 to 1000, got {self.visitors_per_counter_daily}"
            )
        if len(self.weekday) != 7:
            raise ValueError(f"Expected seven factors, Monday first, got {len(self.weekday)}")
        for name in ("elastic_share", "cohort_share", "green_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"Expected {name} between 0 and 1, got {getattr(self, name)}")


def assumed_load(bank: Bank, branch: Branch, day: date, assumptions: Assumptions | None = None) -> DayLoad:
    """A day of a branch of which nothing is known but its counters."""
    assume = assumptions or Assumptions()
    hours = hours_on(branch, day)
    if hours is None:
        return DayLoad(day)
    services = services_at(bank, branch)
    weight = dict.fromkeys((s.id for s in services), 0.0)
    for counter in branch.counters:
        for service in counter.services:
            weight[service] += (assume.elastic_share if counter.is_elastic else 1.0) / len(counter.services)
    step = bank.staffing.interval_minutes
    shape = _shape(hours, step)
    loads = []
    for one in services:
        people = weight[one.id] * assume.visitors_per_counter_daily * assume.weekday[day.weekday()]
        if one.id == "pension":
            people += assume.cohort_share * _cohort(bank, branch, day)
        mean = tuple(people * share for share in shape)
        spread = [1.2816 * (m + (assume.cv * m) ** 2) ** 0.5 for m in mean]
        loads.append(
            ServiceLoad(
                service=one.id,
                mean=mean,
                low=tuple(max(0.0, m - s) for m, s in zip(mean, spread, strict=True)),
                high=tuple(m + s for m, s in zip(mean, spread, strict=True)),
                minutes=one.mean_minutes,
            )
        )
    return DayLoad(
        day,
        hours.opens_minute,
        hours.closes_minute,
        step,
        tuple(loads),
        cv=assume.cv,
        green_share=_green(bank, assume.green_share),
        is_assumed=True,
    )


def forecast_load(
    bank: Bank,
    branch: Branch,
    day: date,
    forecasts: tuple[Forecast, ...],
    *,
    service_minutes: dict[str, float],
    green_share: float,
) -> DayLoad:
    """A day as forecast; `service_minutes` are what was learned, where it was."""
    hours = hours_on(branch, day)
    if hours is None:
        return DayLoad(day)
    loads, cvs = [], []
    step = bank.staffing.interval_minutes
    for service in services_at(bank, branch):
        forecast = next((f for f in forecasts if f.service == service.id), None)
        of_day = next((d for d in forecast.days if d.date == day), None) if forecast else None
        if forecast is None or of_day is None:
            continue

        def on_grid(
            values: tuple[float, ...],
            first: int = of_day.first_minute,
            every: int = forecast.interval_minutes,
        ) -> tuple[float, ...]:
            return _regrid(values, first, every, hours, step)

        minutes = service_minutes.get(service.id, service.mean_minutes)
        loads.append(
            ServiceLoad(service.id, on_grid(of_day.mean), on_grid(of_day.low), on_grid(of_day.high), minutes)
        )
        cvs.append((of_day.total_mean, of_day.cv))
    total = sum(weight for weight, _ in cvs)
    cv = sum(weight * each for weight, each in cvs) / total if total > 0 else 0.1
    return DayLoad(
        day,
        hours.opens_minute,
        hours.closes_minute,
        step,
        tuple(loads),
        cv=min(1.5, cv),
        green_share=_green(bank, green_share),
    )


def _green(bank: Bank, share: float) -> float:
    return (
        share if any(c.head_start_minutes or c.rank < bank.classes[0].rank for c in bank.classes[1:]) else 0.0
    )


def _cohort(bank: Bank, branch: Branch, day: date) -> int:
    return sum(
        p.cohort for p in bank.pension_days if p.date == day and (not p.branches or branch.id in p.branches)
    )


def _shape(hours: Hours, step: int) -> list[float]:
    """Shares of a day: two rounded peaks, half past nine and half past two, over a plain."""
    count = -(-hours.minutes // step)
    middles = [hours.opens_minute + (i + 0.5) * step for i in range(count)]
    heights = [
        1.0 + 0.9 * max(0.0, 1.0 - abs(m - 580) / 90) + 0.6 * max(0.0, 1.0 - abs(m - 870) / 90)
        for m in middles
    ]
    # The last half-hour is quiet.
    heights = [
        h * (0.6 if m > hours.closes_minute - 30 else 1.0) for h, m in zip(heights, middles, strict=True)
    ]
    return [h / sum(heights) for h in heights]


def _regrid(values: tuple[float, ...], first: int, every: int, hours: Hours, step: int) -> tuple[float, ...]:
    """Counts on another grid; people come evenly within an interval, those outside the hours at its edge."""
    count = -(-hours.minutes // step)
    found = [0.0] * count
    for index, value in enumerate(values):
        begin = first + index * every
        for minute in range(begin, begin + every):
            at = min(count - 1, max(0, (minute - hours.opens_minute) // step))
            found[at] += value / every
    return tuple(found)
