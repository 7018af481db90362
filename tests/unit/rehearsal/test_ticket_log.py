"""The importer survives dirt, and says of each row that it left out where it was and why."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhall.kernel.clock import MINUTE_MS, local_ms
from openhall.rehearsal.recorded import LogOptions, import_day, rehearse_recorded
from openhall.rehearsal.recorded.ticket_log import (
    COLUMNS,
    REASONS,
    ROWS_MAX,
    TicketLogUnreadable,
    read_ticket_log,
)

ENGLISH = "number,service,class,joined,called,started,finished,outcome,counter"
CHINESE = "票号,业务类型,客户类别,取号时间,叫号时间,开始时间,结束时间,结果,窗口"
DAY = date(2026, 3, 5)
ON_DAY = LogOptions(day=DAY)
GOOD = "A001,cash,,09:00,09:05,09:06,09:10,served,1"


def log(*rows: str, header: str = ENGLISH) -> bytes:
    return "\n".join([header, *rows]).encode()


@pytest.mark.parametrize(
    ("row", "reason", "column"),
    [
        ("A002", "too_few_cells", ""),
        (GOOD.replace("A001", "A002") + ",x,y", "too_many_cells", ""),
        (",cash,,09:00,09:05,,,,1", "number_missing", "number"),
        (GOOD, "number_twice", "number"),
        ("A002,cash,,,09:05,,,,1", "joined_missing", "joined"),
        ("A002,cash,,25:10,,,,left,1", "time_invalid", "joined"),
        ("A002,cash,,09:61,,,,left,1", "time_invalid", "joined"),
        ("A002,cash,,soon,,,,left,1", "time_invalid", "joined"),
        ("A002,cash,,2026-02-30 09:00,,,,left,1", "time_invalid", "joined"),
        ("A002,cash,,09:00,9 o'clock,,,,1", "time_invalid", "called"),
        ("A002,cash,,2026-03-04 09:00,,,,left,1", "another_day", "joined"),
        ("A002,cash,,09:00,2026-03-07 09:00,,,served,1", "another_day", "called"),
        ("A002,cash,,09:00,08:55,,,served,1", "negative_wait", "called"),
        ("A002,cash,,09:00,,,08:55,left,1", "negative_wait", "finished"),
        ("A002,cash,,09:00,09:05,09:04,,served,1", "negative_service", "started"),
        ("A002,cash,,09:00,09:05,,09:04,served,1", "negative_service", "finished"),
        ("A002,cash,,09:00,09:05,,19:04,served,1", "service_too_long", "finished"),
        ("A002,cash,,09:00,09:05,,09:09,eaten,1", "outcome_unknown", "outcome"),
        ("A002,cash,,09:00,,,,,1", "outcome_missing", "outcome"),
    ],
)
def test_a_bad_row_is_reported_with_its_line_and_reason_and_the_next_is_read(
    row: str, reason: str, column: str
) -> None:
    rows, report = read_ticket_log(log(GOOD, row, GOOD.replace("A001", "A009")), ON_DAY)
    assert [(r.line, r.reason, r.column) for r in report.rejected] == [(3, reason, column)]
    assert [r.number for r in rows] == ["A001", "A009"]
    assert (report.rows_read, report.rows_kept) == (3, 2)


def test_every_reason_has_a_sentence_and_a_test() -> None:
    assert len(REASONS) == 14
    assert all(text.endswith(".") for text in REASONS.values())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends_are_found_out(
    encoding: str, delimiter: str, newline: str
) -> None:
    lines = ["", CHINESE, "", "A001,现金,绿色,09:00,09:05,,09:10,办结,3", "", ""]
    text = newline.join(lines).replace(",", delimiter)
    rows, report = read_ticket_log(text.encode(encoding), ON_DAY)
    assert [(r.service, r.class_code, r.outcome, r.counter) for r in rows] == [
        ("现金", "绿色", "served", "3")
    ]
    assert report.delimiter == delimiter
    assert report.rejected == ()


def test_broken_letters_cost_their_own_row_only() -> None:
    content = (
        log(GOOD) + b"\nA002,ca\xff\xfesh\x80,,09:00,09:05,,,served,1\n" + GOOD.replace("A001", "A3").encode()
    )
    rows, report = read_ticket_log(content, LogOptions(day=DAY, encoding="utf-8"))
    assert [r.reason for r in report.rejected] == ["unreadable_characters"]
    assert len(rows) == 2


def test_a_quote_that_is_never_closed_costs_its_own_row_only() -> None:
    rows, report = read_ticket_log(log('"A002,cash,,09:00', GOOD), ON_DAY)
    assert [r.reason for r in report.rejected] == ["too_few_cells"]
    assert len(rows) == 1


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        ("9:00", 540),
        ("09:00:30", 540.5),
        ("2026-03-05 09:00", 540),
        ("2026/3/5 9:00", 540),
        ("2026-03-05T09:00:00", 540),
        ("2026-03-05T02:00:00+01:00", 540),
        ("2026-03-05T01:00:00Z", 540),
        ("2026年3月5日 09：00", 540),
    ],
)
def test_times_are_read_as_people_and_machines_write_them(text: str, minute: float) -> None:
    rows, report = read_ticket_log(log(f"A001,cash,,{text},,,23:00,left,"), ON_DAY)
    assert report.rejected == ()
    midnight_ms = local_ms(DAY, 0, ZoneInfo("Asia/Shanghai"))
    assert rows[0].joined_ms - midnight_ms == minute * MINUTE_MS


def test_times_past_midnight_belong_to_the_same_business_day() -> None:
    rows, report = read_ticket_log(log("A001,cash,,23:50,00:10,,00:20,served,1"), ON_DAY)
    assert report.rejected == ()
    assert (rows[0].called_ms or 0) - rows[0].joined_ms == 20 * MINUTE_MS


def test_the_day_is_that_of_most_tickets_where_none_is_given() -> None:
    rows, report = read_ticket_log(
        log(
            "A001,cash,,2026-03-05 09:00,,,,left,",
            "A002,cash,,2026-03-05 09:01,,,,left,",
            "A003,cash,,2026-03-04 09:01,,,,left,",
        )
    )
    assert report.day == DAY
    assert report.rejected_by_reason == {"another_day": 1}
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expected a header"),
        (b"\x00\x01\x02", "Expected a header"),
        (b"a,b,c\n1,2,3", "Expected a header"),
        (log(GOOD), "Expected times with a date, or the option for the day"),
    ],
)
def test_a_file_that_is_no_ticket_log_is_refused_as_a_whole(content: bytes, reason: str) -> None:
    with pytest.raises(TicketLogUnreadable, match=reason):
        read_ticket_log(content)


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(TicketLogUnreadable, match="Expected a known encoding"):
        read_ticket_log(log(GOOD), LogOptions(day=DAY, encoding="klingon"))


def test_columns_that_are_not_known_are_named_and_passed_over() -> None:
    _, report = read_ticket_log(log(GOOD + ",sunny", header=ENGLISH + ",weather"), ON_DAY)
    assert report.ignored_columns == ("weather",)
    assert report.rejected == ()


def test_no_name_stands_for_two_columns() -> None:
    names = [name for known in COLUMNS.values() for name in known]
    assert len(names) == len(set(names))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_after_a_good_header_stop_the_import(content: bytes) -> None:
    rows, report = read_ticket_log(log(GOOD) + b"\n" + content, LogOptions(day=DAY, encoding="utf-8"))
    assert report.rows_read == report.rows_kept + len(report.rejected)
    assert len(rows) == report.rows_kept >= 1


def test_a_log_beyond_the_limit_is_cut_and_said() -> None:
    content = log(*["x"] * (ROWS_MAX + 5))
    _, report = read_ticket_log(content, ON_DAY)
    assert report.rejected_by_reason["too_many_rows"] == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("day_begins", "4"),
        ("timezone", "Mars/Olympus"),
        ("delimiter", ""),
        ("counters", 0),
        ("break_minutes", 0),
        ("place", ""),
    ],
)
def test_options_out_of_range_are_refused(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"^Expected "):
        LogOptions(**{option: value})  # type: ignore[arg-type]


# --- from a log to a day -----------------------------------------------------------------------------


def write_log(path: Path, *, columns: str, seed: int = 3) -> Path:
    """Two counters, one line, 60 customers, with their true times; only some columns are written."""
    rng, free, rows = random.Random(seed), [540.0, 540.0], []
    at = 540.0
    for number in range(60):
        at += rng.expovariate(0.6)
        counter = free.index(min(free))
        called = max(at, free[counter])
        free[counter] = called + 2 + rng.expovariate(0.7)
        values = {
            "number": f"A{number:03d}",
            "joined": clock(at),
            "called": clock(called),
            "finished": clock(free[counter]),
            "counter": str(counter + 1),
        }
        rows.append(",".join(values[name] for name in columns.split(",")))
    path.write_text("\n".join([columns, *rows]), encoding="utf-8")
    return path


def clock(minute: float) -> str:
    seconds = round(minute * 60)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


@pytest.mark.parametrize(
    ("columns", "counters", "within", "reason"),
    [
        ("number,joined,called,finished,counter", None, 0.05, "everything is known: the day repeats itself"),
        ("number,joined,called,finished", None, 0.25, "counters from how many customers were served at once"),
        ("number,joined,called,finished", 2, 0.05, "counters as told"),
        ("number,joined,called,counter", None, 0.35, "service times from the pace"),
    ],
)
def test_a_log_comes_out_with_about_the_waits_that_went_in(
    columns: str, counters: int | None, within: float, reason: str, tmp_path: Path
) -> None:
    path = write_log(tmp_path / "log.csv", columns=columns)
    day, report = import_day(path, LogOptions(day=DAY, counters=counters))
    assert report.rejected == ()
    result = rehearse_recorded(day).result
    assert (result.issued, result.served, result.pending) == (60, 60, 0)
    assert result.kind == "ticket_log"
    assert result.wait_minutes_mean == pytest.approx(
        sum(t.wait_minutes or 0 for t in day.tickets) / 60, rel=within
    ), reason


def test_a_log_with_neither_counters_nor_ends_needs_to_be_told(tmp_path: Path) -> None:
    path = write_log(tmp_path / "log.csv", columns="number,joined,called")
    with pytest.raises(TicketLogUnreadable, match="Expected a column for the counter"):
        import_day(path, ON_DAY)
    day, _ = import_day(path, LogOptions(day=DAY, counters=2))
    assert rehearse_recorded(day).result.pending == 0


def test_a_log_without_a_usable_row_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(log(",cash,,09:00,,,,,"))
    with pytest.raises(TicketLogUnreadable, match="Expected at least one usable row"):
        import_day(path, ON_DAY)


def test_every_outcome_of_a_log_is_lived_through(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(
        log(
            "A001,cash,,09:00,09:00,,09:30,served,1",
            "A002,cash,,09:01,,,09:10,left,",
            "A003,cash,,09:02,,,09:12,diverted,",
            "A004,loans,gold,09:03,09:31,,,no_show,1",
            "A005,loans,,09:04,09:35,,09:40,served,1",
        )
    )
    day, _ = import_day(path, ON_DAY)
    result = rehearse_recorded(day).result
    assert (result.served, result.reneged, result.diverted, result.no_show) == (2, 1, 1, 1)
    assert result.pending == 0
    assert set(result.waits_by_class) == {"ordinary", "gold"}
    assert set(result.waits_by_service) == {"cash", "loans"}


def test_a_counter_that_was_idle_for_long_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(
        log(
            "A001,cash,,09:00,09:00,,09:10,served,1",
            "A002,cash,,12:00,12:00,,12:10,served,1",
            "A003,cash,,12:05,12:06,,12:10,served,2",
        )
    )
    day, _ = import_day(path, ON_DAY)
    spells = [(s.counter, s.closes_ms is None) for s in day.spells]
    assert spells == [("1", False), ("1", True), ("2", True)]
