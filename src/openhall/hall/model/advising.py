"""What of the twin's advice is still worth saying: possible now, and not declined a little while ago."""

from __future__ import annotations

from collections.abc import Iterable

from openhall.hall.model.state import HallState, TicketStatus
from openhall.hall.told import Move
from openhall.kernel.clock import MINUTE_MS

DECLINED_RESTS_MS = 15 * MINUTE_MS
"""Who has said no is not asked again at once."""


def worth_saying(state: HallState, moves: Iterable[Move], now_ms: int) -> list[Move]:
    """The moves that somebody could decide on now, in their order."""
    resting = _resting(state, now_ms)
    seated = {counter.person_id for counter in state.counters.values()}
    return [move for move in moves if not _asks(move) & resting and _is_possible(state, move, seated)]


def _asks(move: Move) -> set[tuple[str, ...]]:
    """What a yes is asked to: the window or the ticket as such, and this person at it."""
    subject = (move.kind, move.counter_id, move.ticket_id)
    return {subject, (*subject, move.person_id)}


def _resting(state: HallState, now_ms: int) -> set[tuple[str, ...]]:
    """What was declined lately: for a busy colleague that person alone, else whoever would do it."""
    resting: set[tuple[str, ...]] = set()
    for advice in state.advices.values():
        if now_ms - advice.given_ms > DECLINED_RESTS_MS:
            continue
        for number, reason in advice.declined.items():
            move = advice.moves[number]
            subject = (move.kind, move.counter_id, move.ticket_id)
            resting.add((*subject, move.person_id) if reason == "person_busy" else subject)
    return resting


def _is_possible(state: HallState, move: Move, seated: set[str]) -> bool:
    if move.kind == "offer":
        ticket = state.tickets.get(move.ticket_id)
        return ticket is not None and ticket.status is TicketStatus.WAITING and not ticket.diversion_id
    counter = state.counters.get(move.counter_id)
    if counter is None:
        return False
    if move.kind == "close":
        return counter.is_open and not counter.is_closing
    return not counter.is_open and move.person_id not in seated
