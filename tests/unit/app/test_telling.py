"""Waits, room and advice in words: short, honest, the same in both languages."""

from __future__ import annotations

import msgspec
import pytest

from openhall.app import telling
from openhall.hall.policy import DayRules, Wait
from openhall.hall.told import RoomLeft, WaitSource
from openhall.hall.views_advice import MoveView
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.text import Language
from tests.places import quiet_branch

RULES = quiet_branch()


def wait(
    low: float, middle: float, high: float, *, source: WaitSource = "twin", age_seconds: int = 0
) -> Wait:
    low_ms, middle_ms, high_ms = (round(m * MINUTE_MS) for m in (low, middle, high))
    return Wait(3, low_ms, high_ms, source, middle_ms, age_seconds * 1_000)


@pytest.mark.parametrize(
    ("told", "english", "chinese", "figures"),
    [
        (wait(18, 27, 36), "20 to 35 minutes", "20到35分钟", "20–35"),
        (wait(3.4, 8, 14.6), "3 to 15 minutes", "3到15分钟", "3–15"),
        (wait(0.2, 4, 9), "up to 9 minutes", "不超过9分钟", "0–9"),
        (wait(21, 21.5, 22), "about 20 minutes", "约20分钟", "20"),
        (wait(0, 0.5, 1.2), "Your turn is next", "下一位就是您", "0–1"),
        (wait(0, 0, 0, source="none"), "No window is open for this yet", "暂无窗口办理", "–"),
        (wait(90, 110, 120), "90 to 120 minutes", "90到120分钟", "90–120"),
        (wait(93, 110, 121), "more than 90 minutes", "超过90分钟", "> 90"),
        (wait(18, 60, 180), "more than 15 minutes", "超过15分钟", "> 15"),
        (wait(130, 160, 200), "more than 120 minutes", "超过120分钟", "> 120"),
        (
            wait(0.4, 70, 180),
            "hard to say: soon, or more than 120 minutes",
            "不好估计：可能很快，也可能超过120分钟",
            "> 120",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wait_in_words_and_in_figures(told: Wait, english: str, chinese: str, figures: str) -> None:
    assert telling.wait_words("en", told, RULES) == english
    assert telling.wait_words("zh", told, RULES) == chinese
    assert telling.wait_figures(told, RULES) == figures


def test_who_does_not_wait_is_told_nothing() -> None:
    assert telling.wait_words("en", None, RULES) == telling.middle_words("en", None, RULES) == ""
    assert telling.age_words("en", None) == ""
    assert telling.wait_figures(None, RULES) == "–"


def test_the_limit_is_the_bank_s_own() -> None:
    rules = msgspec.structs.replace(
        RULES, waits=msgspec.structs.replace(RULES.waits, told_at_most_minutes=30)
    )
    assert telling.wait_words("en", wait(40, 50, 60), rules) == "more than 30 minutes"
    assert telling.wait_words("en", wait(20, 27, 36), rules) == "more than 20 minutes"
    assert telling.middle_words("en", wait(20, 27, 36), rules) == "", "a middle would be a promise after all"


@pytest.mark.parametrize(
    ("told", "words", "reason"),
    [
        (wait(18, 27, 36), "probably about 25 minutes", "the middle of an interval"),
        (wait(2, 8, 12), "probably about 8 minutes", "not rounded when short"),
        (wait(18, 21, 24), "", "rounded it is the interval's own end"),
        (wait(0, 0, 0, source="none"), "", "no promise"),
    ],
)
def test_the_middle_is_told_where_it_says_more(told: Wait, words: str, reason: str) -> None:
    assert telling.middle_words("en", told, RULES) == words, reason


@pytest.mark.parametrize(
    ("age_seconds", "source", "words"),
    [(75, "twin", ""), (76, "twin", "as of 1 min ago"), (140, "twin", "as of 2 min ago"), (140, "pace", "")],
)
def test_an_old_answer_says_how_old_it_is(age_seconds: int, source: WaitSource, words: str) -> None:
    assert telling.age_words("en", wait(1, 2, 3, source=source, age_seconds=age_seconds)) == words


def room_rules(percent: int) -> DayRules:
    capacity = msgspec.structs.replace(RULES.regime.capacity, sure_percent=percent)
    return msgspec.structs.replace(RULES, regime=msgspec.structs.replace(RULES.regime, capacity=capacity))


@pytest.mark.parametrize(
    ("room", "percent", "english", "chinese"),
    [
        (None, 90, "", ""),
        (
            RoomLeft(21, 34),
            90,
            "Room for about 21 more by closing, 34 with overtime (9 days in 10)",
            "关门前还可办理约21人，延时营业可办理34人（10天中有9天如此）",
        ),
        (
            RoomLeft(5, 5),
            95,
            "Room for about 5 more by closing (95 days in 100)",
            "关门前还可办理约5人（100天中有95天如此）",
        ),
        (
            RoomLeft(0, 0),
            90,
            "No room left today, overtime included (9 days in 10)",
            "今日已无余量，延时营业也不够（10天中有9天如此）",
        ),
    ],
)
def test_room_left_is_told_with_how_sure_it_is(
    room: RoomLeft | None, percent: int, english: str, chinese: str
) -> None:
    assert telling.room_words("en", room, room_rules(percent)) == english
    assert telling.room_words("zh", room, room_rules(percent)) == chinese


def move(kind: str, saved: float, low: float, high: float) -> MoveView:
    ms = {"saved_ms": saved, "saved_low_ms": low, "saved_high_ms": high}
    empty = dict.fromkeys(("counter_id", "person_id", "ticket_id", "ticket_number"), "")
    fields = {name: round(value * MINUTE_MS) for name, value in ms.items()}
    return msgspec.convert(
        {"move": 0, "kind": kind, "counter_number": 1, "channel": None, **empty, **fields}, MoveView
    )


@pytest.mark.parametrize(
    ("advised", "language", "worth", "spread"),
    [
        (
            move("open", 123, 88, 161),
            "en",
            "saves about 120 late minutes",
            "8 times in 10 between 90 and 160",
        ),
        (move("open", 123, 88, 161), "zh", "约减少120个超时分钟", "10次中有8次在90到160之间"),
        (move("offer", 6.4, 6, 6.2), "en", "saves about 6 late minutes", ""),
        (move("close", 0, 0, 0), "en", "costs nobody a late minute", ""),
        (move("close", -3, -8, 0), "en", "costs about 3 late minutes", "8 times in 10 between 0 and 8"),
    ],
)
def test_what_a_move_is_worth(advised: MoveView, language: Language, worth: str, spread: str) -> None:
    assert telling.saved_words(language, advised) == worth
    assert telling.range_words(language, advised) == spread


@pytest.mark.parametrize(
    ("minutes", "told"), [(0.4, 0), (7.6, 8), (23, 25), (98, 100), (154, 150), (-23, -25)]
)
def test_late_minutes_have_some_two_figures(minutes: float, told: int) -> None:
    assert telling.late_minutes(round(minutes * MINUTE_MS)) == told


def test_measured_errors_have_one_decimal_and_a_sign_where_it_matters() -> None:
    assert telling.one_decimal(90_000) == "1.5"
    assert telling.one_decimal(90_000, signed=True) == "+1.5"
    assert telling.one_decimal(-90_000, signed=True) == "−1.5"
    assert (telling.tenths(33, 40), telling.tenths(8, 10)) == ("8.2", "8")
