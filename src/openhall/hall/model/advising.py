"""What of the twin's advice is still worth saying: possible now, and not declined a little while ago."""

from __future__ import annotations

from collections.abc import Iterable

from openhall.hall.model.state import HallState, TicketStatus
from openhall.hall.told import Move
from openhall.kernel.clock import MINUTE_MS

Subject = tuple[str, ...]
"""What a move is about: its kind, the window, the ticket, and for some the person."""

DECLINED_RESTS_MS = 15 * MINUTE_MS
"""Who has said no is not asked again at once."""


def worth_saying(state: HallState, moves: Iterable[Move], now_ms: int) -> list[Move]:
    """The moves that somebody could decide on now, in their order."""
    declined = resting(state, now_ms)
    seated = {counter.person_id for counter in state.counters.values()}
    return [move for move in moves if not asks(move) & declined and _is_possible(state, move, seated, now_ms)]


def asks(move: Move) -> set[Subject]:
    """What a yes is asked to: the window or the ticket as such, and this person at it."""
    return {_subject(move), (*_subject(move), move.person_id)}


def _subject(move: Move) -> Subject:
    """A meal break and a loan are somebody's; the others are a window's or a ticket's."""
    person = move.person_id if move.kind in {"lunch", "borrow"} else ""
    return (move.kind, person or move.counter_id, move.ticket_id)


def resting(state: HallState, now_ms: int) -> set[Subject]:
    """What was declined lately: for a busy colleague that person alone, else whoever would do it."""
    found: set[Subject] = set()
    for advice in state.advices.values():
        if now_ms - advice.given_ms > DECLINED_RESTS_MS:
            continue
        for number, reason in advice.declined.items():
            move = advice.moves[number]
            subject = _subject(move)
            found.add((*subject, move.person_id) if reason == "person_busy" else subject)
    return found


def is_past(move: Move, now_ms: int) -> bool:
    """Whether it was to be over by now."""
    return 0 < move.until_ms <= now_ms


def _is_possible(state: HallState, move: Move, seated: set[str], now_ms: int) -> bool:
    if move.kind == "offer":
        ticket = state.tickets.get(move.ticket_id)
        return ticket is not None and ticket.status is TicketStatus.WAITING and not ticket.diversion_id
    if move.kind == "lunch":
        return state.is_here(move.person_id) and move.from_ms > now_ms
    if move.kind == "borrow":
        asked = {request.person_id for request in state.requests.values() if not request.outcome}
        return move.person_id not in asked and state.staff(move.person_id) is None
    counter = state.counters.get(move.counter_id)
    if counter is None:
        return False
    if move.kind == "close":
        return counter.is_open and not counter.is_closing
    if not state.is_here(move.person_id) or is_past(move, now_ms):
        return False
    is_later = move.from_ms > now_ms
    return is_later or (not counter.is_open and move.person_id not in seated)
