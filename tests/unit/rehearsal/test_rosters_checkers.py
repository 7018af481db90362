"""Do the checkers count what the formats' descriptions say? By hand, on rosters of two people and a week."""

import pytest

from openhall.rehearsal.rosters import curtois, curtois_check, inrc, inrc_check
from tests.unit.rehearsal.roster_texts import CURTOIS, INRC

pytestmark = pytest.mark.unit

Row = tuple[int | None, ...]

SHIFT = {"-": None, "D": 0, "N": 1}


def row(letters: str) -> Row:
    return tuple(SHIFT[letter] for letter in letters)


KEPT = row("-DD--DD")

BROKEN = [
    ("DD--DD-", "works on day 0, a day off", "the day off"),
    ("-ND--DD", "D after N on day 2", "a day shift after a night"),
    ("-NNN---", "3 times N, at most 2", "three nights"),
    ("-------", "0 minutes, not between 960 and 2400", "too little work"),
    ("-DDDDDD", "2880 minutes, not between 960 and 2400", "too much work"),
    ("-DDDDDD", "6 shifts in a row from day 1, at most 5", "too many shifts in a row"),
    ("--D--DD", "1 shifts in a row from day 2, at least 2", "a single shift inside the week"),
    ("-DD-DD-", "1 days off in a row from day 3, at least 2", "a single day off inside the week"),
]


@pytest.mark.parametrize(("letters", "sentence", "why"), BROKEN, ids=[case[2] for case in BROKEN])
def test_each_hard_rule_of_curtois_is_seen(letters: str, sentence: str, why: str) -> None:
    problem = curtois.read(CURTOIS, "tiny")
    found = curtois_check.violations(problem, [row(letters), row("DDDD---")])
    assert f"A: {sentence}" in found, why


def test_a_week_within_all_rules_breaks_none_and_edges_are_never_too_short() -> None:
    problem = curtois.read(CURTOIS, "tiny")
    assert curtois_check.violations(problem, [KEPT, row("D--DD-D")]) == []


def test_weekends_count_by_saturday_or_sunday() -> None:
    problem = curtois.read(CURTOIS.replace("2,2,1\nB", "2,2,0\nB"), "tiny")
    assert curtois_check.violations(problem, [row("-DD---D"), KEPT]) == ["A: 1 weekends, at most 0"]


def test_a_roster_of_another_size_is_no_roster() -> None:
    problem = curtois.read(CURTOIS, "tiny")
    assert curtois_check.violations(problem, [KEPT]) == ["1 rows for 2 people"]
    assert "B: 6 days of 7" in curtois_check.violations(problem, [KEPT, KEPT[:-1]])


COSTS = [
    ("-DD--DD", "DDDD---", 0 + 3 * 1 + 100, "day 1, 2, 5, 6 one D too many, N missing, wish of day 2 met"),
    ("-DDDN--", "DD-----", 3 + 5 + 1, "wish of day 2 not met, the unwanted N given, day 1 twice"),
]


@pytest.mark.parametrize(("first", "second", "expected", "why"), COSTS)
def test_curtois_costs_are_wishes_and_cover(first: str, second: str, expected: int, why: str) -> None:
    problem = curtois.read(CURTOIS, "tiny")
    # D on days 5 and 6 is wanted by nobody; day 6 has no cover for D at all, so that it costs nothing.
    assert curtois_check.cost(problem, [row(first), row(second)]) == expected, why


SOFT = [
    ("---DD--", {}, "Tuesday and Wednesday off: all amounts and runs right"),
    ("---D---", {"assignments least": 2, "work least": 3}, "one short"),
    (
        "--DDDDD",
        {"assignments most": 2, "work most": 9, "complete weekend": 10, "identical weekend": 7},
        "one assignment and three days in a row too many, no Saturday",
    ),
    ("-DN-DD-", {"rest least": 15, "identical weekend": 7, "skill": 6}, "a mixed weekend, single days off"),
    (
        "D-DDD--",
        {"work least": 3, "work most": 3, "rest least": 5, "complete weekend": 10, "identical weekend": 7},
        "half a weekend counts for both weekend rules",
    ),
    (
        "N---DD-",
        {"work least": 3, "rest least": 5, "night before free weekend": 4, "skill": 6},
        "a Friday night",
    ),
    ("---ND--", {"pattern": 8, "skill": 6}, "a day shift after a night, and no head"),
    ("DD-----", {"rest most": 10, "complete weekend": 10, "identical weekend": 7}, "five days off"),
]


@pytest.mark.parametrize(("letters", "expected", "why"), SOFT)
def test_each_soft_rule_of_inrc_is_paid_for(letters: str, expected: dict[str, int], why: str) -> None:
    problem = inrc.read(INRC, "tiny")
    # Days are Friday to Thursday. The second person is no head.
    found: dict[str, int] = {}
    for rule, weight in inrc_check.of_person(problem, problem.people[1], row(letters)):
        if weight:
            found[rule] = found.get(rule, 0) + weight
    assert found == expected, why


def test_two_free_days_after_a_night_are_broken_by_another_shift_only() -> None:
    problem = inrc.read(INRC.replace("(0|0), (1|6)", "(1|5), (1|6)"), "tiny")
    person = problem.people[0]
    for letters, times in (("N-D----", 1), ("ND-----", 1), ("NND----", 1), ("NN-----", 0), ("N--D---", 0)):
        found = sum(
            w for rule, w in inrc_check.of_person(problem, person, row(letters)) if rule == "after night"
        )
        assert found == 5 * times, letters


def test_each_shift_needs_exactly_its_people_and_requests_cost() -> None:
    problem = inrc.read(INRC, "tiny")
    rows = [row("-D-NDDN"), row("---DDN-")]
    assert inrc_check.violations(problem, rows) == ["day 4, N: 0 of 1"]
    requests = inrc_check.cost(problem, rows) - inrc_check.cost(
        inrc.read(INRC.replace("0, 2010-01-02, 2", "0, 2010-01-02, 0"), "tiny"), rows
    )
    assert requests == 2, "the day off asked for on the Saturday was not given"
