"""Plans in words, for the doors: findings, notes, posts and days in a reader's language."""

from __future__ import annotations

from datetime import date
from typing import Final

from babel.dates import format_date

from openhall.app.language import say
from openhall.kernel.text import Language
from openhall.network.model import Bank, Branch
from openhall.staffing.plan import Note, Stint, Violation, WeekPlan
from openhall.staffing.sentences import NOTES, VIOLATIONS

POSTS: Final = {
    "lobby": "Hall",
    "guard": "Door",
    "remote": "Video",
    "break": "Meal",
    "gap": "Free",
    "travel": "On the way",
}


STATUSES: Final = {
    "optimal": "the best possible plan",
    "within_gap": "as good as the best possible plan",
    "time_limit": "the best plan found in the time given",
    "fallback": "by the plain rule, because no solver answered",
    "by_hand": "made by hand",
}
"""How a plan came about."""


def clock(minute: int) -> str:
    """A minute of the day as a time."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def day_words(day: date, language: Language) -> str:
    """A day with its weekday."""
    pattern, locale = ("M月d日 EEE", "zh_CN") if language == "zh" else ("EEE d MMM", "en_GB")
    return format_date(day, pattern, locale=locale)


def post_words(stint: Stint, branch: Branch, language: Language) -> str:
    """Where somebody is."""
    if stint.post == "window":
        number = next((c.number for c in branch.counters if c.id == stint.counter_id), stint.counter_id)
        return say(language, "Window {n}", n=number)
    return say(language, POSTS[stint.post])


def status_words(plan: WeekPlan, language: Language) -> str:
    """How a plan came about."""
    return say(language, STATUSES[plan.status])


def note_words(bank: Bank, note: Note, language: Language) -> str:
    """A note as a sentence, its day in front."""
    blanks = _blanks(bank, note.person_id, note.from_minute, note.detail, language)
    words = say(language, NOTES[note.code], **blanks)
    is_detail = note.code.startswith("cause_") or note.code == "nobody_trained"
    if note.day is None or is_detail:
        return words
    return f"{day_words(note.day, language)} · {words}"


def violation_words(bank: Bank, violation: Violation, language: Language) -> str:
    """A finding of the checker as a sentence, its day in front."""
    detail = {**violation.detail, "until_minute": str(violation.until_minute)}
    blanks = _blanks(bank, violation.person_id, violation.from_minute, detail, language)
    return f"{day_words(violation.day, language)} · {say(language, VIOLATIONS[violation.code], **blanks)}"


def _blanks(
    bank: Bank, person_id: str, since: int, detail: dict[str, str], language: Language
) -> dict[str, str]:
    names = {p.id: p.name for p in bank.people}
    services = {s.id: s.name.get(language) for s in bank.services}
    shifts = {s.id: s.name.get(language) for s in bank.shifts}
    until = int(detail.get("until_minute", "0"))
    blanks = {
        **detail,
        "person": names.get(person_id, person_id),
        "since": clock(since),
        "until": clock(until),
    }
    if "service" in detail:
        blanks["service"] = services.get(detail["service"], detail["service"])
    if "shift" in detail:
        blanks["shift"] = shifts.get(detail["shift"], detail["shift"])
    return blanks
