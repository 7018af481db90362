"""Invented branch weeks to plan: staff of 8 to 20, sixteen of twenty with leave or a wish in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import msgspec

from openhall.kernel.text import Text
from openhall.network.hours import Hours
from openhall.network.model import Bank, Branch, Counter, Person, Post
from openhall.network.sample import sample_bank
from openhall.network.staffing import Leave, Wish
from openhall.staffing.asking import PlanRequest
from openhall.staffing.demand import Assumptions

FIRST = date(2026, 12, 7)
"""A Monday without a holiday in its week."""
SMALLEST, LARGEST = 8, 20
LOADS = (22.0, 34.0)
"""Visitors for each counter and day: from quiet to hardly to be coped with."""
SKILLS = (
    ("cash",),
    ("cash", "pension"),
    ("cash", "pension", "accounts"),
    ("accounts",),
    ("accounts", "cash"),
    ("accounts", "business"),
    ("business", "cash"),
)
ROOMS = (("cash", "pension"), ("cash", "accounts", "pension"), ("accounts", "business"), ("cash", "accounts"))


def invented_weeks(count: int, seed: int, *, seconds: float) -> Iterator[PlanRequest]:
    """So many branches with their requests; the same for the same seed. All sizes come alike often."""
    draws = Random(seed)  # noqa: S311 - a benchmark is meant to be repeatable
    sample = sample_bank()
    for number in range(count):
        size = SMALLEST + number % (LARGEST - SMALLEST + 1)
        bank = _bank(sample, f"b{number:03d}", size, draws)
        yield PlanRequest(
            bank=bank,
            network_version="bench",
            branch=bank.branches[0].id,
            first=FIRST,
            assumptions=Assumptions(visitors_per_counter_daily=draws.uniform(*LOADS)),
            seconds=seconds,
            seed=seed + number,
        )


def _bank(sample: Bank, branch_id: str, size: int, draws: Random) -> Bank:
    """The sample bank's rules, shifts and contracts around another branch."""
    guards, lobbies = 1 + size // 14, 1 + size // 12
    tellers = size - 1 - guards - lobbies
    people = [_person(branch_id, 0, ("manager", "authoriser"), (), draws, is_key_holder=True)]
    people += [_person(branch_id, 10 + n, ("guard",), (), draws) for n in range(guards)]
    people += [_person(branch_id, 20 + n, ("lobby",), (), draws, is_key_holder=True) for n in range(lobbies)]
    for n in range(tellers):
        posts: tuple[Post, ...] = ("teller", "lobby") if n % 3 == 0 else ("teller",)
        skills = SKILLS[1] if n == 0 else SKILLS[5] if n == 1 else draws.choice(SKILLS)
        people.append(_person(branch_id, 30 + n, posts, skills, draws, is_key_holder=n % 2 == 0))
    counters = tuple(
        Counter(f"C{n + 1}", n + 1, ROOMS[n % len(ROOMS)], is_elastic=n >= tellers - 2)
        for n in range(max(2, tellers))
    )
    opens = Hours(540, 1_020)
    saturday = Hours(570, 960)
    week = (opens,) * 5 + (saturday, saturday if size >= 14 else None)
    name = Text(en=f"Branch {branch_id}", zh=f"{branch_id}支行")
    branch = Branch(branch_id, name, name, "Asia/Shanghai", week, counters)
    return msgspec.structs.replace(
        sample,
        branches=(branch,),
        people=tuple(people),
        leaves=tuple(_leaves(people, draws)),
        wishes=tuple(_wishes(people, draws)),
        neighbours=(),
        pension_days=(),
        reopenings=(),
    )


def _person(
    branch_id: str,
    number: int,
    posts: tuple[Post, ...],
    skills: tuple[str, ...],
    draws: Random,
    *,
    is_key_holder: bool = False,
) -> Person:
    contract = "part" if posts == ("teller",) and draws.random() < 0.2 else "full"
    name = f"{branch_id}-{number}"
    return Person(name, name, branch_id, skills, posts, contract, is_key_holder)


def _leaves(people: list[Person], draws: Random) -> Iterator[Leave]:
    for person in people:
        if draws.random() < 0.08:
            first = FIRST + timedelta(days=draws.randrange(5))
            yield Leave(person.id, first, first + timedelta(days=draws.randrange(4)))


def _wishes(people: list[Person], draws: Random) -> Iterator[Wish]:
    for person in people:
        if draws.random() < 0.15:
            yield Wish(person.id, FIRST + timedelta(days=draws.randrange(7)), "off")
