"""What the twin said goes on record, and people decide about its advice [C10, C16, D5]."""

from __future__ import annotations

from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.advising import is_past, worth_saying
from openhall.hall.model.deciding.dispatch import DECIDERS, Decision, decides, known_person, refuse
from openhall.hall.model.late import late_ms
from openhall.hall.model.state import ADVICE_GOOD_FOR_MS, Advice, HallState, TicketStatus
from openhall.hall.model.waits import TOLD_GOOD_FOR_MS, is_moved
from openhall.hall.told import JoiningWait, Move, RoomLeft
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Command, Event, Stamp

HEARTBEAT_MS = MINUTE_MS
"""So often the twin says at least that what it told still holds."""


@decides(c.TellWaits)
def tell_waits(state: HallState, command: c.TellWaits, now: Stamp) -> Decision:
    """Only what has moved: a promise that changes by seconds is no promise. Who was called meanwhile is
    out."""
    if command.as_of_ms > now.at_ms or now.at_ms - command.as_of_ms > TOLD_GOOD_FOR_MS:
        raise refuse("twin_answer_too_old", "as_of_ms")
    since = command.as_of_ms
    tickets = []
    for wait in command.tickets:
        ticket = state.tickets.get(wait.ticket_id)
        if ticket is None or ticket.status is not TicketStatus.WAITING:
            continue
        if ticket.told is None or is_moved(ticket.told, wait, since, now.at_ms):
            tickets.append(wait)
    joining = tuple(
        wait
        for wait in command.joining
        if state.service(wait.service_id) and state.class_(wait.class_code) and _is_news(state, wait)
    )
    room = command.room if _is_room_news(state, command.room) else None
    if not tickets and not joining and room is None and now.at_ms - state.told_ms < HEARTBEAT_MS:
        return []
    return [e.WaitsTold(since, tuple(tickets), joining, room)]


def _is_news(state: HallState, wait: JoiningWait) -> bool:
    told = state.joining.get((wait.service_id, wait.class_code))
    if told is None:
        return True
    slack = max(20_000, told.middle_ms // 12)
    pairs = (
        (told.low_ms, wait.low_ms),
        (told.middle_ms, wait.middle_ms),
        (told.high_ms, wait.high_ms),
    )
    return any(abs(old - new) > slack for old, new in pairs)


def _is_room_news(state: HallState, room: RoomLeft | None) -> bool:
    """Whether the count differs from what was told less the tickets since: counting down is no news."""
    if room is None:
        return False
    if state.room is None:
        return True
    since = state.unbooked_count - state.room_tickets
    pairs = (
        (state.room.by_closing - since, room.by_closing),
        (state.room.with_overtime - since, room.with_overtime),
    )
    return any(abs(max(0, old) - new) > new // 20 for old, new in pairs)


@decides(c.GiveAdvice)
def give_advice(state: HallState, command: c.GiveAdvice, now: Stamp) -> Decision:
    """What is no longer possible, or was declined just now, is left out; nothing is done by giving it."""
    moves = tuple(worth_saying(state, command.moves, now.at_ms))
    return [
        e.AdviceGiven(f"a{state.advice_count + 1}", command.horizon_minutes, command.late_ms, moves),
    ]


def _open_advice(state: HallState, advice_id: str, move: int, now_ms: int) -> tuple[Advice, Move]:
    advice = state.advices.get(advice_id)
    if advice is None and state.has_forgotten(advice_id):
        raise refuse("advice_too_old", "advice_id")
    if advice is None or move >= len(advice.moves):
        raise refuse("advice_unknown", "advice_id", advice=advice_id)
    if move in advice.taken or move in advice.declined:
        raise refuse("advice_decided", "move")
    moved = advice.moves[move]
    if now_ms - advice.given_ms > ADVICE_GOOD_FOR_MS or is_past(moved, now_ms):
        raise refuse("advice_too_old", "advice_id")
    return advice, moved


@decides(c.TakeAdvice)
def take_advice(state: HallState, command: c.TakeAdvice, now: Stamp) -> Decision:
    """The same rules as by hand: what could not be done by hand is refused here too."""
    _, move = _open_advice(state, command.advice_id, command.move, now.at_ms)
    events: list[Event] = [e.AdviceTaken(command.advice_id, command.move)]
    wanted = _command_of(move, now.at_ms)
    if wanted is None:
        known_person(state, move.person_id)
        return events
    done = DECIDERS[type(wanted)](state, wanted, now)
    return [*events, *done] if isinstance(done, list) else done


def _command_of(move: Move, now_ms: int) -> Command | None:
    """What is done at once; None for a move that changes only who is to be where later."""
    if move.kind == "lunch" or (move.kind == "open" and move.from_ms > now_ms):
        return None
    if move.kind == "open":
        return c.OpenCounter(move.counter_id, move.person_id)
    if move.kind == "close":
        return c.CloseCounter(move.counter_id)
    if move.kind == "borrow":
        return c.AskForPeople(1, move.until_ms, from_branch=move.from_branch, person_id=move.person_id)
    assert move.channel is not None
    return c.OfferDiversion(move.ticket_id, move.channel)


@decides(c.DeclineAdvice)
def decline_advice(state: HallState, command: c.DeclineAdvice, now: Stamp) -> Decision:
    """Kept with its reason, so that the next day's review can learn from it."""
    _open_advice(state, command.advice_id, command.move, now.at_ms)
    return [e.AdviceDeclined(command.advice_id, command.move, command.reason)]


@decides(c.ReviewAdvice)
def review_advice(state: HallState, command: c.ReviewAdvice, now: Stamp) -> Decision:
    """What was expected stands beside what was seen. It proves nothing about one day, but over many."""
    advice = state.advices.get(command.advice_id)
    if advice is None:
        raise refuse("advice_unknown", "advice_id", advice=command.advice_id)
    if advice.is_reviewed:
        return []
    ends_ms = advice.given_ms + advice.horizon_ms
    if now.at_ms < ends_ms and not state.is_ended:
        raise refuse("advice_not_over", "advice_id")
    saved_ms = sum(advice.moves[number].saved_ms for number in advice.taken)
    seen_ms = late_ms(state, advice.given_ms, min(ends_ms, now.at_ms), now.at_ms)
    return [e.AdviceReviewed(advice.id, advice.late_ms, max(0, advice.late_ms - saved_ms), seen_ms)]
