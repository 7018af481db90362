"""Can a client use up the id of a command that the server is going to issue?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.kernel.clock import ManualClock, local_ms
from openhall.kernel.event import SYSTEM
from openhall.log.sessions import SignedIn
from openhall.network.sample import sample_files
from openhall.web.site import create_site
from tests.places import DAY, ZONE

BRANCH = "wutong"
PASSWORD = "unit-tests-only"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(local_ms(DAY, 4 * 60, ZONE))


@pytest.fixture
def app(tmp_path: Path, clock: ManualClock) -> App:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    return build(place, clock)


@pytest.fixture
def client(app: App) -> Iterator[TestClient[Any]]:
    with TestClient(create_site(app)) as client:
        yield client


def system_ids(app: App) -> list[str]:
    return sorted({r.command_id for r in app.store.read() if r.actor == SYSTEM})


def test_nobody_keeps_a_day_from_opening_by_using_its_id_first(
    app: App, client: TestClient[Any], clock: ManualClock, tmp_path: Path
) -> None:
    twin_folder = Folder(tmp_path / "twin")
    twin_folder.create(sample_files())
    other = build(twin_folder, ManualClock(local_ms(DAY, 8 * 60, ZONE)))
    with TestClient(create_site(other)) as beside:
        beside.blocking_portal.call(other.run_schedule_once)
        ids = system_ids(other)
    assert ids, "what an insider learns from another day"

    app.accounts.create("stolen", "kiosk", PASSWORD, branch=BRANCH)
    signed_in = app.accounts.sign_in("stolen", PASSWORD)
    assert isinstance(signed_in, SignedIn)
    for key in [*ids, *(each.replace(" ", "-") for each in ids)]:
        headers = {"authorization": f"Bearer {signed_in.token}", "idempotency-key": key}
        answer = client.post(f"/api/branches/{BRANCH}/commands/RecordBaulk", json={}, headers=headers)
        assert answer.status_code in {400, 409}, answer.text
        assert (answer.status_code == 400) == (" " in key), "an id of the server's is no key for a client"

    clock.set(local_ms(DAY, 8 * 60, ZONE))
    client.blocking_portal.call(app.run_schedule_once)
    branch = app.bank.branch(BRANCH)
    assert branch is not None
    assert app.hall(app.today(branch)) is not None


def test_every_id_of_the_servers_own_has_a_blank_which_no_key_of_a_client_has(
    app: App, client: TestClient[Any], clock: ManualClock
) -> None:
    for minutes in (8 * 60, 9 * 60, 12 * 60):
        clock.set(local_ms(DAY, minutes, ZONE))
        client.blocking_portal.call(app.run_schedule_once)
    ids = system_ids(app)
    assert ids
    assert all(" " in each for each in ids), ids
