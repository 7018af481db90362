"""Whatever the plan and the hour: every move that is thought of keeps the rules for people."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhall.hall.candidates import MoveRules, course_of, helping
from openhall.hall.model import commands as c
from openhall.hall.model.planning import Stints, overlapping, with_move
from openhall.hall.plan import PlannedDay, PlannedStint
from openhall.kernel.clock import MINUTE_MS
from tests.places import at
from tests.unit.hall.halls import Hall, a_plan

pytestmark = pytest.mark.property

HALF_HOUR = 30 * MINUTE_MS
SLOTS = 16
COUNTERS = {"zhao": "C1", "qian": "C2", "sun": "C3", "zhou": "C4"}
PEOPLE = ("zhao", "qian", "sun", "zhou")


@st.composite
def plans(draw: st.DrawFn) -> PlannedDay:
    """Four people: a stretch at a counter of their own, a meal, the lobby else."""
    stints: list[PlannedStint] = []
    for person in PEOPLE:
        begins, lasts = draw(st.integers(0, 12)), draw(st.integers(0, 8))
        meal = draw(st.integers(4, 9))
        for slot in range(SLOTS):
            from_ms = at(9) + slot * HALF_HOUR
            post, counter = "lobby", ""
            if slot == meal:
                post = "break"
            elif begins <= slot < begins + lasts:
                post, counter = "window", COUNTERS[person]
            stints.append(PlannedStint(person, post, from_ms, from_ms + HALF_HOUR, counter))  # type: ignore[arg-type]
    terms: dict[str, Any] = {
        "lobby_least": draw(st.integers(0, 2)),
        "switches_most": draw(st.integers(0, 5)),
        "stint_least_ms": draw(st.sampled_from([0, HALF_HOUR, 2 * HALF_HOUR])),
    }
    return a_plan(*joined(stints), **terms)


def joined(stints: list[PlannedStint]) -> list[PlannedStint]:
    found: list[PlannedStint] = []
    for stint in stints:
        last = found[-1] if found else None
        if last and (last.person_id, last.post, last.counter_id) == (
            stint.person_id,
            stint.post,
            stint.counter_id,
        ):
            found[-1] = msgspec.structs.replace(last, until_ms=stint.until_ms)
        else:
            found.append(stint)
    return found


def lobby_at(stints: Stints, moment: int) -> int:
    return sum(s.post == "lobby" and s.from_ms <= moment < s.until_ms for s in stints)


def posts(stints: Stints, person: str) -> list[tuple[str, str, int]]:
    """(post, counter, ms), a meal dividing nothing; another way to count than the candidates' own."""
    pieces = [(s.post, s.counter_id, s.until_ms - s.from_ms) for s in stints if s.person_id == person]
    work = [p for p in pieces if p[0] != "break"]
    merged: list[tuple[str, str, int]] = []
    for post, counter, ms in work:
        if merged and merged[-1][:2] == (post, counter):
            merged[-1] = (post, counter, merged[-1][2] + ms)
        else:
            merged.append((post, counter, ms))
    return merged


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 14 * 30))
def test_a_move_keeps_the_rules_for_people(plan: PlannedDay, minute: int) -> None:
    hall = Hall().open()
    hall.do(c.TakePlan(plan))
    hall.clock.set(at(9) + minute * MINUTE_MS)
    shot = hall.shot
    for candidate in helping(shot, course_of(shot), MoveRules()):
        move = candidate.move
        after = with_move(shot.stints, move, shot.now_ms)
        person = move.person_id
        assert overlapping(after) is None
        assert (move.from_ms or shot.now_ms) >= shot.now_ms
        mine = [s for s in after if s.person_id == person]
        assert all(a.until_ms == b.from_ms for a, b in pairwise(mine)), "on duty without a gap, as before"
        assert (mine[0].from_ms, mine[-1].until_ms) == (at(9), at(17))
        meals = [s for s in mine if s.post == "break"]
        assert [s.until_ms - s.from_ms for s in meals] == [HALF_HOUR], "one meal, as long as planned"
        taken = [s for s in after if s.post == "window" and s.counter_id == move.counter_id]
        others = [s for s in taken if s.person_id != person and s.until_ms > shot.now_ms]
        begins = move.from_ms or shot.now_ms
        if move.kind == "open":
            believed = [s for s in others if s.from_ms > shot.now_ms - 10 * MINUTE_MS]
            assert not [s for s in believed if s.from_ms < move.until_ms and begins < s.until_ms]
        for moment in {begins, *(s.from_ms for s in after if begins <= s.from_ms < move.until_ms)}:
            assert lobby_at(after, moment) >= min(plan.lobby_least, lobby_at(shot.stints, moment))
        before, now = posts(shot.stints, person), posts(after, person)
        assert len(now) - 1 <= max(plan.switches_most, len(before) - 1)
        least = plan.stint_least_ms
        assert sum(ms < least for *_, ms in now) <= sum(ms < least for *_, ms in before)
