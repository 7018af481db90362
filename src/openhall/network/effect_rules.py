"""Rules that know what a difference between two banks means for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from openhall.kernel.words import Words
from openhall.network import schema
from openhall.network.comparing import Difference
from openhall.network.effect import ANY, WEEKDAYS, Both, Effect, each, together
from openhall.network.hours import Hours
from openhall.network.model import Bank, Branch, Person

EXCEPTIONS_LISTED: Final = 3
"""A holiday of more branches than that is one line."""
PEOPLE_LISTED: Final = 8


# --- who is before whom -------------------------------------------------------------------------------------


@each("classes", ANY, "head_start_minutes")
def head_start(both: Both, d: Difference) -> Iterator[Effect]:
    """By how much others can be overtaken."""
    words = Words(
        "The head start of {class_name} changes from {before} to {after} minutes: a customer without one"
        " can be overtaken by people of this class who come up to {after} minutes later.",
        class_name=both.name("classes", d.path[1]),
        before=d.before,
        after=d.after,
    )
    yield Effect("classes", words, is_warning=d.after > d.before)


@each("order", "kind")
def order_kind(both: Both, d: Difference) -> Iterator[Effect]:
    """Whether anything bounds a wait."""
    if d.after == "strict":
        words = Words(
            "Strict classes instead of head starts: nothing bounds the wait behind a class with a smaller"
            " rank any more."
        )
    else:
        words = Words(
            "Head starts instead of strict classes: nobody is overtaken by somebody who comes more than"
            " {minutes} minutes later.",
            minutes=max(c.head_start_minutes for c in both.after.classes),
        )
    yield Effect("order", words, is_warning=d.after == "strict")


# --- branches -----------------------------------------------------------------------------------------------


@each("branches", ANY)
def branch_itself(both: Both, d: Difference) -> Iterator[Effect]:
    """A branch comes or goes."""
    if d.is_added:
        words = Words(
            "{branch} is a new branch with {windows} windows and {people} people.",
            branch=d.after.name,
            windows=len(d.after.counters),
            people=sum(p.branch == d.after.id for p in both.after.people),
        )
    else:
        words = Words("{branch} is no branch any more: its days are not opened.", branch=d.before.name)
    yield Effect("branches", words, (d.path[1],), is_warning=d.is_removed)


@each("branches", ANY, "counters", ANY)
def window_itself(both: Both, d: Difference) -> Iterator[Effect]:
    """A window comes or goes."""
    counter, branch = d.after or d.before, d.path[1]
    blanks = {
        "branch": both.name("branches", branch),
        "number": counter.number,
        "services": both.words("services", counter.services),
    }
    if d.is_added:
        words = Words("{branch}: window {number} is new; it serves {services}.", **blanks)
    else:
        words = Words("{branch}: window {number} is gone; it served {services}.", **blanks)
    yield Effect("branches", words, (branch,), is_warning=d.is_removed)


@each("branches", ANY, "counters", ANY, "services")
def window_services(both: Both, d: Difference) -> Iterator[Effect]:
    """What a window serves more, and less."""
    branch, blanks = d.path[1], _window(both, d)
    more = both.words("services", [each for each in d.after if each not in d.before])
    less = both.words("services", [each for each in d.before if each not in d.after])
    if more:
        words = Words("{branch}: window {number} also serves {services}.", **blanks, services=more)
        yield Effect("branches", words, (branch,))
    if less:
        words = Words("{branch}: window {number} no longer serves {services}.", **blanks, services=less)
        yield Effect("branches", words, (branch,), is_warning=True)
    if not more and not less:
        words = Words("{branch}: window {number} has its services in another order.", **blanks)
        yield Effect("branches", words, (branch,))


@each("branches", ANY, "counters", ANY, "classes")
def window_classes(both: Both, d: Difference) -> Iterator[Effect]:
    """Whom a window calls; no classes are all of them."""
    branch, blanks = d.path[1], _window(both, d)
    if not d.after:
        words = Words("{branch}: window {number} calls every class.", **blanks)
        yield Effect("branches", words, (branch,))
        return
    only = both.words("classes", d.after)
    words = Words("{branch}: window {number} calls only {classes}.", **blanks, classes=only)
    is_less = not d.before or not set(d.before) <= set(d.after)
    yield Effect("branches", words, (branch,), is_warning=is_less)


def _window(both: Both, d: Difference) -> dict[str, Any]:
    """The window at a path, by branch and number."""
    branch = both.after.branch(d.path[1])
    counters = branch.counters if branch else ()
    number = next((c.number for c in counters if c.id == d.path[3]), d.path[3])
    return {"branch": both.name("branches", d.path[1]), "number": number}


@each("branches", ANY, "week")
def opening_hours(both: Both, d: Difference) -> Iterator[Effect]:
    """Hours, weekdays with the same change in one sentence."""
    alike: dict[tuple[Hours | None, Hours | None], list[Words]] = defaultdict(list)
    for day, was, now in zip(WEEKDAYS, d.before, d.after, strict=True):
        if was != now:
            alike[was, now].append(day)
    for (was, now), days in alike.items():
        words = Words(
            "{branch}, {days}: {after} instead of {before}.",
            branch=both.name("branches", d.path[1]),
            days=tuple(days),
            before=hours_words(was),
            after=hours_words(now),
        )
        is_less = now is None or (was is not None and now.minutes < was.minutes)
        yield Effect("branches", words, (d.path[1],), is_less)


def hours_words(hours: Hours | None) -> str:
    """Hours as they are written, or that it is closed."""
    return schema.hours_written(hours) if hours else Words("closed")


@together("branches", ANY, "exceptions", ANY)
def exceptional_days(both: Both, found: list[Difference]) -> Iterator[Effect]:
    """Days that differ; the same one of several branches once."""
    alike: dict[tuple[object, ...], list[Difference]] = defaultdict(list)
    for d in found:
        item = d.after or d.before
        alike[item.date, str(hours_words(item.hours)), item.reason, d.is_removed].append(d)
    for same in alike.values():
        item, is_removed = same[0].after or same[0].before, same[0].is_removed
        branches = tuple(d.path[1] for d in same)
        where = both.words("branches", branches)
        if len(same) > EXCEPTIONS_LISTED:
            where = (Words("{count} branches", count=len(same)),)
        day = item.date.isoformat()
        blanks = {"branches": where, "day": day, "hours": hours_words(item.hours), "reason": item.reason}
        if is_removed:
            words = Words("{branches}, {day}: no exception any more ({reason}).", **blanks)
        else:
            words = Words("{branches}, {day}: {hours} ({reason}).", **blanks)
        yield Effect("branches", words, branches, is_warning=not is_removed and not item.hours)


# --- people -------------------------------------------------------------------------------------------------


@together("people", ANY)
def staff(both: Both, found: list[Difference]) -> Iterator[Effect]:
    """Who comes and who goes, by branch."""
    groups: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for d in found:
        groups[(d.after or d.before).branch, d.is_added].append(d.path[1])
    for (branch, is_added), who in groups.items():
        blanks = {
            "branch": both.name("branches", branch),
            "people": both.words("people", who, PEOPLE_LISTED),
        }
        if is_added:
            words = Words("{branch}: new on the staff: {people}.", **blanks)
        else:
            words = Words("{branch}: no longer on the staff: {people}.", **blanks)
        yield Effect("people", words, (branch,), is_warning=not is_added)


@together("people", ANY, "skills")
def skills(both: Both, found: list[Difference]) -> Iterator[Effect]:
    """Who is trained for more, and for less, by branch and service."""
    branch_of = {p.id: p.branch for p in both.after.people}
    groups: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for d in found:
        for skill in (*d.after, *d.before):
            if (skill in d.after) != (skill in d.before):
                groups[branch_of[d.path[1]], skill, skill in d.after].append(d.path[1])
    for (branch, skill, is_more), who in groups.items():
        blanks = {
            "branch": both.name("branches", branch),
            "skill": both.name("services", skill),
            "people": both.words("people", who, PEOPLE_LISTED),
        }
        if is_more:
            words = Words("{branch}: now also trained for {skill}: {people}.", **blanks)
        else:
            words = Words("{branch}: no longer trained for {skill}: {people}.", **blanks)
        yield Effect("people", words, (branch,), is_warning=not is_more)


def windows_staffed(both: Both, found: list[Difference]) -> Iterator[Effect]:
    """How many windows the people of a branch could open at once, where people or windows changed."""
    touched = {d.path[1] for d in found if d.key == "branches" and "counters" in d.path}
    people = {d.path[1] for d in found if d.key == "people"}
    touched |= {p.branch for bank in (both.before, both.after) for p in bank.people if p.id in people}
    for branch_id in sorted(touched):
        old, new = both.before.branch(branch_id), both.after.branch(branch_id)
        if old is None or new is None:
            continue
        was, now = staffable(both.before, old), staffable(both.after, new)
        if now != was:
            words = Words(
                "{branch}: {after} of {windows} windows can be staffed at once with everybody there; before"
                " it was {before} of {windows_before}.",
                branch=new.name,
                after=now,
                windows=len(new.counters),
                before=was,
                windows_before=len(old.counters),
            )
            yield Effect("people", words, (branch_id,), is_warning=now < was)


def staffable(bank: Bank, branch: Branch) -> int:
    """The most windows that the branch's tellers could open at one time, each with a skill for theirs.

    A largest matching of windows and tellers, by augmenting paths.
    """
    tellers = {p.id: p for p in bank.people if p.branch == branch.id and "teller" in p.posts}
    seat: dict[str, str] = {}

    def place(person: Person, tried: set[str]) -> bool:
        for counter in branch.counters:
            if counter.id in tried or set(counter.services).isdisjoint(person.skills):
                continue
            tried.add(counter.id)
            sitting = seat.get(counter.id)
            if sitting is None or place(tellers[sitting], tried):
                seat[counter.id] = person.id
                return True
        return False

    return sum(place(person, set()) for person in tellers.values())


# --- regimes, policies --------------------------------------------------------------------------------------


@each("regimes", ANY, "entry", "is_check_required")
def check_at_the_door(both: Both, d: Difference) -> Iterator[Effect]:
    """Whether a ticket needs a check."""
    regime = both.name("regimes", d.path[1])
    if d.after:
        words = Words("{regime}: nobody gets a ticket without a check at the door.", regime=regime)
    else:
        words = Words("{regime}: tickets need no check at the door.", regime=regime)
    yield Effect("regimes", words, is_warning=bool(d.after))


@each("regimes", ANY, "capacity", "tickets_daily")
def tickets_of_a_regime(both: Both, d: Difference) -> Iterator[Effect]:
    """The limit of a day where a branch has none of its own."""
    yield Effect("regimes", _tickets(both.name("regimes", d.path[1]), d), is_warning=_is_less(d))


@each("branches", ANY, "tickets_daily")
def tickets_of_a_branch(both: Both, d: Difference) -> Iterator[Effect]:
    """A branch's own limit of a day."""
    yield Effect("branches", _tickets(both.name("branches", d.path[1]), d), (d.path[1],), _is_less(d))


def _tickets(what: Any, d: Difference) -> Words:
    if d.after is None:
        return Words(
            "{what}: no limit of tickets a day of its own; it was {before}.", what=what, before=d.before
        )
    if d.before is None:
        return Words("{what}: at most {after} tickets a day; there was no limit.", what=what, after=d.after)
    return Words(
        "{what}: at most {after} tickets a day instead of {before}.",
        what=what,
        after=d.after,
        before=d.before,
    )


def _is_less(d: Difference) -> bool:
    return d.after is not None and (d.before is None or d.after < d.before)


@each("periods", ANY)
def period(both: Both, d: Difference) -> Iterator[Effect]:
    """From when to when a regime holds, and where."""
    item = d.after or d.before
    blanks = {
        "regime": both.name("regimes", item.regime),
        "first": item.first.isoformat(),
        "last": item.last.isoformat(),
        "where": both.words("branches", item.branches) if item.branches else Words("the whole bank"),
    }
    if d.is_added:
        words = Words("{first} to {last}: {regime} ({where}).", **blanks)
    else:
        words = Words("{first} to {last}: no longer {regime} ({where}).", **blanks)
    yield Effect("periods", words, item.branches)


@each("services", ANY, "letter")
def letter(both: Both, d: Difference) -> Iterator[Effect]:
    """What ticket numbers begin with."""
    words = Words(
        "Ticket numbers of {service} begin with {after} instead of {before}.",
        service=both.name("services", d.path[1]),
        after=d.after,
        before=d.before,
    )
    yield Effect("services", words)


@each("privacy", "keep_days")
def keep_days(_: Both, d: Difference) -> Iterator[Effect]:
    """How long personal data is kept."""
    words = Words(
        "Personal data that comes from now on is kept {after} days instead of {before}; what is there"
        " keeps its date.",
        after=d.after,
        before=d.before,
    )
    yield Effect("privacy", words, is_warning=d.after > d.before)
