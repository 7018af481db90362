"""What the twin believes of a branch, on a page that its manager can read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from litestar import Response, get

from openhall.app.build import App
from openhall.flows.beliefs import Beliefs, ServiceBelief, beliefs, booked_belief
from openhall.log import learned
from openhall.web.api import BranchId, readable_branch
from openhall.web.frame import frame
from openhall.web.guarding import needs_screen
from openhall.web.reading import language_of
from openhall.web.rendering import page
from openhall.web.signing_in import OpenhallRequest

CHART_WIDTH: Final = 100
"""Of the drawings, in their own units."""
VERSIONS_SHOWN: Final = 8


@dataclass(frozen=True)
class Span:
    """A service time drawn: from where to where, and the middle, as parts of the chart's width."""

    left: float
    middle: float
    width: float


@dataclass(frozen=True)
class Bar:
    """An hour's people drawn."""

    label: str
    people: float
    height: float


def span_of(row: ServiceBelief, longest_minutes: float) -> Span:
    """P10 to P90 and the median, to the scale of the longest on the page."""
    scale = CHART_WIDTH / max(longest_minutes, 1e-9)
    left, right = row.p10_minutes * scale, row.p90_minutes * scale
    return Span(round(left, 1), round(row.p50_minutes * scale, 1), round(max(1.0, right - left), 1))


def bars_of(found: Beliefs) -> list[Bar]:
    """Expected people by the hour, to the scale of the busiest."""
    busiest = max((hour.people for hour in found.hours), default=0.0) or 1.0
    return [
        Bar(f"{hour.from_minute // 60:02d}", hour.people, round(100 * hour.people / busiest, 1))
        for hour in found.hours
    ]


def drawn(found: Beliefs) -> dict[str, Any]:
    """What the template shows of a version."""
    longest = max((row.p90_minutes for row in found.services), default=1.0)
    by_service: dict[str, list[tuple[ServiceBelief, Span]]] = {}
    for row in found.services:
        by_service.setdefault(row.service, []).append((row, span_of(row, longest)))
    return {"believed": found, "by_service": by_service, "bars": bars_of(found)}


@get("/b/{branch_id:str}/learned", include_in_schema=False, opt=needs_screen("branch"))
async def learned_page(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """What was learned of a branch, from what, and how much of it is borrowed."""
    app: App = request.app.state.openhall
    branch = readable_branch(request, branch_id)
    latest = await asyncio.to_thread(learned.latest, app.store, branch.id)
    kept = await asyncio.to_thread(learned.versions, app.store, branch.id, VERSIONS_SHOWN)
    context = frame(request, "learned", branch) | {
        "believed": None,
        "booked": booked_belief(latest.booked if latest is not None else None),
        "kept": kept,
        "services": {s.id: s for s in app.bank.services},
        "needs": {n.code: n for s in app.bank.services for n in s.needs},
        "classes": {c.code: c for c in app.bank.classes},
    }
    if latest is not None:
        context |= drawn(beliefs(latest))
    return page("learned.html", language_of(request), **context)


HANDLERS: list[Any] = [learned_page]
