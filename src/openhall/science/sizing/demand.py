"""What sizing is asked: who is expected, what is promised, what there is. Plain values, no numpy."""

from __future__ import annotations

from math import inf, isfinite

import msgspec

from openhall.science.quantile_table import Durations


def _expect(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(f"Expected {what}")


class Demand(msgspec.Struct, frozen=True):
    """Who is expected on one day, from the opening of the doors to their closing.

    Parameters
    ----------
    ordinary : expected arrivals of the ordinary class in each interval, >= 0.
    green : of the green channel, as many; empty when there is none. Green is called first (strictly), and no
        service is interrupted.
    service_minutes : mean service time, with all counter time that belongs to it (walk, gap).
    interval_minutes : length of an interval.
    day_cv : coefficient of variation of the factor by which the whole day is busier than expected [0, 1.5].
    crowd : people in line at the doors when they open. They come in at once, as ordinary customers, in the
        first interval; their wait counts from the opening.
    patience_minutes : mean time after which somebody would leave; infinite when nobody does. Only Erlang A
        and the twin know of it: whoever leaves a bank comes back, so the finite day never credits it.
    service_table : the distribution of service times, where it is known; the twin draws from it.
    head_start_minutes : the green class counts as having come so much earlier, instead of strictly first;
        None for strictly first. Only the twin knows of it.
    """

    ordinary: tuple[float, ...]
    service_minutes: float
    green: tuple[float, ...] = ()
    interval_minutes: float = 15.0
    day_cv: float = 0.0
    crowd: int = 0
    patience_minutes: float = inf
    service_table: Durations | None = None
    head_start_minutes: float | None = None

    def __post_init__(self) -> None:
        _expect(0 < len(self.ordinary) <= 1_440, f"1 to 1,440 intervals, got {len(self.ordinary)}")
        _expect(
            len(self.green) in (0, len(self.ordinary)),
            f"as many intervals of green arrivals as of ordinary ones or none, got {len(self.green)}",
        )
        for name, values in (("ordinary", self.ordinary), ("green", self.green)):
            bad = [value for value in values if not (isfinite(value) and value >= 0)]
            _expect(not bad, f"{name} arrivals of 0 or more in each interval, got {bad[:1]}")
        _expect(
            isfinite(self.service_minutes) and self.service_minutes > 0,
            f"a mean service above 0 minutes, got {self.service_minutes}",
        )
        _expect(
            isfinite(self.interval_minutes) and self.interval_minutes > 0,
            f"an interval above 0 minutes, got {self.interval_minutes}",
        )
        _expect(0 <= self.day_cv <= 1.5, f"a day_cv between 0 and 1.5, got {self.day_cv}")
        _expect(0 <= self.crowd <= 1_000, f"a crowd of 0 to 1,000 people, got {self.crowd}")
        _expect(self.patience_minutes > 0, f"a patience above 0 minutes, got {self.patience_minutes}")
        _expect(
            self.head_start_minutes is None or self.head_start_minutes >= 0,
            f"a head start of 0 minutes or more, got {self.head_start_minutes}",
        )

    @property
    def arrivals(self) -> tuple[float, ...]:
        """Of both classes, in each interval; without the crowd."""
        if not self.green:
            return self.ordinary
        return tuple(a + b for a, b in zip(self.ordinary, self.green, strict=True))

    @property
    def total(self) -> float:
        """Of the day, with the crowd."""
        return sum(self.arrivals) + self.crowd

    def scaled(self, factor: float) -> Demand:
        """The same profile with so many times the people; the crowd to the nearest person."""
        return msgspec.structs.replace(
            self,
            ordinary=tuple(a * factor for a in self.ordinary),
            green=tuple(a * factor for a in self.green),
            crowd=round(self.crowd * factor),
        )


class Targets(msgspec.Struct, frozen=True):
    """What is promised: in every interval, of all who come in it, at most a share waits longer than a limit.

    Parameters
    ----------
    limit_minutes, allowed_share : of the ordinary class.
    green_limit_minutes, green_allowed_share : of the green channel.
    overtime_minutes, overtime_share : everybody is served by so long after closing, but on this share of
        days.
    """

    limit_minutes: float = 10.0
    allowed_share: float = 0.1
    green_limit_minutes: float = 5.0
    green_allowed_share: float = 0.1
    overtime_minutes: float = 60.0
    overtime_share: float = 0.05

    def __post_init__(self) -> None:
        for name in ("limit_minutes", "green_limit_minutes", "overtime_minutes"):
            value = getattr(self, name)
            _expect(0 <= value <= 480, f"{name} between 0 and 480, got {value}")
        for name in ("allowed_share", "green_allowed_share", "overtime_share"):
            value = getattr(self, name)
            _expect(0 < value < 1, f"{name} between 0 and 1, both excluded, got {value}")


class Limits(msgspec.Struct, frozen=True):
    """How many counters there can be.

    Parameters
    ----------
    least, most : in any interval: the house's minimum, and the physical counters.
    least_at, most_at : in each interval, where they differ (people present); empty for the same all day. They
        narrow `least` and `most`; where the two contradict each other `most` wins, for nobody can sit
        nowhere.
    """

    least: int = 2
    most: int = 20
    least_at: tuple[int, ...] = ()
    most_at: tuple[int, ...] = ()
    serves: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _expect(self.least >= 1, f"a least number of 1 counter or more, got {self.least}")
        _expect(self.least <= self.most <= 500, f"most between least and 500, got {self.most}")
        _expect(all(n >= 0 for n in self.least_at), f"least_at of 0 or more, got {self.least_at}")
        _expect(all(n >= 1 for n in self.most_at), f"most_at of 1 or more, got {self.most_at}")
        _expect(
            not self.serves or (len(self.serves) >= self.most and set(self.serves) <= {1, 2, 3}),
            f"serves of 1, 2 or 3 for {self.most} counters or more, got {self.serves}",
        )

    def bounds(self, intervals: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Least and most counters of each interval. Raises ValueError for another number of intervals."""
        for name, given in (("least_at", self.least_at), ("most_at", self.most_at)):
            _expect(len(given) in (0, intervals), f"{name} for {intervals} intervals, got {len(given)}")
        most = tuple(min(self.most, n) for n in self.most_at or (self.most,) * intervals)
        least = tuple(max(self.least, n) for n in self.least_at or (self.least,) * intervals)
        return tuple(min(low, high) for low, high in zip(least, most, strict=True)), most
