"""Plans as tables in a terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date

from rich.table import Table

from openhall.app import plan_words
from openhall.cli.language import _
from openhall.cli.language import language_of as language_in
from openhall.cli.main import out
from openhall.kernel.text import Language
from openhall.network.calendar import hours_on
from openhall.network.model import Bank
from openhall.staffing.checking import broken
from openhall.staffing.plan import Violation, WeekPlan
from openhall.staffing.records import paid_minutes

NOTES_SHOWN = 24
VIOLATIONS_SHOWN = 24


def language() -> Language:
    """Of this run of the program."""
    return language_in(os.environ)


def show_week(bank: Bank, plan: WeekPlan, found: Sequence[Violation]) -> None:
    """A branch's days: figures of each, then who works what."""
    branch = bank.branch(plan.branch)
    if branch is None:
        raise AssertionError(f"Expected a branch of the bank, got {plan.branch}")
    spoken = language()
    out.print(f"\n[bold]{branch.name.get(spoken)}[/]  {_status(plan)}")
    table = Table(
        _("day"),
        _("open"),
        _("expected"),
        _("needed"),
        _("windows"),
        _("people"),
        _("late minutes"),
        box=None,
    )
    for day in plan.days:
        hours = hours_on(branch, day.day)
        table.add_row(
            plan_words.day_words(day.day, spoken),
            "—" if hours is None else f"{_clock(hours.opens_minute)}-{_clock(hours.closes_minute)}",
            f"{sum(day.expected):.0f}" if day.is_open else "",
            _span(day.needed),
            _span(day.windows),
            str(len(day.duties)) if day.duties else "",
            f"{day.late_minutes:.0f}" if day.is_open else "",
        )
    out.print(table)
    _people(bank, plan)
    _notes(bank, plan)
    _violations(bank, found)


def show_day(bank: Bank, plan: WeekPlan, day: date, found: Sequence[Violation]) -> None:
    """One day: windows by the half-hour, then everybody's stints."""
    branch = bank.branch(plan.branch)
    of_day = next(each for each in plan.days if each.day == day)
    if branch is None:
        raise AssertionError(f"Expected a branch of the bank, got {plan.branch}")
    spoken = language()
    out.print(f"\n[bold]{branch.name.get(spoken)}[/]  {plan_words.day_words(day, spoken)}  {_status(plan)}")
    table = Table(_("from"), _("expected"), _("needed"), _("windows"), box=None)
    for index in range(0, len(of_day.windows), max(1, 30 // of_day.interval_minutes)):
        minute = of_day.from_minute + index * of_day.interval_minutes
        until = min(len(of_day.windows), index + max(1, 30 // of_day.interval_minutes))
        table.add_row(
            _clock(minute),
            f"{sum(of_day.expected[index:until]):.1f}",
            _span(of_day.needed[index:until]),
            _span(of_day.windows[index:until]),
        )
    out.print(table)
    names = {p.id: p.name for p in bank.people}
    stints = Table(_("who"), _("hours"), _("where"), box=None)
    for duty in sorted(of_day.duties, key=lambda d: (d.from_minute, d.person_id)):
        places = "  ".join(
            f"{_clock(s.from_minute)}-{_clock(s.until_minute)} {plan_words.post_words(s, branch, spoken)}"
            for s in duty.stints
        )
        hours = f"{_clock(duty.from_minute)}-{_clock(duty.until_minute)}"
        stints.add_row(names.get(duty.person_id, duty.person_id), hours, places)
    out.print(stints)
    _notes(bank, plan, day)
    _violations(bank, [v for v in found if v.day == day])


def _status(plan: WeekPlan) -> str:
    words = plan_words.status_words(plan, language())
    if plan.status == "time_limit":
        words += " · " + _("no other plan could save more than {n} late minutes", n=round(plan.gap_minutes))
    return words


def _people(bank: Bank, plan: WeekPlan) -> None:
    names = {p.id: p.name for p in bank.people}
    shifts = {s.id: s.name.get(language()) for s in bank.shifts}
    table = Table(_("who"), *(f"{day.day:%m-%d}" for day in plan.days), _("hours"), box=None)
    worked: dict[str, dict[date, str]] = {}
    minutes: dict[str, int] = {}
    for day in plan.days:
        for duty in day.duties:
            label = shifts.get(duty.shift_id) or f"{_clock(duty.from_minute)}-{_clock(duty.until_minute)}"
            mark = " *" if duty.from_branch else ""
            worked.setdefault(duty.person_id, {})[day.day] = label + mark
            minutes[duty.person_id] = minutes.get(duty.person_id, 0) + paid_minutes(duty)
    for person in sorted(worked, key=lambda p: [q.id for q in bank.people].index(p)):
        cells = [worked[person].get(day.day, "·") for day in plan.days]
        table.add_row(names.get(person, person), *cells, f"{minutes[person] / 60:.1f}")
    out.print(table)
    if any(duty.from_branch for day in plan.days for duty in day.duties):
        out.print(_("* from another branch"), style="dim")


def _notes(bank: Bank, plan: WeekPlan, day: date | None = None) -> None:
    shown = [n for n in plan.notes if day is None or n.day in (None, day)]
    for note in shown[:NOTES_SHOWN]:
        indent = "    " if note.code.startswith("cause_") or note.code == "nobody_trained" else "  "
        out.print(indent + plan_words.note_words(bank, note, language()), markup=False)
    if len(shown) > NOTES_SHOWN:
        out.print("  " + _("… and {count} more", count=len(shown) - NOTES_SHOWN))


def _violations(bank: Bank, found: Sequence[Violation]) -> None:
    wrong = broken(found)
    if not wrong:
        out.print(f"[green]{_('Every rule is kept.')}[/]")
        return
    for each in wrong[:VIOLATIONS_SHOWN]:
        out.print(f"[bold red]{each.code}[/] {plan_words.violation_words(bank, each, language())}")


def _clock(minute: int) -> str:
    return plan_words.clock(minute)


def _span(values: Sequence[int]) -> str:
    if not values:
        return ""
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}-{high}"
