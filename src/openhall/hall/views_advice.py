"""What would help now, as the screens show it: the twin's advice, and what became of today's [D5].

A view decides nothing. What is no longer possible is left out, so that no button promises what the hall would
refuse.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from openhall.hall.model.advising import worth_saying
from openhall.hall.model.state import ADVICE_GOOD_FOR_MS, Advice, HallState
from openhall.hall.model.waits import TOLD_GOOD_FOR_MS
from openhall.hall.told import FromPost, Move, MoveKind
from openhall.network.model import Channel

DECISIONS_SHOWN = 8
"""The latest; the log has all."""


class MoveView(msgspec.Struct, frozen=True):
    """Something to do: `move` is its number in the advice. Savings are ms waited beyond the bank's limit.

    `from_ms` and `until_ms` are moments: 0 is now, and for the rest of the day.
    """

    move: int
    kind: MoveKind
    counter_id: str
    counter_number: int
    person_id: str
    ticket_id: str
    ticket_number: str
    channel: Channel | None
    saved_ms: int
    saved_low_ms: int
    saved_high_ms: int
    from_ms: int = 0
    until_ms: int = 0
    from_post: FromPost = ""
    from_branch: str = ""
    was_ms: int = 0
    """A meal break: when it would begin otherwise."""
    is_kept_open: bool = False
    """An opening of a window at which this person sits already: they stay."""


class OpeningView(msgspec.Struct, frozen=True):
    """A window to open, or to keep open, at one time, and who could sit there, best first."""

    counter_id: str
    counter_number: int
    choices: tuple[MoveView, ...]


class DecisionView(msgspec.Struct, frozen=True):
    """What somebody decided about a move, and what came of the advice once its time was over."""

    advice_id: str
    given_ms: int
    ends_ms: int
    """When the time that the advice is about is over."""
    decision: Literal["taken", "declined"]
    reason: str
    """Why it was declined."""
    move: MoveView
    is_reviewed: bool
    expected_ms: int
    """Late time that was expected without any move."""
    expected_with_moves_ms: int
    """With the moves of this advice that were taken; 0 before the review."""
    seen_ms: int
    """Late time that came; 0 before the review."""


class AdviceView(msgspec.Struct, frozen=True):
    """The panel of one moment.

    `given`: there is something to decide. `quiet`: nothing would help much. `silent`: the twin has not
    answered for so long that nothing is advised.
    """

    status: Literal["given", "quiet", "silent"]
    told_ms: int
    """When the twin last answered; 0 for never today."""
    advice_id: str
    given_ms: int
    horizon_ms: int
    late_ms: int
    """Expected within the horizon when nothing is done."""
    openings: tuple[OpeningView, ...]
    closings: tuple[MoveView, ...]
    offers: tuple[MoveView, ...]
    lunches: tuple[MoveView, ...]
    """Meal breaks that could be at another time."""
    loans: tuple[MoveView, ...]
    """Colleagues of other branches who could be asked for."""
    decisions: tuple[DecisionView, ...]


def advice_view(state: HallState, now_ms: int) -> AdviceView:
    """What would help now, and what was decided today."""
    last = list(state.advices.values())[-1] if state.advices else None
    if last is not None and now_ms - last.given_ms > ADVICE_GOOD_FOR_MS:
        last = None
    moves = _open_moves(state, last, now_ms) if last else []
    is_silent = not state.told_ms or now_ms - state.told_ms > TOLD_GOOD_FOR_MS
    return AdviceView(
        status="given" if moves else "silent" if is_silent else "quiet",
        told_ms=state.told_ms,
        advice_id=last.id if last else "",
        given_ms=last.given_ms if last else 0,
        horizon_ms=last.horizon_ms if last else 0,
        late_ms=last.late_ms if last else 0,
        openings=_openings(moves),
        closings=tuple(m for m in moves if m.kind == "close"),
        offers=tuple(m for m in moves if m.kind == "offer"),
        lunches=tuple(m for m in moves if m.kind == "lunch"),
        loans=tuple(m for m in moves if m.kind == "borrow"),
        decisions=_decisions(state),
    )


def _open_moves(state: HallState, advice: Advice, now_ms: int) -> list[MoveView]:
    """Undecided and still possible, most worth first."""
    decided = advice.taken.keys() | advice.declined.keys()
    open_now = set(worth_saying(state, advice.moves, now_ms))
    found = [
        _move_view(state, number, move)
        for number, move in enumerate(advice.moves)
        if number not in decided and move in open_now
    ]
    return sorted(found, key=lambda m: (-m.saved_ms, m.move))


def _openings(moves: list[MoveView]) -> tuple[OpeningView, ...]:
    """By window and time, in the order of each one's best choice."""
    by_window: dict[tuple[str, int], list[MoveView]] = {}
    for move in moves:
        if move.kind == "open":
            by_window.setdefault((move.counter_id, move.from_ms), []).append(move)
    return tuple(
        OpeningView(counter_id, choices[0].counter_number, tuple(choices))
        for (counter_id, _), choices in by_window.items()
    )


def _decisions(state: HallState) -> tuple[DecisionView, ...]:
    """Today's, latest advice first."""
    found: list[DecisionView] = []
    for advice in reversed(state.advices.values()):
        decided = sorted({*advice.taken, *advice.declined})
        found += [_decision(state, advice, number) for number in decided]
        if len(found) >= DECISIONS_SHOWN:
            break
    return tuple(found[:DECISIONS_SHOWN])


def _decision(state: HallState, advice: Advice, number: int) -> DecisionView:
    return DecisionView(
        advice.id,
        advice.given_ms,
        advice.given_ms + advice.horizon_ms,
        "taken" if number in advice.taken else "declined",
        advice.declined.get(number, ""),
        _move_view(state, number, advice.moves[number]),
        advice.is_reviewed,
        advice.late_ms,
        advice.expected_with_moves_ms,
        advice.seen_ms,
    )


def _move_view(state: HallState, number: int, move: Move) -> MoveView:
    ticket = state.tickets.get(move.ticket_id)
    counter = state.counters.get(move.counter_id)
    meal = next((s for s in state.stints if s.person_id == move.person_id and s.post == "break"), None)
    return MoveView(
        number,
        move.kind,
        move.counter_id,
        state.counter_rules(move.counter_id).number if counter else 0,
        move.person_id,
        move.ticket_id,
        ticket.number if ticket else "",
        move.channel,
        move.saved_ms,
        move.saved_low_ms,
        move.saved_high_ms,
        move.from_ms,
        move.until_ms,
        move.from_post,
        move.from_branch,
        was_ms=meal.from_ms if meal and move.kind == "lunch" else 0,
        is_kept_open=move.kind == "open" and _stays(state, move),
    )


def _stays(state: HallState, move: Move) -> bool:
    """Whether this person is to be at this window till the very moment from which the move has them there."""
    return any(
        s.person_id == move.person_id
        and s.counter_id == move.counter_id
        and s.from_ms < move.from_ms <= s.until_ms
        for s in state.stints
    )
