"""May each role use each route and each command, in its own branch and in another, exactly as the table says?

The routes are the site's own, so that a new one is asked about without being listed here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from openhall.access import rights
from openhall.app.build import build
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.app.settings import LimitSettings, Settings
from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.log.accounts import Accounts, SignedIn
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.web.api import COMMAND_KINDS
from openhall.web.guarding import ANYONE, NO_SESSION, SIGNED_IN, RightMissing, guarded, needs_screen
from openhall.web.site import HANDLERS, create_site
from tests.style.house import ROOT

OWN, OTHER = "lanqiao", "wutong"
PASSWORD = "a long enough password"
SERVER_FAULT: Final = 500
PASSED: Final = 299
"""What a write or a stream answers here in place of doing its work, when somebody was let through."""

EXAMPLES: Final = {
    "alert_id": "0",
    "appointment_id": "p1",
    "code": "en",
    "day": "2026-11-23",
    "device_id": "none",
    "draft_id": "none",
    "file_path": "openhall.css",
    "first": "2026-11-23",
    "guide": "none",
    "key": "none",
    "kind": "csv",
    "message_id": "none",
    "name": "nobody",
    "number": "1",
    "path": "anything",
    "proposal_id": "none",
    "ref": "0" * 32,
    "section": "services",
    "session_id": "none",
    "size": "large",
    "ticket": "A001",
    "token": "no-such-number",
}
"""What may stand in an address besides the branch. A new name in a path needs its example here."""

OPEN: Final = frozenset(
    {
        "DELETE /api/session/step",
        "GET /a/{token:str}",
        "GET /a/{token:str}/calendar.ics",
        "GET /api/openapi.json",
        "GET /api/openapi.json/openapi.json",
        "GET /api/openapi.json/{path:str}",
        "GET /book",
        "GET /book/{branch_id:str}",
        "GET /elder/{size:str}",
        "GET /g",
        "GET /g/{guide:str}",
        "GET /healthz",
        "GET /language/{code:str}",
        "GET /metrics",
        "GET /pair",
        "GET /readyz",
        "GET /sign-in",
        "GET /sign-in/bank",
        "GET /sign-in/bank/answer",
        "GET /static/{file_path:path}",
        "GET /t/{token:str}",
        "GET /t/{token:str}/live",
        "HEAD /static/{file_path:path}",
        "POST /a/{token:str}/cancel",
        "POST /a/{token:str}/here",
        "POST /a/{token:str}/move",
        "POST /api/pair",
        "POST /api/session",
        "POST /api/session/code",
        "POST /api/session/codes",
        "POST /api/session/codes/confirmation",
        "POST /api/session/password",
        "POST /api/speech",
        "POST /book/{branch_id:str}",
        "POST /t/{token:str}/feedback",
        "POST /t/{token:str}/hold",
        "POST /t/{token:str}/leave",
        "POST /t/{token:str}/notice",
        "POST /t/{token:str}/notice/cancel",
        "POST /t/{token:str}/person",
        "POST /t/{token:str}/resume",
    }
)
"""What nobody need sign in for. A new one is listed here and in THREAT_MODEL.md, with what keeps it safe."""

BY_TOKEN_TOO: Final = {"GET /metrics": "metrics.read"}
"""Open to the guard, because a program may come with a token of its own; else the action named here."""

FOR_ALL_SIGNED_IN: Final = frozenset(
    {
        "DELETE /api/account/sessions/{session_id:str}",
        "DELETE /api/session",
        "GET /",
        "GET /account",
        "GET /api/account/sessions",
        "GET /api/branches",
        "GET /api/session",
        "GET /api/session/left",
        "GET /home/live",
        "POST /api/account/codes/removal",
        "POST /api/account/password",
        "POST /api/approvals/{proposal_id:str}/withdrawal",
        "POST /api/device/beat",
        "POST /api/noop",
        "POST /api/session/activity",
        "POST /demo/speed",
    }
)
"""What every account may use, devices too, because it shows the reader's own or nothing of anybody."""


@dataclass(frozen=True)
class Site:
    client: TestClient[Any]
    tokens: dict[str, str]
    """By role, and of whoever is let in no longer."""
    routes: dict[str, tuple[str, str]]
    """(kind, name) of the right, by method and path."""

    def ask(self, route: str, branch: str, account: str) -> httpx.Response:
        method, path = route.split(" ", 1)
        token = self.tokens.get(account, "")
        headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        return self.client.request(method, address(path, branch), headers=headers, follow_redirects=False)


def address(path: str, branch: str) -> str:
    """A path of the site with something in its blanks."""

    def filled(blank: re.Match[str]) -> str:
        name = blank[1]
        if name == "branch_id":
            return branch
        assert name in EXAMPLES, f"{path} has a new blank: give {name!r} an example in EXAMPLES of this file"
        return EXAMPLES[name]

    return re.sub(r"{(\w+):\w+}", filled, path)


async def let_through(_: Request[Any, Any, Any]) -> Response[None]:
    return Response(None, status_code=PASSED)


def stop_behind_the_guard(handler: HTTPRouteHandler) -> None:
    """Writes would change what the next question is about, and a stream never ends."""
    if handler.http_methods & {"POST", "PUT", "PATCH", "DELETE"} or handler.media_type == "text/event-stream":
        handler.before_request = let_through


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An account of each role in one branch; and tokens of those whose time here is over."""
    place = Folder(tmp_path_factory.mktemp("rights") / "bank")
    place.create(sample_files())
    # Everybody asks for everything here, hundreds of times.
    app = build(place, settings=Settings(limits=LimitSettings(0, 0, 0, 0)))
    clock = ManualClock(SystemClock().now_ms() - DAY_MS)
    app.accounts = Accounts(app.store, clock, os.urandom)
    tokens = {"garbage": "no such token"}
    for name in ("expired", *rights.ROLES, "disabled"):
        role: Role = name if name in rights.ROLES else "manager"
        branch = None if role in rights.BOUND_TO_NO_BRANCH else OWN
        app.accounts.create(name, role, PASSWORD, branch=branch)
        signed_in = app.accounts.sign_in(name, PASSWORD)
        assert isinstance(signed_in, SignedIn)
        tokens[name] = signed_in.token
        if name == "expired":
            clock.advance(DAY_MS)
    app.accounts.disable("disabled")
    made = create_site(app)
    for route in made.routes:
        assert isinstance(route, HTTPRoute), f"{route.path} is no plain route: teach this test to ask it"
        for handler in route.route_handlers:
            stop_behind_the_guard(handler)
    routes = {f"{method} {path}": (kind, name) for method, path, kind, name in guarded(made)}
    with TestClient(made) as client:
        yield Site(client, tokens, routes)


def expected(route: str, kind: str, name: str, role: Role, branch: str) -> str:
    """What the table says: the code of the refusal, or nothing."""
    if route in BY_TOKEN_TOO:
        kind, name = "action", BY_TOKEN_TOO[route]
    if kind in {"anyone", "signed_in"}:
        return ""
    if branch == OTHER and role not in rights.BOUND_TO_NO_BRANCH:
        return "branch_not_yours"
    tables: dict[str, Any] = {
        "action": rights.ACTIONS,
        "screen": rights.SCREENS,
        "command": rights.COMMANDS,
    }
    if kind != "in_reach" and name not in tables[kind][role]:
        return "role_may_not"
    is_over_all = " /head/" in route and role not in rights.BOUND_TO_NO_BRANCH
    return "branch_not_yours" if is_over_all else ""


def said(answer: httpx.Response) -> str:
    """The code of a refusal that is about who somebody is; nothing for any other answer."""
    return str(answer.json()["code"]) if answer.status_code in {401, 403} else ""


def test_every_role_may_use_every_route_exactly_as_the_table_says(site: Site) -> None:
    assert len(site.routes) > 60
    wrong = []
    for route, (kind, name) in site.routes.items():
        branches = (OWN, OTHER) if "{branch_id" in route else (OWN,)
        for branch in branches:
            for role in rights.ROLES:
                answer = site.ask(route, branch, role)
                if (
                    said(answer) != expected(route, kind, name, role, branch)
                    or answer.status_code >= SERVER_FAULT
                ):
                    wrong.append(f"{route} in {branch} as {role}: {answer.status_code} {said(answer)!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("somebody", ["nobody", "garbage", "expired", "disabled"])
def test_who_is_not_signed_in_gets_nothing_but_the_open_routes(site: Site, somebody: str) -> None:
    for route, (kind, _) in site.routes.items():
        answer = site.ask(route, OWN, somebody)
        code = "role_may_not" if route in BY_TOKEN_TOO else "" if kind == "anyone" else "sign_in_required"
        assert said(answer) == code, (route, answer.text)


def test_every_command_has_its_route_and_no_other_route_issues_one(site: Site) -> None:
    under = "POST /api/branches/{branch_id:str}/commands/"
    named = {route.removeprefix(under): right for route, right in site.routes.items() if under in route}
    assert named == {kind.__name__: ("command", kind.__name__) for kind in COMMAND_KINDS}


def test_what_is_open_and_what_is_for_all_who_are_signed_in_is_listed(site: Site) -> None:
    by_kind: dict[str, set[str]] = {"anyone": set(), "signed_in": set()}
    for route, (kind, _) in site.routes.items():
        by_kind.setdefault(kind, set()).add(route)
    assert by_kind["anyone"] == OPEN, "see OPEN in this file"
    assert by_kind["signed_in"] == FOR_ALL_SIGNED_IN, "see FOR_ALL_SIGNED_IN in this file"


def test_every_open_route_is_in_the_threat_model() -> None:
    model = (ROOT / "THREAT_MODEL.md").read_text(encoding="utf-8")
    for route in OPEN:
        path = route.split(" ")[1]
        assert f"`{path}`" in model, f"THREAT_MODEL.md says nothing of the open address {path}"


@pytest.mark.parametrize(
    ("path", "opt", "reason"),
    [
        ("/x", {}, "no right at all"),
        ("/x", {"right": ("screen", "no such screen")}, "a screen that nobody has"),
        ("/x", {"right": ("action", "no.such")}, "an action that nobody has"),
        ("/x", {"right": ("command", "NoSuch")}, "a command that nobody has"),
        ("/x", {"right": ("any", "")}, "a kind that there is not"),
        ("/x", {NO_SESSION: True}, "open by forgetting"),
        ("/x", needs_screen("report") | {NO_SESSION: True}, "a right of somebody who is not known"),
        ("/x", {"right": ANYONE["right"]}, "open, and yet asking for a session"),
        ("/b/{branch_id:str}/x", SIGNED_IN, "a branch in the address that nobody looks at"),
    ],
)
def test_the_site_does_not_start_with_a_route_that_does_not_say_who_may_use_it(
    path: str, opt: dict[str, Any], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @get(path, opt=opt)
    async def forgotten() -> None:
        return None

    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    app = build(place)
    monkeypatch.setattr("openhall.web.site.HANDLERS", [*HANDLERS, forgotten])
    try:
        with pytest.raises(RightMissing):
            create_site(app)
    finally:
        app.store.close()
    assert reason
