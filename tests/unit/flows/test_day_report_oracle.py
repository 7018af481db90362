"""The figures of a demo's day, worked out a second time from the log's rows alone.

Nothing of the hall or of the review is used here: the rows are read as SQL gives them, their bodies as JSON,
and each figure is what its definition in docs/day-report.md says, by plain sums.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2  # type: ignore[import-untyped]

from openhall.app import day_records
from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.log.day_records import DAY_REPORTS
from openhall.network.sample import sample_files
from openhall.rehearsal.invented.parameters import InventedParameters
from openhall.rehearsal.past import write_past
from openhall.review.indicators import indicators

pytestmark = pytest.mark.unit

BRANCH, DAY = "wutong", date(2026, 11, 23)
ELDERLY = "green"
"""The sample bank's class whose customers are in no measure of diversion."""


@dataclass(frozen=True)
class Row:
    """One event as the table has it."""

    at_ms: int
    type: str
    body: dict[str, Any]

    def __getitem__(self, field: str) -> Any:
        return self.body[field]


@dataclass(frozen=True)
class Told:
    """What the report says, and the rows that it is about."""

    rows: list[Row]
    said: dict[tuple[str, str], float | None]

    def of(self, *types: str) -> Iterator[Row]:
        return (row for row in self.rows if row.type in types)

    def at(self, kind: str, field: str) -> dict[str, int]:
        """The first moment of an event for each ticket, window and so on."""
        found: dict[str, int] = {}
        for row in self.of(kind):
            found.setdefault(row[field], row.at_ms)
        return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = Folder(tmp_path_factory.mktemp("oracle") / "hall")
    folder.create(sample_files())
    app = build(folder)
    busy = InventedParameters(visitors_daily=200, surge_factor=2)
    write_past(app.store, app.version, date(2026, 11, 24), 1, busy)
    answer = day_records.work_out(str(folder.database), list(app.store.streams()))
    day_records.keep_worked_out(app.store, answer)
    (report,) = DAY_REPORTS.between(app.store, [BRANCH], DAY, DAY)
    app.store.close()
    said = {
        (f"{each.group} {each.code}".strip(), each.name): each.value
        for each in indicators(report, (10, 15, 20, 30))
    }
    return Told(rows_of(folder.database), said)


def rows_of(database: Path) -> list[Row]:
    query = "SELECT at_ms, type, body FROM events WHERE stream = ? ORDER BY seq"
    with closing(dbapi2.connect(database)) as connection:
        found = connection.execute(query, (f"{BRANCH}/{DAY.isoformat()}",)).fetchall()
    return [Row(at_ms, type_, json.loads(body)) for at_ms, type_, body in found]


def class_of(told: Told) -> dict[str, str]:
    """Each ticket's class, as last corrected."""
    return {row["ticket_id"]: row["class_code"] for row in told.of("TicketIssued", "ClassCorrected")}


def waits_ms(told: Told) -> dict[str, tuple[int, int]]:
    """(without the time stepped out, with it) of each ticket that was called, up to the first call."""
    joined = {row["ticket_id"]: row["joined_ms"] for row in told.of("TicketIssued")}
    called = told.at("TicketCalled", "ticket_id")
    away = dict.fromkeys(called, 0)
    since: dict[str, int] = {}
    for row in told.of("TicketHeld", "TicketResumed"):
        ticket = row["ticket_id"]
        if row.type == "TicketHeld":
            since[ticket] = row.at_ms
        elif ticket in called and row.at_ms <= called[ticket]:
            away[ticket] += row.at_ms - since[ticket]
    return {
        ticket: (at - joined[ticket] - away[ticket], at - joined[ticket]) for ticket, at in called.items()
    }


def test_waits_are_from_joining_to_the_first_call_and_time_stepped_out_is_told_apart(told: Told) -> None:
    both = waits_ms(told).values()
    short, whole = [wait for wait, _ in both], [wait for _, wait in both]
    assert sum(short) < sum(whole), "somebody stepped out"
    said = told.said
    assert said["all", "called"] == len(short) > 150
    assert said["all", "wait_mean"] == pytest.approx(sum(short) / len(short) / 1_000, abs=0.001)
    assert said["all", "wait_longest"] == max(short) / 1_000
    assert said["all", "wait_mean_with_holds"] == pytest.approx(sum(whole) / len(whole) / 1_000, abs=0.001)
    for minutes in (10, 15, 20, 30):
        within = sum(wait <= minutes * 60_000 for wait in short) / len(short)
        assert said["all", f"within_{minutes}"] == pytest.approx(within), minutes


def test_waits_by_class_are_those_of_the_class_at_the_end(told: Told) -> None:
    classes = class_of(told)
    for code in set(classes.values()):
        own = [wait for ticket, (wait, _) in waits_ms(told).items() if classes[ticket] == code]
        assert told.said[f"class {code}", "called"] == len(own)
        assert told.said[f"class {code}", "wait_longest"] == max(own) / 1_000


def test_the_elderly_are_left_out_of_the_measure_of_diversion(told: Told) -> None:
    classes = class_of(told)
    arrivals = sum(code != ELDERLY for code in classes.values())
    offers = {row["diversion_id"]: row["ticket_id"] for row in told.of("DiversionOffered")}
    completed = [offers[row["diversion_id"]] for row in told.of("DiversionCompleted")]
    failed = [offers[row["diversion_id"]] for row in told.of("DiversionFailed")]
    ordinary = sum(classes[ticket] != ELDERLY for ticket in completed)
    came_back = sum(classes[ticket] != ELDERLY for ticket in failed)
    elderly = len(completed) - ordinary
    assert elderly > 0, "some elderly customers went elsewhere at their own wish"
    assert 0 < arrivals < len(classes)
    said = told.said
    assert said["day", "diversion_arrivals"] == arrivals
    assert said["day", "diversion_rate"] == pytest.approx(ordinary / arrivals)
    assert said["day", "diversion_rate"] != pytest.approx(len(completed) / len(classes)), "it matters"
    assert said["day", "diversion_success_rate"] == pytest.approx(ordinary / (ordinary + came_back))
    assert said["day", "uncounted_completed"] == elderly


def test_utilisation_is_time_with_a_customer_over_time_with_a_teller(told: Told) -> None:
    with_customer = with_teller = 0
    began: dict[str, int] = {}
    opened: dict[str, int] = {}
    for row in told.of("CounterOpened", "CounterClosed", "ServiceStarted", "ServiceFinished"):
        counter = row["counter_id"]
        match row.type:
            case "CounterOpened":
                opened[counter] = row.at_ms
            case "CounterClosed":
                with_teller += row.at_ms - opened.pop(counter)
            case "ServiceStarted":
                began[counter] = row.at_ms
            case "ServiceFinished":
                with_customer += row.at_ms - began.pop(counter)
    assert not opened
    assert not began
    assert told.said["day", "utilisation"] == pytest.approx(with_customer / with_teller)


def test_who_was_absent_and_who_left_is_counted_by_how_the_day_ended_for_them(told: Told) -> None:
    ended: dict[str, str] = {}
    for row in told.of("TicketAbsent", "TicketReneged", "TicketReinstated", "ServiceFinished"):
        ended[row["ticket_id"]] = row.type
    absent = sum(kind == "TicketAbsent" for kind in ended.values())
    left = sum(kind == "TicketReneged" for kind in ended.values())
    assert absent > 0
    assert left > 0
    assert told.said["all", "no_show_rate"] == pytest.approx(absent / len(waits_ms(told)))
    assert told.said["all", "renege_rate"] == pytest.approx(left / len(class_of(told)))
