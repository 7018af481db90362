"""What must hold between people, contracts, shifts, labour rules, leave and neighbours.

`checks` runs these with its own; nothing is concluded from a part that has a mistake already.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, Any

from openhall.kernel.words import Words
from openhall.network.hours import Hours
from openhall.network.mistakes import Findings
from openhall.network.reading import Node

if TYPE_CHECKING:
    from openhall.network.checks import Draft


def hours_words(hours: Hours) -> str:
    """Hours as they are written in a file."""
    parts = (hours.opens_minute, hours.closes_minute)
    return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in parts)


def check_shifts(draft: Draft, findings: Findings) -> None:
    """A break lies inside its shift and in one part of it; all meal breaks of a shift are equally long."""
    for shift in draft.list("shifts"):
        if not shift.is_sound:
            continue
        hours: Hours = shift.get("hours")
        gap: Hours | None = shift.get("gap")
        lunches: tuple[Hours, ...] = shift.get("lunches")
        for index, lunch in enumerate(lunches):
            place = shift.place.key("lunches").item(index)
            inside = hours.opens_minute < lunch.opens_minute and lunch.closes_minute < hours.closes_minute
            beside = gap is None or lunch.closes_minute < gap.opens_minute
            beside = beside or (gap is not None and gap.closes_minute < lunch.opens_minute)
            if not inside or not beside or lunch.minutes != lunches[0].minutes:
                expected = Words(
                    "a break inside {hours}, outside the gap, as long as the first", hours=hours_words(hours)
                )
                findings.add("wrong_order", place, expected=expected, found=hours_words(lunch))
                shift.is_sound = False
        if gap and not (hours.opens_minute < gap.opens_minute and gap.closes_minute < hours.closes_minute):
            expected = Words("a gap inside {hours}", hours=hours_words(hours))
            findings.add("wrong_order", shift.place.key("gap"), expected=expected, found=hours_words(gap))
            shift.is_sound = False


def check_labour(draft: Draft, findings: Findings) -> None:
    """Rules that somebody could keep: a shift fits into a day, a contract into a week."""
    packs = [p for p in draft.list("labour") if p.is_sound]
    for one, other in combinations(packs, 2):
        if one.get("first") == other.get("first"):
            found = Words("{value}, also at {place}", value=str(other.get("first")), place=str(one.place))
            findings.add(
                "duplicate", other.place.key("first"), expected="one rule pack from a date on", found=found
            )
    for pack in packs:
        _check_possible(pack, draft, findings)


def _check_possible(pack: Node, draft: Draft, findings: Findings) -> None:
    daily = pack.get("minutes_daily") + pack.get("overtime_minutes_daily")
    if pack.get("rest_minutes") + pack.get("minutes_daily") > 1_440:
        expected = Words(
            "at most {count}, so that a day's work and its rest fit a day",
            count=1_440 - pack.get("minutes_daily"),
        )
        place = pack.place.key("rest_minutes")
        findings.add("out_of_range", place, expected=expected, found=str(pack.get("rest_minutes")))
    for shift in draft.list("shifts"):
        if shift.is_sound and (paid := _paid(shift)) > daily:
            expected = Words(
                "at most {count} paid minutes (labour rules {pack!r})", count=daily, pack=pack.text("id")
            )
            findings.add("out_of_range", shift.place.key("hours"), expected=expected, found=str(paid))
    for contract in draft.list("contracts"):
        most = pack.get("minutes_weekly")
        if contract.is_sound and contract.get("minutes_weekly") > most:
            expected = Words("at most {count} (labour rules {pack!r})", count=most, pack=pack.text("id"))
            place = contract.place.key("minutes_weekly")
            findings.add("out_of_range", place, expected=expected, found=str(contract.get("minutes_weekly")))


def _paid(shift: Node) -> int:
    hours: Hours = shift.get("hours")
    lunches, gap = shift.get("lunches"), shift.get("gap")
    return int(hours.minutes - (lunches[0].minutes if lunches else 0) - (gap.minutes if gap else 0))


def check_staffing_references(draft: Draft, findings: Findings) -> None:
    """Whoever and whatever is named exists."""
    from openhall.network.checks import Names

    branches = Names.of(draft.list("branches"), "id")
    people = Names.of(draft.list("people"), "id")
    contracts = Names.of(draft.list("contracts"), "id")
    shifts = Names.of(draft.list("shifts"), "id")
    classes = Names.of(draft.list("classes"), "code")

    def one(names: Names, node: Node, key: str, what: Words) -> None:
        if (word := node.text(key)) is not None and word:
            names.check(word, node, node.place.key(key), what, findings)

    for person in draft.list("people"):
        one(contracts, person, "contract", Words("a contract"))
    for contract in draft.list("contracts"):
        shifts.check_list(contract, "shifts", Words("a shift"), findings)
    for key in ("shifts", "pension_days", "reopenings"):
        for node in draft.list(key):
            branches.check_list(node, "branches", Words("a branch"), findings)
    for leave in draft.list("leaves"):
        one(people, leave, "person", Words("a person"))
    for wish in draft.list("wishes"):
        one(people, wish, "person", Words("a person"))
        one(shifts, wish, "shift", Words("a shift"))
    for link in draft.list("neighbours"):
        one(branches, link, "branch", Words("a branch"))
        one(branches, link, "other", Words("a branch"))
    policy = draft.single.get("staffing")
    for target in policy.nodes("targets") if isinstance(policy, Node) else ():
        one(classes, target, "class_code", Words("a class"))


def check_dates(draft: Draft, findings: Findings) -> None:
    """Leave ends after it begins and does not overlap; a wish is said once; neighbours are two."""
    by_person: dict[Any, list[Node]] = defaultdict(list)
    for leave in draft.list("leaves"):
        if leave.is_sound and leave.get("first") > leave.get("last"):
            expected = Words("a date from {first} on", first=str(leave.get("first")))
            place = leave.place.key("last")
            findings.add("wrong_order", place, expected=expected, found=str(leave.get("last")))
        elif leave.is_sound:
            by_person[leave.text("person")].append(leave)
    for leaves in by_person.values():
        for early, late in combinations(leaves, 2):
            if early.get("first") <= late.get("last") and late.get("first") <= early.get("last"):
                findings.add(
                    "overlap",
                    late.place,
                    expected="one leave at a time",
                    found=Words("days also in {place}", place=str(early.place)),
                )
    for wish in draft.list("wishes"):
        if wish.is_sound and (wish.get("wants") == "shift") != bool(wish.get("shift")):
            expected = Words("a shift with wants = 'shift', and only then")
            found = wish.get("shift") or Words("none")
            findings.add("missing", wish.place.key("shift"), expected=expected, found=found)
    for link in draft.list("neighbours"):
        if link.is_sound and link.text("branch") == link.text("other"):
            expected = Words("another branch")
            findings.add(
                "duplicate", link.place.key("other"), expected=expected, found=link.text("other") or ""
            )


def check_policy(draft: Draft, findings: Findings) -> None:
    """An interval that divides an hour."""
    policy = draft.single.get("staffing")
    if not isinstance(policy, Node) or not policy.is_sound:
        return
    if 60 % policy.get("interval_minutes"):
        place = policy.place.key("interval_minutes")
        expected = Words("a part of an hour: 5, 10, 15, 20, 30 or 60")
        findings.add("out_of_range", place, expected=expected, found=str(policy.get("interval_minutes")))


RULES = (check_staffing_references, check_shifts, check_labour, check_dates, check_policy)
