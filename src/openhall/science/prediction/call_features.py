"""What a caller's wait is guessed from, as numbers: who is ahead, who serves, how fast it went lately.

Nothing here knows the day of the week, the hour or an agent by name, so that what is learnt in one month
speaks of another with more agents and more calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openhall.science.prediction.call_centre import (
    INTERNET,
    NOBODY,
    PRIORITY,
    PROSPECT,
    STOCKS,
    Asking,
    Chosen,
    Seconds,
    is_ahead,
    is_served,
    is_waiting,
    places,
    waits,
)

ON_DUTY_SECONDS = 900.0
"""An agent who served within this time is taken to be there still: between two calls the log shows nobody."""
MEMORY_SECONDS = 3_600.0
"""Older than this, an event says little about who is there now."""
NOTHING = -1.0
"""For a wait or an age when there is none to tell."""


class Agents(NamedTuple):
    """Who answers calls, one row an agent each.

    Parameters
    ----------
    busy : (b,) agents with a caller.
    busy_since : (b,) seconds of the day.
    busy_kind : (b,) kind of the call.
    free : (f,) agents without one who ended a call within `ON_DUTY_SECONDS`.
    free_since : (f,) seconds of the day.
    """

    busy: NDArray[np.int64]
    busy_since: Seconds
    busy_kind: NDArray[np.int64]
    free: NDArray[np.int64]
    free_since: Seconds


def agents_at(asking: Asking) -> Agents:
    """Who is with a caller, and who lately was. Of an agent's two open calls the later counts."""
    day, moment = asking.day, asking.moment
    with_agent = np.flatnonzero(day.agent != NOBODY)
    serving = with_agent[is_served(day)[with_agent]]
    serving = serving[np.lexsort((serving, -day.started[serving], day.agent[serving]))]
    busy, first = np.unique(day.agent[serving], return_index=True)
    now = serving[first]
    rested = with_agent[day.ended[with_agent] >= moment - ON_DUTY_SECONDS]
    rested = rested[~np.isin(day.agent[rested], busy)]
    rested = rested[np.lexsort((-day.ended[rested], day.agent[rested]))]
    free, first = np.unique(day.agent[rested], return_index=True)
    return Agents(busy, day.started[now], day.kind[now], free, day.ended[rested[first]])


def features(asking: Asking, agents: Agents) -> dict[str, float]:
    """Numbers by name, always the same names in the same order; seconds, or counts of people."""
    duty = len(agents.busy) + len(agents.free)
    return {
        "is_priority": float(asking.priority == PRIORITY),
        "is_identified": float(asking.priority > 0),
        "kind": float(asking.kind),
        **_line(asking, duty),
        **_serving(asking, agents),
        **_pace(asking, duty),
        **_told(asking),
    }


def _line(asking: Asking, duty: int) -> dict[str, float]:
    """Who is in the line, and for how long."""
    day = asking.day
    waiting, ahead = is_waiting(day), is_ahead(asking)
    ages = asking.moment - day.joined[ahead]
    in_menu = np.isnan(day.menu_left) & np.isnan(day.joined) & np.isnan(day.started)
    return {
        "ahead": _count(ahead),
        "ahead_by_agent": _count(ahead) / max(duty, 1),
        "ahead_priority": _count(ahead & (day.priority == PRIORITY)),
        "ahead_prospects": _count(ahead & (day.kind == PROSPECT)),
        "ahead_stocks": _count(ahead & (day.kind == STOCKS)),
        "ahead_same_kind": _count(ahead & (day.kind == asking.kind)),
        "behind": _count(waiting & ~ahead),
        "in_menu": _count(in_menu),
        "age_oldest": _or_nothing(ages, np.max),
        "age_mean": _or_nothing(ages, np.mean),
        "age_youngest": _or_nothing(ages, np.min),
        "age_oldest_in_line": _or_nothing(asking.moment - day.joined[waiting], np.max),
    }


def _serving(asking: Asking, agents: Agents) -> dict[str, float]:
    """Who is with an agent since when, and which agents there are."""
    day, moment = asking.day, asking.moment
    since = moment - agents.busy_since
    idle = moment - agents.free_since
    same = (day.kind == asking.kind) & (day.agent != NOBODY)
    able = np.unique(day.agent[same & (day.started >= moment - MEMORY_SECONDS)])
    able_today = np.unique(day.agent[same])
    on_duty = np.concatenate((agents.busy, agents.free))
    return {
        "busy": float(len(agents.busy)),
        "on_duty": float(len(on_duty)),
        "busy_stocks": _count(agents.busy_kind == STOCKS),
        "busy_prospects": _count(agents.busy_kind == PROSPECT),
        "served_mean": _or_nothing(since, np.mean),
        "served_median": _or_nothing(since, np.median),
        "served_longest": _or_nothing(since, np.max),
        "served_over_20": _count(since > 20),
        "served_over_60": _count(since > 60),
        "served_over_180": _count(since > 180),
        "served_over_400": _count(since > 400),
        "idle_under_15": _count(idle <= 15),
        "idle_under_60": _count(idle <= 60),
        "idle_under_300": _count(idle <= 300),
        "able": _count(np.isin(on_duty, able)),
        "able_today": _count(np.isin(on_duty, able_today)),
        "able_busy": _count(np.isin(agents.busy, able_today)),
    }


def _pace(asking: Asking, duty: int) -> dict[str, float]:
    """How many came, were taken, were done and hung up lately, and how long a service took."""
    day, moment = asking.day, asking.moment
    shared = day.kind != INTERNET
    hung = ~np.isnan(day.left) & np.isnan(day.started)
    taken = np.sort(day.started[shared & ~np.isnan(day.started) & ~np.isnan(day.joined)])[-10:]
    done = day.ended >= moment - 1_800.0
    numbers = {
        f"taken_{minutes}": _since(day.started[shared], moment, minutes) for minutes in (1, 2, 5, 10, 30)
    }
    return numbers | {
        "taken_10_by_agent": numbers["taken_10"] / max(duty, 1),
        "done_1": _since(day.ended[shared], moment, 1),
        "done_5": _since(day.ended[shared], moment, 5),
        "came_5": _since(day.joined[shared], moment, 5),
        "came_15": _since(day.joined[shared], moment, 15),
        "came_priority_5": _since(day.joined[shared & (day.priority == PRIORITY)], moment, 5),
        "hung_up_5": _since(day.left[hung], moment, 5),
        "hung_up_15": _since(day.left[hung], moment, 15),
        "seconds_each_of_last_10": (moment - float(taken[0])) / len(taken) if len(taken) else MEMORY_SECONDS,
        "since_taken": min(moment - float(taken[-1]), MEMORY_SECONDS) if len(taken) else MEMORY_SECONDS,
        "service_mean_30": _or_nothing((day.ended - day.started)[done], np.mean),
    }


def _told(asking: Asking) -> dict[str, float]:
    """What those waited who were taken within the hour, all and those like the caller."""
    day, moment = asking.day, asking.moment
    rows = last_taken(asking)
    waited, started = waits(day)[rows], day.started[rows]
    queued = ~np.isnan(day.joined[rows])
    same_class = queued & ((day.priority[rows] == PRIORITY) == (asking.priority == PRIORITY))
    same_kind = queued & (day.kind[rows] == asking.kind)
    alike = same_kind & same_class
    return {
        "last_wait": _or_nothing(waited[-1:], np.mean),
        "last_waits_3": _or_nothing(waited[-3:], np.mean),
        "last_waits_10": _or_nothing(waited[-10:], np.mean),
        "last_queued_wait": _or_nothing(waited[queued][-1:], np.mean),
        "last_queued_waits_5": _or_nothing(waited[queued][-5:], np.mean),
        "last_wait_same_class": _or_nothing(waited[same_class][-1:], np.mean),
        "last_wait_same_kind": _or_nothing(waited[same_kind][-1:], np.mean),
        "last_waits_same_kind_3": _or_nothing(waited[same_kind][-3:], np.mean),
        "last_wait_alike": _or_nothing(waited[alike][-1:], np.mean),
        "since_alike": moment - float(started[alike][-1]) if alike.any() else MEMORY_SECONDS,
    }


def last_taken(asking: Asking) -> NDArray[np.int64]:
    """Rows of the shared line's callers whose service started within the hour, in that order."""
    day = asking.day
    rows = np.flatnonzero((day.kind != INTERNET) & (day.started >= asking.moment - MEMORY_SECONDS))
    # Of services that started in one second, the order of coming decides; rows have no order of their own.
    return rows[np.lexsort((day.menu_entered[rows], day.started[rows]))]


def wait_of_next(asking: Asking) -> float:
    """The wait so far of the caller to be served next, 0 with nobody ahead: seconds."""
    ahead = np.flatnonzero(is_ahead(asking))
    if not len(ahead):
        return 0.0
    next_one = ahead[np.argmin(places(asking.day)[ahead])]
    return asking.moment - float(asking.day.joined[next_one])


def _since(moments: Seconds, now: float, minutes: int) -> float:
    return _count(moments >= now - 60.0 * minutes)


def _count(chosen: Chosen) -> float:
    return float(np.count_nonzero(chosen))


def _or_nothing(values: Seconds, summary: Callable[[Seconds], float]) -> float:
    return float(summary(values)) if len(values) else NOTHING
