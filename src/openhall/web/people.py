"""What the screens are given about the plan and the people, besides what one hall knows of itself."""

from __future__ import annotations

from typing import Any

from openhall.access import rights
from openhall.app.build import App
from openhall.hall import views_people
from openhall.hall.model.state import HallState
from openhall.hall.policy import Staff
from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.network.model import Post
from openhall.web.names import names_of
from openhall.web.rendering import clock_words
from openhall.web.signing_in import OpenhallRequest

UNTIL_STEP_MS = 30 * MINUTE_MS
UNTIL_CHOICES = 16
"""Of times till which colleagues are asked for: a working day in half hours."""


def free_tellers(state: HallState) -> list[str]:
    """Tellers who are here and sit nowhere yet."""
    seated = {k.person_id for k in state.counters.values()}
    return [
        p.id for p in state.staff_today if "teller" in p.posts and p.id not in seated and state.is_here(p.id)
    ]


def here_for(state: HallState, *posts: Post) -> list[Staff]:
    """Who is here and trained for one of the posts; when all of them are away, all of them: a form needs a
    name, and who is away can still be asked."""
    trained = [p for p in state.staff_today if set(posts) & set(p.posts)]
    return [p for p in trained if state.is_here(p.id)] or trained


def plan_context(app: App, state: HallState, now_ms: int) -> dict[str, Any]:
    """For the lobby and the branch: the plan now, who is here, and asking for colleagues."""
    return {
        "plan": views_people.plan_view(state, now_ms),
        "until_choices": _until_choices(state, now_ms),
        "branch_names": {b.id: b.name for b in app.bank.branches},
    }


def own_change(state: HallState, counter_id: str, now_ms: int) -> dict[str, Any]:
    """For a window: where its teller is to be by now, if that is not here, and where next; and who takes
    over."""
    person_id = state.counters[counter_id].person_id if counter_id in state.counters else ""
    due = views_people.change_due(state, counter_id, now_ms) if person_id else None
    then = views_people.next_change(state, person_id, now_ms) if person_id else None
    return {
        "own_due": due,
        "own_relief_now": views_people.relief(state, counter_id, due) if due else "",
        "own_next": then,
        "own_relief": views_people.relief(state, counter_id, then) if then else "",
    }


def _until_choices(state: HallState, now_ms: int) -> list[int]:
    """Half hours up to closing, latest first, and when closing is near the hours of overtime."""
    closes_ms = state.day_rules.closes_ms
    last_ms = (
        closes_ms if closes_ms > now_ms + UNTIL_STEP_MS else now_ms - now_ms % UNTIL_STEP_MS + 2 * HOUR_MS
    )
    found = [last_ms - n * UNTIL_STEP_MS for n in range(UNTIL_CHOICES)]
    return [each for each in found if each >= now_ms + UNTIL_STEP_MS // 2]


def help_context(request: OpenhallRequest, now_ms: int) -> dict[str, Any]:
    """Who asks for colleagues and whom this account could send; empty where it may send nobody."""
    app: App = request.app.state.openhall
    if not rights.may(request.user.role, "LendPerson"):
        return {"help_wanted": ()}
    halls = {b.id: s for b in app.bank.branches if (s := app.hall(app.today(b))) is not None}
    lender = request.user.branch or ""
    return {
        "help_wanted": views_people.help_wanted(app.bank, halls, now_ms, lender=lender),
        "hm_at": {b.id: clock_words(b.timezone) for b in app.bank.branches},
        "branch_names": {b.id: b.name for b in app.bank.branches},
        "people": names_of(app.bank),
        "services": {s.id: s for each in halls.values() for s in each.day_rules.services}
        | {s.id: s for s in app.bank.services},
    }


def home_entry(state: HallState | None, now_ms: int) -> dict[str, Any]:
    """What a branch's card says of it besides its line."""
    if state is None or state.is_ended:
        return {"proposals_due": 0, "asked_count": 0, "burst_since_ms": 0, "burst_reason": ""}
    standing = [r for r in state.requests.values() if not r.outcome and r.until_ms > now_ms]
    return {
        "proposals_due": views_people.proposals_due(state, now_ms),
        "asked_count": sum(max(0, r.count - len(r.sent)) for r in standing),
        "burst_since_ms": state.burst_since_ms,
        "burst_reason": state.burst_reason,
    }
