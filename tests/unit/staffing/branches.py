"""A small branch for tests of planning, and a day of it that breaks no rule."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from openhall.kernel.text import Text
from openhall.network.hours import Hours
from openhall.network.model import Bank, Branch, Counter, Person
from openhall.network.sample import sample_bank
from openhall.network.staffing import Contract, LabourRules, Neighbour, Shift, StaffingPolicy
from openhall.staffing.asking import PlanRequest
from openhall.staffing.demand import Assumptions
from openhall.staffing.plan import DayPlan, Duty, Stint, WeekPlan

MONDAY = date(2026, 12, 7)
OPEN = Hours(540, 1_020)


def _text(words: str) -> Text:
    return Text(en=words, zh=words)


FULL = Shift("full", _text("Full"), Hours(510, 1_050), (Hours(690, 750), Hours(750, 810), Hours(780, 840)))
MORNING = Shift("morning", _text("Morning"), Hours(510, 750))
LATE = Shift("late", _text("Late"), Hours(720, 1_050))


def small_bank() -> Bank:
    """Two branches with two windows each; five people at the first, a lendable one at the second."""
    sample = sample_bank()
    counters = (Counter("C1", 1, ("cash", "pension")), Counter("C2", 2, ("cash", "accounts")))
    branches = tuple(
        Branch(name, _text(name), _text(name), "Asia/Shanghai", (OPEN,) * 6 + (None,), counters)
        for name in ("north", "south")
    )
    people = (
        Person("ann", "Ann", "north", (), ("lobby",), is_key_holder=True),
        Person("bob", "Bob", "north", ("cash", "pension"), ("teller", "lobby"), is_key_holder=True),
        Person("cat", "Cat", "north", ("cash", "accounts"), ("teller",), is_key_holder=True),
        Person("dan", "Dan", "north", ("accounts", "cash"), ("teller",)),
        Person("eve", "Eve", "north", ("cash", "pension"), ("teller",), "part"),
        Person("fay", "Fay", "south", ("cash", "accounts"), ("teller",), can_be_lent=True),
        Person("gus", "Gus", "south", ("cash",), ("teller",)),
    )
    return msgspec.structs.replace(
        sample,
        branches=branches,
        people=people,
        contracts=(
            Contract("full", _text("Full"), 2_400, overtime_minutes_weekly=120),
            Contract("part", _text("Part"), 1_200, shifts=("morning", "late")),
        ),
        shifts=(FULL, MORNING, LATE),
        labour=(LabourRules("law", _text("Law"), date(2000, 1, 1), minutes_without_break=330),),
        neighbours=(Neighbour("north", "south", 20, 30.0),),
        staffing=StaffingPolicy(),
        leaves=(),
        wishes=(),
        pension_days=(),
        reopenings=(),
    )


def request(bank: Bank | None = None, **changes: object) -> PlanRequest:
    """Three days of the first branch, by steps of work, so that nothing hangs on the clock."""
    bank = bank or small_bank()
    base = PlanRequest(
        bank=bank,
        network_version="0" * 12,
        branch="north",
        first=MONDAY,
        days=3,
        assumptions=Assumptions(visitors_per_counter_daily=40.0),
        work_limit=2,
        rounds_most=1,
    )
    return msgspec.structs.replace(base, **changes)


def full(person: str, *stints: Stint, meal: Hours = FULL.lunches[0]) -> Duty:
    """A full day, with its meal."""
    every = sorted(
        (*stints, Stint("break", meal.opens_minute, meal.closes_minute)), key=lambda s: s.from_minute
    )
    return Duty(person, "full", 510, 1_050, tuple(every))


def at_window(counter: str, meal: Hours) -> tuple[Stint, Stint]:
    """A whole day at one window, but for the meal."""
    return (
        Stint("window", 540, meal.opens_minute, counter),
        Stint("window", meal.closes_minute, 1_020, counter),
    )


def good_day(day: date = MONDAY) -> DayPlan:
    """Three people; short of a window and of the lobby at their meals, and nothing else."""
    first, second, third = FULL.lunches
    return DayPlan(
        day,
        is_open=True,
        from_minute=540,
        expected=(2.0,) * 32,
        needed=(2,) * 32,
        windows=(2,) * 32,
        duties=(
            full(
                "ann",
                Stint("lobby", 540, third.opens_minute),
                Stint("lobby", third.closes_minute, 1_020),
                meal=third,
            ),
            full("bob", *at_window("C1", first), meal=first),
            full("cat", *at_window("C2", second), meal=second),
        ),
    )


def good_week(days: int = 1) -> WeekPlan:
    """So many good days from Monday."""
    return WeekPlan(
        "north",
        MONDAY,
        tuple(good_day(MONDAY + timedelta(days=n)) for n in range(days)),
        "0" * 12,
        "optimal",
        0.0,
    )
