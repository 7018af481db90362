"""What a change of the configuration does, in the words of the hall: rules that compare two banks.

Every difference is said: by a rule that knows what it means for people, else as a value that is another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from openhall.kernel.text import Text
from openhall.kernel.words import Words
from openhall.network import schema
from openhall.network.comparing import ORDER, WHOLE, Difference, differences, named
from openhall.network.hours import Hours
from openhall.network.labels import label, name_of, names_in, value_words
from openhall.network.model import Bank, Branch, Counter, Person

Counts = Literal["at_once", "next_day"]

OF_THE_DAY: Final = frozenset(
    {
        "appointments", "auto_call", "branches", "call", "classes", "hold", "lessons", "order",
        "pause_reasons", "people", "periods", "regimes", "ring", "services", "triage", "waits",
    }
)  # fmt: skip
"""Keys that a day's rules are made of: a day that is open keeps them, the next one has the new ones."""

WEEKDAYS: Final = (
    Words("Monday"),
    Words("Tuesday"),
    Words("Wednesday"),
    Words("Thursday"),
    Words("Friday"),
    Words("Saturday"),
    Words("Sunday"),
)
EXCEPTIONS_LISTED: Final = 3
"""A holiday of more branches than that is one line."""
PEOPLE_LISTED: Final = 8


class Effect(msgspec.Struct, frozen=True):
    """One thing that a change does.

    Parameters
    ----------
    key : of the bank, under which it is changed.
    branches : where; empty is the whole bank.
    is_warning : it takes something from customers or colleagues, or takes a bound away.
    """

    key: str
    words: Words
    branches: tuple[str, ...] = ()
    is_warning: bool = False

    @property
    def counts(self) -> Counts:
        """From when on."""
        return "next_day" if self.key in OF_THE_DAY else "at_once"


class _Both(msgspec.Struct, frozen=True):
    """The two banks, with their names for ids; a removed thing keeps its old name."""

    before: Bank
    after: Bank
    names: dict[str, dict[str, Any]]

    def words(self, refers: str, ids: Sequence[str]) -> tuple[Any, ...]:
        """Names of ids."""
        return tuple(self.names[refers].get(each, each) for each in ids)


Rule = Callable[[_Both, list[Difference]], Iterator[tuple[Difference | None, Effect]]]


def effects(before: Bank, after: Bank) -> list[Effect]:
    """Everything that the change does: what it takes away first, then in the order of the model."""
    both = _Both(before, after, _names(before, after))
    found = differences(before, after)
    said: set[int] = set()
    result: list[Effect] = []
    for rule in RULES:
        for difference, effect in rule(both, found):
            if difference is not None:
                said.add(id(difference))
            result.append(effect)
    result += [_plain(both, each) for each in found if id(each) not in said]
    order = {key: index for index, key in enumerate(Bank.__struct_fields__)}
    return sorted(_once(result), key=lambda e: (not e.is_warning, order.get(e.key, 0), e.branches))


def _once(found: list[Effect]) -> list[Effect]:
    """A holiday of the whole bank is a difference in each branch, and one effect."""
    seen: dict[tuple[str, str, tuple[str, ...]], Effect] = {}
    for each in found:
        seen.setdefault((each.key, str(each.words), each.branches), each)
    return list(seen.values())


def _names(before: Bank, after: Bank) -> dict[str, dict[str, Any]]:
    old, new = names_in(before), names_in(after)
    return {key: {**old[key], **new[key]} for key in old}


def _branch(both: _Both, branch_id: str) -> Any:
    return both.names["branches"].get(branch_id, branch_id)


# --- who is before whom -------------------------------------------------------------------------------------


def _classes(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    for d in found:
        if d.key != "classes" or d.path[-1] != "head_start_minutes":
            continue
        more = Words(
            "The head start of {class_name} changes from {before} to {after} minutes: a customer without one"
            " can be overtaken by people of this class who come up to {after} minutes later.",
            class_name=both.names["classes"].get(d.path[1], d.path[1]),
            before=d.before,
            after=d.after,
        )
        yield d, Effect("classes", more, is_warning=d.after > d.before)


def _order(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    for d in found:
        if d.path != ("order", "kind"):
            continue
        if d.after == "strict":
            words = Words(
                "Strict classes instead of head starts: nothing bounds the wait behind a class with a smaller"
                " rank any more."
            )
        else:
            most = max(c.head_start_minutes for c in both.after.classes)
            words = Words(
                "Head starts instead of strict classes: nobody is overtaken by somebody who comes more than"
                " {minutes} minutes later.",
                minutes=most,
            )
        yield d, Effect("order", words, is_warning=d.after == "strict")


# --- branches -----------------------------------------------------------------------------------------------


def _branches(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    for d in found:
        if d.key != "branches" or len(d.path) != 2 or d.path[1] == ORDER:
            continue
        if d.is_added:
            staff = sum(p.branch == d.after.id for p in both.after.people)
            words = Words(
                "{branch} is a new branch with {windows} windows and {people} people.",
                branch=d.after.name,
                windows=len(d.after.counters),
                people=staff,
            )
            yield d, Effect("branches", words, (d.path[1],))
        else:
            words = Words("{branch} is no branch any more: its days are not opened.", branch=d.before.name)
            yield d, Effect("branches", words, (d.path[1],), is_warning=True)


def _counters(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    for d in found:
        if d.key != "branches" or len(d.path) < 4 or d.path[2] != "counters" or d.path[3] == ORDER:
            continue
        branch_id, counter_id = d.path[1], d.path[3]
        for words, is_warning in _counter_words(both, d, branch_id, counter_id):
            yield d, Effect("branches", words, (branch_id,), is_warning)


def _counter_words(
    both: _Both, d: Difference, branch_id: str, counter_id: str
) -> Iterator[tuple[Words, bool]]:
    where = _branch(both, branch_id)
    if len(d.path) == 4:
        counter: Counter = d.after or d.before
        services = both.words("services", counter.services)
        blanks = {"branch": where, "number": counter.number, "services": services}
        if d.is_added:
            yield Words("{branch}: window {number} is new; it serves {services}.", **blanks), False
        else:
            yield Words("{branch}: window {number} is gone; it served {services}.", **blanks), True
    elif d.path[4] in ("services", "classes"):
        number = _number(both.after, branch_id, counter_id)
        what = d.path[4]
        more = both.words(what, [each for each in d.after if each not in d.before])
        less = both.words(what, [each for each in d.before if each not in d.after])
        if what == "classes" and not d.after:
            yield Words("{branch}: window {number} calls every class.", branch=where, number=number), False
        elif what == "classes":
            only = both.words(what, d.after)
            words = Words(
                "{branch}: window {number} calls only {classes}.", branch=where, number=number, classes=only
            )
            yield words, not d.before or bool(less)
        elif more or less:
            blanks = {"branch": where, "number": number}
            if more:
                yield (
                    Words("{branch}: window {number} also serves {services}.", **blanks, services=more),
                    False,
                )
            if less:
                words = Words(
                    "{branch}: window {number} no longer serves {services}.", **blanks, services=less
                )
                yield words, True
        else:
            words = Words(
                "{branch}: window {number} has its services in another order.", branch=where, number=number
            )
            yield words, False


def _number(bank: Bank, branch_id: str, counter_id: str) -> Any:
    branch = bank.branch(branch_id)
    counters = branch.counters if branch else ()
    return next((c.number for c in counters if c.id == counter_id), counter_id)


def _week(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    for d in found:
        if d.key != "branches" or d.path[2:] != ("week",):
            continue
        alike: dict[tuple[Hours | None, Hours | None], list[Words]] = defaultdict(list)
        for day, was, now in zip(WEEKDAYS, d.before, d.after, strict=True):
            if was != now:
                alike[was, now].append(day)
        for (was, now), days in alike.items():
            words = Words(
                "{branch}, {days}: {after} instead of {before}.",
                branch=_branch(both, d.path[1]),
                days=tuple(days),
                before=_hours(was),
                after=_hours(now),
            )
            is_less = now is None or (was is not None and now.minutes < was.minutes)
            yield d, Effect("branches", words, (d.path[1],), is_less)


def _hours(hours: Hours | None) -> str:
    return schema.hours_written(hours) if hours else Words("closed")


def _exceptions(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    alike: dict[tuple[str, str, str, Text, bool], list[Difference]] = defaultdict(list)
    for d in found:
        if d.key == "branches" and len(d.path) == 4 and d.path[2] == "exceptions" and d.path[3] != ORDER:
            item = d.after or d.before
            hours = str(_hours(item.hours))
            alike[item.date.isoformat(), hours, item.reason.en, item.reason, d.is_removed].append(d)
    for (day, _, _, reason, is_removed), same in alike.items():
        item = same[0].after or same[0].before
        branches = tuple(d.path[1] for d in same)
        where = both.words("branches", branches)
        if len(same) > EXCEPTIONS_LISTED:
            where = (Words("{count} branches", count=len(same)),)
        blanks = {"branches": where, "day": day, "hours": _hours(item.hours), "reason": reason}
        words = (
            Words("{branches}, {day}: no exception any more ({reason}).", **blanks)
            if is_removed
            else Words("{branches}, {day}: {hours} ({reason}).", **blanks)
        )
        for index, d in enumerate(same):
            if index:
                yield d, Effect("branches", words, branches)
            else:
                yield d, Effect("branches", words, branches, is_warning=not is_removed and not item.hours)


# --- people -------------------------------------------------------------------------------------------------


def _people(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    yield from _come_and_go(both, found)
    by_skill: dict[tuple[str, str, bool], list[tuple[Difference, str]]] = defaultdict(list)
    for d in found:
        if d.key == "people" and len(d.path) == 3 and d.path[2] == "skills":
            branch = next(p.branch for p in both.after.people if p.id == d.path[1])
            for skill in d.after:
                if skill not in d.before:
                    by_skill[branch, skill, True].append((d, d.path[1]))
            for skill in d.before:
                if skill not in d.after:
                    by_skill[branch, skill, False].append((d, d.path[1]))
    for (branch, skill, is_more), who in by_skill.items():
        blanks = {
            "branch": _branch(both, branch),
            "skill": both.names["services"].get(skill, skill),
            "people": _listed(both, [person for _, person in who]),
        }
        words = (
            Words("{branch}: now also trained for {skill}: {people}.", **blanks)
            if is_more
            else Words("{branch}: no longer trained for {skill}: {people}.", **blanks)
        )
        for d, _ in who:
            yield d, Effect("people", words, (branch,), is_warning=not is_more)
    yield from _windows_staffed(both, found)


def _come_and_go(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    groups: dict[tuple[str, bool], list[Difference]] = defaultdict(list)
    for d in found:
        if d.key == "people" and len(d.path) == 2 and d.path[1] != ORDER:
            groups[(d.after or d.before).branch, d.is_added].append(d)
    for (branch, is_added), same in groups.items():
        blanks = {"branch": _branch(both, branch), "people": _listed(both, [d.path[1] for d in same])}
        words = (
            Words("{branch}: new on the staff: {people}.", **blanks)
            if is_added
            else Words("{branch}: no longer on the staff: {people}.", **blanks)
        )
        for d in same:
            yield d, Effect("people", words, (branch,), is_warning=not is_added)


def _listed(both: _Both, people: Sequence[str]) -> tuple[Any, ...]:
    names = both.words("people", people[:PEOPLE_LISTED])
    more = len(people) - PEOPLE_LISTED
    return (*names, Words("{count} more", count=more)) if more > 0 else names


def _windows_staffed(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
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
            yield None, Effect("people", words, (branch_id,), is_warning=now < was)


def staffable(bank: Bank, branch: Branch) -> int:
    """The most windows that the branch's tellers could open at one time, each with a skill for theirs.

    A largest matching of windows and tellers, by augmenting paths.
    """
    tellers = [p for p in bank.people if p.branch == branch.id and "teller" in p.posts]
    seat: dict[str, str] = {}
    by_id = {c.id: c for c in branch.counters}

    def place(person: Person, tried: set[str]) -> bool:
        for counter in branch.counters:
            if counter.id in tried or set(counter.services).isdisjoint(person.skills):
                continue
            tried.add(counter.id)
            sitting = seat.get(counter.id)
            if sitting is None or place(by_person[sitting], tried):
                seat[counter.id] = person.id
                return True
        return False

    by_person = {p.id: p for p in tellers}
    return sum(place(person, set()) for person in tellers if by_id)


# --- regimes, policies --------------------------------------------------------------------------------------


def _regimes(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    for d in found:
        if d.key == "regimes" and len(d.path) > 2:
            regime = both.names["regimes"].get(d.path[1], d.path[1])
            if d.path[2:] == ("entry", "is_check_required"):
                words = (
                    Words("{regime}: nobody gets a ticket without a check at the door.", regime=regime)
                    if d.after
                    else Words("{regime}: tickets need no check at the door.", regime=regime)
                )
                yield d, Effect("regimes", words, is_warning=bool(d.after))
            elif d.path[2:] == ("capacity", "tickets_daily"):
                yield d, Effect("regimes", _tickets(regime, d), is_warning=_is_less(d))
        elif d.key == "branches" and d.path[2:] == ("tickets_daily",):
            words = _tickets(_branch(both, d.path[1]), d)
            yield d, Effect("branches", words, (d.path[1],), _is_less(d))


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


def _periods(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    for d in found:
        if d.key != "periods" or len(d.path) != 2 or d.path[1] == ORDER:
            continue
        item = d.after or d.before
        where = both.words("branches", item.branches) if item.branches else Words("the whole bank")
        blanks = {
            "regime": both.names["regimes"].get(item.regime, item.regime),
            "first": item.first.isoformat(),
            "last": item.last.isoformat(),
            "where": where,
        }
        words = (
            Words("{first} to {last}: {regime} ({where}).", **blanks)
            if d.is_added
            else Words("{first} to {last}: no longer {regime} ({where}).", **blanks)
        )
        yield d, Effect("periods", words, item.branches)


def _letters(both: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    for d in found:
        if d.key == "services" and len(d.path) == 3 and d.path[2] == "letter":
            words = Words(
                "Ticket numbers of {service} begin with {after} instead of {before}.",
                service=both.names["services"][d.path[1]],
                after=d.after,
                before=d.before,
            )
            yield d, Effect("services", words)


def _privacy(_: _Both, found: list[Difference]) -> Iterator[tuple[Difference | None, Effect]]:
    for d in found:
        if d.path == ("privacy", "keep_days"):
            words = Words(
                "Personal data that comes from now on is kept {after} days instead of {before}; what is there"
                " keeps its date.",
                after=d.after,
                before=d.before,
            )
            yield d, Effect("privacy", words, is_warning=d.after > d.before)


RULES: Final[tuple[Rule, ...]] = (
    _order,
    _classes,
    _branches,
    _counters,
    _week,
    _exceptions,
    _people,
    _regimes,
    _periods,
    _letters,
    _privacy,
)


# --- everything else ----------------------------------------------------------------------------------------


def _plain(both: _Both, d: Difference) -> Effect:
    """A difference that no rule knows, as a value that is another."""
    branches = (d.path[1],) if d.key == "branches" and len(d.path) > 1 and d.path[1] != ORDER else ()
    what = _what(both, d)
    if d.path[-1] == ORDER:
        words = Words("{what}: in another order: {after}.", what=what, after=_order_names(both, d))
        return Effect(d.key, words, branches, is_warning=d.key == "classes")
    key, value = _key_at(d.path), d.before if d.after is None else d.after
    if isinstance(value, msgspec.Struct) and not isinstance(value, WHOLE):
        name = name_of(value) or d.path[-1]
        words = (
            Words("{what}: {name} is new.", what=what, name=name)
            if d.is_added
            else Words("{what}: {name} is taken out.", what=what, name=name)
        )
        return Effect(d.key, words, branches, is_warning=d.is_removed)
    words = Words(
        "{what}: {after} instead of {before}.",
        what=what,
        after=value_words(key, d.after, both.names),
        before=value_words(key, d.before, both.names),
    )
    return Effect(d.key, words, branches)


def _order_names(both: _Both, d: Difference) -> tuple[Any, ...]:
    names = both.names.get(d.path[-2], {})
    return tuple(names.get(each, each) for each in d.after)


def _what(both: _Both, d: Difference) -> Any:
    """Where something stands, in words: the keys' labels, and the names of the items on the way."""
    found: Any = None
    before: Any = both.before
    after: Any = both.after
    value = d.before if d.after is None else d.after
    is_whole_item = isinstance(value, msgspec.Struct) and not isinstance(value, WHOLE)
    way = d.path[:-1] if is_whole_item or d.path[-1] == ORDER else d.path
    key = ""
    for step in way:
        is_item = isinstance(before, tuple) or isinstance(after, tuple)
        before, after = _below(before, step), _below(after, step)
        if is_item:
            named_item: Any = name_of(before if after is None else after)
            part = named_item or both.names.get(key, {}).get(step, step)
        else:
            part, key = Words(label(step)), step
        found = part if found is None else Words("{outer} › {inner}", outer=found, inner=part)
    return found


def _below(value: Any, step: str) -> Any:
    return named(value).get(step) if isinstance(value, tuple) else getattr(value, step, None)


def _key_at(path: tuple[str, ...]) -> schema.Key | None:
    """The key of the last step: steps that name an item are passed over."""
    table: type[msgspec.Struct] | None = Bank
    key: schema.Key | None = None
    is_item = False
    for step in path:
        if is_item:
            is_item = False
            continue
        if table is None:
            return None
        key = next((k for k in schema.keys_of(table) if k.name == step), None)
        if key is None:
            return None
        table, is_item = key.table, key.is_list and key.table is not None
    return key
