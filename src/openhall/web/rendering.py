"""Pages from templates: one rendering path, two languages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response

from openhall import __version__
from openhall.app import telling
from openhall.app.language import day_of_year, say
from openhall.app.report_words import CHANNEL_WORDS
from openhall.kernel.clock import MINUTE_MS, to_datetime
from openhall.kernel.text import Language, Text

# Words for codes. English here; the sentences are looked up in the catalogue like any other.
STATUS_WORDS = {
    "waiting": "waiting",
    "called": "called",
    "serving": "being served",
    "held": "stepped out",
    "diverting": "being helped elsewhere",
    "served": "served",
    "diverted": "served elsewhere",
    "no_show": "absent",
    "reneged": "left",
    "lapsed": "did not return",
    "unserved": "not served",
    "closed": "closed",
    "idle": "free",
    "paused": "paused",
    "closing": "closing after this customer",
    "offered": "offered",
    "accepted": "accepted",
    "started": "under way",
    "open": "open",
    "taken": "somebody is on the way",
    "not_yet": "not open yet",
}
HANDLING_WORDS = {
    "seat": "a seat",
    "escort": "fetch from the seat",
    "step_free": "step-free way, fetch",
    "written": "written card, show the number",
    "language": "speak slowly, or another language",
    "accompany": "came alone: stay near",
}
REASON_WORDS = {
    "break": "break",
    "disinfection": "disinfection",
    "cash": "cash",
    "equipment": "equipment",
    "other": "other",
    "lunch": "lunch",
}
SCREEN_TITLES = {
    "kiosk": "Ticket machine",
    "guard": "Door",
    "display": "Hall display",
    "counter": "Window",
    "lobby": "Hall",
    "branch": "Branch",
    "plan": "Plan",
    "appointments": "Appointments",
    "report": "Report",
    "alerts": "Alerts",
    "devices": "Devices",
    "accounts": "Accounts",
    "access": "Access record",
    "account": "My account",
    "configuration": "Configuration",
    "approvals": "Approvals",
    "messages": "Messages",
    "health": "Health",
    "personal": "Sealed records",
    "learned": "What the simulator believes",
}
ROLE_WORDS = {
    "kiosk": "ticket machine",
    "display": "hall display",
    "gate": "gate",
    "guard": "guard",
    "teller": "teller",
    "lobby": "lobby manager",
    "manager": "branch manager",
    "operations": "head-office operations",
    "privacy": "privacy officer",
    "administrator": "administrator",
    "customer": "customer",
}
RECORD_WORDS = {
    "contact": "contact for a place kept",
    "notice": "contact for messages",
    "feedback": "praise or complaint in words",
    "appointment": "contact for an appointment",
}
DECLINE_REASONS = {
    "person_busy": "that colleague is busy",
    "not_needed": "it is not needed",
    "rather_other": "rather something else",
    "customer_first": "the customer would not like it",
    "other": "other",
}
"""Why somebody does not do what is advised."""
OVERRIDE_REASONS = {
    "came_from_afar": "came from far away",
    "urgent_today": "it cannot wait till tomorrow",
    "told_to_come": "we asked them to come today",
    "other": "other",
}
"""Why a number is given although the day's room is used up; recorded with it."""
SOURCE_WORDS = {"twin": "simulator", "pace": "recent pace", "typical": "usual times"}
ELSEWHERE_WORDS = {
    "atm": "At the machine here in the hall, with your card. A colleague goes with you if you like.",
    "mobile": "In the phone app. We are glad to show you how.",
    "cloud": "With a teller by video, here in the hall.",
    "phone": "By phone: a person answers.",
}
"""What there is besides today's windows, for somebody who has no place in line."""
REASONS_TO_LOOK = {
    "call_customer": "to call the customer",
    "customer_request": "the customer asks for it",
    "complaint": "to answer a complaint",
}
"""Why somebody may look at a sealed record, or erase it."""
PRESENCE_WORDS = {
    "present": "here",
    "absent": "has not come",
    "left": "gone home",
    "coming": "on the way",
    "lent": "helps elsewhere",
}
BURST_WORDS = {
    "crowd": "a crowd at the door",
    "news": "something in the news",
    "system_down": "a system is down",
    "payment_day": "a payment day",
}
"""Why more people come than the plan can bear; `other` has its word already."""
APPOINTMENT_WORDS = {
    "booked": "booked",
    "checked_in": "has come",
    "missed": "did not come",
    "cancelled": "cancelled",
}
RING_WORDS = {
    "kiosk": "ticket machine",
    "window": "window",
    "hall": "hall",
    "door": "door",
    "cannot_manage": "cannot manage",
    "cannot_read": "cannot read it",
    "unwell": "feels unwell",
    "papers": "papers",
    "question": "a question",
    "staff_needed": "a colleague is needed",
    "authorise": "to authorise something",
    "calm": "somebody is upset",
}
"""Where somebody rang for a colleague, and why. The phone's own word is with the channels."""
AUTO_CALL_REASONS = {
    "one_moment": "one moment",
    "paperwork": "paperwork",
    "counting_cash": "counting cash",
    "equipment": "equipment",
    "other": "other",
}
"""Why a window is not to call by itself for a while."""
REQUEST_WORDS = {
    "withdrawn": "withdrawn",
    "declined": "nobody can be sent",
    "filled": "all have been sent",
}
PROPOSAL_WORDS = {
    "proposal_waiting": "waiting",
    "proposal_approved": "approved",
    "proposal_refused": "refused",
    "proposal_withdrawn": "taken back",
    "proposal_lapsed": "lapsed",
}
ACCESS_WORDS = {
    "signed_in": "signed in",
    "signed_in_outside": "signed in with the bank's account",
    "signed_out": "signed out",
    "sign_in_failed": "sign-in failed",
    "code_failed": "wrong one-time code",
    "recovery_code_used": "used a recovery code",
    "locked": "locked after failures",
    "unlocked": "lock ended",
    "created": "account made",
    "disabled": "account switched off",
    "enabled": "account switched on",
    "role_changed": "role changed",
    "password_changed": "chose a password",
    "password_reset": "got an initial password",
    "codes_set_up": "set up one-time codes",
    "codes_removed": "one-time codes removed",
    "sessions_ended": "signed out elsewhere",
    "refused_outside": "refused: no rule for this person",
    "personal_searched": "searched for all that is kept of a customer; records found",
    "personal_handed_out": "handed out what is kept of a customer; records",
    "personal_erased": "erased what is kept of a customer; records",
    "chain_sealed": "the record's end is under a seal from here on",
    "fault_accepted": "looked into a fault of this record and accepted it; row",
    "record_trimmed": "old rows of this record removed",
    "looks_trimmed": "old lines of who has seen what removed",
}
"""What the access record says happened."""
WORDS = (
    STATUS_WORDS
    | HANDLING_WORDS
    | CHANNEL_WORDS
    | REASON_WORDS
    | ROLE_WORDS
    | RECORD_WORDS
    | SOURCE_WORDS
    | PRESENCE_WORDS
    | BURST_WORDS
    | REQUEST_WORDS
    | APPOINTMENT_WORDS
    | RING_WORDS
    | AUTO_CALL_REASONS
    | PROPOSAL_WORDS
    | ACCESS_WORDS
)


DRAWN_AT = {"X-Hall-Now": "now_ms", "X-Hall-Position": "position", "X-Hall-Day": "open_day"}
"""What a drawing says about itself: the hall's own time, because a demo's day runs faster and the clock of a
tablet may be wrong; up to where in the log it shows the hall, from where its stream of events goes on; and
the day that is open, because what stands beside the drawing belongs to one day."""


def first_paragraph(text: str) -> str:
    """The first sentence or two of a docstring, on one line, as it can be shown to a person."""
    return " ".join(text.split("\n\n")[0].split())


@cache
def environment(language: Language) -> Environment:
    """The templates in one language. An undefined name is an error, not an empty place on a screen."""
    env = Environment(
        loader=PackageLoader("openhall.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # They do not change under a running server, and a look at the disk for each part of a redraw adds up.
        auto_reload=False,
    )
    env.globals |= {
        "_": lambda sentence, **blanks: say(language, sentence, **blanks),
        "both": both,
        "lang": language,
        "name": lambda text: text.get(language),
        "word": lambda code: say(language, WORDS.get(code) or code),
        "wait_words": partial(telling.wait_words, language),
        "middle_words": partial(telling.middle_words, language),
        "wait_figures": telling.wait_figures,
        "age_words": partial(telling.age_words, language),
        "both_ages": lambda wait: Text(en=telling.age_words("en", wait), zh=telling.age_words("zh", wait)),
        "day_words": partial(day_words, language),
        "date_words": partial(date_words, language),
        "room_words": partial(telling.room_words, language),
        "saved_words": partial(telling.saved_words, language),
        "range_words": partial(telling.range_words, language),
        "middle_figure": telling.middle_figure,
        "one_decimal": telling.one_decimal,
        "tenths": telling.tenths,
        "late_minutes": telling.late_minutes,
        "titles": SCREEN_TITLES,
        "elsewhere_words": ELSEWHERE_WORDS,
        "decline_reasons": DECLINE_REASONS,
        "override_reasons": OVERRIDE_REASONS,
        "auto_call_reasons": AUTO_CALL_REASONS,
        "burst_reasons": (*BURST_WORDS, "other"),
        "version": __version__,
    }
    env.filters["minutes"] = lambda ms: max(0, ms) // MINUTE_MS
    return env


def both(sentence: str, **blanks: str | int) -> Text:
    """A sentence of ours in both languages at once, for the screens that everybody reads."""
    return Text(en=say("en", sentence, **blanks), zh=say("zh", sentence, **blanks))


def clock_words(zone: str) -> Callable[[int], str]:
    """Hours and minutes of a moment where the branch is."""
    return lambda at_ms: to_datetime(at_ms, ZoneInfo(zone)).strftime("%H:%M")


def day_words(language: Language, at_ms: int, zone: str) -> str:
    """The day of a moment where the branch is, with its weekday and without the year."""
    return day_of_year(language, to_datetime(at_ms, ZoneInfo(zone)).date())


def moment_words(language: Language, at_ms: int, zone: str) -> str:
    """Day and minute of a moment where the branch is."""
    pattern = "M月d日 HH:mm" if language == "zh" else "d MMM, HH:mm"
    moment = to_datetime(at_ms, ZoneInfo(zone))
    return format_datetime(moment, pattern, locale="zh_CN" if language == "zh" else "en_GB")


def date_words(language: Language, day: date) -> str:
    """A date with its weekday and year."""
    pattern, locale = ("y年M月d日 EEEE", "zh_CN") if language == "zh" else ("EEEE d MMMM y", "en_GB")
    return format_date(day, pattern, locale=locale)


def page(template: str, language: Language, **context: Any) -> Response[bytes]:
    """A rendered page. Never cached: a hall changes by the second."""
    body = environment(language).get_template(template).render(context)
    headers = {"Cache-Control": "no-store", "Content-Language": "zh-CN" if language == "zh" else "en"}
    headers |= {header: str(context[name]) for header, name in DRAWN_AT.items() if name in context}
    return Response(body.encode(), media_type="text/html; charset=utf-8", headers=headers)
