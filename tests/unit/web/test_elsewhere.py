"""What is offered when the day's room is used up: only what is open, does it, and has room itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.hall.model import commands as c
from openhall.hall.told import RoomLeft
from openhall.kernel.clock import MINUTE_MS, ManualClock, from_datetime
from openhall.kernel.event import SYSTEM, Answer, Command, Request
from openhall.network.model import Branch
from openhall.network.sample import sample_files
from openhall.web import elsewhere
from openhall.web.site import create_site
from tests.places import ZONE

FRIDAY = date(2026, 11, 27)
OWN, OTHER = "wutong", "lanqiao"


def at(day: date, hours: int) -> int:
    return from_datetime(datetime(day.year, day.month, day.day, hours, tzinfo=ZONE))


class Bank:
    """Two branches on a Friday at nine, both with open doors."""

    def __init__(self, app: App, client: TestClient[Any]) -> None:
        self.app, self.client, self.sent = app, client, 0

    def branch(self, branch_id: str) -> Branch:
        found = self.app.bank.branch(branch_id)
        assert found is not None
        return found

    def do(self, branch_id: str, command: Command) -> None:
        self.sent += 1
        request = Request(self.app.today(self.branch(branch_id)), f"k{self.sent}", SYSTEM, command)
        answer = self.client.blocking_portal.call(self.app.submit, request)
        assert isinstance(answer, Answer), answer

    def others(self, service_id: str = "cash") -> list[str]:
        return [o.branch.id for o in elsewhere.other_branches(self.app, self.branch(OWN), service_id)]


@pytest.fixture
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    place = Folder(tmp_path_factory.mktemp("bank") / "hall")
    place.create(sample_files())
    clock = ManualClock(at(FRIDAY, 8))
    app = build(place, clock)
    with TestClient(create_site(app)) as client:
        found = Bank(app, client)
        for branch_id in (OWN, OTHER):
            client.blocking_portal.call(app.open_day, found.branch(branch_id), SYSTEM)
        clock.advance(60 * MINUTE_MS)
        for branch_id in (OWN, OTHER):
            found.do(branch_id, c.OpenDoors())
        yield found


def open_a_window(bank: Bank) -> None:
    state = bank.app.hall(bank.app.today(bank.branch(OTHER)))
    assert state is not None
    for counter in state.day_rules.branch.counters:
        for person in state.day_rules.staff:
            if "cash" in counter.services and "cash" in person.skills and "teller" in person.posts:
                bank.do(OTHER, c.OpenCounter(counter.id, person.id))
                return


def test_another_branch_is_named_once_somebody_serves_there(bank: Bank) -> None:
    assert bank.others() == [], "a branch without a window for it is no help"
    open_a_window(bank)
    assert bank.others() == [OTHER]
    assert bank.others("no such service") == []


def test_a_branch_that_is_full_itself_is_not_named(bank: Bank) -> None:
    open_a_window(bank)
    bank.do(OTHER, c.TellWaits(bank.app.clock.now_ms(), room=RoomLeft(0, 0)))
    assert bank.others() == []
    state = bank.app.hall(bank.app.today(bank.branch(OTHER)))
    assert state is not None
    assert elsewhere.is_used_up(state, bank.app.clock.now_ms())
    bank.do(OTHER, c.CloseDoors())
    assert not elsewhere.is_used_up(state, bank.app.clock.now_ms()), "who is inside is served anyway"


def test_the_next_open_day_skips_days_that_are_closed(bank: Bank) -> None:
    opens_ms = elsewhere.next_open_ms(bank.app, bank.branch(OWN))
    state = bank.app.hall(bank.app.today(bank.branch(OWN)))
    assert state is not None
    week = state.day_rules.branch.week
    ahead = next(n for n in range(1, 8) if week[(FRIDAY.weekday() + n) % 7] is not None)
    assert (opens_ms - at(FRIDAY, 0)) // (24 * 60 * MINUTE_MS) == ahead


@pytest.mark.parametrize(
    ("day", "reason", "opens"),
    [
        (date(2026, 11, 27), None, None),
        (date(2027, 1, 1), "New Year's Day", date(2027, 1, 2)),
        (date(2027, 2, 6), "Spring Festival", date(2027, 2, 8)),
    ],
    ids=["an open day", "closed for a day", "closed for two"],
)
def test_a_closed_day_has_its_reason_and_says_when_the_branch_opens_again(
    bank: Bank, day: date, reason: str | None, opens: date | None
) -> None:
    assert isinstance(bank.app.clock, ManualClock)
    bank.app.clock.set(at(day, 10))
    shut = elsewhere.shut_today(bank.app, bank.branch(OWN))
    if reason is None:
        assert shut is None
        return
    assert shut is not None
    assert shut.reason is not None
    assert shut.reason.en == reason
    assert opens is not None
    assert 0 < shut.next_open_ms - at(opens, 0) < 24 * 60 * MINUTE_MS
