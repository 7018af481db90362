"""What a plan needs is gathered from the log; what is taken along can be read again."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from icalendar import Calendar
from pypdf import PdfReader

from openhall.app import plan_exports, plan_words
from openhall.app.folder import Folder
from openhall.app.planning import borrowing, gather, in_need, neighbours, with_others
from openhall.app.read_models import PROJECTIONS
from openhall.hall.model import ROOM as HALL
from openhall.log import plans
from openhall.log.rebuild import Projector
from openhall.log.sqlite import SqliteSettings, SqliteStore
from openhall.network import version as versions
from openhall.network.sample import sample_bank, sample_files
from openhall.rehearsal.invented import InventedParameters
from openhall.rehearsal.past import write_past
from openhall.staffing.plan import DayPlan, Note, Shortfall, Violation, WeekPlan
from openhall.staffing.sentences import NOTES, VIOLATIONS
from tests.places import DAY
from tests.unit.staffing.branches import MONDAY, good_week, request, small_bank

pytestmark = pytest.mark.unit


def test_past_days_and_plans_are_gathered_from_the_log(tmp_path: Path) -> None:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    bank = sample_bank()
    version = versions.version_of(bank)
    with SqliteStore.open(place.database, SqliteSettings(synchronous="OFF")) as store:
        write_past(store, version, DAY, 2, InventedParameters(visitors_daily=60, surge_factor=1.0))
        Projector(store, [HALL], PROJECTIONS).rebuild()
        neighbour = WeekPlan("lanqiao", DAY, (DayPlan(DAY, is_open=True),), version.version, "optimal", 0.0)
        plans.save_draft(store, neighbour, seen=0, now_ms=1, by="test")
        found = gather(store, bank, version.version, "wutong", DAY)
    assert found.branch == "wutong"
    assert [plan.branch for plan in found.others] == ["lanqiao"]
    assert found.current is None
    assert {day.day for day in found.past.days} <= {DAY - timedelta(days=n) for n in range(1, 8)}
    assert sum(sum(row) for day in found.past.days for row in day.counts.values()) > 20
    assert found.past.green_share is not None


def test_a_calendar_has_an_event_for_each_duty() -> None:
    bank, plan = small_bank(), good_week()
    calendar = Calendar.from_ical(plan_exports.as_calendar(bank, plan))
    events = list(calendar.walk("VEVENT"))
    assert len(events) == 3
    assert len({str(event["UID"]) for event in events}) == 3
    first = next(e for e in events if "bob" in str(e["UID"]))
    assert first.decoded("DTSTART").isoformat() == "2026-12-07T00:30:00+00:00", "half past eight in Shanghai"
    alone = Calendar.from_ical(plan_exports.as_calendar(bank, plan, person_id="bob"))
    assert len(list(alone.walk("VEVENT"))) == 1


def test_a_table_has_a_line_for_each_stint() -> None:
    rows = list(csv.DictReader(io.StringIO(plan_exports.as_csv(small_bank(), good_week()))))
    assert tuple(rows[0]) == plan_exports.COLUMNS
    assert len(rows) == 9
    assert {r["counter"] for r in rows if r["post"] == "window"} == {"C1", "C2"}


def test_a_sheet_prints_chinese_names() -> None:
    bank = sample_bank()
    branch = next(b for b in bank.branches if b.id == "lanqiao")
    day = good_week().days[0]
    duties = tuple(
        type(d)(p.id, d.shift_id, d.from_minute, d.until_minute, d.stints)
        for d, p in zip(day.duties, [p for p in bank.people if p.branch == "lanqiao"], strict=False)
    )
    plan = WeekPlan(branch.id, MONDAY, (DayPlan(MONDAY, is_open=True, duties=duties),), "", "optimal", 0.0)
    body = plan_exports.export("pdf", plan, bank)
    pages = PdfReader(io.BytesIO(body)).pages
    assert len(pages) == 1
    assert "陈若兰" in pages[0].extract_text()
    empty = plan_exports.as_pdf(bank, WeekPlan(branch.id, MONDAY, (), "", "optimal", 0.0))
    assert len(PdfReader(io.BytesIO(empty)).pages) == 1
    with pytest.raises(ValueError, match="pdf, ics or csv"):
        plan_exports.export("doc", plan, bank)


def test_every_code_becomes_a_sentence_in_both_languages() -> None:
    bank = small_bank()
    detail = dict.fromkeys(
        (
            *("until_minute", "missing", "service", "days", "minutes", "most", "least", "there", "counter"),
            *("shift", "branch", "switches", "post", "what"),
        ),
        "60",
    )
    for code in NOTES:
        note = Note(code, "bob", MONDAY, 540, detail)
        assert "{" not in plan_words.note_words(bank, note, "en") + plan_words.note_words(bank, note, "zh")
    for code in VIOLATIONS:
        found = Violation(code, MONDAY, "bob", 540, 600, detail)
        words = plan_words.violation_words(bank, found, "en") + plan_words.violation_words(bank, found, "zh")
        assert "{" not in words


def plan_of(branch: str, missing: int) -> WeekPlan:
    lacks = (Shortfall("lobby", 540, 600, missing),) if missing else ()
    day = DayPlan(date(2026, 12, 7), is_open=True, shortfalls=lacks)
    return WeekPlan(branch, MONDAY, (day,), "", "optimal", 0.0)


def test_branches_in_need_borrow_one_after_the_other_where_they_share_a_neighbour() -> None:
    bank = small_bank()
    assert neighbours(bank, "north") == ["south"]
    made = {"north": plan_of("north", 2), "south": plan_of("south", 0)}
    assert in_need(made.values()) == ["north"]
    rounds = borrowing(bank, [request(bank)], made)
    assert [[r.branch for r in each] for each in rounds] == [["north"]]
    assert with_others(rounds[0][0], made).others == (made["south"],)
    nobody = {"north": plan_of("north", 0), "south": plan_of("south", 0)}
    assert borrowing(bank, [request(bank)], nobody) == []
