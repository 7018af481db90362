"""What every staff page has around it: where one is, where one may go, who is signed in.

    return page("report.html", language, **frame(request, "report", branch), found=found)

A page's template extends `staff_page.html` and fills `content`; a screen that is redrawn has `staff.html`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from openhall.access import rights
from openhall.app.build import App
from openhall.network.model import Branch
from openhall.web.names import names_of
from openhall.web.rendering import clock_words
from openhall.web.signing_in import OpenhallRequest

BRANCH_PAGES: Final[tuple[rights.Screen, ...]] = (
    "guard",
    "counter",
    "lobby",
    "branch",
    "appointments",
    "plan",
    "report",
    "alerts",
    "display",
    "kiosk",
    "personal",
    "devices",
    "accounts",
    "approvals",
    "configuration",
)
"""At `/b/BRANCH/…`, in the order in which they are offered."""
RARELY: Final[frozenset[rights.Screen]] = frozenset(
    {"display", "kiosk", "personal", "devices", "accounts", "approvals", "configuration"}
)
"""Not opened from here while customers wait, devices have their own: behind *More* where there are more pages
than fit on one line."""
PAGES_IN_SIGHT: Final = 6
MAIN_PAGE: Final[dict[str, rights.Screen]] = {
    "guard": "guard",
    "teller": "counter",
    "lobby": "lobby",
    "manager": "branch",
    "operations": "branch",
    "administrator": "devices",
}
"""Where each role's work is."""
HEAD_PAGES: Final[tuple[rights.Screen, ...]] = (
    "alerts",
    "report",
    "configuration",
    "approvals",
    "accounts",
    "access",
    "personal",
    "devices",
    "messages",
    "health",
)
"""At `/head/…`, for those who belong to no branch."""


@dataclass(frozen=True)
class Link:
    """A page that somebody may open."""

    address: str
    screen: rights.Screen
    is_here: bool = False
    is_rare: bool = False
    is_main: bool = False


def branch_links(role: Any, own_branch: str | None, branch: str, here: str = "") -> list[Link]:
    """The pages of a branch that an account may open; none where it has no business."""
    if not rights.reaches(role, own_branch, branch):
        return []
    own = [screen for screen in BRANCH_PAGES if rights.may_open(role, screen)]
    rare = RARELY if len(own) > PAGES_IN_SIGHT else frozenset()
    return [Link(f"/b/{branch}/{s}", s, s == here, s in rare, MAIN_PAGE.get(role) == s) for s in own]


def head_links(role: Any, here: str = "") -> list[Link]:
    """The pages over all branches that an account may open."""
    if role not in rights.BOUND_TO_NO_BRANCH:
        return []
    return [Link(f"/head/{s}", s, s == here) for s in HEAD_PAGES if rights.may_open(role, s)]


def frame(request: OpenhallRequest, screen: str, branch: Branch | None = None) -> dict[str, Any]:
    """What `staff_page.html` and `staff.html` show around a page of a branch, or of head office."""
    app: App = request.app.state.openhall
    account = request.user
    links = (
        branch_links(account.role, account.branch, branch.id, screen)
        if branch is not None
        else head_links(account.role, screen)
    )
    query = str(request.url.query)
    return {
        "account": account,
        "bank": app.bank,
        "branch": branch,
        "screen": screen,
        "links": links,
        "path": request.url.path + (f"?{query}" if query else ""),
        "now_ms": app.clock.now_ms(),
        # Before anything is read: what is drawn is at least as new as it says.
        "position": app.book.position,
        "hm": clock_words(branch.timezone if branch is not None else app.bank.branches[0].timezone),
        "people": names_of(app.bank),
        "speed": getattr(app.clock, "speed", 1.0),
        "is_demo": hasattr(app.clock, "speed"),
    }
