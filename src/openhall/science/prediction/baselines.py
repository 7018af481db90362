"""The simple wait predictors that a model has to beat, for n tickets at issue.

Each is from Ibrahim and Whitt's family (delay history, queue length) or what ticket machines print. All are
minutes, at most `WAIT_MAX_MINUTES` but for `minutes_per_position`; NaN where there is nothing to go by.
"""

from __future__ import annotations

import numpy as np

from openhall.science.prediction.learnt import Learnt
from openhall.science.prediction.lines import WAIT_MAX_MINUTES, Asked, Day, Floats, people_ahead

PACE_WINDOW_MINUTES = 30


def last_to_enter_service(day: Day, asked: Asked) -> Floats:
    """What the ticket called last waited; NaN before the first call of a ticket whose issue was seen."""
    return _told(day.waits.last[asked.snapshot, asked.line])


def head_of_line(day: Day, asked: Asked) -> Floats:
    """What the ticket at the head of the line has waited so far; 0 with nobody in line."""
    return _told(day.waits.head[asked.snapshot, asked.line])


def queue_length(day: Day, asked: Asked, learnt: Learnt) -> Floats:
    """(People ahead + 1) x counter minutes per call / open counters (at least one)."""
    counters = np.maximum(day.counters[asked.snapshot, asked.line], 1.0)
    return _told((people_ahead(day, asked) + 1) * learnt.service[asked.line] / counters)


def minutes_per_position(day: Day, asked: Asked, learnt: Learnt) -> Floats:
    """(People ahead + 1) x the line's median of wait / (people ahead + 1) on past days; without a bound."""
    return (people_ahead(day, asked) + 1) * learnt.minutes_per_position[asked.line]


def pace_of_last_minutes(day: Day, asked: Asked, window_minutes: int = PACE_WINDOW_MINUTES) -> Floats:
    """(People ahead + 1) / calls a minute of the last minutes; NaN when there was no call in them."""
    at, line = asked.snapshot, asked.line
    since = np.searchsorted(day.minute, day.minute - window_minutes, side="left")[at]
    calls = day.calls_sum[at, line] - day.calls_sum[since, line]
    minutes = day.minute[at] - day.minute[since]
    return _told((people_ahead(day, asked) + 1) * minutes / np.where(calls > 0, calls, np.nan))


def _told(minutes: Floats) -> Floats:
    return np.minimum(minutes, WAIT_MAX_MINUTES)
