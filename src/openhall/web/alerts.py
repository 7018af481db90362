"""Alerts: what is the case in one hall or in all of them, who has taken it on, and what the day has seen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from openhall.access import rights
from openhall.app.build import App
from openhall.app.message_words import (
    ACTION_NAMES,
    HALL_ACTIONS,
    LEVEL_NAMES,
    TECHNICAL_ACTIONS,
    alert_words,
    amount_words,
)
from openhall.app.technical_words import technical_words
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.log import alerts as alerts_log
from openhall.log.alerts import Changed
from openhall.network.alerts import AlertLevel
from openhall.network.model import Branch
from openhall.review.alert_kinds import MEASURES
from openhall.review.alerts import LEVELS, Action, Alert, threshold
from openhall.web.api import BranchId, actor_of, branch_of
from openhall.web.frame import frame
from openhall.web.guarding import needs_action, needs_screen
from openhall.web.problems import RESPONSES, Refused
from openhall.web.reading import language_of
from openhall.web.rendering import clock_words, page
from openhall.web.signing_in import OpenhallRequest

OVER_SHOWN: Final = 200
RIGHT = needs_screen("alerts")

CHANGE_WORDS: Final = {
    "raised": "raised",
    "worse": "worse",
    "better": "better",
    "repeated": "told again",
    "acknowledged": "taken on",
    "cleared": "over",
}
AlertId = Annotated[str, PathParameter(max_length=160, description="Id of an alert")]
Wanted = Annotated[date | None, QueryParameter(description="A day; none is today")]
OfBranch = Annotated[str, QueryParameter(max_length=64, description="Only of this branch")]
FromLevel = Annotated[str, QueryParameter(max_length=8, description="Only of this level and above")]


class Taking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What whoever takes it on does about it."""

    action: Action


def alert_context(app: App, language: Language, branch: Branch, role: Any) -> dict[str, Any]:
    """What `alert_panel.html` shows on a hall's screens."""
    return _words(language) | {
        "alerts": app.alerts.standing(branch.id),
        "technical": app.technical.standing(branch.id),
        "may_acknowledge": (may_acknowledge := rights.may_act(role, "alerts.acknowledge")),
        "may_take_technical": may_acknowledge,
    }


def _words(language: Language) -> dict[str, Any]:
    return {
        "alert_name": partial(alert_words, language),
        "amount": partial(amount_words, language),
        "level_names": LEVEL_NAMES,
        "action_names": ACTION_NAMES,
        "actions": {"hall": HALL_ACTIONS, "technical": TECHNICAL_ACTIONS},
        "change_words": CHANGE_WORDS,
        "technical_words": partial(technical_words, language),
    }


# -- the API -------------------------------------------------------------------------------------------


@get("/api/branches/{branch_id:str}/alerts", summary="Alerts of a hall", responses=RESPONSES, opt=RIGHT)
async def branch_alerts(request: OpenhallRequest, branch_id: BranchId, day: Wanted = None) -> list[Alert]:
    """Every alert of a day, the latest first; those with `cleared_ms` 0 are the case now."""
    app: App = request.app.state.openhall
    return await _of_day(app, branch_of(app, branch_id), day)


@post(
    "/api/branches/{branch_id:str}/alerts/{alert_id:str}/acknowledge",
    summary="Take an alert on",
    status_code=200,
    responses=RESPONSES,
    opt=needs_action("alerts.acknowledge"),
)
async def acknowledge_alert(
    request: OpenhallRequest, branch_id: BranchId, alert_id: AlertId, data: JSONBody[Taking]
) -> Alert:
    """Recipients are told no more unless it gets worse. The same person again gets the same answer."""
    app: App = request.app.state.openhall
    branch = branch_of(app, branch_id)
    return await _taken(app, alert_id, branch.id, by=actor_of(request), action=data.action)


@post(
    "/api/alerts/{alert_id:str}/acknowledge",
    summary="Take on something that is broken, wherever it is",
    status_code=200,
    responses=RESPONSES,
    opt=needs_screen("health"),
)
async def acknowledge_technical(request: OpenhallRequest, alert_id: AlertId, data: JSONBody[Taking]) -> Alert:
    """For those who look after the whole installation, whose faults belong to no branch."""
    app: App = request.app.state.openhall
    return await _taken(app, alert_id, "", by=actor_of(request), action=data.action)


async def _taken(app: App, alert_id: str, branch: str, *, by: str, action: Action) -> Alert:
    """By the desk that found it."""
    taken = await app.technical.acknowledge(alert_id, branch=branch, by=by, action=action)
    if branch and isinstance(taken, Refusal) and taken.code == "alert_unknown":
        taken = await app.alerts.acknowledge(branch, alert_id, by=by, action=action)
    if isinstance(taken, Refusal):
        raise Refused(taken)
    return taken


async def _of_day(app: App, branch: Branch, day: date | None) -> list[Alert]:
    """As kept, with what stands as it is now."""
    kept = await asyncio.to_thread(
        alerts_log.of_day, app.store, day or app.local_day(branch), branch.id, OVER_SHOWN
    )
    standing = [*app.alerts.standing(branch.id), *app.technical.standing(branch.id)]
    now = {alert.id: alert for alert in standing}
    return [now.get(alert.id, alert) for alert in kept]


# -- a hall's page -------------------------------------------------------------------------------------


async def _branch_page(request: OpenhallRequest, branch_id: str, template: str) -> Response[bytes]:
    app: App = request.app.state.openhall
    branch, language = branch_of(app, branch_id), language_of(request)
    found = await _of_day(app, branch, None)
    context = frame(request, "alerts", branch) | alert_context(app, language, branch, request.user.role)
    context |= {
        "over": [alert for alert in found if not alert.is_standing],
        "history": await _history(app, found),
        "rules": _rules(app, branch),
        "window_minutes": app.bank.alerts.window_minutes,
    }
    return page(template, language, **context)


async def _history(app: App, found: Sequence[Alert]) -> dict[str, list[Changed]]:
    return await asyncio.to_thread(alerts_log.changes, app.store, [alert.id for alert in found])


def _rules(app: App, branch: Branch) -> list[dict[str, Any]]:
    """The thresholds that hold in a branch, kind by kind."""
    rules = [app.bank.alerts.rule(kind, branch.id) for kind in MEASURES]
    return [
        {"kind": rule.kind, "is_on": rule.is_on, "limits": [threshold(rule, level) for level in LEVELS]}
        for rule in rules
    ]


@get("/b/{branch_id:str}/alerts", include_in_schema=False, opt=RIGHT)
async def branch_page(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """The alerts of a hall's day."""
    return await _branch_page(request, branch_id, "alerts.html")


@get("/b/{branch_id:str}/alerts/live", include_in_schema=False, opt=RIGHT)
async def branch_live(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """The part that changes, drawn anew."""
    return await _branch_page(request, branch_id, "alerts_live.html")


# -- all of them ---------------------------------------------------------------------------------------


async def _head_page(
    request: OpenhallRequest, branch: str, level: str, day: date | None, template: str
) -> Response[bytes]:
    app: App = request.app.state.openhall
    role, own = request.user.role, request.user.branch
    reached = {b.id: b for b in app.bank.branches if rights.reaches(role, own, b.id)}
    from_level = level if level in LEVELS else LEVELS[0]
    wanted = set(LEVELS[LEVELS.index(from_level) :])
    today = max(app.local_day(b) for b in app.bank.branches)
    chosen = day or today

    def is_shown(alert: Alert) -> bool:
        is_reached = alert.branch in reached or (not alert.branch and not branch)
        return is_reached and alert.level in wanted and branch in {"", alert.branch}

    kept = await asyncio.to_thread(alerts_log.of_day, app.store, chosen, branch)
    standing = [alert for alert in app.alerts.standing() if is_shown(alert)] if chosen == today else []
    technical = [alert for alert in app.technical.standing() if is_shown(alert)] if chosen == today else []
    over = [alert for alert in kept if not alert.is_standing and is_shown(alert)][:OVER_SHOWN]
    language = language_of(request)
    context = frame(request, "alerts") | _words(language)
    context |= {
        "standing": standing,
        "counts": _counts([*standing, *technical]),
        "over": over,
        "history": await _history(app, [*standing, *over]),
        "technical": technical,
        "may_acknowledge": rights.may_act(role, "alerts.acknowledge"),
        "may_take_technical": rights.may_open(role, "health"),
        "branches": reached,
        "hm_at": {"": context["hm"]} | {b.id: clock_words(b.timezone) for b in reached.values()},
        "levels": LEVELS,
        "chosen": {"branch": branch, "level": from_level, "day": chosen.isoformat()},
        "query": f"?branch={branch if branch in reached else ''}&level={from_level}&day={chosen.isoformat()}",
    }
    return page(template, language, **context)


def _counts(standing: Sequence[Alert]) -> dict[AlertLevel, int]:
    return {level: sum(alert.level == level for alert in standing) for level in reversed(LEVELS)}


@get("/head/alerts", include_in_schema=False, opt=RIGHT)
async def head_page(
    request: OpenhallRequest, branch: OfBranch = "", level: FromLevel = "", day: Wanted = None
) -> Response[bytes]:
    """The alerts of all halls."""
    return await _head_page(request, branch, level, day, "alerts_head.html")


@get("/head/alerts/live", include_in_schema=False, opt=RIGHT)
async def head_live(
    request: OpenhallRequest, branch: OfBranch = "", level: FromLevel = "", day: Wanted = None
) -> Response[bytes]:
    """The part that changes, drawn anew."""
    return await _head_page(request, branch, level, day, "alerts_head_live.html")


HANDLERS: list[Any] = [
    branch_alerts,
    acknowledge_alert,
    acknowledge_technical,
    branch_page,
    branch_live,
    head_page,
    head_live,
]
