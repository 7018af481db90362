"""What past days teach about each line: its pace by time of day, its minutes per position, its end.

Few tickets say little about a line, so its own figures are drawn towards those of its office and of all lines
by as many tickets or minutes as the constants say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openhall.science.prediction.lines import LEAP_MAX, Asked, Day, Floats, Whole, is_called, people_ahead

BIN_MINUTES = 30
BINS = 24 * 60 // BIN_MINUTES
PACE_PRIOR_MINUTES = 20.0
PROFILE_PRIOR_MINUTES = 30.0
SLOPE_PRIOR_PEOPLE = 30.0
OFFICE_PRIOR_PEOPLE = 50.0
HOUR_PRIOR_PEOPLE = 60.0
POSITION_WEIGHT_MAX = 20.0
"""A ticket behind many people weighs in the slope as one behind so many."""
LAST_CALLS_SHARE = 0.995
"""The day of a line ends in the half hour by which it has made this share of its calls."""
FALLBACK_MINUTES_PER_POSITION = 5.0
FALLBACK_CALLS_PER_MINUTE = 0.2


@dataclass(frozen=True, kw_only=True)
class PastDay:
    """A day to learn from: its state, the tickets issued on it and their waits in minutes, shape (n,)."""

    day: Day
    asked: Asked
    wait: Floats


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """Figures of Q lines; (Q,) or, by half hour of the day, (48, Q).

    Attributes
    ----------
    minutes_per_position : median of wait / (people ahead + 1), all tickets; the median of all lines where a
        line has none.
    slope : minutes per position of those who had to wait, by sums, drawn towards the office.
    slope_by_hour : the same by half hour of issue and the ones beside it, drawn towards `slope`.
    service : counter minutes per call while people wait.
    pace : calls per minute while people wait.
    profile : the same by half hour.
    arrivals, calls, waiting, counters : tickets a minute, calls a minute, people waiting, open counters, by
        half hour.
    end : minute of the day by which the line has made nearly all of its calls.
    """

    minutes_per_position: Floats
    slope: Floats
    slope_by_hour: Floats
    service: Floats
    pace: Floats
    profile: Floats
    arrivals: Floats
    calls: Floats
    waiting: Floats
    counters: Floats
    end: Floats


def learn(days: Sequence[PastDay], office: Whole) -> Learnt:
    """Learn from past days.

    Parameters
    ----------
    days : sequence of PastDay
        At least one.
    office : ndarray of int, shape (Q,)
        Office of each line, from 0.
    """
    lines = office.size
    sums = {name: np.zeros((BINS, lines)) for name in ("calls", "busy", "busy_calls", "counters", "desk")}
    sums |= {name: np.zeros((BINS, lines)) for name in ("arrivals", "waiting")}
    minutes = np.zeros((BINS, 1))
    for past in days:
        day = past.day
        half_hour = (day.minute // BIN_MINUTES).astype(np.int64)
        length = day.length[:, None]
        tickets = np.diff(day.issued, axis=0, prepend=day.issued[:1])
        for name, values in {
            "calls": day.calls,
            "busy": day.busy * length,
            "busy_calls": day.calls * day.busy,
            "counters": day.counters * length,
            "desk": day.counters * day.busy * length,
            "arrivals": np.minimum(tickets, LEAP_MAX),
            "waiting": day.waiting * length,
        }.items():
            np.add.at(sums[name], half_hour, values)
        np.add.at(minutes, half_hour, length)
    around = {name: _with_neighbours(values) for name, values in sums.items()}
    minutes_around = np.maximum(_with_neighbours(minutes), 1.0)
    busy, busy_calls = sums["busy"].sum(axis=0), sums["busy_calls"].sum(axis=0)
    overall = busy_calls.sum() / busy.sum() if busy_calls.sum() else FALLBACK_CALLS_PER_MINUTE
    pace = (busy_calls + PACE_PRIOR_MINUTES * overall) / (busy + PACE_PRIOR_MINUTES)
    service = (sums["desk"].sum(axis=0) + 1 / overall) / (busy_calls + 1)
    per_position, slope, slope_by_hour = _positions(days, office)
    return Learnt(
        minutes_per_position=per_position,
        slope=slope,
        slope_by_hour=slope_by_hour,
        service=service,
        pace=pace,
        profile=(around["busy_calls"] + PROFILE_PRIOR_MINUTES * pace)
        / (around["busy"] + PROFILE_PRIOR_MINUTES),
        arrivals=around["arrivals"] / minutes_around,
        calls=around["calls"] / minutes_around,
        waiting=around["waiting"] / minutes_around,
        counters=sums["counters"] / np.maximum(minutes, 1.0),
        end=_ends(sums["calls"]),
    )


def minutes_to_call(
    learnt: Learnt, *, line: Whole, minute: Floats, people: Floats, factor: Floats, horizon: int = 300
) -> Floats:
    """Minutes until so many calls, at the line's pace by time of day times a factor; shape (n,).

    Parameters
    ----------
    line, minute, people, factor : ndarray, shape (n,)
        Line, minute of the day, calls to wait for, and pace of today over the learnt pace.
    horizon : int
        Minutes; longer waits are told as this long.
    """
    step = 10
    left, now = people.copy(), minute.copy()
    result = np.full(line.size, float(horizon))
    done = np.zeros(line.size, dtype=np.bool_)
    for start in range(0, horizon, step):
        half_hour = np.minimum((now // BIN_MINUTES).astype(np.int64), BINS - 1)
        pace = np.maximum(learnt.profile[half_hour, line] * factor, 1e-3)
        needed = left / pace
        ends = ~done & (needed <= step)
        result[ends] = start + needed[ends]
        done |= ends
        left, now = left - pace * step, now + step
        if done.all():
            break
    return result


def _positions(days: Sequence[PastDay], office: Whole) -> tuple[Floats, Floats, Floats]:
    line = np.concatenate([past.asked.line for past in days])
    people = np.concatenate([people_ahead(past.day, past.asked) for past in days]) + 1
    wait = np.concatenate([past.wait for past in days])
    queued = ~np.concatenate([is_called(past.day, past.asked) for past in days])
    each = wait / people
    overall = float(np.median(each)) if each.size else FALLBACK_MINUTES_PER_POSITION
    per_position = np.full(office.size, overall)
    for number in np.unique(line):
        per_position[number] = np.median(each[line == number])
    typical = float(np.median(each[queued])) if queued.any() else FALLBACK_MINUTES_PER_POSITION
    weight = np.where(queued, np.minimum(people, POSITION_WEIGHT_MAX), 0.0)
    waited = np.bincount(line, each * weight, minlength=office.size)
    stood = np.bincount(line, weight, minlength=office.size)
    office_waited, office_stood = np.bincount(office, waited), np.bincount(office, stood)
    of_office = (office_waited + OFFICE_PRIOR_PEOPLE * typical) / (office_stood + OFFICE_PRIOR_PEOPLE)
    slope = (waited + SLOPE_PRIOR_PEOPLE * of_office[office]) / (stood + SLOPE_PRIOR_PEOPLE)
    half_hour = np.concatenate([past.day.minute[past.asked.snapshot] for past in days]) // BIN_MINUTES
    deep_waited, deep_stood = np.zeros((2, BINS, office.size))
    np.add.at(deep_waited, (half_hour.astype(np.int64), line), np.where(queued, wait, 0.0))
    np.add.at(deep_stood, (half_hour.astype(np.int64), line), np.where(queued, people, 0.0))
    slope_by_hour = (_with_neighbours(deep_waited) + HOUR_PRIOR_PEOPLE * slope) / (
        _with_neighbours(deep_stood) + HOUR_PRIOR_PEOPLE
    )
    return per_position, slope, slope_by_hour


def _with_neighbours(values: NDArray[np.float64]) -> Floats:
    summed = values.copy()
    summed[1:] += values[:-1]
    summed[:-1] += values[1:]
    return summed


def _ends(calls: Floats) -> Floats:
    share = np.cumsum(calls, axis=0) / np.maximum(calls.sum(axis=0), 1.0)
    reached = share >= LAST_CALLS_SHARE
    return np.where(reached.any(axis=0), (reached.argmax(axis=0) + 1.0) * BIN_MINUTES, 24.0 * 60)
