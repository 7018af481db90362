"""What a person calls the keys and values of a configuration; a key without a line here goes by its name."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from openhall.kernel.text import Text
from openhall.kernel.words import Words
from openhall.network import schema
from openhall.network.hours import Hours
from openhall.network.model import Bank

LABELS: Final[dict[str, str]] = {
    "after_seconds": "Calls after, seconds",
    "amount_at_most_minor": "Amount at most, in minor units",
    "auto_call": "Calling by itself",
    "bad_score_at_most": "A bad rating is at most",
    "call": "Calling and no-shows",
    "calm_minutes": "An alert ends after so many calm minutes",
    "technical_repeat_minutes": "Told again of something broken after so many minutes",
    "can_be_lent": "May help at a neighbouring branch",
    "capacity": "Limits of a day",
    "checkin_minutes_before": "Check-in before the doors, minutes",
    "class_code": "Class",
    "code": "Short code",
    "cohort": "People paid at each branch",
    "counters": "Windows",
    "days_ahead": "Booked so many days ahead",
    "days_in_row": "Working days in a row, at most",
    "days_weekly": "Working days a week",
    "early_minutes": "May come so many minutes early",
    "entry": "At the door",
    "escalate_seconds": "Shown to the manager after, seconds",
    "exceptions": "Exceptional days",
    "factor": "Times the usual people",
    "fairness_weeks": "Fairness over so many weeks",
    "fever_limit_celsius": "Fever from, °C",
    "fever_path": "What somebody with a fever is told",
    "first": "From",
    "from_level": "From the level",
    "gap": "Free hours of a split shift",
    "grace_seconds": "Absent after, seconds",
    "grace_seconds_flagged": "Absent after, seconds, when fetched or called in writing",
    "guards_at_least": "Guards at the door, at least",
    "head_start_minutes": "Head start, minutes",
    "hold": "Stepping out and coming back",
    "hold_ends_minutes": "Told so many minutes before the place lapses",
    "holidays": "Public holidays of",
    "horizon_days": "Forecast so many days ahead",
    "hours": "Hours",
    "id": "Id",
    "inside_limit": "People inside, at most",
    "interval_minutes": "Steps of a plan, minutes",
    "is_auto_call": "Calls by itself",
    "is_check_required": "A check comes before the ticket",
    "is_computed": "Room is computed from the day so far",
    "is_counted_in_diversion": "Counts in diversion figures",
    "is_elastic": "Opened and closed as the day demands",
    "is_key_holder": "May open and close",
    "is_offered": "Is offered",
    "is_on": "Is on",
    "is_temperature_read": "The temperature is read",
    "judged_at_least": "Judged from so many cases on",
    "keep_days": "Personal data is kept, days",
    "key_holders_at_least": "Key holders at opening and closing, at least",
    "labour": "Labour rules",
    "last": "To",
    "late_after_minutes": "A wait is late after, minutes",
    "late_minutes": "May come so many minutes late",
    "late_minutes_per_paid_hour": "Late minutes that an hour of overtime is worth",
    "late_percent": "Share that may wait longer, %",
    "late_service_factor": "A service is late beyond its mean times",
    "limit_minutes": "Limit, minutes",
    "lobby_at_least": "People in the hall, at least",
    "lunches": "Meal breaks",
    "mean_minutes": "Mean service time to begin with, minutes",
    "minutes_daily": "Minutes a day",
    "minutes_weekly": "Minutes a week",
    "minutes_without_break": "Minutes without a break, at most",
    "name": "Display name",
    "needs": "What people come for",
    "needs_confirmation": "Counts only after confirmation",
    "notices": "Messages to customers",
    "number": "Window number",
    "order": "Who is before whom",
    "other": "Other branch",
    "overtime_minutes": "After closing, minutes at most",
    "overtime_minutes_daily": "Overtime a day, minutes",
    "overtime_minutes_monthly": "Overtime a month, minutes",
    "overtime_minutes_weekly": "Overtime a week, minutes",
    "people": "Colleagues",
    "people_ahead": "Told when so many people are ahead",
    "periods": "When each regime holds",
    "rank": "Rank under strict classes",
    "recalls_at_least": "Further calls before a no-show",
    "regimes": "Operating regimes",
    "reinstate_minutes": "Can come back within, minutes",
    "reopenings": "Days after a closure",
    "reminder_hours": "Reminders go out before it, hours",
    "reminders_from_hour": "Reminders from, o'clock",
    "reminders_until_hour": "Reminders until, o'clock",
    "remote_at_least": "Video tellers, at least",
    "repeat_minutes": "Told again after, minutes",
    "requires_card": "With a card only",
    "rest_days_weekly": "Days of rest a week",
    "rest_minutes": "Rest between two days, minutes",
    "ring": "Ringing for a colleague",
    "says": "What the customer is told",
    "share_percent": "Share, %",
    "shown_seconds": "A called number stays, seconds",
    "shown_seconds_written": "A called number stays large, seconds",
    "slot_minutes": "Length of a slot, minutes",
    "staffing": "Planning people",
    "stint_minutes_least": "Nobody changes post for less, minutes",
    "sure_percent": "Reached in so many of 100 simulated days",
    "switches_daily_most": "Changes of post a day, at most",
    "targets": "Promises",
    "tickets_daily": "Tickets a day, at most",
    "times_at_most": "Times, at most",
    "timezone": "Time zone",
    "told_at_most_minutes": "A longer wait is told as more than, minutes",
    "travel_minutes": "Way, minutes",
    "travel_minutes_most": "Nobody is borrowed from farther, minutes",
    "triage": "Triage rules",
    "waiting_at_most": "People waiting, at most",
    "wait_changed_minutes": "Told when the wait changes by, minutes",
    "waits": "What is said of waits",
    "week": "Opening hours",
    "when_late": "Who comes back late",
    "window_minutes": "May stay away, minutes",
    "windows_at_least": "Open windows, at least",
    "within_minutes": "Share served within, minutes",
}

CHOICES: Final[dict[str, str]] = {
    "abandonment": "People who left unserved",
    "administrator": "Administrator",
    "annual": "Annual leave",
    "another_day": "Another day",
    "appointment": "Appointment",
    "atm": "Cash machine",
    "authoriser": "Authoriser",
    "bad_ratings": "Bad ratings",
    "branch": "Another branch",
    "cloud": "Cloud branch",
    "code": "Typing a code",
    "confirm": "A colleague must confirm it",
    "contact": "Contact",
    "counter_saturation": "Windows busy without a pause",
    "email": "Mail",
    "guard": "Guard",
    "hall_saturation": "A full hall",
    "head_start": "Head starts, bounded",
    "keep": "The place stands",
    "lapse": "The ticket ends",
    "late_completion": "Late completion",
    "late_services": "Late services",
    "lobby": "Lobby manager",
    "long_work": "Long work without a pause",
    "manager": "Branch manager",
    "mobile": "Mobile bank",
    "notice": "Messages",
    "off": "To be free",
    "operations": "Head office",
    "orange": "Orange",
    "other": "Other",
    "over_limit_share": "Share over the limit",
    "phone": "Phone",
    "red": "Red",
    "remote": "Video teller",
    "shift": "A shift",
    "shrink": "With what is left of the lead",
    "sick": "Sick leave",
    "staff": "The bank's own messenger",
    "strict": "Strict classes, unbounded",
    "teller": "Teller",
    "training": "Training",
    "wait_over_limit": "A wait over the limit",
    "walk_in": "As without an appointment",
    "work": "To work",
    "yellow": "Yellow",
}


def label(name: str) -> str:
    """What a key is called, in English."""
    return LABELS.get(name) or name.replace("_", " ").capitalize()


def choice(code: str) -> str:
    """What a choice is called, in English."""
    return CHOICES.get(code) or code.replace("_", " ").capitalize()


def name_of(item: Any) -> Any:
    """What a person calls a table: its name, or what makes it this one."""
    found = getattr(item, "name", None)
    if isinstance(found, (Text, str)):
        return found
    number = getattr(item, "number", None)
    return Words("window {number}", number=number) if number is not None else ""


def names_in(bank: Bank) -> dict[str, dict[str, Any]]:
    """The names of everything that an id can refer to, by list."""
    return {
        "branches": {b.id: b.name for b in bank.branches},
        "services": {s.id: s.name for s in bank.services},
        "classes": {c.code: c.name for c in bank.classes},
        "contracts": {c.id: c.name for c in bank.contracts},
        "needs": {n.code: n.name for s in bank.services for n in s.needs},
        "people": {p.id: p.name for p in bank.people},
        "regimes": {r.id: r.name for r in bank.regimes},
        "shifts": {s.id: s.name for s in bank.shifts},
    }


def value_words(key: schema.Key | None, value: Any, names: dict[str, dict[str, Any]]) -> Any:
    """A value as a person reads it: names for ids, words for choices, yes and no."""
    if value is None or value == ():
        return Words("not set")
    if isinstance(value, bool):
        return Words("yes") if value else Words("no")
    if isinstance(value, Hours):
        return schema.hours_written(value)
    if isinstance(value, Text):
        return Words("{en} / {zh}", en=value.en, zh=value.zh)
    if isinstance(value, tuple):
        return tuple(value_words(key, item, names) for item in value)
    if key is not None and key.kind == "choice":
        return Words(choice(str(value)))
    if key is not None and key.kind == "reference":
        return names.get(key.refers, {}).get(value, value)
    if isinstance(value, msgspec.Struct):
        return name_of(value)
    return value if isinstance(value, (str, int, float)) else str(value)
