"""What is told to the model about a ticket at issue: the line, the office around it, and its past days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openhall.science.prediction.learnt import BIN_MINUTES, BINS, Learnt, minutes_to_call
from openhall.science.prediction.lines import Asked, Day, Floats, Whole, is_called, people_ahead

WINDOWS_MINUTES = (15, 30, 60, 120)
PACE_PRIOR_MINUTES = 10.0
"""Today's pace is drawn towards the learnt one as if so many minutes at that pace had been seen."""
TODAY_PRIOR_CALLS = 5.0
RECENT_PRIOR_PEOPLE = 10.0
CRAWL_HALF_MINUTES = 2.5
"""What a wait of nothing is recorded as: half of the time between two snapshots."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """n tickets as the model sees them.

    Attributes
    ----------
    table : ndarray, shape (n, features)
        In the order of `names`; NaN where nothing is known.
    names : tuple of str
    ahead : ndarray, shape (n,)
        People ahead.
    called : ndarray of bool, shape (n,)
        The call is seen together with the ticket.
    span_minutes : ndarray, shape (n,)
        Minutes between the two snapshots around the issue.
    rule : ndarray, shape (n,)
        A wait in minutes by simple rules, above 0: the measure in which the model thinks.
    """

    table: Floats
    names: tuple[str, ...]
    ahead: Floats
    called: np.ndarray[tuple[int], np.dtype[np.bool_]]
    span_minutes: Floats
    rule: Floats


def tell(day: Day, asked: Asked, learnt: Learnt, office: Whole) -> Told:
    """Features of n tickets from the snapshots up to each one's issue and from what past days taught.

    Parameters
    ----------
    day : Day
        The day of the tickets.
    asked : Asked
        Tickets, each with the last snapshot known.
    learnt : Learnt
        From other days only.
    office : ndarray of int, shape (Q,)
        Office of each line.
    """
    at, line = asked.snapshot, asked.line
    ahead = people_ahead(day, asked)
    told = _of_line(day, asked, ahead) | _of_past(learnt, day.minute[at], line)
    told |= _lately(day, asked, office, told["profile"])
    slope = learnt.slope[line]
    minutes, people = day.waits.minutes[at, line], day.waits.people[at, line]
    by_recent = (minutes + RECENT_PRIOR_PEOPLE * slope) / (people + RECENT_PRIOR_PEOPLE) * (ahead + 1)
    half_hour = (day.minute // BIN_MINUTES).astype(np.int64)
    expected = np.cumsum(learnt.profile[half_hour] * day.busy * day.length[:, None], axis=0)[at, line]
    told["pace_today"] = (day.busy_calls_sum[at, line] + TODAY_PRIOR_CALLS) / (expected + TODAY_PRIOR_CALLS)
    factors = {"past": np.ones(at.size), "today": told["pace_today"], "hour": told["pace_60"]}
    for name, factor in factors.items():
        told[f"to_call_{name}"] = minutes_to_call(
            learnt, line=line, minute=day.minute[at], people=ahead + 1, factor=factor
        )
    told["by_position"] = learnt.minutes_per_position[line] * (ahead + 1)
    by_hour = learnt.slope_by_hour[(day.minute[at] // BIN_MINUTES).astype(np.int64), line] * (ahead + 1)
    told["by_hour"] = by_hour
    told["recent_over_position"] = told["recent_wait"] / np.maximum(told["by_position"], 1.0)
    told["people_per_counter"] = (ahead + 1) / np.maximum(told["counters"], 0.5)
    told["hour_over_past"] = told["to_call_hour"] / told["to_call_past"]
    rule = CRAWL_HALF_MINUTES + (told["to_call_today"] + slope * (ahead + 1) + by_recent) / 3
    return Told(
        table=np.stack(list(told.values()), axis=1) if told else np.zeros((at.size, 0)),
        names=tuple(told),
        ahead=ahead,
        called=is_called(day, asked),
        span_minutes=asked.span_minutes,
        rule=rule,
    )


def joined(parts: list[Told]) -> Told:
    """Tickets of several days as one table, in order."""
    return Told(
        table=np.concatenate([part.table for part in parts]),
        names=parts[0].names,
        ahead=np.concatenate([part.ahead for part in parts]),
        called=np.concatenate([part.called for part in parts]),
        span_minutes=np.concatenate([part.span_minutes for part in parts]),
        rule=np.concatenate([part.rule for part in parts]),
    )


def _of_line(day: Day, asked: Asked, ahead: Floats) -> dict[str, Floats]:
    at, line = asked.snapshot, asked.line
    before = np.maximum(at - 1, 0)
    return {
        "ahead": ahead,
        "ahead_before": np.maximum(0.0, asked.number - day.called[before, line] - 1),
        "span": asked.span_minutes,
        "waiting": day.waiting[at, line],
        "place_in_batch": asked.number - day.issued[before, line],
        "batch": day.issued[at, line] - day.issued[before, line],
        "counters": day.counters[at, line],
        "reported": day.reported[at, line],
        "operating": day.operating[at, line],
        "head_wait": day.waits.head[at, line],
        "last_wait": day.waits.last[at, line],
        "recent_wait": day.waits.recent[at, line],
        "since_call": day.since_call[at, line],
        "minute": day.minute[at],
        "weekday": np.full(at.size, float(day.weekday)),
    }


def _of_past(learnt: Learnt, minute: Floats, line: Whole) -> dict[str, Floats]:
    half_hour = (minute // BIN_MINUTES).astype(np.int64)
    return {
        "to_end": learnt.end[line] - minute,
        "per_position": learnt.minutes_per_position[line],
        "pace": learnt.pace[line],
        "profile": learnt.profile[half_hour, line],
        "past_arrivals": learnt.arrivals[half_hour, line],
        "past_calls": learnt.calls[half_hour, line],
        "past_waiting": learnt.waiting[half_hour, line],
        "past_counters": learnt.counters[half_hour, line],
        "past_counters_in_an_hour": learnt.counters[np.minimum(half_hour + 2, BINS - 1), line],
    }


def _lately(day: Day, asked: Asked, office: Whole, profile: Floats) -> dict[str, Floats]:
    """Rates over the last minutes, of the line and of its whole office."""
    at, line = asked.snapshot, asked.line
    members = np.eye(int(office.max()) + 1)[office]
    house_calls, house_waiting = day.calls_sum @ members, (day.waiting @ members)[at, office[line]]
    told: dict[str, Floats] = {}
    for window in WINDOWS_MINUTES:
        since = np.searchsorted(day.minute, day.minute - window, side="left")[at]
        minutes = np.maximum(day.minute[at] - day.minute[since], 1.0)

        def grown(values: Floats, of: Whole = line, since: Whole = since) -> Floats:
            return values[at, of] - values[since, of]

        busy = grown(day.busy_sum)
        told |= {
            f"calls_{window}": grown(day.calls_sum) / minutes,
            f"busy_{window}": busy / minutes,
            f"pace_{window}": (grown(day.busy_calls_sum) + PACE_PRIOR_MINUTES * profile)
            / (busy + PACE_PRIOR_MINUTES)
            / profile,
            f"arrivals_{window}": grown(day.issued) / minutes,
            f"house_calls_{window}": grown(house_calls, office[line]) / minutes,
            f"counters_{window}": grown(day.counters_sum) / minutes,
        }
    return told | {
        "house_waiting": house_waiting,
        "others_waiting": house_waiting - day.waiting[at, line],
        "share_of_house": day.waiting[at, line] / np.maximum(house_waiting, 1.0),
    }
