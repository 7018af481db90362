"""One day of many lines as arrays: what each snapshot shows, and what follows from it and the ones before.

A hall of this kind is known only through snapshots: the last number called, how many wait, how many counters
are open. Row t of every array is known at snapshot t; nothing in it comes from a later one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

LEAP_MAX = 40.0
"""More calls, or more tickets, than this between two snapshots are a jump of the numbers, not people."""
NUMBER_MAX = 5000
"""Tickets of one line and day that are followed one by one."""
WAIT_MAX_MINUTES = 240.0
"""Longer waits are tickets left over from a skipped number; they count as this long."""
LAST_CALLS = 5
RECENT_CALLS = 20
"""How many of the last calls tell what people waited just now, and lately."""


@dataclass(frozen=True, kw_only=True)
class Snapshots:
    """What T snapshots of one day show of Q lines.

    Parameters
    ----------
    minute : ndarray, shape (T,)
        Minutes since midnight, ascending.
    weekday : int
        Monday is 0.
    called, waiting, counters, reported, operating : ndarray, shape (T, Q)
        Last number called (0: none yet), people waiting, counters that can serve the line now, the office's
        own forecast in minutes, and 1 or 0 for whether the line operates; NaN where a snapshot says nothing.
    """

    minute: Floats
    weekday: int
    called: Floats
    waiting: Floats
    counters: Floats
    reported: Floats
    operating: Floats


@dataclass(frozen=True, kw_only=True)
class Asked:
    """n tickets at the moment of issue.

    Parameters
    ----------
    snapshot, line : ndarray of int, shape (n,)
        Index of the last snapshot known at issue, and of the line.
    number : ndarray, shape (n,)
        Number on the ticket.
    span_minutes : ndarray, shape (n,)
        From the snapshot before the ticket existed to the first one with it.
    """

    snapshot: Whole
    line: Whole
    number: Floats
    span_minutes: Floats


@dataclass(frozen=True, kw_only=True)
class Waits:
    """What tickets waited, as known at each snapshot from it and the ones before; every array is (T, Q).

    A ticket first seen at snapshot i and first seen called at c waited between minute[c-1] - minute[i] and
    minute[c] - minute[i-1]; the middle is taken.

    Attributes
    ----------
    last, recent : minutes waited by the ticket called last, and by the last five on average; NaN before.
    head : minutes since the ticket at the head of the line was issued; 0 with nobody in line.
    minutes, people : over the last calls of people who found others ahead: minutes waited, and people ahead
        plus one.
    """

    last: Floats
    recent: Floats
    head: Floats
    minutes: Floats
    people: Floats


@dataclass(frozen=True, kw_only=True)
class Day:
    """Snapshots without holes, and what they add up to; every array is (T, Q) unless said otherwise.

    Attributes
    ----------
    minute, length : ndarray, shape (T,)
        Minutes since midnight; minutes since the snapshot before.
    called, called_most : last number called, and the greatest so far.
    issued : greatest number known to have been issued.
    calls, busy : calls since the snapshot before; 1 where somebody waited before or after, else 0.
    calls_sum, busy_sum, busy_calls_sum, counters_sum : summed from the day's first snapshot: calls, minutes
        with people waiting, calls in those, counter minutes.
    since_call : minutes since the number called last changed.
    waits : what tickets called by then had waited.
    """

    minute: Floats
    length: Floats
    weekday: int
    called: Floats
    called_most: Floats
    issued: Floats
    waiting: Floats
    counters: Floats
    reported: Floats
    operating: Floats
    calls: Floats
    busy: Floats
    calls_sum: Floats
    busy_sum: Floats
    busy_calls_sum: Floats
    counters_sum: Floats
    since_call: Floats
    waits: Waits


def day_of(seen: Snapshots) -> Day:
    """Everything that is known at each snapshot of a day."""
    called, waiting, counters, reported = (
        np.nan_to_num(carried(values)) for values in (seen.called, seen.waiting, seen.counters, seen.reported)
    )
    most = np.maximum.accumulate(called, axis=0)
    issued = np.maximum.accumulate(most + waiting, axis=0)
    length = np.diff(seen.minute, prepend=seen.minute[:1])
    calls = np.minimum(np.diff(most, axis=0, prepend=most[:1]), LEAP_MAX)
    busy = np.zeros_like(waiting)
    busy[1:] = (waiting[:-1] > 0) | (waiting[1:] > 0)
    return Day(
        minute=seen.minute,
        length=length,
        weekday=seen.weekday,
        called=called,
        called_most=most,
        issued=issued,
        waiting=waiting,
        counters=counters,
        reported=reported,
        operating=carried(seen.operating),
        calls=calls,
        busy=busy,
        calls_sum=np.cumsum(calls, axis=0),
        busy_sum=np.cumsum(busy * length[:, None], axis=0),
        busy_calls_sum=np.cumsum(calls * busy, axis=0),
        counters_sum=np.cumsum(counters * length[:, None], axis=0),
        since_call=_since_change(seen.minute, most),
        waits=_waits(seen.minute, called, most, issued),
    )


def carried(values: Floats) -> Floats:
    """Fill each hole with the last value above it; NaN stays where there is none.

    >>> carried(np.array([[np.nan], [2.0], [np.nan]])).ravel().tolist()
    [nan, 2.0, 2.0]
    """
    rows = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    filled: Floats = np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)
    return filled


def people_ahead(day: Day, asked: Asked) -> Floats:
    """People before each ticket as known at issue: issued minus called, at least 0; shape (n,)."""
    return np.maximum(0.0, asked.number - day.called[asked.snapshot, asked.line] - 1)


def is_called(day: Day, asked: Asked) -> NDArray[np.bool_]:
    """Whether the call is already seen in the first snapshot that shows the ticket; shape (n,)."""
    seen: NDArray[np.bool_] = asked.number <= day.called[asked.snapshot, asked.line]
    return seen


def _since_change(minute: Floats, values: Floats) -> Floats:
    since = np.zeros_like(values)
    for line in range(values.shape[1]):
        since[:, line] = minute - minute[np.searchsorted(values[:, line], values[:, line])]
    return since


def _waits(minute: Floats, called: Floats, most: Floats, issued: Floats) -> Waits:
    shape = most.shape
    waits = Waits(
        last=np.full(shape, np.nan),
        recent=np.full(shape, np.nan),
        head=np.zeros(shape),
        minutes=np.zeros(shape),
        people=np.zeros(shape),
    )
    for line in range(shape[1]):
        top = int(min(issued[-1, line], NUMBER_MAX))
        if top < 1:
            continue
        first, wait, ahead = _tickets(minute, called[:, line], most[:, line], issued[:, line], top)
        known = ~np.isnan(wait)
        now = np.minimum(most[:, line].astype(np.int64), top)
        has = now >= 1
        waits.last[has, line] = wait[now[has] - 1]
        waited, count = _run(np.nan_to_num(wait)), _run(known.astype(np.float64))
        since = np.maximum(now - LAST_CALLS, 0)
        counted = count[now] - count[since]
        few = (waited[now] - waited[since]) / np.maximum(counted, 1.0)
        waits.recent[:, line] = np.where(counted > 0, few, np.nan)
        behind = known & (ahead >= 1)
        long, row = _run(np.where(behind, wait, 0.0)), _run(np.where(behind, ahead + 1, 0.0))
        since = np.maximum(now - RECENT_CALLS, 0)
        waits.minutes[:, line] = long[now] - long[since]
        waits.people[:, line] = row[now] - row[since]
        waits.head[:, line] = _head_wait(minute, first[np.minimum(now, top - 1)], now < issued[:, line])
    return waits


def _tickets(
    minute: Floats, called: Floats, most: Floats, issued: Floats, top: int
) -> tuple[Whole, Floats, Floats]:
    """For tickets 1..top of one line: first snapshot with it, wait (NaN: unknown), people then ahead."""
    number = np.arange(1, top + 1)
    end = len(minute) - 1
    first = np.minimum(np.searchsorted(issued, number), end)
    call = np.searchsorted(most, number)
    seen_called = np.minimum(call, end)
    shortest = np.maximum(0.0, minute[np.maximum(seen_called - 1, 0)] - minute[first])
    longest = np.maximum(0.0, minute[seen_called] - minute[np.maximum(first - 1, 0)])
    wait = np.minimum((shortest + longest) / 2, WAIT_MAX_MINUTES)
    ahead = np.maximum(0.0, number - called[first] - 1)
    return first, np.where((call <= end) & (first > 0), wait, np.nan), ahead


def _head_wait(minute: Floats, first: Whole, has_line: NDArray[np.bool_]) -> Floats:
    joined = (minute[first] + minute[np.maximum(first - 1, 0)]) / 2
    return np.where(has_line, np.maximum(0.0, minute - joined), 0.0)


def _run(values: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(values)))
