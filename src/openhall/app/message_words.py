"""What a message says: sentences in both languages, filled when it is sent."""

from __future__ import annotations

from datetime import date
from typing import Final

from openhall.app.language import day_of_year, say
from openhall.app.technical_words import ALL_BRANCHES, MESSAGE, TECHNICAL, technical_words
from openhall.app.technical_words import WORDS as TECHNICAL_WORDS
from openhall.kernel.text import Language
from openhall.network.alerts import UNITS, AlertKind, AlertLevel
from openhall.network.model import Bank

NOTICES: Final = {
    "notice.ahead": "{branch}: number {number}. People ahead of you: {ahead}. Please come back to the hall.",
    "notice.called": "{branch}: number {number}, please come to window {window} now.",
    "notice.wait_changed": (
        "{branch}: number {number}. Your call is now expected in about {minutes} minutes. Your place is kept."
    ),
    "notice.hold_ends": (
        "{branch}: number {number}. Your place is kept until {time}. Please tell a colleague when you are"
        " back; if you need longer, we find a way."
    ),
}
APPOINTMENTS: Final = {
    "appointment.booked": "{branch}: your appointment is on {date} at {time}. Your code: {code}.",
    "appointment.reminder": (
        "{branch}: we look forward to seeing you on {date} at {time}. Your code: {code}."
        " If you cannot come, please say so: somebody else is glad of the time."
    ),
    "appointment.cancelled": (
        "{branch}: your appointment on {date} at {time} is cancelled. You are welcome without one whenever we"
        " are open. A colleague in the hall helps you, and makes another appointment with you if you like."
    ),
}
APPOINTMENT_SUBJECT: Final = "Your appointment on {date} at {time}"
CANCELLED_SUBJECT: Final = "Your appointment on {date} at {time} is cancelled"
CANCELLED_LINK: Final = "Or make another appointment by yourself: {address}"
APPOINTMENT_LINK: Final = "Look at it, move it or cancel it: {address}"
NOTICE_SUBJECT: Final = "Your number {number}"
LINK: Final = "Your number's page: {address}"
TEST_SUBJECT: Final = "A test message"
TEST: Final = "This is a test of messages from openhall. Nothing needs to be done."

ALERT_NAMES: Final[dict[AlertKind, str]] = {
    "wait_over_limit": "Wait over the limit",
    "over_limit_share": "Share of waits over the limit",
    "counter_saturation": "Windows saturated",
    "hall_saturation": "Hall saturated",
    "late_completion": "Share of services that took too long",
    "late_services": "Services that take too long",
    "abandonment": "Customers absent or gone",
    "bad_ratings": "Bad ratings",
    "long_work": "Work without a break",
}
LEVEL_NAMES: Final[dict[AlertLevel, str]] = {"yellow": "yellow", "orange": "orange", "red": "red"}
ALERT: Final = "{branch}: {kind}, {level}. Now {value}, limit {limit}."
ACTION_NAMES: Final = {
    "opened_window": "a window was opened",
    "asked_for_people": "colleagues were asked for",
    "moved_people": "somebody was moved",
    "spoke_to_customers": "spoke to the customers",
    "break_given": "a break was given",
    "help_called": "somebody was called to mend it",
    "replaced": "it was replaced",
    "looking": "looking into it",
    "no_need": "nothing needs to be done",
}
TECHNICAL_ACTIONS: Final = ("looking", "help_called", "replaced", "no_need")
HALL_ACTIONS: Final = tuple(each for each in ACTION_NAMES if each not in {"help_called", "replaced"})
"""What is offered to whoever takes on one or the other."""
UNIT_WORDS: Final = {"minutes": "{n} min", "percent": "{n} %", "count": "{n}"}
SINGLE: Final = dict(
    enumerate(
        (
            APPOINTMENT_SUBJECT,
            APPOINTMENT_LINK,
            CANCELLED_SUBJECT,
            CANCELLED_LINK,
            NOTICE_SUBJECT,
            LINK,
            TEST_SUBJECT,
            TEST,
            ALERT,
        )
    )
)
TABLES: Final = (
    APPOINTMENTS,
    NOTICES,
    ALERT_NAMES,
    LEVEL_NAMES,
    ACTION_NAMES,
    UNIT_WORDS,
    SINGLE,
    TECHNICAL_WORDS,
)
"""Everything said here, for the catalogue."""


def amount_words(language: Language, kind: AlertKind, value: float) -> str:
    """A value with its unit."""
    return say(language, UNIT_WORDS[UNITS[kind]], n=f"{value:.0f}")


def alert_words(language: Language, kind: AlertKind) -> str:
    """An alert's kind."""
    return say(language, ALERT_NAMES[kind])


def words_of(
    bank: Bank, template: str, blanks: dict[str, str | int], language: Language, address: str = ""
) -> tuple[str, str]:
    """(subject, text) of a message. `blanks` are as kept: codes and numbers; `address` a ticket's page."""
    family, _, name = template.partition(".")
    branch = bank.branch(str(blanks.get("branch", "")))
    shown = dict(blanks) | {"branch": branch.name.get(language) if branch else str(blanks.get("branch", ""))}
    if family == "notice":
        text = say(language, NOTICES[template], **shown)
        link = say(language, LINK, address=address) if address else ""
        return say(language, NOTICE_SUBJECT, number=shown["number"]), f"{text}\n{link}".strip()
    if family == "appointment":
        shown["date"] = day_of_year(language, date.fromisoformat(str(shown["date"])))
        text = say(language, APPOINTMENTS[template], **shown)
        is_gone = template == "appointment.cancelled"
        link = say(language, CANCELLED_LINK if is_gone else APPOINTMENT_LINK, address=address)
        link = link if address else ""
        subject = say(
            language,
            CANCELLED_SUBJECT if is_gone else APPOINTMENT_SUBJECT,
            date=shown["date"],
            time=shown["time"],
        )
        return subject, f"{text}\n{link}".strip()
    if template == "alert.technical":
        return _technical(shown, language)
    if family == "alert":
        return _alert(bank, name, shown, language, str(blanks["branch"]))
    return say(language, TEST_SUBJECT), say(language, TEST)


def _alert(
    bank: Bank, name: str, shown: dict[str, str | int], language: Language, branch: str
) -> tuple[str, str]:
    kind: AlertKind = next(each for each in ALERT_NAMES if each == name)
    filled = {
        "branch": shown["branch"],
        "level": say(language, LEVEL_NAMES[_level(str(shown["level"]))]),
        "value": f"{float(shown['value']):.0f}",
        "limit": f"{float(shown['limit']):.0f}",
    }
    subject = f"{filled['branch']}: {alert_words(language, kind)} ({filled['level']})"
    own = bank.alerts.rule(kind, branch).message
    if own is not None:
        return subject, own.get(language).format(**filled)
    amounts = {key: amount_words(language, kind, float(shown[key])) for key in ("value", "limit")}
    return subject, say(language, ALERT, kind=alert_words(language, kind), **(filled | amounts))


def _technical(blanks: dict[str, str | int], language: Language) -> tuple[str, str]:
    """What is broken, with what somebody can do: of a branch, or of the whole installation."""
    branch = str(blanks["branch"]) or say(language, ALL_BRANCHES)
    level = say(language, LEVEL_NAMES[_level(str(blanks["level"]))])
    says, remedy = technical_words(language, str(blanks["code"]), blanks)
    subject = f"{branch}: {say(language, TECHNICAL)} ({level})"
    return subject, say(language, MESSAGE, branch=branch, says=says, remedy=remedy)


def _level(word: str) -> AlertLevel:
    return next(level for level in LEVEL_NAMES if level == word)
