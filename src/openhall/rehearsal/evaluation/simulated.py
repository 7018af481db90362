"""The closed loop: past days of a hall with hidden habits are learned from, and days after them forecast.

The forecast is the product's own: the hall's snapshot at the moment a ticket is issued, the habits learned
from the log, the twin's futures. It is held against the same futures with the true habits, which nobody can
beat, and against the simple rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openhall.flows.behaviour import samples_of
from openhall.hall.model.events import TicketIssued
from openhall.hall.model.state import CounterState, HallState
from openhall.hall.policy import PACE_WINDOW_MS, wait_from_pace
from openhall.hall.snapshot import Snapshot, snapshot
from openhall.hall.twin import Groups, twin_of
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Answer, Request
from openhall.network.calendar import services_at
from openhall.network.sample import sample_bank
from openhall.rehearsal.cast import Result
from openhall.rehearsal.driver import Progress
from openhall.rehearsal.evaluation import scores
from openhall.rehearsal.evaluation.hidden import (
    BRANCH,
    TAGGED_EVERY,
    HiddenHall,
    HiddenParameters,
    day_of,
    hidden_hall,
    play,
)
from openhall.rehearsal.evaluation.scores import Forecasts, WaitScores, score_waits
from openhall.science import engine
from openhall.science.habits import Habits
from openhall.science.learning import Offered, learn
from openhall.science.samples import BranchSamples, together

Minutes = NDArray[np.float64]

TRUE_PARAMETERS = "true_parameters"
"""The twin with the habits that the days were drawn from: what is left is chance."""
MEAN_OF_FUTURES = "mean_of_futures"
"""The same futures as the model's by their mean: a median of waits with a long tail is below their mean, so
that this one shows whether the twin is biased."""

FORMAT = "simulated"
SHARES = (0.1, 0.5, 0.9)
NOTES = (
    "Every customer of these days is invented, by a hall whose habits the forecast has to learn.",
    "Only customers who would stay to the end are scored, one in twenty, so that no wait is cut short.",
    "Customers whom an idle counter takes at once are not scored.",
)


@dataclass(slots=True)
class _Asked:
    """One ticket at its issue, and what each simple rule said."""

    ticket_id: str
    shot: Snapshot
    ahead: int
    simple: dict[str, float]


@dataclass
class _Observer:
    """Stands at the printer: looks at the hall whenever a number is given."""

    busy_ms: float = 0.0
    """Counter time of a customer on past days."""
    minutes_per_position: float = float("nan")
    every: int = TAGGED_EVERY
    asked: list[_Asked] = field(default_factory=list)
    issued_count: int = 0

    def watch(self, request: Request, result: Result, state: HallState) -> None:
        """For `play`."""
        del request
        issued = next((e for e in getattr(result, "events", ()) if isinstance(e, TicketIssued)), None)
        if issued is None or not isinstance(result, Answer):
            return
        if self.issued_count % self.every == 0:
            self._note(state, issued.ticket_id, result.seq)
        self.issued_count += 1

    def _note(self, state: HallState, ticket_id: str, seq: int) -> None:
        now_ms = state.tickets[ticket_id].issued_ms
        if any(_calls_at_once(state, counter, ticket_id) for counter in state.counters.values()):
            return
        ahead = next(number for number, (_, t) in enumerate(state.line) if t == ticket_id)
        simple = _simple_rules(state, ahead, now_ms, self.busy_ms)
        simple[scores.MINUTES_PER_POSITION] = self.minutes_per_position * ahead
        self.asked.append(_Asked(ticket_id, snapshot(state, now_ms, seq + 1), ahead, simple))


def _calls_at_once(state: HallState, counter: CounterState, ticket_id: str) -> bool:
    """Whether an idle counter will call somebody who has just joined: there is no wait to forecast.

    A counter between two customers has others in line before.
    """
    if counter.ticket_id or not counter.is_calling:
        return False
    first = state.next_for(counter)
    return first is not None and first.id == ticket_id


def _simple_rules(state: HallState, ahead: int, now_ms: int, busy_ms: float) -> dict[str, float]:
    """What a display could say without a twin, in minutes; NaN is no answer.

    Last to enter service, head of line (Ibrahim and Whitt, M&SOM 11, 2009), people ahead by counters and mean
    counter time, and the pace of the last half hour.
    """
    nothing = float("nan")
    begun = [t for t in state.tickets.values() if t.started_ms]
    last = max(begun, key=lambda t: t.started_ms, default=None)
    first = min((state.tickets[t].joined_ms for _, t in state.line), default=now_ms)
    counters = sum(k.is_calling for k in state.counters.values())
    calls = sum(1 for moment, _ in state.calls if moment >= now_ms - PACE_WINDOW_MS)
    over_ms = min(PACE_WINDOW_MS, now_ms - state.doors_opened_ms)
    pace = wait_from_pace(
        people_ahead=ahead, calls=calls, over_ms=over_ms, open_counters=counters, mean_service_ms=busy_ms
    )
    free = counters - sum(bool(k.ticket_id) for k in state.counters.values() if k.is_calling)
    length = 0.0 if ahead < free else (ahead + 1) * busy_ms / counters if counters else nothing
    return {
        scores.LAST_TO_ENTER_SERVICE: (last.first_called_ms - last.joined_ms) / MINUTE_MS
        if last
        else nothing,
        scores.HEAD_OF_LINE: (now_ms - first) / MINUTE_MS,
        scores.QUEUE_LENGTH: length / MINUTE_MS,
        scores.PACE_LAST_30_MINUTES: pace.middle_ms / MINUTE_MS,
    }


def forecast(shot: Snapshot, believed: Habits, ticket_id: str, hall: HiddenHall) -> Minutes:
    """P10, P50, P90 and the mean of one ticket's wait from the snapshot on, in minutes.

    The tellers' plan for the rest of the day is known, as a roster is.
    """
    twin = twin_of(shot, believed, with_probes=False)
    watched = next(n for n, one in enumerate(shot.people) if one.ticket_id == ticket_id)
    fork = twin.fork._replace(schedule=_planned(hall, shot, twin.groups, twin.now))
    longest = max(start for _, start, _ in shot.classes)
    reached = [
        engine.futures(
            model,
            fork,
            np.zeros((1, engine.ACTION_COLUMNS), np.int64),
            count=count,
            seed=hall.parameters.seed % (1 << 32),
            branch=1,
            first=first,
            arrive_until_ms=min(twin.now + longest, shot.closes_ms - shot.origin_ms),
            number=shot.next_seq,
        ).reached[:, watched]
        for model, first, count in twin.shares(hall.parameters.futures)
    ]
    waits: Minutes = (np.concatenate(reached) - twin.now) / MINUTE_MS
    return np.append(np.quantile(waits, SHARES), waits.mean())


def _planned(hall: HiddenHall, shot: Snapshot, groups: Groups, now: int) -> engine.Ints:
    """Counters that will open or close after now, as planned."""
    numbers = {seat.counter_id: number for number, seat in enumerate(shot.seats)}
    events: list[tuple[int, int, int]] = []
    for planned in hall.plan:
        number = numbers[planned.counter_id]
        if planned.opens_ms > now:
            mask = groups.mask(planned.services, shot.seats[number].classes)
            events.append((planned.opens_ms, number, mask))
        if planned.closes_ms is not None and planned.closes_ms > now:
            events.append((planned.closes_ms, number, 0))
    return np.array(sorted(events), np.int64).reshape(-1, 3)


# --- the whole loop ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Past:
    """What the past days taught."""

    habits: Habits
    busy_ms: float
    """Counter time of a customer: walk, service and the pause after."""
    minutes_per_position: float


def learn_past(hall: HiddenHall, progress: Progress | None = None) -> Past:
    """Play the past days and learn from their logs."""
    found = BranchSamples()
    waited = ahead = 0.0
    for number in range(hall.parameters.past_days):
        observer = _Observer(every=5)
        stage = play(hall, number, watch=observer.watch)
        day = samples_of(stage.stream, stage.book.store.read(stream=stage.stream))
        assert day is not None, "the day has ended"
        found.add(day)
        for asked in observer.asked:
            ticket = stage.state.tickets[asked.ticket_id]
            if ticket.first_called_ms and asked.ahead:
                waited += (ticket.first_called_ms - ticket.joined_ms) / MINUTE_MS
                ahead += asked.ahead
        if progress is not None:
            progress((number + 1) / hall.parameters.past_days / 2)
    whole = together(found.groups.values())
    busy = sum(float(np.mean(times.ended)) for times in (whole.walk, whole.service, whole.gap))
    [habits] = learn({BRANCH: found}, [offered()])
    return Past(habits, busy, waited / max(1.0, ahead))


def offered() -> Offered:
    """The branch as configured, which says nothing of the hidden habits."""
    bank = sample_bank()
    branch = bank.branch(BRANCH)
    assert branch is not None, "the sample bank has the branch"
    services = tuple((s.id, s.mean_minutes * MINUTE_MS) for s in services_at(bank, branch))
    return Offered(BRANCH, services, tuple(k.code for k in bank.classes))


@dataclass
class _Told:
    """What was said to each ticket that is scored, and what it waited; minutes."""

    wait: list[float] = field(default_factory=list)
    ahead: list[int] = field(default_factory=list)
    learned: list[Minutes] = field(default_factory=list)
    true: list[Minutes] = field(default_factory=list)
    simple: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in scores.BASELINES})

    def take(self, hall: HiddenHall, past: Past, asked: _Asked, called_ms: int) -> None:
        """Forecast one ticket with what was learned and with what is true."""
        self.wait.append((called_ms - asked.shot.now_ms) / MINUTE_MS)
        self.ahead.append(asked.ahead)
        self.learned.append(forecast(asked.shot, past.habits, asked.ticket_id, hall))
        self.true.append(forecast(asked.shot, hall.truth, asked.ticket_id, hall))
        for name, minutes in asked.simple.items():
            self.simple[name].append(minutes)


def evaluate_simulated(
    parameters: HiddenParameters | None = None, *, progress: Progress | None = None
) -> WaitScores:
    """Past days, learning, test days, forecasts, figures."""
    hall = hidden_hall(parameters or HiddenParameters())
    past = learn_past(hall, progress)
    days = range(hall.parameters.past_days, hall.parameters.past_days + hall.parameters.test_days)
    told = _Told()
    for done, number in enumerate(days, 1):
        observer = _Observer(past.busy_ms, past.minutes_per_position)
        stage = play(hall, number, watch=observer.watch, is_test=True)
        for asked in observer.asked:
            told.take(hall, past, asked, stage.state.tickets[asked.ticket_id].first_called_ms)
        if progress is not None:
            progress(0.5 + done / len(days) / 2)
    said, true = (np.array(each).reshape(-1, len(SHARES) + 1) for each in (told.learned, told.true))
    return score_waits(
        format=FORMAT,
        wait=np.array(told.wait),
        ahead=np.array(told.ahead, np.int64),
        model=Forecasts(p10=said[:, 0], point=said[:, 1], p90=said[:, 2]),
        baselines={
            TRUE_PARAMETERS: true[:, 1],
            MEAN_OF_FUTURES: said[:, 3],
            **{name: np.array(minutes) for name, minutes in told.simple.items()},
        },
        fit_days=[day_of(n).isoformat() for n in range(hall.parameters.past_days)],
        test_days=[day_of(n).isoformat() for n in days],
        coverage_ahead_from=0,
        notes=NOTES,
    )
