"""What a change does on one day of the calendar: what each branch goes by then, before and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

from openhall.kernel.words import Words, in_english
from openhall.network import schema
from openhall.network.calendar import exception_on, inside_limit, regime_on, tickets_daily
from openhall.network.effect import Effect
from openhall.network.labels import label
from openhall.network.model import Bank, Branch

BRANCHES_LISTED: Final = 6
FEWER_IS_LESS: Final = frozenset({"hours", "inside_limit", "tickets_daily", "waiting_at_most"})

LABELLED: Final = {"hours": "week"}
"""Keys that are called otherwise here: the hours of a day are those of the doors."""

Facts = dict[str, Any]
"""By the key that says it; of a closed day only the hours."""


class _Calendar:
    """A bank's days, with what is looked up again and again at hand."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.branches = {branch.id: branch for branch in bank.branches}
        self._people = {person.id: person for person in bank.people}

    def facts(self, branch: Branch, day: date) -> Facts:
        """What a branch goes by on a day, in values that can be compared."""
        exception = exception_on(branch, day)
        hours = exception.hours if exception else branch.week[day.weekday()]
        facts: Facts = {"hours": (hours, exception.reason if exception else None)}
        if hours is None:
            return facts
        regime = regime_on(self.bank, branch.id, day)
        entry = regime.entry
        return facts | {
            "regimes": regime.name,
            "checkin_minutes_before": entry.checkin_minutes_before,
            "is_check_required": entry.is_check_required,
            "is_temperature_read": entry.is_temperature_read,
            "inside_limit": inside_limit(branch, regime),
            "tickets_daily": tickets_daily(branch, regime),
            "waiting_at_most": regime.capacity.waiting_at_most,
            "pension_days": self._pensions(branch, day),
            "leaves": self._away(branch, day),
        }

    def _pensions(self, branch: Branch, day: date) -> int | None:
        """People who are paid on the day."""
        paid = [
            p for p in self.bank.pension_days if p.date == day and branch.id in (p.branches or (branch.id,))
        ]
        return sum(p.cohort for p in paid) or None

    def _away(self, branch: Branch, day: date) -> tuple[str, ...]:
        """Who is on leave."""
        away = [self._people[each.person] for each in self.bank.leaves if each.first <= day <= each.last]
        return tuple(person.name for person in away if person.branch == branch.id)


def on_day(before: Bank, after: Bank, day: date, *, without: Collection[str] = ()) -> list[Effect]:
    """What is another on that day; branches with the same change are said together.

    `without`: branches whose day goes on under the rules that it opened with.
    """
    alike: dict[tuple[str, str, str], list[tuple[Branch, Any, Any]]] = defaultdict(list)
    for branch, key, was, now in _differences(_Calendar(before), _Calendar(after), day, without):
        alike[key, str(in_english(_told(key, was))), str(in_english(_told(key, now)))].append(
            (branch, was, now)
        )
    found = []
    for (key, _, _), same in alike.items():
        branches, (_, was, now) = [branch for branch, _, _ in same], same[0]
        what = Words(
            "{outer} › {inner}", outer=_listed(branches, after), inner=Words(label(LABELLED.get(key, key)))
        )
        words = Words(
            "{what}: {after} instead of {before}.", what=what, after=_told(key, now), before=_told(key, was)
        )
        found.append(Effect(key, words, tuple(b.id for b in branches), _is_less(key, was, now)))
    return sorted(found, key=lambda e: not e.is_warning)


def days_that_differ(before: Bank, after: Bank, first: date, days: int) -> list[tuple[date, date]]:
    """The days on which anything is another, as runs of days that follow each other."""
    runs: list[tuple[date, date]] = []
    sides = _Calendar(before), _Calendar(after)
    for day in (first + timedelta(days=ahead) for ahead in range(days)):
        if next(_differences(*sides, day, ()), None) is None:
            continue
        if runs and runs[-1][1] == day - timedelta(days=1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def _differences(
    before: _Calendar, after: _Calendar, day: date, without: Collection[str]
) -> Iterator[tuple[Branch, str, Any, Any]]:
    """(branch, key, before, after)"""
    for branch in {**before.branches, **after.branches}.values():
        if branch.id in without:
            continue
        old, new = before.branches.get(branch.id), after.branches.get(branch.id)
        was = before.facts(old, day) if old else {"hours": None}
        now = after.facts(new, day) if new else {"hours": None}
        shared = was.keys() & now.keys()  # Of a closed day, or no branch, the hours say it all.
        yield from (
            (branch, key, was[key], now[key]) for key in now if key in shared and was[key] != now[key]
        )


def _told(key: str, value: Any) -> Any:
    """A value in words."""
    if key == "hours":
        if value is None:
            return Words("no such branch")
        hours, reason = value
        said = schema.hours_written(hours) if hours else Words("closed")
        return Words("{hours} ({reason})", hours=said, reason=reason) if reason else said
    if value is None or value == ():
        return Words("none")
    if isinstance(value, bool):
        return Words("yes") if value else Words("no")
    return value


def _is_less(key: str, was: Any, now: Any) -> bool:
    """Does it take something from customers?"""
    if key == "is_check_required":
        return bool(now)
    if key not in FEWER_IS_LESS:
        return False
    if key == "hours":
        was, now = (side[0].minutes if side and side[0] else 0 for side in (was, now))
        return bool(now < was)
    return now is not None and (was is None or now < was)


def _listed(branches: Sequence[Branch], bank: Bank) -> Any:
    if len(branches) == len(bank.branches) > 1:
        return Words("All branches")
    names: tuple[Any, ...] = tuple(b.name for b in branches[:BRANCHES_LISTED])
    more = len(branches) - BRANCHES_LISTED
    return (*names, Words("{count} more", count=more)) if more > 0 else names
