"""What a change does on one day of the calendar, and on which days it does anything at all."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from openhall.app.language import tell
from openhall.network.editing import AddItem, Change, SetValue
from openhall.network.on_a_day import days_that_differ, on_day
from tests.unit.network.test_effects import BANK, bank_after

FRIDAY, SUNDAY = date(2027, 10, 1), date(2027, 10, 3)
MAY = (date(2027, 5, 1), date(2027, 5, 3))
LOCKDOWN = AddItem(
    "bank.toml", "periods", {"regime": "lockdown", "first": "2027-05-01", "last": "2027-05-03"}
)
HOLIDAY = AddItem("exceptions.csv", "", {"date": "2027-10-01", "reason": {"en": "Day", "zh": "日"}})

ROWS: list[tuple[Change, date, list[tuple[str, bool]], str]] = [
    (HOLIDAY, FRIDAY,
     [("Orchid Bridge Branch, Wutong Road Branch › Opening hours: closed (Day) instead of"
       " 09:00-17:00.", True),
      ("Qingdu Square Branch › Opening hours: closed (Day) instead of 08:30-17:30.", True)],
     "a holiday of all"),
    (HOLIDAY, FRIDAY + timedelta(days=3), [], "the day after it is as ever"),
    (AddItem("exceptions.csv", "", {"branch": "lanqiao", "date": "2027-10-03", "hours": "10:00-12:00",
     "reason": {"en": "Fair", "zh": "集市"}}), SUNDAY,
     [("Orchid Bridge Branch › Opening hours: 10:00-12:00 (Fair) instead of closed.", False)],
     "open on a Sunday"),
    (SetValue("branches.toml", "branches[0].week", "mon-fri 09:00-16:00; sat 09:30-16:00"), FRIDAY,
     [("Orchid Bridge Branch › Opening hours: 09:00-16:00 instead of 09:00-17:00.", True)], "an hour less"),
    (SetValue("branches.toml", "branches[0].week", "mon-fri 09:00-16:00; sat 09:30-16:00"),
     FRIDAY + timedelta(days=1), [], "another day of the week"),
    (SetValue("bank.toml", "regimes[0].capacity.tickets_daily", "300"), FRIDAY,
     [("All branches › Tickets a day, at most: 300 instead of none.", True)], "a limit of the usual regime"),
    (SetValue("branches.toml", "branches[0].tickets_daily", "250"), FRIDAY,
     [("Orchid Bridge Branch › Tickets a day, at most: 250 instead of none.", True)], "of one branch"),
    (SetValue("bank.toml", "regimes[0].entry.is_check_required", True), FRIDAY,
     [("All branches › A check comes before the ticket: yes instead of no.", True)], "a check for everybody"),
    (AddItem("leaves.csv", "", {"person": "zhou-yan", "first": "2027-10-01", "last": "2027-10-01"}), FRIDAY,
     [("Orchid Bridge Branch › Leaves: 周燕 Zhou Yan instead of none.", False)], "somebody is away"),
    (AddItem("bank.toml", "pension_days", {"date": "2027-10-01", "cohort": "400"}), FRIDAY,
     [("All branches › Pension days: 400 instead of none.", False)], "a pension day"),
    (SetValue("bank.toml", "name.en", "Cloud Bank"), FRIDAY, [], "nothing of a day"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "day", "expected", "why"), ROWS, ids=[row[3] for row in ROWS])
def test_what_is_another_on_a_day_is_said(
    change: Change, day: date, expected: list[tuple[str, bool]], why: str
) -> None:
    found = on_day(BANK, bank_after(change), day)
    assert [(str(e.words), e.is_warning) for e in found] == expected, why
    for effect in found:
        assert "instead of" not in tell("zh", effect.words)


def test_a_regime_brings_its_rules_on_its_days_alone() -> None:
    after = bank_after(LOCKDOWN)
    assert on_day(BANK, after, MAY[0] - timedelta(days=1)) == []
    words = [str(e.words) for e in on_day(BANK, after, MAY[1])]
    assert "All branches › Operating regimes: Lockdown instead of Normal operation." in words
    assert len(words) > 1, "and what the regime says of the door"


def test_the_days_on_which_a_change_does_anything_are_found() -> None:
    first = date(2027, 4, 1)
    assert days_that_differ(BANK, bank_after(LOCKDOWN), first, 60) == [MAY]
    assert days_that_differ(BANK, BANK, first, 60) == []
    weekly = bank_after(
        SetValue("branches.toml", "branches[0].week", "mon 09:00-16:00; tue-fri 09:00-17:00; sat 09:30-16:00")
    )
    mondays = [date(2027, 4, 5) + timedelta(days=7 * n) for n in range(4)]
    assert days_that_differ(BANK, weekly, first, 28) == [(day, day) for day in mondays]


def test_a_branch_that_comes_or_goes_is_said_and_one_whose_day_goes_on_is_not() -> None:
    fewer = msgspec.structs.replace(BANK, branches=BANK.branches[:2])
    (gone,) = on_day(BANK, fewer, FRIDAY)
    assert str(gone.words) == "Qingdu Square Branch › Opening hours: no such branch instead of 08:30-17:30."
    assert gone.is_warning
    (new,) = on_day(fewer, BANK, FRIDAY)
    assert str(new.words) == "Qingdu Square Branch › Opening hours: 08:30-17:30 instead of no such branch."
    assert on_day(BANK, fewer, FRIDAY, without=["qingdu"]) == []
