"""A call centre as it is known at one moment: who waits, who is served by whom since when, what came before.

A day of calls is a table of what happened. `known_at` cuts from it everything that happens at or after the
moment at which a caller joins the line, and the caller's own row. Whatever forecasts a wait reads only what
`known_at` leaves, so that it cannot see the future by mistake.

All moments are seconds after the day's midnight, NaN for what did not happen, or after the cut has not yet.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]
Counts = NDArray[np.int64]
Chosen = NDArray[np.bool_]

HEAD_START_SECONDS = 90.0
"""Priority callers join the line as if they had come this much earlier (the bank's rule)."""
PRIORITY = 2
KINDS = ("PS", "NW", "NE", "TT", "PE", "IN")
"""What callers want, as the log names it; a kind's number is its place here."""
REGULAR, PROSPECT, STOCKS, CALLED_BACK, ENGLISH, INTERNET = range(len(KINDS))
"""Internet support has a line of its own; the others share one line, and all share agents."""
NOBODY = -1
"""As an agent: not served, not yet, or by whom is not recorded."""
UNTOLD = -1
"""As a kind or a priority: the menu has not found it out yet."""


class CallDay(NamedTuple):
    """One day of calls, each column of shape (n,), in any order.

    Parameters
    ----------
    menu_entered, menu_left : in the voice menu from and to.
    joined, left : in the line from and to; NaN when there was no need to queue.
    started, ended : with an agent from and to; NaN when never served.
    priority : `PRIORITY`, or any smaller number for the others.
    kind : number of what the caller wants.
    agent : number of the agent; `NOBODY` unknown.
    """

    menu_entered: Seconds
    menu_left: Seconds
    joined: Seconds
    left: Seconds
    started: Seconds
    ended: Seconds
    priority: Counts
    kind: Counts
    agent: Counts


class Asking(NamedTuple):
    """A caller at the moment of joining the line, and the day as known by then.

    Parameters
    ----------
    moment : seconds; the caller joins.
    kind, priority : the caller's own.
    day : what happened before the moment, to everybody else.
    """

    moment: float
    kind: int
    priority: int
    day: CallDay

    @property
    def place(self) -> float:
        """The moment that counts in the order of the line; smaller is served first."""
        return self.moment - (HEAD_START_SECONDS if self.priority == PRIORITY else 0.0)


def known_at(day: CallDay, row: int) -> Asking:
    """What is known when the caller of this row joins the line.

    Events at the very second of joining are unknown: the log does not say which came first. Of callers still
    in the menu neither the wish nor the priority is known. Raises ValueError for a caller who did not queue.
    """
    moment = float(day.joined[row])
    if np.isnan(moment):
        raise ValueError(f"Expected a caller who joined the line, got row {row}")
    times = [np.where(column < moment, column, np.nan) for column in day[:6]]
    is_there = ~np.isnan(times[0]) | ~np.isnan(times[2]) | ~np.isnan(times[4])
    is_there[row] = False
    kept = np.flatnonzero(is_there)
    entered, menu_left, joined, left, started, ended = (column[kept] for column in times)
    is_told = ~np.isnan(menu_left) | ~np.isnan(joined) | ~np.isnan(started)
    known = CallDay(
        entered,
        menu_left,
        joined,
        left,
        started,
        ended,
        priority=np.where(is_told, day.priority[kept], UNTOLD),
        kind=np.where(is_told, day.kind[kept], UNTOLD),
        agent=np.where(np.isnan(started), NOBODY, day.agent[kept]),
    )
    return Asking(moment, int(day.kind[row]), int(day.priority[row]), known)


def is_waiting(day: CallDay) -> Chosen:
    """Who is in the shared line, of a day as known at a moment: shape (n,).

    A few services are recorded as started before the line was left; whoever is served no longer waits.
    """
    is_in_line: Chosen = ~np.isnan(day.joined) & np.isnan(day.left) & np.isnan(day.started)
    is_in_line &= day.kind != INTERNET
    return is_in_line


def is_served(day: CallDay) -> Chosen:
    """Who is with an agent, of a day as known at a moment: shape (n,)."""
    return ~np.isnan(day.started) & np.isnan(day.ended)


def places(day: CallDay) -> Seconds:
    """The moment that counts in the order of the line, NaN for whoever is not in it: shape (n,)."""
    return np.where(day.priority == PRIORITY, day.joined - HEAD_START_SECONDS, day.joined)


def is_ahead(asking: Asking) -> Chosen:
    """Who waits and would be served before the caller who asks: shape (n,)."""
    return is_waiting(asking.day) & (places(asking.day) <= asking.place)


def waits(day: CallDay) -> Seconds:
    """Seconds in the line till the service started, 0 for those served at once, NaN if not yet or never."""
    in_line = np.maximum(np.where(np.isnan(day.left), day.started, day.left) - day.joined, 0.0)
    return np.where(np.isnan(day.started), np.nan, np.where(np.isnan(day.joined), 0.0, in_line))
