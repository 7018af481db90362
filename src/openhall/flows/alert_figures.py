"""A hall's state as the figures that alerts look at, and the little that its state does not keep."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from openhall.hall.model import events as e
from openhall.hall.model.state import HallState, Ticket, TicketStatus
from openhall.hall.model.waits import TOLD_GOOD_FOR_MS
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Event
from openhall.network.alerts import AlertPolicy
from openhall.review.alert_kinds import HallFigures

REST_MS = 10 * MINUTE_MS
"""Away from windows for so long, somebody has rested; shorter, the work counts as going on."""

AT_FIRST_MS = 15 * MINUTE_MS
"""Just after opening, what windows can do is counted over this time: the crowd at the door came before it."""

RATINGS_KEPT = 500
GONE = frozenset({TicketStatus.NO_SHOW, TicketStatus.RENEGED, TicketStatus.LAPSED})

WATCHED = (
    "CounterOpened",
    "CounterHandedOver",
    "CounterPaused",
    "CounterResumed",
    "CounterClosed",
    "HallPaused",
    "HallResumed",
    "FeedbackGiven",
)
"""Events that the fold below takes; all others may be left out."""


@dataclass(slots=True)
class Work:
    """How long somebody has worked at windows. Times are ms; `stopped_ms` 0 while they sit at one."""

    since_ms: int
    stopped_ms: int = 0


@dataclass(slots=True)
class Watched:
    """What a hall's events say that its state does not keep: continuous work, and ratings."""

    work: dict[str, Work] = field(default_factory=dict)
    """By person."""
    seats: dict[str, str] = field(default_factory=dict)
    """Person by counter, paused counters left out."""
    paused: dict[str, str] = field(default_factory=dict)
    ratings: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=RATINGS_KEPT))
    """(moment, score)."""
    is_hall_paused: bool = False

    def note(self, event: Event, at_ms: int) -> None:
        """Take one event of `WATCHED`, in order."""
        match event:
            case e.CounterOpened(counter_id, person_id):
                self._sit(counter_id, person_id, at_ms)
            case e.CounterHandedOver(counter_id, person_id):
                self._leave(counter_id, at_ms)
                self.paused.pop(counter_id, None)
                self._sit(counter_id, person_id, at_ms)
            case e.CounterPaused(counter_id):
                if person := self._leave(counter_id, at_ms):
                    self.paused[counter_id] = person
            case e.CounterResumed(counter_id):
                if person := self.paused.pop(counter_id, ""):
                    self._sit(counter_id, person, at_ms)
            case e.CounterClosed(counter_id):
                self._leave(counter_id, at_ms)
                self.paused.pop(counter_id, None)
            case e.HallPaused():
                self.is_hall_paused = True
                for person in self.seats.values():
                    self.work[person].stopped_ms = at_ms
            case e.HallResumed():
                self.is_hall_paused = False
                for person in self.seats.values():
                    self._begin(person, at_ms)
            case e.FeedbackGiven(score=int(score)):
                self.ratings.append((at_ms, score))

    def _sit(self, counter_id: str, person_id: str, at_ms: int) -> None:
        self.seats[counter_id] = person_id
        self._begin(person_id, at_ms)
        if self.is_hall_paused:
            self.work[person_id].stopped_ms = at_ms

    def _begin(self, person_id: str, at_ms: int) -> None:
        work = self.work.get(person_id)
        if work is None or (work.stopped_ms and at_ms - work.stopped_ms >= REST_MS):
            self.work[person_id] = Work(at_ms)
        else:
            work.stopped_ms = 0

    def _leave(self, counter_id: str, at_ms: int) -> str:
        person = self.seats.pop(counter_id, "")
        if person and person not in self.seats.values() and not self.is_hall_paused:
            self.work[person].stopped_ms = at_ms
        return person

    def longest_work_ms(self, now_ms: int) -> int:
        """Of anybody at a window now."""
        working = (self.work[person] for person in self.seats.values())
        return max((now_ms - w.since_ms for w in working if not w.stopped_ms), default=0)


def hall_figures(state: HallState, watched: Watched, policy: AlertPolicy, now_ms: int) -> HallFigures:
    """What alerts look at, at one moment of an open hall."""
    since_ms = now_ms - policy.window_minutes * MINUTE_MS
    line = _Line(state, now_ms)
    past = _Past(state, since_ms, line.limit_ms, policy.late_service_factor)
    opened_ms = state.doors_opened_ms or now_ms
    calling = sum(counter.is_calling for counter in state.counters.values())
    bad = sum(at >= since_ms and score <= policy.bad_score_at_most for at, score in watched.ratings)
    return HallFigures(
        at_ms=now_ms,
        longest_wait_ms=line.longest_ms,
        foreseen_wait_ms=line.foreseen_ms,
        judged_count=line.count + past.called_count,
        over_limit_count=line.late_count + past.called_late_count,
        joined_count=past.joined_count,
        joined_work_ms=past.work_ms,
        window_time_ms=0
        if state.pause_reason
        else calling * max(AT_FIRST_MS, now_ms - max(since_ms, opened_ms)),
        inside_count=state.inside_count,
        inside_limit=state.day_rules.inside_limit,
        finished_count=past.finished_count,
        finished_late_count=past.finished_late_count,
        serving_late_count=sum(
            t.status is TicketStatus.SERVING
            and now_ms - t.started_ms >= policy.late_service_factor * _usual_ms(state, t)
            for k in state.counters.values()
            if (t := state.tickets.get(k.ticket_id)) is not None
        ),
        ended_count=past.ended_count,
        abandoned_count=past.abandoned_count,
        bad_ratings_count=bad,
        longest_work_ms=watched.longest_work_ms(now_ms),
        judged_at_least=policy.judged_at_least,
    )


def waited_ms(state: HallState, ticket: Ticket, until_ms: int) -> int:
    """From joining to a moment, without time away by own wish and time before the branch opens."""
    from_ms = max(ticket.joined_ms, state.day_rules.opens_ms)
    return max(0, until_ms - from_ms - ticket.held_ms_by(until_ms))


def _usual_ms(state: HallState, ticket: Ticket) -> float:
    service = state.service(ticket.service_id)
    return service.mean_minutes * MINUTE_MS if service else float("inf")


class _Line:
    """Who waits and was not called yet; who waits for a further service has been judged at the first."""

    def __init__(self, state: HallState, now_ms: int) -> None:
        self.limit_ms = state.day_rules.waits.late_after_minutes * MINUTE_MS
        self.count = self.late_count = self.longest_ms = self.foreseen_ms = 0
        is_told = bool(state.told_ms) and now_ms - state.told_ms <= TOLD_GOOD_FOR_MS
        for _, ticket_id in state.line:
            ticket = state.tickets[ticket_id]
            if ticket.first_called_ms:
                continue
            waited = waited_ms(state, ticket, now_ms)
            self.count += 1
            self.late_count += waited > self.limit_ms
            self.longest_ms = max(self.longest_ms, waited)
            if is_told and ticket.told is not None:
                self.foreseen_ms = max(self.foreseen_ms, waited + max(0, ticket.told.middle_at_ms - now_ms))


class _Past:
    """What lately came to an end, or began. One walk over the day's tickets: most of them are long over."""

    def __init__(self, state: HallState, since_ms: int, limit_ms: int, factor: float) -> None:
        self.called_count = self.called_late_count = 0
        self.joined_count = self.finished_count = self.finished_late_count = 0
        self.ended_count = self.abandoned_count = 0
        usual_ms = {s.id: round(s.mean_minutes * MINUTE_MS) for s in state.day_rules.services}
        self.work_ms = 0
        for ticket in state.tickets.values():
            if ticket.ended_ms >= since_ms:
                self._ended(ticket, factor * usual_ms[ticket.service_id])
            elif ticket.ended_ms:
                continue
            if ticket.issued_ms >= since_ms:
                self.joined_count += 1
                self.work_ms += usual_ms[ticket.service_id]
            if ticket.first_called_ms >= since_ms:
                self.called_count += 1
                self.called_late_count += waited_ms(state, ticket, ticket.first_called_ms) > limit_ms

    def _ended(self, ticket: Ticket, late_ms: float) -> None:
        if ticket.status is TicketStatus.SERVED:
            self.ended_count += 1
            self.finished_count += 1
            took_ms = ticket.ended_ms - ticket.started_ms
            self.finished_late_count += bool(ticket.started_ms) and took_ms >= late_ms
        elif ticket.status in GONE:
            self.ended_count += 1
            self.abandoned_count += 1
