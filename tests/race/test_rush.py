"""Do two counters ever get one customer? A real server and file; first the control that shows the race."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from openhall.app.folder import Folder
from openhall.cli.bench.installation import counter_ids, install
from openhall.hall.model import ROOM as HALL
from openhall.log.sqlite import SqliteStore
from openhall.log.verify import verify
from tests.race import crowd
from tests.race.served import Served, free_port, serving, started

TICKETS = crowd.KIOSKS * crowd.TICKETS_PER_KIOSK


def open_branch(served: Served, branch: str, token: str) -> None:
    """The clock opens the day or we do, whoever is first."""
    opened = served.ask("POST", f"/api/branches/{branch}/day", token=token, headers={"idempotency-key": "o"})
    assert opened.status == 200 or opened.json["code"] == "day_already_open"
    assert served.command(branch, "OpenDoors", {}, token=token).status == 200
    for counter in counter_ids():
        person = f"{branch}-{counter.lower()}"
        body = {"counter_id": counter, "person_id": person}
        assert served.command(branch, "OpenCounter", body, token=token).status == 200


def test_the_crowd_finds_the_race_in_a_hall_without_protection(tmp_path: Path) -> None:
    port = free_port()
    arguments = [sys.executable, "-m", "tests.race.unprotected", str(port)]
    with started(arguments, port, tmp_path / "unprotected.log") as served:
        heard = asyncio.run(crowd.rush(served.url, "nobody", "b01", counter_ids()))
    assert heard.shared_numbers
    assert heard.called_twice
    assert heard.unlike


def test_counters_and_kiosks_that_press_at_once_share_no_customer_and_no_number(tmp_path: Path) -> None:
    seats = install(tmp_path / "bank", branches_count=1)
    token = seats[0].token
    with serving(tmp_path / "bank") as served:
        open_branch(served, "b01", token)
        heard = asyncio.run(crowd.rush(served.url, token, "b01", counter_ids()))
        assert served.stop() == 0
    assert heard.shared_numbers == []
    assert heard.called_twice == []
    assert heard.unlike == [], "a retry gets the answer of its original"
    assert len(heard.numbers) == len(heard.calls) == TICKETS
    with SqliteStore.open_to_read(Folder(tmp_path / "bank").database) as store:
        report = verify(store, [HALL], is_each_command_checked=True)
        assert report.is_sound, report.faults
        called = [event for event in store.read() if event.type == "TicketCalled"]
        assert len(called) == TICKETS, "what the log says is what the clients were told"
