"""Pages from templates: one rendering path, two languages."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response

from openhall import __version__
from openhall.app.language import say
from openhall.hall.policy import Wait
from openhall.kernel.clock import MINUTE_MS, to_datetime
from openhall.kernel.text import Language, Text

ROUND_ABOVE_MINUTES = 15
"""Beyond this a wait is told in steps of five minutes: more would be false precision."""

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
CHANNEL_WORDS = {
    "atm": "cash machine",
    "mobile": "phone app",
    "cloud": "video teller",
    "phone": "phone line",
    "branch": "another branch",
    "another_day": "another day",
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
}
ROLE_WORDS = {
    "kiosk": "ticket machine",
    "display": "hall display",
    "guard": "guard",
    "teller": "teller",
    "lobby": "lobby manager",
    "manager": "branch manager",
    "operations": "head-office operations",
}
RECORD_WORDS = {"contact": "contact for a place kept", "feedback": "praise or complaint in words"}
REASONS_TO_LOOK = {
    "call_customer": "to call the customer",
    "customer_request": "the customer asks for it",
    "complaint": "to answer a complaint",
}
"""Why somebody may look at a sealed record, or erase it."""
WORDS = STATUS_WORDS | HANDLING_WORDS | CHANNEL_WORDS | REASON_WORDS | ROLE_WORDS | RECORD_WORDS


def first_paragraph(text: str) -> str:
    """The first sentence or two of a docstring, on one line, as it can be shown to a person."""
    return " ".join(text.split("\n\n")[0].split())


def wait_words(language: Language, wait: Wait | None) -> str:
    """An interval of minutes as a person says it."""
    if wait is None:
        return ""
    if wait.source == "none":
        return say(language, "No window is open for this yet")
    low, high = (_rounded(ms / MINUTE_MS) for ms in (wait.low_ms, wait.high_ms))
    if high <= 1:
        return say(language, "Your turn is next")
    if low == high:
        return say(language, "about {high} minutes", high=high)
    if low == 0:
        return say(language, "up to {high} minutes", high=high)
    return say(language, "{low} to {high} minutes", low=low, high=high)


def _rounded(minutes: float) -> int:
    return round(minutes / 5) * 5 if minutes > ROUND_ABOVE_MINUTES else round(minutes)


@cache
def environment(language: Language) -> Environment:
    """The templates in one language. An undefined name is an error, not an empty place on a screen."""
    env = Environment(
        loader=PackageLoader("openhall.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals |= {
        "_": lambda sentence, **blanks: say(language, sentence, **blanks),
        "both": _both,
        "lang": language,
        "name": lambda text: text.get(language),
        "word": lambda code: say(language, WORDS.get(code) or code),
        "wait_words": lambda wait: wait_words(language, wait),
        "titles": SCREEN_TITLES,
        "version": __version__,
    }
    env.filters["minutes"] = lambda ms: max(0, ms) // MINUTE_MS
    return env


def _both(sentence: str, **blanks: str | int) -> Text:
    """A sentence of ours in both languages at once, for the screens that everybody reads."""
    return Text(en=say("en", sentence, **blanks), zh=say("zh", sentence, **blanks))


def clock_words(zone: str) -> Callable[[int], str]:
    """Hours and minutes of a moment where the branch is."""
    return lambda at_ms: to_datetime(at_ms, ZoneInfo(zone)).strftime("%H:%M")


def page(template: str, language: Language, **context: Any) -> Response[bytes]:
    """A rendered page. Never cached: a hall changes by the second."""
    body = environment(language).get_template(template).render(context)
    return Response(
        body.encode(),
        media_type="text/html; charset=utf-8",
        headers={"Cache-Control": "no-store", "Content-Language": "zh-CN" if language == "zh" else "en"},
    )
