"""The nine kinds of alert: what exactly each counts, over which time, in which unit.

The indicators are those of a public service hall; their definitions are fixed here and nowhere else, the
thresholds are the bank's (`network.alerts`). A value of None says nothing: too few people to judge by, or no
limit that could be reached.

Waits are of tickets that are waiting or were called. Time that a customer was away by own wish is not wait,
nor is time before the branch opens. Who was served elsewhere is in no share, and no kind counts diversions:
elderly customers can never be part of a measure of diversion, because there is none here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from openhall.kernel.clock import MINUTE_MS
from openhall.network.alerts import AlertKind

NOBODY_SERVES_PERCENT: Final = 999.0
"""Saturation while people join and no window calls: more than anything that could be counted."""


class HallFigures(msgspec.Struct, frozen=True):
    """A hall at one moment, in plain numbers. "Lately" is the policy's `window_minutes`."""

    at_ms: int
    longest_wait_ms: int = 0
    """Of those in line who were not called yet: from joining till now."""
    foreseen_wait_ms: int = 0
    """Of those in line: the longest whole wait, from joining to the call, that the twin expects (the
    middle of its interval); 0 when nothing was told lately."""
    judged_count: int = 0
    """Tickets in line, and tickets first called lately."""
    over_limit_count: int = 0
    """Of these: waiting, or called after waiting, longer than the bank calls late."""
    joined_count: int = 0
    """Tickets issued lately."""
    joined_work_ms: int = 0
    """What they need at windows by the usual minutes of their services."""
    window_time_ms: int = 0
    """Windows that are calling now, times the length of "lately"; while the hall is open shorter, times that,
    and at least a quarter of an hour."""
    inside_count: int = 0
    inside_limit: int | None = None
    finished_count: int = 0
    """Services that ended at a window lately."""
    finished_late_count: int = 0
    """Of these: took `late_service_factor` times the usual minutes, or more."""
    serving_late_count: int = 0
    """Services under way that have lasted as long as that already."""
    ended_count: int = 0
    """Tickets that ended lately, at a window or by going."""
    abandoned_count: int = 0
    """Of these: absent after the calls, left, or did not come back. Who was put back into the line is not."""
    bad_ratings_count: int = 0
    """Ratings of at most `bad_score_at_most`, given lately."""
    longest_work_ms: int = 0
    """The longest that somebody who is at a window has worked there without ten minutes away from it."""
    judged_at_least: int = 10


def _percent(part: int, whole: int, at_least: int) -> float | None:
    return 100 * part / whole if whole >= max(1, at_least) else None


def wait_over_limit(figures: HallFigures) -> float | None:
    """Minutes: the longest wait of anybody in line, or the longest that is foreseen for them."""
    return max(figures.longest_wait_ms, figures.foreseen_wait_ms) / MINUTE_MS


def over_limit_share(figures: HallFigures) -> float | None:
    """Percent of those in line or called lately whose wait is longer than the bank calls late."""
    return _percent(figures.over_limit_count, figures.judged_count, figures.judged_at_least)


def counter_saturation(figures: HallFigures) -> float | None:
    """Percent: work that came lately, over what the calling windows could do in that time.

    Above 100 the line grows whatever anybody does at the windows (the traffic intensity of queueing theory).
    """
    if figures.joined_count < figures.judged_at_least:
        return None
    if not figures.window_time_ms:
        return NOBODY_SERVES_PERCENT
    return min(NOBODY_SERVES_PERCENT, 100 * figures.joined_work_ms / figures.window_time_ms)


def hall_saturation(figures: HallFigures) -> float | None:
    """Percent of the people allowed inside who are inside; nothing where there is no such limit."""
    return None if figures.inside_limit is None else 100 * figures.inside_count / figures.inside_limit


def late_completion(figures: HallFigures) -> float | None:
    """Percent of the services that ended lately which took too long."""
    return _percent(figures.finished_late_count, figures.finished_count, figures.judged_at_least)


def late_services(figures: HallFigures) -> float | None:
    """Count of services under way that take too long."""
    return float(figures.serving_late_count)


def abandonment(figures: HallFigures) -> float | None:
    """Percent of the tickets that ended lately whose customer was absent, left or did not come back."""
    return _percent(figures.abandoned_count, figures.ended_count, figures.judged_at_least)


def bad_ratings(figures: HallFigures) -> float | None:
    """Count of bad ratings given lately."""
    return float(figures.bad_ratings_count)


def long_work(figures: HallFigures) -> float | None:
    """Minutes: the longest continuous work at a window of anybody who sits at one now."""
    return figures.longest_work_ms / MINUTE_MS


MEASURES: Final[dict[AlertKind, Callable[[HallFigures], float | None]]] = {
    "wait_over_limit": wait_over_limit,
    "over_limit_share": over_limit_share,
    "counter_saturation": counter_saturation,
    "hall_saturation": hall_saturation,
    "late_completion": late_completion,
    "late_services": late_services,
    "abandonment": abandonment,
    "bad_ratings": bad_ratings,
    "long_work": long_work,
}
"""All nine, in the order in which they are shown."""
