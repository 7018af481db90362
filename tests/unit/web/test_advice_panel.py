"""The panel of moves in words: who, where, when, and what it is worth."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from openhall.hall.model import HallState
from openhall.hall.model import commands as c
from openhall.hall.told import Move
from openhall.hall.views_advice import advice_view
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import SYSTEM
from openhall.kernel.text import Language, Text
from openhall.web.rendering import clock_words, environment
from tests.places import at
from tests.unit.hall.halls import Hall, a_plan, stint

pytestmark = pytest.mark.unit

PEOPLE = {"qian": "Qian Wei", "zhao": "Zhao Min", "sun": "Sun Li", "wu": "Wu Fang"}
ZONE = "Asia/Shanghai"


def advised(*moves: Move) -> Hall:
    """Ten o'clock on a planned day."""
    hall = Hall().open("C1:zhao")
    plan = a_plan(
        stint("zhao C1 9:00 11:00"),
        stint("zhao lobby 11:00 17:00"),
        stint("qian lobby 9:00 12:00"),
        stint("qian break 12:00 13:00"),
        stint("qian lobby 13:00 17:00"),
    )
    hall.do(c.TakePlan(plan))
    hall.clock.set(at(10))
    hall.do(c.GiveAdvice(120, 300 * MINUTE_MS, moves), SYSTEM)
    return hall


def panel(state: HallState, language: Language = "en") -> str:
    """The panel's words, without its marks."""
    text = (
        environment(language)
        .get_template("advice_panel.html")
        .render(
            branch_names={"harbour": Text(en="Harbour", zh="港口支行")},
            advice=advice_view(state, at(10)),
            account=SimpleNamespace(role="lobby"),
            board=SimpleNamespace(is_ended=False),
            people=PEOPLE,
            rules=state.day_rules,
            hm=clock_words(ZONE),
        )
    )
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def move(kind: str, saved: float, **fields: object) -> Move:
    """Something that saves so many minutes."""
    ms = round(saved * MINUTE_MS)
    return Move(kind, ms, ms - 20 * MINUTE_MS, ms + 20 * MINUTE_MS, 1_000, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            move("open", 140, counter_id="C2", person_id="qian", until_ms=at(11, 30), from_post="lobby"),
            "Open window 2 with Qian Wei from the lobby now, until 11:30 saves about 140 late minutes",
        ),
        (
            move(
                "open",
                140,
                counter_id="C2",
                person_id="qian",
                from_ms=at(10, 20),
                until_ms=at(11, 30),
                from_post="lobby",
            ),
            "Open window 2 with Qian Wei from the lobby 10:20–11:30 saves about 140 late minutes",
        ),
        (
            move("open", 60, counter_id="C1", person_id="zhao", from_ms=at(11), until_ms=at(12)),
            "Keep window 1 open with Zhao Min 11:00–12:00 saves about 60 late minutes",
        ),
        (
            move("lunch", 50, person_id="qian", from_ms=at(13), until_ms=at(14)),
            "Move the meal break of Qian Wei 13:00–14:00 instead of 12:00 saves about 50 late minutes",
        ),
        (
            move(
                "borrow",
                90,
                counter_id="C2",
                person_id="wu",
                from_branch="harbour",
                from_ms=at(10, 40),
                until_ms=at(12),
            ),
            "Ask Harbour for Wu Fang for window 2, here by 10:40 until 12:00 saves about 90 late minutes",
        ),
    ],
    ids=["now", "later", "keep", "meal", "loan"],
)
def test_a_move_says_who_where_when_and_what_it_saves(given: Move, words: str) -> None:
    hall = advised(given)
    assert words in panel(hall.state)
    assert "Not now" in panel(hall.state)
    for language in ("en", "zh"):
        assert "{" not in panel(hall.state, language)


def test_what_was_decided_is_said_in_the_same_words() -> None:
    hall = advised(
        move("open", 140, counter_id="C2", person_id="qian", until_ms=at(11, 30), from_post="lobby"),
        move("lunch", 50, person_id="qian", from_ms=at(13), until_ms=at(14)),
    )
    hall.do(c.TakeAdvice("a1", 0))
    hall.do(c.DeclineAdvice("a1", 1, "person_busy"))
    words = panel(hall.state)
    assert "Open window 2 with Qian Wei taken" in words
    assert "Move the meal break of Qian Wei not taken" in words
