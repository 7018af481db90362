"""What a draft does before anybody publishes it: mistakes, effects in words, and from when on it counts."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

import msgspec
from sqlalchemy import select

from openhall.app.configuration import Checked, ConfigurationDesk, checked
from openhall.kernel.event import StreamId
from openhall.kernel.words import Words
from openhall.log.accounts import Accounts
from openhall.log.configuration import Draft, Files
from openhall.log.records import Records
from openhall.log.schema import plans as plans_table
from openhall.network.calendar import is_open_on
from openhall.network.effect import OF_THE_DAY, Effect
from openhall.network.effects import effects
from openhall.network.mistakes import Mistake
from openhall.network.model import Bank, Branch
from openhall.network.on_a_day import days_that_differ, on_day
from openhall.network.others import lines_of, lines_of_others
from openhall.staffing.checking import broken, violations
from openhall.staffing.plan import WeekPlan

NAMED_AT_MOST = 8
DAYS_AHEAD = 60
"""A branch that opens on none of them is not going to."""
CALENDAR_DAYS = 92
"""So far ahead the calendar is looked through for days that differ."""
OF_PLANS = frozenset({"people", "labour", "contracts", "shifts", "leaves", "staffing", "branches"})
"""Keys that a published plan can come to break."""

_plan = msgspec.json.Decoder(WeekPlan)


class Halls(Protocol):
    """What the preview needs of the installation."""

    configuration: ConfigurationDesk
    accounts: Accounts

    @property
    def store(self) -> Records:
        """The database."""
        ...

    @property
    def bank(self) -> Bank:
        """As configured now."""
        ...

    def open_days(self) -> Sequence[StreamId]:
        """Days that have begun and not ended."""
        ...

    def local_day(self, branch: Branch) -> date:
        """The calendar day there."""
        ...


class Preview(msgspec.Struct, frozen=True):
    """What a draft does.

    Parameters
    ----------
    effects : what changes; empty while there are mistakes.
    besides : accounts, plans and open days that it touches.
    is_stale : another version was published since the draft began.
    """

    mistakes: tuple[Mistake, ...]
    effects: tuple[Effect, ...]
    besides: tuple[Effect, ...]
    is_stale: bool
    bank: Bank | None


def preview(home: Halls, draft: Draft) -> Preview:
    """What the draft does to what it is compared with. Reads the database: for a thread."""
    desk = home.configuration
    found: Checked = checked(desk.files_with(draft))
    is_stale = draft.base != desk.head().number
    if found.bank is None:
        return Preview(found.mistakes, (), (), is_stale, None)
    before = desk.bank_before(draft) or found.bank
    said = effects(before, found.bank)
    besides = [
        *_open_days(home, said),
        *_accounts(home, before, found.bank),
        *_plans(home, before, found.bank, said),
    ]
    return Preview((), tuple(said), tuple(besides), is_stale, found.bank)


class DayPreview(msgspec.Struct, frozen=True):
    """What a draft does on one day.

    Parameters
    ----------
    differs : runs of days, first and last, on which anything is another, up to `looked_to`.
    """

    day: date
    effects: tuple[Effect, ...]
    differs: tuple[tuple[date, date], ...]
    looked_to: date


def on_a_day(home: Halls, draft: Draft, after: Bank, day: date | None = None) -> DayPreview:
    """What the bank of a draft does on a day: without one, on the first on which anything is another."""
    before = home.configuration.bank_before(draft) or after
    today = min(home.local_day(branch) for branch in home.bank.branches)
    # Today's open days go on under the rules that they opened with.
    going_on = {open_day.place for open_day in home.open_days()}
    first = today + timedelta(days=1) if going_on else today
    last = first + timedelta(days=CALENDAR_DAYS - 1)
    differs = tuple(days_that_differ(before, after, first, CALENDAR_DAYS))
    chosen = day or (differs[0][0] if differs else first)
    without = going_on if chosen == today else ()
    return DayPreview(chosen, tuple(on_day(before, after, chosen, without=without)), differs, last)


def _open_days(home: Halls, said: Sequence[Effect]) -> list[Effect]:
    """Which halls go on under the rules that they opened with, and when each opens with the new ones."""
    if not any(each.key in OF_THE_DAY for each in said):
        return []
    touched = {branch for each in said if each.key in OF_THE_DAY for branch in each.branches}
    is_everywhere = any(each.key in OF_THE_DAY and not each.branches for each in said)
    is_open = {day.place for day in home.open_days()}
    by_day: dict[date, list[Branch]] = defaultdict(list)
    staying = []
    for branch in home.bank.branches:
        if not is_everywhere and branch.id not in touched:
            continue
        if branch.id in is_open:
            staying.append(branch)
        today = home.local_day(branch)
        ahead = range(1 if branch.id in is_open else 0, DAYS_AHEAD)
        days = (today + timedelta(days=n) for n in ahead)
        first = next((day for day in days if is_open_on(branch, day)), None)
        if first is not None:
            by_day[first].append(branch)
    found = []
    if staying:
        words = Words(
            "Today's open day goes on under the rules that it opened with: {branches}.",
            branches=_listed(staying),
        )
        found.append(Effect("days", words, tuple(b.id for b in staying)))
    for day, branches in sorted(by_day.items()):
        words = Words("Counts from {day} on: {branches}.", day=day.isoformat(), branches=_listed(branches))
        found.append(Effect("days", words, tuple(b.id for b in branches)))
    return found


def _listed(branches: Sequence[Branch]) -> tuple[object, ...]:
    names: list[object] = [b.name for b in branches[:NAMED_AT_MOST]]
    if len(branches) > NAMED_AT_MOST:
        names.append(Words("{count} more", count=len(branches) - NAMED_AT_MOST))
    return tuple(names)


def _accounts(home: Halls, before: Bank, after: Bank) -> list[Effect]:
    """Accounts of people and branches that are gone: they can sign in until somebody disables them."""
    people, branches = {p.id for p in after.people}, {b.id for b in after.branches}
    was_people = {p.id for p in before.people}
    was_branches = {b.id for b in before.branches}
    gone = [
        account.name
        for account in home.accounts.every()
        if (account.person_id in was_people and account.person_id not in people)
        or (account.branch in was_branches and account.branch not in branches)
    ]
    if not gone:
        return []
    names: tuple[object, ...] = tuple(gone[:NAMED_AT_MOST])
    if len(gone) > NAMED_AT_MOST:
        names = (*names, Words("{count} more", count=len(gone) - NAMED_AT_MOST))
    words = Words(
        "Accounts of people or branches that are gone can still sign in until they are disabled: {accounts}.",
        accounts=names,
    )
    return [Effect("accounts", words, is_warning=True)]


def _plans(home: Halls, before: Bank, after: Bank, said: Sequence[Effect]) -> list[Effect]:
    """Published plans that keep the rules now and would break some of the new ones."""
    if not any(each.key in OF_PLANS for each in said):
        return []
    found = []
    for plan in _published(home):
        branch = before.branch(plan.branch)
        if branch is None or after.branch(plan.branch) is None:
            continue
        was = set(_facts(before, plan))
        now = [v for v in _facts(after, plan) if v not in was]
        if now:
            words = Words(
                "The published plan of {branch} from {first} breaks {count} rules that it keeps now.",
                branch=branch.name,
                first=plan.first.isoformat(),
                count=len(now),
            )
            found.append(Effect("plans", words, (branch.id,), is_warning=True))
    return found


def _facts(bank: Bank, plan: WeekPlan) -> list[tuple[object, ...]]:
    return [(v.code, v.day, v.person_id, v.from_minute) for v in broken(violations(bank, plan))]


def _published(home: Halls) -> list[WeekPlan]:
    """The latest published plan of each branch's days that have not passed."""
    today = min((home.local_day(b) for b in home.bank.branches), default=date.min)
    query = (
        select(plans_table.c.branch, plans_table.c.first, plans_table.c.body)
        .where(plans_table.c.last >= today.isoformat())
        .order_by(plans_table.c.published_ms)
    )
    with home.store.reading() as connection:
        latest = {(row.branch, row.first): row.body for row in connection.execute(query)}
    return [_plan.decode(body) for body in latest.values()]


def text_diff(before: Files, after: Files, branch: str | None = None) -> list[tuple[str, list[str]]]:
    """Every file that differs, with its lines as a unified diff.

    For a reader of one branch: the changed lines of that branch alone, with none around them.
    """
    found = []
    of_others = [lines_of_others(side, branch) for side in (before, after)] if branch else []
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            old, new = (lines_of(side.get(name, b"")) for side in (before, after))
            if branch is None:
                lines = [*difflib.unified_diff(old, new, lineterm="", n=2)][2:]
            else:
                lines = _own_lines(old, new, *(others.get(name, set()) for others in of_others))
            if lines:
                found.append((name, lines))
    return found


def _own_lines(old: list[str], new: list[str], not_old: set[int], not_new: set[int]) -> list[str]:
    """A unified diff without context, and without the lines of others."""
    found = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        gone = [f"-{old[at]}" for at in range(a, b) if at + 1 not in not_old]
        come = [f"+{new[at]}" for at in range(c, d) if at + 1 not in not_new]
        if gone or come:
            found += [f"@@ -{a + 1},{b - a} +{c + 1},{d - c} @@", *gone, *come]
    return found
