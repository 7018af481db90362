"""Is the first and the last day of the calendar, asked for by anybody, an answer and never a fault?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.kernel.clock import ManualClock
from openhall.log.accounts import SignedIn
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.web.site import create_site
from tests.contract.test_rights import EXAMPLES
from tests.places import at

pytestmark = pytest.mark.contract

BRANCH = "wutong"
PASSWORD = "a long enough password"
PEOPLE: tuple[tuple[Role, str | None], ...] = (("manager", BRANCH), ("operations", None))
DAYS = (date.min, date.max)
FILLED = EXAMPLES | {"branch_id": BRANCH}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    place = Folder(Path(tmp_path_factory.mktemp("dates")) / "bank")
    place.create(sample_files())
    app = build(place, ManualClock(at(10)))
    with TestClient(create_site(app), raise_server_exceptions=False) as client:
        for role, branch in PEOPLE:
            app.accounts.create(role, role, PASSWORD, branch=branch)
        yield client


def asking(client: TestClient[Any], role: str) -> dict[str, str]:
    app: App = client.app.state.openhall
    signed_in = app.accounts.sign_in(role, PASSWORD)
    assert isinstance(signed_in, SignedIn)
    return {"Authorization": f"Bearer {signed_in.token}"}


def dated(client: TestClient[Any]) -> Iterator[tuple[str, list[str]]]:
    """(address with examples, its parameters that are dates) of everything that can be looked at."""
    for route in client.app.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if "GET" not in handler.http_methods:
                continue
            fields = handler.parsed_fn_signature.parameters.items()
            days = [name for name, field in fields if date in (field.annotation, *get_args(field.annotation))]
            if days:
                filled = re.sub(r"\{(\w+):date\}", "{day}", route.path)
                yield re.sub(r"\{(\w+)(:\w+)?\}", lambda m: FILLED.get(m[1], m[0]), filled), days


def test_looking_at_the_ends_of_the_calendar_is_no_fault(site: TestClient[Any]) -> None:
    asked = 0
    for role, _ in PEOPLE:
        headers = asking(site, role)
        for address, names in dated(site):
            for day in DAYS:
                path = address.replace("{day}", day.isoformat())
                query = {name: day.isoformat() for name in names}
                answer = site.get(path, headers=headers, params=query)
                assert answer.status_code < 500, (role, path, query, answer.text)
                asked += 1
    assert asked > 20


@pytest.mark.parametrize("day", DAYS)
def test_booking_at_the_ends_of_the_calendar_is_no_fault(site: TestClient[Any], day: date) -> None:
    """Nobody need be signed in for it."""
    form = {"key": "0" * 16, "service": "cash", "at": "0", "day": day.isoformat()}
    assert site.post(f"/book/{BRANCH}", data=form).status_code < 500
    query = {"service": "cash", "day": day.isoformat(), "at": "0"}
    assert site.get(f"/book/{BRANCH}", params=query).status_code < 500
