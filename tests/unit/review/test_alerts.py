"""Each kind at each of its thresholds, and an alert's life."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.network.alerts import DEFAULT_RULES, UNITS, AlertKind, AlertLevel, AlertPolicy, AlertRule
from openhall.review.alert_kinds import MEASURES, NOBODY_SERVES_PERCENT, HallFigures
from openhall.review.alerts import LEVELS, Alert, acknowledge, end, level_of, step

NEW = ("lane-2026-11-23-1", "lane", "2026-11-23")
CALM_MS = 5 * MINUTE_MS


def figures(**given: Any) -> HallFigures:
    return HallFigures(at_ms=0, **given)


def minutes(n: float) -> int:
    return round(n * MINUTE_MS)


def default_rule(kind: AlertKind) -> AlertRule:
    return AlertPolicy().rule(kind, "lane")


# Each row: the kind, what the hall is like, the level that this is by the default thresholds, and why.
ROWS: list[tuple[AlertKind, dict[str, Any], AlertLevel | None, str]] = [
    ("wait_over_limit", {"longest_wait_ms": minutes(14.9)}, None, "just in time"),
    ("wait_over_limit", {"longest_wait_ms": minutes(15)}, "yellow", "at the threshold is over it"),
    ("wait_over_limit", {"longest_wait_ms": minutes(20)}, "orange", "twenty minutes"),
    ("wait_over_limit", {"longest_wait_ms": minutes(30)}, "red", "half an hour"),
    ("wait_over_limit", {"longest_wait_ms": 0, "foreseen_wait_ms": minutes(21)}, "orange", "foreseen counts"),
    ("over_limit_share", {"judged_count": 9, "over_limit_count": 9}, None, "too few to judge by"),
    ("over_limit_share", {"judged_count": 100, "over_limit_count": 9}, None, "nine of a hundred"),
    ("over_limit_share", {"judged_count": 100, "over_limit_count": 10}, "yellow", "one in ten"),
    ("over_limit_share", {"judged_count": 100, "over_limit_count": 20}, "orange", "one in five"),
    ("over_limit_share", {"judged_count": 100, "over_limit_count": 30}, "red", "three in ten"),
    ("counter_saturation", {"joined_count": 10, "joined_work_ms": 99, "window_time_ms": 100}, None, "enough"),
    (
        "counter_saturation",
        {"joined_count": 10, "joined_work_ms": 1, "window_time_ms": 1},
        "yellow",
        "as much",
    ),
    ("counter_saturation", {"joined_count": 10, "joined_work_ms": 6, "window_time_ms": 5}, "orange", "more"),
    ("counter_saturation", {"joined_count": 10, "joined_work_ms": 3, "window_time_ms": 2}, "red", "far more"),
    ("counter_saturation", {"joined_count": 10, "joined_work_ms": 3}, "red", "nobody serves at all"),
    ("counter_saturation", {"joined_count": 9, "joined_work_ms": 3}, None, "hardly anybody has come yet"),
    ("hall_saturation", {"inside_count": 500}, None, "no limit, no saturation"),
    ("hall_saturation", {"inside_count": 39, "inside_limit": 50}, None, "room left"),
    ("hall_saturation", {"inside_count": 40, "inside_limit": 50}, "yellow", "four fifths"),
    ("hall_saturation", {"inside_count": 45, "inside_limit": 50}, "orange", "nine tenths"),
    ("hall_saturation", {"inside_count": 50, "inside_limit": 50}, "red", "full"),
    ("late_completion", {"finished_count": 9, "finished_late_count": 9}, None, "too few to judge by"),
    ("late_completion", {"finished_count": 20, "finished_late_count": 2}, None, "a tenth"),
    ("late_completion", {"finished_count": 20, "finished_late_count": 3}, "yellow", "15 percent"),
    ("late_completion", {"finished_count": 20, "finished_late_count": 5}, "orange", "a quarter"),
    ("late_completion", {"finished_count": 20, "finished_late_count": 7}, "red", "35 percent"),
    ("late_services", {"serving_late_count": 0}, None, "none"),
    ("late_services", {"serving_late_count": 1}, "yellow", "one"),
    ("late_services", {"serving_late_count": 2}, "orange", "two"),
    ("late_services", {"serving_late_count": 3}, "red", "three"),
    ("abandonment", {"ended_count": 9, "abandoned_count": 9}, None, "too few to judge by"),
    ("abandonment", {"ended_count": 100, "abandoned_count": 4}, None, "four in a hundred"),
    ("abandonment", {"ended_count": 100, "abandoned_count": 5}, "yellow", "one in twenty"),
    ("abandonment", {"ended_count": 100, "abandoned_count": 10}, "orange", "one in ten"),
    ("abandonment", {"ended_count": 100, "abandoned_count": 15}, "red", "three in twenty"),
    ("bad_ratings", {"bad_ratings_count": 0}, None, "none"),
    ("bad_ratings", {"bad_ratings_count": 1}, "yellow", "one"),
    ("bad_ratings", {"bad_ratings_count": 2}, "orange", "two"),
    ("bad_ratings", {"bad_ratings_count": 3}, "red", "three"),
    ("long_work", {"longest_work_ms": minutes(119)}, None, "a minute to go"),
    ("long_work", {"longest_work_ms": minutes(120)}, "yellow", "two hours"),
    ("long_work", {"longest_work_ms": minutes(180)}, "orange", "three"),
    ("long_work", {"longest_work_ms": minutes(240)}, "red", "four"),
]


@pytest.mark.parametrize(("kind", "hall", "expected", "reason"), ROWS)
def test_each_kind_at_each_threshold(
    kind: AlertKind, hall: dict[str, Any], expected: AlertLevel | None, reason: str
) -> None:
    assert level_of(default_rule(kind), MEASURES[kind](figures(**hall))) == expected, reason


def test_there_are_nine_kinds_each_with_a_measure_a_unit_and_default_thresholds() -> None:
    assert len(MEASURES) == 9
    assert list(MEASURES) == list(UNITS) == [rule.kind for rule in DEFAULT_RULES]
    assert all(rule.yellow < rule.orange < rule.red for rule in DEFAULT_RULES)


def test_nobody_serving_is_more_than_anything_that_can_be_counted() -> None:
    crowd = figures(joined_count=50, joined_work_ms=10**12, window_time_ms=1)
    assert MEASURES["counter_saturation"](crowd) == NOBODY_SERVES_PERCENT


RULE = AlertRule("wait_over_limit", 10, 20, 30, repeat_minutes=15)


class Life:
    """One alert as minutes go by."""

    def __init__(self, rule: AlertRule = RULE) -> None:
        self.rule = rule
        self.alert: Alert | None = None
        self.now_ms = 10**9

    def look(self, value: float | None, after: float = 0) -> str:
        """What a look some minutes later finds."""
        self.now_ms += minutes(after)
        found, change = step(self.alert, self.rule, value, now_ms=self.now_ms, calm_ms=CALM_MS, new=NEW)
        self.alert = found if found is not None and found.is_standing else None
        return change or ""

    def take(self) -> None:
        assert self.alert is not None
        self.alert = acknowledge(self.alert, by="li", action="looking", now_ms=self.now_ms)


def test_it_is_raised_at_once_and_gets_worse_at_once() -> None:
    life = Life()
    assert [life.look(value, after=1) for value in (9, 10, 12, 20, 31, 35)] == [
        "",
        "raised",
        "",
        "worse",
        "worse",
        "",
    ]
    assert life.alert is not None
    assert (life.alert.level, life.alert.limit, life.alert.value) == ("red", 30, 35)


def test_it_goes_down_only_after_it_stayed_clearly_below_for_a_while() -> None:
    life = Life()
    life.look(31)
    assert life.look(28, after=20) == "repeated", "a tenth below is not clearly below"
    assert life.look(26, after=1) == "", "clearly below, but only now"
    assert life.look(31, after=4) == "", "and up again: nothing has happened"
    assert life.look(26, after=1) == ""
    assert life.look(26, after=5) == "better"
    assert life.alert is not None
    assert life.alert.level == "orange"
    assert life.look(3, after=1) == ""
    assert life.look(3, after=5) == "cleared"
    assert life.alert is None


def test_without_anything_to_judge_by_it_ends_like_any_other() -> None:
    life = Life()
    life.look(31)
    assert life.look(None, after=1) == ""
    assert life.look(None, after=5) == "cleared"


def test_recipients_are_told_again_only_until_somebody_takes_it_on() -> None:
    life = Life()
    life.look(12)
    assert life.look(12, after=14) == ""
    assert life.look(12, after=1) == "repeated"
    life.take()
    assert life.look(12, after=600) == "", "it is somebody's"
    assert life.look(21, after=1) == "worse", "news for everybody again"
    assert life.alert is not None
    assert life.alert.acknowledged_ms == 0
    assert life.look(21, after=15) == "repeated"


def test_what_is_switched_off_is_not_raised_and_ends() -> None:
    life = Life()
    life.look(40)
    life.rule = msgspec.structs.replace(RULE, is_on=False)
    assert life.look(40, after=1) == ""
    assert life.look(40, after=5) == "cleared"
    assert life.look(40, after=1) == ""


def test_with_the_day_everything_ends() -> None:
    life = Life()
    life.look(12)
    assert life.alert is not None
    assert not end(life.alert, 5).is_standing


LOOKS = st.lists(
    st.tuples(st.floats(0, 60), st.integers(1, 600), st.sampled_from(["", "", "", "take"])), max_size=120
)


@given(LOOKS)
def test_whatever_a_value_does_an_alert_keeps_to_its_life(looks: list[tuple[float, int, str]]) -> None:
    life, told_ms, changes = Life(), 0, []
    for value, seconds, does in looks:
        before = life.alert
        change = life.look(value, after=seconds * SECOND_MS / MINUTE_MS)
        changes.append(change)
        if change == "raised":
            assert before is None
            assert value >= RULE.yellow
        if change in {"better", "cleared"}:
            assert before is not None
            assert before.calm_since_ms
            assert life.now_ms - before.calm_since_ms >= CALM_MS, "never down before it was calm"
        if change == "worse":
            assert before is not None
            assert life.alert is not None
            assert LEVELS.index(life.alert.level) > LEVELS.index(before.level)
        if change == "repeated":
            assert before is not None
            assert not before.acknowledged_ms, "nobody is told what somebody does"
            assert life.now_ms - told_ms >= RULE.repeat_minutes * MINUTE_MS
        if change in {"raised", "worse", "repeated", "better"}:
            told_ms = life.now_ms
        if life.alert is not None:
            assert life.alert.told_ms == told_ms
            reached = level_of(RULE, value)
            assert reached is None or LEVELS.index(life.alert.level) >= LEVELS.index(reached)
            again = step(life.alert, RULE, value, now_ms=life.now_ms, calm_ms=CALM_MS, new=NEW)
            assert again == (life.alert, None), "looking twice changes nothing"
            if does == "take" and not life.alert.acknowledged_ms:
                life.take()
    assert changes.count("raised") - changes.count("cleared") == (life.alert is not None)


@given(st.floats(0.901, 1.2), st.integers(2, 50))
def test_a_value_on_the_edge_is_told_once_and_never_flaps(share: float, turns: int) -> None:
    life = Life(msgspec.structs.replace(RULE, repeat_minutes=480))
    life.look(RULE.yellow)
    edge = [RULE.yellow * share, RULE.yellow * (2 - share) if share > 1.05 else RULE.yellow]
    changes = {life.look(max(9.01, edge[n % 2]), after=3) for n in range(turns)}
    assert changes == {""}
