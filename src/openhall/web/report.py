"""The day's report: what a branch's day came to, beside the day before and the same weekday [H2]."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.params import PathParameter, QueryParameter

from openhall.access import rights
from openhall.app import report_exports, reports
from openhall.app.build import App
from openhall.app.language import say
from openhall.app.report_words import code_words, sections, table, value_words, words_of
from openhall.app.reports import Compared
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.log.day_records import DAY_REPORTS
from openhall.network.model import Branch
from openhall.review.indicators import Indicator, indicators
from openhall.review.report import Hour, joined_tallies
from openhall.web.api import BranchId, branch_of
from openhall.web.frame import frame
from openhall.web.guarding import needs_screen
from openhall.web.problems import RESPONSES, Refused
from openhall.web.reading import language_of
from openhall.web.rendering import page
from openhall.web.signing_in import OpenhallRequest

NETWORK_COLUMNS: Final = (
    "joined",
    "wait_mean",
    "wait_longest",
    "abandon_rate",
    "utilisation",
    "open_rate",
    "diversion_rate",
    "bound_broken",
    "overtime",
    "complaints",
)
"""Of a branch in the list of all; the share within the last threshold comes after the average wait."""
TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "pdf": "application/pdf",
}

Wanted = Annotated[date | None, QueryParameter(description="A day; none is the latest")]
Kind = Annotated[str, PathParameter(max_length=8)]
RIGHT = needs_screen("report")


async def _found(app: App, branch: Branch, day: date | None) -> tuple[date, Compared | None]:
    """The day that is meant: the one asked for, today, or else the last that was worked."""
    today = app.local_day(branch)
    if day is not None:
        return day, await reports.compared(app, branch, day)
    found = await reports.compared(app, branch, today)
    if found is None or not (found.report.ends.doors_opened_ms or found.report.all.joined):
        # Nothing has happened yet: whoever looks in the morning means yesterday.
        last = await asyncio.to_thread(DAY_REPORTS.last, app.store, today, branch.id)
        found = await reports.compared(app, branch, last) if last else found
    return (found.report.day if found else today), found


@get("/api/branches/{branch_id:str}/report", summary="A day in numbers", responses=RESPONSES, opt=RIGHT)
async def report_data(request: OpenhallRequest, branch_id: BranchId, day: Wanted = None) -> list[Indicator]:
    """Every indicator of a day: of the whole branch, by class, service, window and channel."""
    app: App = request.app.state.openhall
    _, found = await _found(app, branch_of(app, branch_id), day)
    if found is None:
        raise Refused(Refusal("report_unknown", "day"))
    return indicators(found.report, app.bank.report.within_minutes)


@get("/b/{branch_id:str}/report", include_in_schema=False, opt=RIGHT)
async def report_page(request: OpenhallRequest, branch_id: BranchId, day: Wanted = None) -> Response[bytes]:
    """The report of a branch's day."""
    app: App = request.app.state.openhall
    branch, language = branch_of(app, branch_id), language_of(request)
    chosen, found = await _found(app, branch, day)
    context = frame(request, "report", branch) | {
        "day": chosen,
        "day_before": (chosen - timedelta(days=1)).isoformat(),
        "day_after": (chosen + timedelta(days=1)).isoformat() if chosen < app.local_day(branch) else "",
        "found": found,
    }
    if found is not None:
        context |= _drawn(app, branch, found, language)
    return page("report.html", language, **context)


def _drawn(app: App, branch: Branch, found: Compared, language: Language) -> dict[str, Any]:
    """Sections, tables and the drawing of the hours."""
    within = app.bank.report.within_minutes
    days = [indicators(day, within) if day else [] for day in found.days]
    tables = []
    for group, heading in report_exports.TABLES:
        codes, lines = table(days, group, language)
        if codes:
            names = [code_words(group, code, app.bank, branch, language) for code in codes]
            tables.append({"group": group, "heading": say(language, heading), "names": names, "lines": lines})
    return {
        "report": found.report,
        "column_heads": [report_exports.head_words(day, language) for day in found.days],
        "sections": sections(days, language),
        "tables": tables,
        "earlier": report_exports.earlier_words(found, language) if any(found.days[1:]) else "",
        "tiles": _tiles(days, max(within), language),
        "bars": _bars(found.report.hours),
    }


def _tiles(days: list[list[Indicator]], minutes: int, language: Language) -> list[dict[str, str]]:
    """The few figures that one looks at first, with those of the same weekday."""
    now, weekday = ({each.name: each for each in day if each.group in {"all", "day"}} for day in days[::2])
    names = ("joined", "wait_mean", f"within_{minutes}", "wait_longest", "abandon_rate", "utilisation")
    return [
        {
            "label": words_of(name, language),
            "value": value_words(now[name].value, now[name].unit, language),
            "earlier": value_words(weekday[name].value, weekday[name].unit, language)
            if name in weekday
            else "",
        }
        for name in names
    ]


def _bars(hours: tuple[Hour, ...]) -> list[dict[str, Any]]:
    """People and average waits of each hour, drawn to the busiest and the longest."""
    most = max((hour.joined for hour in hours), default=0) or 1
    means = [hour.wait_total_ms / hour.called / MINUTE_MS if hour.called else 0 for hour in hours]
    longest = max(means, default=0) or 1
    return [
        {
            "from_ms": hour.from_ms,
            "joined": hour.joined,
            "joined_height": round(100 * hour.joined / most, 1),
            "wait": round(mean),
            "wait_height": round(100 * mean / longest, 1),
        }
        for hour, mean in zip(hours, means, strict=True)
    ]


@get("/b/{branch_id:str}/report/export/{kind:str}", include_in_schema=False, opt=RIGHT)
async def report_export(
    request: OpenhallRequest, branch_id: BranchId, kind: Kind, day: Wanted = None
) -> Response[bytes]:
    """A day's report to take along."""
    app: App = request.app.state.openhall
    branch, language = branch_of(app, branch_id), language_of(request)
    chosen, found = await _found(app, branch, day)
    if found is None or kind not in TYPES:
        raise Refused(Refusal("report_unknown", "day"))
    within = app.bank.report.within_minutes
    if kind == "pdf":
        body = await asyncio.to_thread(report_exports.as_pdf, found, app.bank, branch, language)
    else:
        body = await asyncio.to_thread(_file, kind, [found], within)
    return _download(body, kind, f"{branch.id}-{chosen.isoformat()}")


def _file(kind: str, found: list[Compared], within: tuple[int, ...]) -> bytes:
    make = report_exports.as_csv if kind == "csv" else report_exports.as_parquet
    return make(found, within)


def _download(body: bytes, kind: str, name: str) -> Response[bytes]:
    headers = {
        "Content-Disposition": f'attachment; filename="openhall-{name}.{kind}"',
        "Cache-Control": "no-store",
    }
    return Response(body, media_type=TYPES[kind], headers=headers)


def _reached(request: OpenhallRequest) -> list[Branch]:
    app: App = request.app.state.openhall
    return [b for b in app.bank.branches if rights.reaches(request.user.role, request.user.branch, b.id)]


async def _network_day(app: App, day: date | None) -> date:
    """The date asked for, or the last with an ended day of any branch."""
    if day is not None:
        return day
    today = max(app.local_day(branch) for branch in app.bank.branches)
    return await asyncio.to_thread(DAY_REPORTS.last, app.store, today) or today


@get("/head/report", include_in_schema=False, opt=RIGHT)
async def network_page(request: OpenhallRequest, day: Wanted = None) -> Response[bytes]:
    """The ended days of all branches, one a line."""
    app: App = request.app.state.openhall
    chosen = await _network_day(app, day)
    found = await reports.of_all(app, _reached(request), chosen)
    language, within = language_of(request), app.bank.report.within_minutes
    columns = [*NETWORK_COLUMNS[:2], f"within_{max(within)}", *NETWORK_COLUMNS[2:]]
    names = {branch.id: branch.name for branch in app.bank.branches}
    lines = []
    for report in found:
        values = {each.name: each for each in indicators(report, within) if each.group in {"all", "day"}}
        cells = [value_words(values[name].value, values[name].unit, language) for name in columns]
        lines.append({"branch": report.branch, "name": names[report.branch], "cells": cells})
    context = frame(request, "report") | {
        "day": chosen,
        "day_before": (chosen - timedelta(days=1)).isoformat(),
        "day_after": (chosen + timedelta(days=1)).isoformat(),
        "columns": [words_of(name, language) for name in columns],
        "lines": lines,
        "missing": [b.name.get(language) for b in _reached(request) if b.id not in {r.branch for r in found}],
        "total": joined_tallies(report.all for report in found),
        "minutes": max(within),
    }
    return page("report_network.html", language, **context)


@get("/head/report/export/{kind:str}", include_in_schema=False, opt=RIGHT)
async def network_export(request: OpenhallRequest, kind: Kind, day: Wanted = None) -> Response[bytes]:
    """Every indicator of every branch on one date, as a table."""
    app: App = request.app.state.openhall
    chosen = await _network_day(app, day)
    found = await reports.compared_of_all(app, _reached(request), chosen)
    if kind not in TYPES or kind == "pdf" or not found:
        raise Refused(Refusal("report_unknown", "day"))
    body = await asyncio.to_thread(_file, kind, found, app.bank.report.within_minutes)
    return _download(body, kind, chosen.isoformat())


HANDLERS: list[Any] = [
    report_data,
    report_page,
    report_export,
    network_page,
    network_export,
]
