"""The hall display [C5]: which calls it shows, how long, and what is said aloud with each."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from markupsafe import Markup

from openhall.access.devices import DisplaySettings
from openhall.app.build import App
from openhall.app.language import say
from openhall.app.spoken import call_words
from openhall.hall import views
from openhall.hall.model.state import HallState
from openhall.hall.views import CallView
from openhall.kernel.text import Language
from openhall.web.signing_in import OpenhallRequest

CALLS_SHOWN = 6
CALLS_LOOKED_AT = 60
NEXT_SHOWN = 10
"""More would push the rule of the order off a screen."""
NEXT_LOOKED_AT = 200


def settings_of(request: OpenhallRequest) -> DisplaySettings:
    """Of the display that asks; for staff of the one that they look at by `?device=`, else the usual ones."""
    app: App = request.app.state.openhall
    device = app.devices.records.of_account(request.user.name)
    if device is None:
        looked_at = app.devices.records.find(request.query_params.get("device", ""))
        if looked_at is not None and looked_at.branch == request.path_params.get("branch_id"):
            device = looked_at
    found = device.settings if device is not None else None
    return found if isinstance(found, DisplaySettings) else DisplaySettings()


def display_context(request: OpenhallRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the display's page shows besides the hall in numbers; also before the day has begun."""
    app: App = request.app.state.openhall
    settings, state = settings_of(request), context["state"]
    device = app.devices.records.of_account(request.user.name)
    more: dict[str, Any] = {
        "device_account": device.account if device is not None else "",
        "test_says": _said(app, settings, lambda language: say(language, "This is a test of the sound.")),
        "looked_at": f"?{request.url.query}" if request.url.query else "",
        "shown_services": settings.services,
        "calls": [],
        "next": [],
    }
    if state is None:
        return more
    calls = shown_calls(state, settings, context["now_ms"])
    more["calls"] = [
        {
            "call": call,
            "is_now": call.status == "called" or call.shown_until_ms > context["now_ms"],
            "says": _says(app, settings, call),
        }
        for call in calls
    ]
    waiting = views.waiting(state, context["waits"], NEXT_LOOKED_AT)
    wanted = [t for t in waiting if not settings.services or t.service_id in settings.services]
    more["next"] = wanted[:NEXT_SHOWN]
    return more


def shown_calls(state: HallState, settings: DisplaySettings, now_ms: int) -> list[CallView]:
    """The calls of a display's windows: those that somebody may still look for before the others."""
    windows = {
        state.counter_rules(counter).number for counter in settings.counters if counter in state.counters
    }
    calls = [
        call
        for call in views.recent_calls(state, CALLS_LOOKED_AT)
        if not settings.counters or call.counter_number in windows
    ]
    calls.sort(key=lambda c: (c.status == "called" or c.shown_until_ms > now_ms, c.called_ms), reverse=True)
    return calls[:CALLS_SHOWN]


def _says(app: App, settings: DisplaySettings, call: CallView) -> Markup:
    """The sentences of a call with their codes, for `data-says`."""
    if call.is_bilingual:
        languages = dict.fromkeys((*settings.languages, *get_args(Language)))
        settings = msgspec.structs.replace(settings, languages=tuple(languages))
    return _said(app, settings, lambda language: call_words(language, call.number, call.counter_number))


def _said(app: App, settings: DisplaySettings, words: Any) -> Markup:
    sentences: list[dict[str, str]] = []
    for language in settings.languages:
        text: str = words(language)
        sentences.append({"language": language, "text": text, "code": _code(app, language, text)})
    return Markup("{}").format(msgspec.json.encode(sentences).decode())


def _code(app: App, language: Language, text: str) -> str:
    return app.spoken.code(language, text)
