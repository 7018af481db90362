"""Who is to be where: the stints of a day, and what accepted moves make of them. Pure functions over tuples
that are sorted by person and time and in which nobody has two posts at once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import msgspec

from openhall.hall.plan import PlannedStint
from openhall.hall.told import Move

Stints = tuple[PlannedStint, ...]


def in_order(stints: Iterable[PlannedStint]) -> Stints:
    """By person, then time."""
    return tuple(sorted(stints, key=lambda s: (s.person_id, s.from_ms, s.until_ms)))


def overlapping(stints: Stints) -> PlannedStint | None:
    """The first stint that begins before the same person's stint before it has ended."""
    for one, other in pairwise(stints):
        if one.person_id == other.person_id and other.from_ms < one.until_ms:
            return other
    return None


def stint_at(stints: Stints, person_id: str, at_ms: int) -> PlannedStint | None:
    """What somebody is to do at a moment; None for nothing."""
    return next((s for s in stints if s.person_id == person_id and s.from_ms <= at_ms < s.until_ms), None)


def with_stint(stints: Stints, new: PlannedStint) -> Stints:
    """The same, but for this person at this time: what was to be done then gives way to it."""
    kept = []
    for stint in stints:
        if stint.person_id != new.person_id:
            kept.append(stint)
            continue
        if stint.from_ms < new.from_ms:
            kept.append(msgspec.structs.replace(stint, until_ms=min(stint.until_ms, new.from_ms)))
        if stint.until_ms > new.until_ms:
            kept.append(msgspec.structs.replace(stint, from_ms=max(stint.from_ms, new.until_ms)))
    return in_order([*kept, new])


def with_lunch(stints: Stints, person_id: str, from_ms: int, until_ms: int) -> Stints:
    """The meal break at another time; the post before the old one goes on through it, else the one after."""
    own = [s for s in stints if s.person_id == person_id]
    number = next((n for n, s in enumerate(own) if s.post == "break"), None)
    if number is not None:
        old = own.pop(number)
        if number and own[number - 1].until_ms == old.from_ms:
            own[number - 1] = msgspec.structs.replace(own[number - 1], until_ms=old.until_ms)
        elif number < len(own) and own[number].from_ms == old.until_ms:
            own[number] = msgspec.structs.replace(own[number], from_ms=old.from_ms)
    others = [s for s in stints if s.person_id != person_id]
    return with_stint(in_order([*others, *own]), PlannedStint(person_id, "break", from_ms, until_ms))


def let_go(stints: Stints, counter_id: str, now_ms: int) -> Stints:
    """The same, but whoever is to be at a counter now has no post till the end of that stint."""
    return tuple(
        msgspec.structs.replace(s, until_ms=now_ms)
        if s.counter_id == counter_id and s.from_ms < now_ms < s.until_ms
        else s
        for s in stints
        if not (s.counter_id == counter_id and s.from_ms == now_ms)
    )


def with_move(stints: Stints, move: Move, now_ms: int) -> Stints:
    """The day after a move was accepted."""
    if move.kind == "close":
        return let_go(stints, move.counter_id, now_ms)
    if move.kind == "lunch":
        return with_lunch(stints, move.person_id, move.from_ms, move.until_ms)
    if move.kind == "open" and move.until_ms:
        from_ms = max(now_ms, move.from_ms)
        return with_stint(
            stints, PlannedStint(move.person_id, "window", from_ms, move.until_ms, move.counter_id)
        )
    return stints


def without(stints: Stints, person_id: str, from_ms: int) -> Stints:
    """The same, but for this person nothing from a moment on."""
    return tuple(
        msgspec.structs.replace(s, until_ms=min(s.until_ms, from_ms)) if s.person_id == person_id else s
        for s in stints
        if s.person_id != person_id or s.from_ms < from_ms
    )
