"""How the twin's answers, and what people make of its advice, change a hall's day."""

from __future__ import annotations

from openhall.hall.model import events as e
from openhall.hall.model.applying import applies
from openhall.hall.model.planning import with_move
from openhall.hall.model.state import Advice, HallState
from openhall.hall.told import Told
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Stamp


@applies(e.WaitsTold)
def _waits_told(state: HallState, event: e.WaitsTold, stamp: Stamp) -> None:
    state.told_ms = stamp.at_ms
    since = event.as_of_ms
    for wait in event.tickets:
        state.tickets[wait.ticket_id].told = Told(
            stamp.at_ms, since + wait.low_ms, since + wait.middle_ms, since + wait.high_ms
        )
    for joining in event.joining:
        state.joining[joining.service_id, joining.class_code] = joining
    if event.room is not None:
        state.room, state.room_tickets = event.room, state.unbooked_count


@applies(e.AdviceGiven)
def _advice_given(state: HallState, event: e.AdviceGiven, stamp: Stamp) -> None:
    horizon_ms = event.horizon_minutes * MINUTE_MS
    state.keep_advice(Advice(event.advice_id, stamp.at_ms, horizon_ms, event.late_ms, event.moves))


@applies(e.AdviceTaken)
def _advice_taken(state: HallState, event: e.AdviceTaken, stamp: Stamp) -> None:
    advice = state.advices[event.advice_id]
    advice.taken[event.move] = stamp.at_ms
    state.stints = with_move(state.stints, advice.moves[event.move], stamp.at_ms)


@applies(e.AdviceDeclined)
def _advice_declined(state: HallState, event: e.AdviceDeclined, _: Stamp) -> None:
    state.advices[event.advice_id].declined[event.move] = event.reason


@applies(e.AdviceReviewed)
def _advice_reviewed(state: HallState, event: e.AdviceReviewed, _: Stamp) -> None:
    advice = state.advices[event.advice_id]
    advice.is_reviewed = True
    advice.expected_with_moves_ms, advice.seen_ms = event.expected_with_moves_ms, event.seen_ms
