"""What must hold across the bank: ids, references, people for every counter, periods that do not collide.

Nothing is concluded from a part that already has a mistake of its own, so that one slip is one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from openhall.kernel.words import Words
from openhall.network import model as m
from openhall.network.alert_checks import RULES as ALERT_RULES
from openhall.network.mistakes import Findings, Place, nearest, one_of, shown
from openhall.network.reading import Node
from openhall.network.staffing_checks import RULES as STAFFING_RULES

OUTSIDE_LISTS: Final[dict[str, type[msgspec.Struct]]] = {"counters": m.Counter, "exceptions": m.DayException}
"""Lists that belong to branches but may stand outside them."""

NEEDED_LISTS: Final = ("branches", "services", "classes", "people", "regimes")


@dataclass
class Draft:
    """What could be read of a bank, before it is known to hold together."""

    single: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, list[Node]] = field(default_factory=dict)

    def list(self, key: str) -> list[Node]:
        """The tables of a list."""
        return self.lists.get(key, [])


def check(draft: Draft, findings: Findings) -> None:
    """Join the lists that stand outside their branch, then run every check."""
    for key in NEEDED_LISTS:
        if key in draft.lists and not draft.list(key) and not findings.has(key):
            findings.add(
                "missing",
                Place("bank.toml", key),
                expected=Words("at least one of {key}", key=key),
                found="none",
            )
    _join(draft, findings)
    for rule in RULES:
        rule(draft, findings)


def _join(draft: Draft, findings: Findings) -> None:
    """Hang the rows that stand outside on the branch that they name."""
    known = Names.of(draft.list("branches"), "id")
    branches = {branch.text("id"): branch for branch in draft.list("branches")}
    everywhere: list[Node] = []
    for key, type_ in OUTSIDE_LISTS.items():
        for row in draft.lists.pop(key, []):
            inner = Node(
                type_, row.place, {k: v for k, v in row.values.items() if k != "branch"}, row.is_sound
            )
            branch_id = row.text("branch")
            if branch_id in branches:
                _hang(inner, key, branches[branch_id])
            elif branch_id is not None:
                known.check(branch_id, row, row.place.key("branch"), Words("a branch"), findings)
            elif key == "exceptions" and row.is_sound:
                everywhere.append(inner)
    _unique(everywhere, "date", Words("each exceptional date of the whole bank"), findings)
    for branch in draft.list("branches"):
        own = {exception.get("date") for exception in branch.nodes("exceptions")}
        for exception in everywhere:
            # What a branch says of its own day is more specific.
            if exception.is_sound and exception.get("date") not in own:
                _hang(exception, "exceptions", branch)


def _hang(node: Node, key: str, branch: Node) -> None:
    branch.values[key] = (*branch.values.get(key, ()), node)
    branch.is_sound = branch.is_sound and node.is_sound


@dataclass
class Names:
    """The ids that may be referred to. After an unreadable id nothing is called unknown."""

    words: set[str]
    is_complete: bool

    @classmethod
    def of(cls, nodes: Iterable[Node], key: str) -> Names:
        """The ids of a list of tables."""
        ids = [node.text(key) for node in nodes]
        return cls({i for i in ids if i is not None}, bool(ids) and None not in ids)

    def check(self, word: str, node: Node, place: Place, what: Words, findings: Findings) -> None:
        """Note a reference to something that does not exist."""
        if word in self.words or not self.is_complete:
            return
        node.is_sound = False
        findings.add(
            "unknown_reference",
            place,
            expected=Words("{what}: {choices}", what=what, choices=one_of(sorted(self.words))),
            found=shown(word),
            suggestion=nearest(word, self.words),
        )

    def check_list(self, node: Node, key: str, what: Words, findings: Findings) -> None:
        """The same for each word of a list."""
        for index, word in enumerate(node.texts(key)):
            self.check(word, node, node.place.key(key).item(index), what, findings)


def _unique(nodes: Iterable[Node], key: str, what: Words, findings: Findings) -> None:
    seen: dict[object, Place] = {}
    for node in nodes:
        value = node.values.get(key)
        if value is None:
            continue
        if value in seen:
            findings.add(
                "duplicate",
                node.place.key(key),
                expected=Words("{what} once", what=what),
                found=Words("{value}, also at {place}", value=shown(value), place=str(seen[value])),
            )
            node.is_sound = False
        else:
            seen[value] = node.place


def _needs(draft: Draft) -> list[Node]:
    return [need for service in draft.list("services") for need in service.nodes("needs")]


def _check_unique(draft: Draft, findings: Findings) -> None:
    for key, name in (
        ("branches", "id"),
        ("services", "id"),
        ("services", "letter"),
        ("classes", "code"),
        ("people", "id"),
        ("regimes", "id"),
        ("triage", "id"),
        ("lessons", "code"),
        ("guides", "id"),
        ("contracts", "id"),
        ("shifts", "id"),
        ("labour", "id"),
    ):
        _unique(draft.list(key), name, Words("each {name} of {key}", name=name, key=key), findings)
    _unique(_needs(draft), "code", Words("each need code of the whole bank"), findings)
    for branch in draft.list("branches"):
        _unique(branch.nodes("counters"), "id", Words("each counter id of a branch"), findings)
        _unique(branch.nodes("counters"), "number", Words("each counter number of a branch"), findings)
        _unique(branch.nodes("exceptions"), "date", Words("each exceptional date of a branch"), findings)


def _check_references(draft: Draft, findings: Findings) -> None:
    branches = Names.of(draft.list("branches"), "id")
    services = Names.of(draft.list("services"), "id")
    classes = Names.of(draft.list("classes"), "code")
    regimes = Names.of(draft.list("regimes"), "id")
    needs = Names.of(_needs(draft), "code")
    for branch in draft.list("branches"):
        for counter in branch.nodes("counters"):
            services.check_list(counter, "services", Words("a service"), findings)
            classes.check_list(counter, "classes", Words("a class"), findings)
            branch.is_sound = branch.is_sound and counter.is_sound
    for person in draft.list("people"):
        services.check_list(person, "skills", Words("a service"), findings)
        if (at := person.text("branch")) is not None:
            branches.check(at, person, person.place.key("branch"), Words("a branch"), findings)
    booked = draft.single.get("appointments")
    if isinstance(booked, Node):
        services.check_list(booked, "services", Words("a service"), findings)
    for rule in draft.list("triage"):
        needs.check_list(rule, "needs", Words("a need of a service"), findings)
    lessons = Names.of(draft.list("lessons"), "code")
    for guide in draft.list("guides"):
        needs.check_list(guide, "needs", Words("a need of a service"), findings)
        if (lesson := guide.text("lesson")) is not None:
            lessons.check(lesson, guide, guide.place.key("lesson"), Words("a lesson"), findings)
    for period in draft.list("periods"):
        branches.check_list(period, "branches", Words("a branch"), findings)
        if (regime := period.text("regime")) is not None:
            regimes.check(regime, period, period.place.key("regime"), Words("a regime"), findings)


def _check_filled(draft: Draft, findings: Findings) -> None:
    """Lists that mean nothing when they are empty."""
    for node, key, expected in _lists_that_need_one(draft):
        if node.is_sound and node.values.get(key) == ():
            node.is_sound = False
            findings.add("empty", node.place.key(key), expected=expected, found="an empty list")


def _lists_that_need_one(draft: Draft) -> Iterator[tuple[Node, str, str]]:
    for service in draft.list("services"):
        yield service, "needs", Words("at least one need")
    for rule in draft.list("triage"):
        yield rule, "needs", Words("at least one need")
    for guide in draft.list("guides"):
        yield guide, "steps", Words("at least one step")
    for person in draft.list("people"):
        yield person, "posts", Words("at least one post")
    for branch in draft.list("branches"):
        for counter in branch.nodes("counters"):
            yield counter, "services", Words("at least one service")


def _check_practice(draft: Draft, findings: Findings) -> None:
    """Something to choose from needs a right choice and a wrong one, and nothing else needs choices."""
    for step in (step for guide in draft.list("guides") for step in guide.nodes("steps")):
        if not step.is_sound:
            continue
        rights = [choice.get("is_right") for choice in step.nodes("choices")]
        is_chosen_from = step.get("practice") == "choice"
        if is_chosen_from != bool(rights) or (is_chosen_from and len(set(rights)) < 2):
            findings.add(
                "guide_practice",
                step.place.key("choices"),
                expected=Words("a right and a wrong choice where practice is 'choice', and none elsewhere"),
                found=shown(len(rights)),
            )
            step.is_sound = False


def _check_classes(draft: Draft, findings: Findings) -> None:
    """The first class is the ordinary one: everybody is in it without asking."""
    if not draft.list("classes"):
        return
    first = draft.list("classes")[0]
    if first.values.get("head_start_minutes", 0) != 0:
        findings.add(
            "first_class",
            first.place.key("head_start_minutes"),
            expected="0 for the first class, the ordinary one",
            found=shown(first.values["head_start_minutes"]),
        )
    if first.values.get("needs_confirmation"):
        findings.add(
            "first_class",
            first.place.key("needs_confirmation"),
            expected="false for the first class, the ordinary one",
            found="true",
        )


def _check_branches(draft: Draft, findings: Findings) -> None:
    for branch in draft.list("branches"):
        zone = branch.text("timezone")
        if zone is not None and not _is_zone(zone):
            findings.add(
                "unknown_timezone",
                branch.place.key("timezone"),
                expected="a time zone of the IANA database, such as Asia/Shanghai",
                found=shown(zone),
                suggestion=nearest(zone, available_timezones()),
            )
        week = branch.values.get("week")
        if week is not None and not any(week):
            findings.add("empty", branch.place.key("week"), expected="at least one open day", found="none")
        if branch.is_sound and not branch.nodes("counters"):
            branch.is_sound = False
            findings.add(
                "no_counter",
                branch.place,
                expected=Words(
                    "at least one counter of branch {branch!r}, here or in counters.csv",
                    branch=branch.text("id"),
                ),
                found="none",
            )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # Unknown; a folder of zones; a path that leads elsewhere.
        return False
    return True


def _check_counters_suffice(draft: Draft, findings: Findings) -> None:
    """A ticket that no counter may call would wait for ever."""
    branches = draft.list("branches")
    if not branches or not all(branch.is_sound for branch in branches):
        return
    for service in draft.list("services"):
        service_id = service.text("id")
        if service_id is None:
            continue
        served = [_classes_served(branch, service_id, draft, findings) for branch in branches]
        if not any(served):
            expected = Words("a counter for {service!r} in some branch", service=service_id)
            findings.add("no_counter", service.place, expected=expected, found="none")


def _classes_served(branch: Node, service_id: str, draft: Draft, findings: Findings) -> bool:
    """Does the branch offer the service? If so, each class needs a counter for it."""
    counters = [c for c in branch.nodes("counters") if service_id in c.texts("services")]
    is_for_all = any(not c.texts("classes") for c in counters)
    if counters and not is_for_all:
        served = {code for c in counters for code in c.texts("classes")}
        for code in (c.text("code") for c in draft.list("classes")):
            if code is not None and code not in served:
                expected = Words(
                    "a counter of branch {branch!r} that serves {service!r} to class {code!r}",
                    branch=branch.text("id"),
                    service=service_id,
                    code=code,
                )
                findings.add("no_counter", branch.place, expected=expected, found="none")
    return bool(counters)


def _check_staff(draft: Draft, findings: Findings) -> None:
    known = {branch.text("id") for branch in draft.list("branches")}
    doubtful = {p.text("branch") for p in draft.list("people") if not p.is_sound}
    if doubtful - known or not draft.list("people"):
        return  # Somebody's branch is not known, so nobody can be said to be missing.
    for branch in draft.list("branches"):
        if branch.is_sound and branch.text("id") not in doubtful:
            _check_staff_of(branch, draft, findings)


def _check_staff_of(branch: Node, draft: Draft, findings: Findings) -> None:
    branch_id = branch.text("id")
    people = [p for p in draft.list("people") if p.text("branch") == branch_id]
    skilled = {skill for p in people if "teller" in p.texts("posts") for skill in p.texts("skills")}
    offered = {service for c in branch.nodes("counters") for service in c.texts("services")}
    for service in sorted(offered - skilled):
        findings.add(
            "no_teller",
            branch.place,
            expected=Words(
                "a teller of branch {branch!r} with the skill {service!r}", branch=branch_id, service=service
            ),
            found="none",
        )
    if not any("lobby" in p.texts("posts") for p in people):
        findings.add(
            "no_lobby_manager",
            branch.place,
            expected=Words("somebody of branch {branch!r} with the post 'lobby'", branch=branch_id),
            found="none",
        )


def _check_people(draft: Draft, findings: Findings) -> None:
    for person in draft.list("people"):
        if person.is_sound and "teller" in person.texts("posts") and not person.texts("skills"):
            person.is_sound = False
            findings.add("empty", person.place.key("skills"), expected="a skill for a teller", found="none")


def _check_periods(draft: Draft, findings: Findings) -> None:
    """No two regimes at once. Periods of named branches may lie inside one of the whole bank."""
    for period in draft.list("periods"):
        first, last = period.get("first"), period.get("last")
        if first and last and first > last:
            period.is_sound = False
            findings.add(
                "wrong_order",
                period.place.key("last"),
                expected=Words("a date from {first} on", first=str(first)),
                found=str(last),
            )
    sound = [p for p in draft.list("periods") if p.is_sound]
    for one, other in combinations(sound, 2):
        shared = set(one.texts("branches")) & set(other.texts("branches"))
        is_same_level = bool(shared) or not (one.texts("branches") or other.texts("branches"))
        if is_same_level and one.get("first") <= other.get("last") and other.get("first") <= one.get("last"):
            findings.add(
                "overlap",
                other.place,
                expected=Words("one regime at a time for {branches}", branches=", ".join(sorted(shared)))
                if shared
                else Words("one regime at a time"),
                found=Words("days that also belong to {place}", place=str(one.place)),
            )


def _check_policies(draft: Draft, findings: Findings) -> None:
    call = draft.single.get("call")
    if (
        isinstance(call, Node)
        and call.is_sound
        and call.get("grace_seconds_flagged") < call.get("grace_seconds")
    ):
        findings.add(
            "wrong_order",
            call.place.key("grace_seconds_flagged"),
            expected=Words("at least grace_seconds ({seconds})", seconds=call.get("grace_seconds")),
            found=str(call.get("grace_seconds_flagged")),
        )
    booked = draft.single.get("appointments")
    if isinstance(booked, Node) and booked.is_sound:
        from_hour, until_hour = booked.get("reminders_from_hour"), booked.get("reminders_until_hour")
        if until_hour <= from_hour:
            findings.add(
                "wrong_order",
                booked.place.key("reminders_until_hour"),
                expected=Words("later than reminders_from_hour ({hour})", hour=from_hour),
                found=str(until_hour),
            )


def _check_consents(draft: Draft, findings: Findings) -> None:
    """One wording a kind: which of two was shown, nobody could say."""
    privacy = draft.single.get("privacy")
    if isinstance(privacy, Node):
        _unique(privacy.nodes("consents"), "kind", Words("one wording of a kind"), findings)


RULES: Final[tuple[Callable[[Draft, Findings], None], ...]] = (
    _check_filled,
    _check_unique,
    _check_references,
    _check_classes,
    _check_practice,
    _check_branches,
    _check_counters_suffice,
    _check_people,
    _check_staff,
    _check_periods,
    _check_policies,
    _check_consents,
    *STAFFING_RULES,
    *ALERT_RULES,
)
