"""What was told beside what came, day by day and branch by branch."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from openhall.app.read_models import PROJECTIONS
from openhall.cli.main import program
from openhall.hall.model import ROOM
from openhall.hall.model import commands as c
from openhall.hall.told import JoiningWait, TicketWait
from openhall.kernel.clock import MINUTE_MS
from openhall.log.rebuild import Projector
from openhall.log.sqlite import SqliteStore
from openhall.log.told import BranchDayTold, told_by_day
from tests.places import DAY, LANE, at
from tests.unit.hall.halls import Hall

pytestmark = pytest.mark.unit


def minutes(number: float) -> int:
    return round(number * MINUTE_MS)


def told_day(store: SqliteStore) -> None:
    """Four tickets: told 10 (5 to 20) at issue; called after 8, 25, 30 with a hold, and never."""
    hall = Hall(store=store).open("C1:zhao")
    spread = {"low_ms": minutes(5), "middle_ms": minutes(10), "high_ms": minutes(20)}
    hall.do(c.TellWaits(at(9), joining=(JoiningWait("cash", "ordinary", **spread),)))
    first, _, third, _ = (hall.issue() for _ in range(4))
    hall.wait(2)
    hall.do(c.TellWaits(at(9, 2), (TicketWait(first, minutes(1), minutes(2), minutes(3)),)))
    hall.do(c.HoldTicket(third, "li"))
    hall.wait(6)
    hall.call_and_start("C1")
    hall.wait(12)
    hall.do(c.ResumeTicket(third))
    hall.wait(5)
    hall.do(c.FinishService("C1"))
    hall.call_and_start("C1")
    hall.do(c.FinishService("C1"))
    hall.wait(5)
    hall.call_and_start("C1")
    Projector(store, [ROOM], PROJECTIONS).catch_up()


def test_tickets_that_were_called_and_never_away_are_judged(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path / "hall.db") as store:
        told_day(store)
        (day,) = told_by_day(store, [LANE.place])
        at_issue = day.at_issue["twin"]
        # 8 minutes were inside 5 to 20; 25 were not. Away once and never called: not judged.
        assert (at_issue.told_count, at_issue.inside_count) == (2, 1)
        assert at_issue.error_ms == minutes((2 + 15) / 2)
        assert at_issue.bias_ms == minutes((-2 + 15) / 2)
        # Told again two minutes later that it would be two more: it was six.
        every = day.every_telling
        assert (every.told_count, every.inside_count) == (3, 1)
        assert every.error_ms == minutes((2 + 15 + 4) / 3)
        assert told_by_day(store, ["elsewhere"]) == []
        assert told_by_day(store, [LANE.place], first=date(2027, 1, 1)) == []
        assert told_by_day(store, [LANE.place], last=DAY) == [day]


def test_a_rebuild_gives_the_same_rows(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path / "hall.db") as store:
        told_day(store)
        before = told_by_day(store, [LANE.place])
        Projector(store, [ROOM], PROJECTIONS).rebuild()
        assert told_by_day(store, [LANE.place]) == before


def test_the_command_shows_it_and_says_when_there_is_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    run = CliRunner().invoke
    assert run(program, ["init", "--folder", str(folder)]).exit_code == 0
    empty = run(program, ["evaluate", "told", "--folder", str(folder)], env={"OPENHALL_LANGUAGE": "en"})
    assert "Nobody has been told a wait yet." in empty.output
    wrong = run(program, ["evaluate", "told", "--folder", str(folder), "--branch", "nowhere"])
    assert wrong.exit_code == 2
    with SqliteStore.open(folder / "openhall.db") as store:
        told_day(store)
    for file in (folder / "bank").iterdir():
        file.write_text(file.read_text().replace("lanqiao", "lane"))
    shown = run(program, ["evaluate", "told", "--folder", str(folder), "--json"])
    days = msgspec.json.decode(shown.output, type=list[BranchDayTold])
    assert [(d.branch, d.day) for d in days] == [("lane", DAY)]
    table = run(program, ["evaluate", "told", "--folder", str(folder)], env={"OPENHALL_LANGUAGE": "en"})
    assert "50.0%" in table.output
