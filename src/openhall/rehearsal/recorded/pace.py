"""Service times from the pace at which a recorded queue was called: a calibration, not a measurement.

A record of numbers called shows how many customers the open counters took in each interval, not how long each
of them was served. The service time given to a customer who is called at a moment is the counter time about
that moment by the calls about it. It therefore carries everything that kept the counters from calling:
pauses, counters that served another queue, no-shows. docs/adr/0008 says why, and how we would notice that it
is wrong.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

import msgspec

from openhall.kernel.clock import DAY_MS, MINUTE_MS, to_datetime
from openhall.rehearsal.recorded.day import Interval, RecordedDay, RecordedParameters

SERVICE_MS_MIN, SERVICE_MS_MAX = 10_000, 240 * MINUTE_MS
"""Beyond these a window says more about the record than about the work."""


class Pace(msgspec.Struct, frozen=True):
    """Service time by moment of the call: from `from_ms[i]` on it is `service_ms[i]`."""

    from_ms: tuple[int, ...]
    service_ms: tuple[int, ...]

    def at(self, moment_ms: int) -> int:
        """Service time, in ms, of a customer called at this moment."""
        return self.service_ms[max(0, bisect_right(self.from_ms, moment_ms) - 1)]


def pace_of(day: RecordedDay, parameters: RecordedParameters) -> Pace:
    """The service times of a recorded day, by the way that the parameters name."""
    match parameters.pace:
        case "day_mean":
            return _constant(day.intervals)
        case "other_days":
            return _of_other_days(day, parameters)
        case _:
            return _of_intervals(day.intervals, parameters)


def _constant(intervals: Iterable[Interval]) -> Pace:
    """One mean: counter time by calls, from the first interval with a call to the last."""
    between = _from_first_call_to_last(intervals)
    return Pace((0,), (_per_call(between),))


def _of_intervals(intervals: Sequence[Interval], parameters: RecordedParameters) -> Pace:
    """For each interval, the busy intervals whose middle is within half a window of its own middle.

    The window is widened until it holds enough calls. A day that is never busy has one mean.
    """
    busy = [i for i in _from_first_call_to_last(intervals) if i.is_busy]
    if not any(i.calls for i in busy):
        return _constant(intervals)
    enough = min(parameters.window_calls_at_least, sum(i.calls for i in busy))
    service_ms = []
    for interval in intervals:
        half_ms = parameters.window_minutes * MINUTE_MS // 2
        while sum(i.calls for i in _within(busy, interval, half_ms)) < enough:
            half_ms *= 2
        service_ms.append(_per_call(_within(busy, interval, half_ms)))
    return Pace(tuple(i.from_ms for i in intervals), tuple(service_ms))


def _of_other_days(day: RecordedDay, parameters: RecordedParameters) -> Pace:
    """By step of the day, from busy intervals; a step with too few calls takes the mean of all."""
    if not day.other_days:
        raise ValueError("Expected a record with other days for the pace other_days, got this day alone")
    midnight_ms = day.opens_ms - _since_midnight_ms(day, day.opens_ms)
    others = [(other[0].from_ms, i) for other in day.other_days for i in other if i.is_busy]
    if not others:
        raise ValueError("Expected other days with people waiting for the pace other_days, got none")
    whole = _per_call([i for _, i in others])
    step_ms = parameters.window_minutes * MINUTE_MS
    steps: dict[int, list[Interval]] = {}
    for _, interval in others:
        steps.setdefault(_since_midnight_ms(day, interval.from_ms) // step_ms, []).append(interval)
    from_ms, service_ms = [], []
    for step in range(-(-DAY_MS // step_ms)):
        of_step = steps.get(step, [])
        has_enough = sum(i.calls for i in of_step) >= parameters.window_calls_at_least
        from_ms.append(midnight_ms + step * step_ms)
        service_ms.append(_per_call(of_step) if has_enough else whole)
    return Pace((*from_ms, midnight_ms + DAY_MS), (*service_ms, whole))


def _since_midnight_ms(day: RecordedDay, at_ms: int) -> int:
    """Local time of day; the record's days have no change of the clock."""
    local = to_datetime(at_ms, ZoneInfo(day.timezone))
    return ((local.hour * 60 + local.minute) * 60 + local.second) * 1_000


def _within(intervals: Iterable[Interval], about: Interval, half_ms: int) -> list[Interval]:
    middle = (about.from_ms + about.to_ms) / 2
    return [i for i in intervals if abs((i.from_ms + i.to_ms) / 2 - middle) <= half_ms]


def _from_first_call_to_last(intervals: Iterable[Interval]) -> list[Interval]:
    found = list(intervals)
    calling = [n for n, i in enumerate(found) if i.calls]
    return found[calling[0] : calling[-1] + 1] if calling else found


def _per_call(intervals: Sequence[Interval]) -> int:
    """Counter time by calls; an interval that shows calls by no counter counts as one counter's."""
    counter_ms = sum(i.counter_ms or (i.to_ms - i.from_ms if i.calls else 0) for i in intervals)
    calls = sum(i.calls for i in intervals)
    if not calls:
        raise ValueError("Expected a record with calls, got none")
    return max(SERVICE_MS_MIN, min(SERVICE_MS_MAX, round(counter_ms / calls)))
