"""Reads a bank's own ticket log: a CSV file as machines and people really write them.

The format, with an example, is in docs/how-to/import-your-own-day.md. Nothing in a row stops the import: a
row that cannot be used is reported with its line number and a reason code, and the next one is read.
"""

from __future__ import annotations

import csv
import re
from collections import Counter as Tally
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from openhall.kernel.clock import DAY_MS, HOUR_MS, from_datetime
from openhall.kernel.trouble import Trouble
from openhall.rehearsal.recorded.day import Ending

BYTES_MAX = 64 * 1024 * 1024
ROWS_MAX = 100_000
HEADER_WITHIN_LINES = 20
"""Titles and blank lines may stand above the header, no more than this."""
VALUE_SHOWN_CHARACTERS = 40
SERVICE_MS_MAX = 8 * HOUR_MS
HEADER_DIRT = "\ufeff\"' \t"
DELIMITERS = ",;\t|"

COLUMNS: dict[str, tuple[str, ...]] = {
    "number": ("number", "ticket", "ticket_no", "票号", "号码", "排队号", "排队号码", "号票"),
    "service": ("service", "queue", "业务", "业务类型", "业务名称", "队列"),
    "class": ("class", "priority", "customer_class", "客户类别", "客户类型", "类别", "优先级"),
    "joined": ("joined", "issued", "arrived", "取号时间", "到达时间", "出票时间", "排队时间"),
    "called": ("called", "叫号时间", "呼叫时间"),
    "started": ("started", "开始时间", "开始办理时间", "受理时间"),
    "finished": ("finished", "ended", "结束时间", "办结时间", "完成时间"),
    "outcome": ("outcome", "result", "status", "结果", "状态", "办理结果"),
    "counter": ("counter", "window", "窗口", "窗口号", "柜台", "柜台号"),
}
"""Header names by column, lower case, with underscores for spaces; the first is the documented one."""

REQUIRED = ("number", "joined")

OUTCOMES: dict[Ending, tuple[str, ...]] = {
    "served": ("served", "done", "finished", "completed", "办结", "已办结", "已办理", "完成", "正常"),
    "no_show": ("no_show", "no-show", "noshow", "absent", "过号", "未到", "空号"),
    "reneged": ("reneged", "left", "abandoned", "弃号", "离开"),
    "diverted": ("diverted", "redirected", "分流", "引导"),
}

Reason = Literal[
    "too_few_cells",
    "too_many_cells",
    "unreadable_characters",
    "number_missing",
    "number_twice",
    "joined_missing",
    "time_invalid",
    "another_day",
    "negative_wait",
    "negative_service",
    "service_too_long",
    "outcome_unknown",
    "outcome_missing",
    "too_many_rows",
]

REASONS: dict[Reason, str] = {
    "too_few_cells": "The row ends before the last required column.",
    "too_many_cells": "The row has more cells than the header has columns.",
    "unreadable_characters": "The row has bytes that are no letters in the file's encoding.",
    "number_missing": "There is no ticket number.",
    "number_twice": "An earlier row has the same ticket number.",
    "joined_missing": "The time of joining is missing.",
    "time_invalid": "A time is none: 25:10, say, or 30 February.",
    "another_day": "The customer joined on another day than the one that is imported.",
    "negative_wait": "The customer was called, or left, before joining.",
    "negative_service": "The service ended before it began.",
    "service_too_long": "The service took more than eight hours.",
    "outcome_unknown": "The outcome is none of the known words.",
    "outcome_missing": "There is neither a call nor an outcome, so nobody knows what became of the ticket.",
    "too_many_rows": "The file is longer than an import may be.",
}


class Rejected(msgspec.Struct, frozen=True):
    """A row that was left out: its line in the file (from 1), why, and the cell at fault."""

    line: int
    reason: Reason
    column: str = ""
    value: str = ""


class LogRow(msgspec.Struct, frozen=True):
    """A row that was kept. Times are ms since the epoch."""

    line: int
    number: str
    service: str
    class_code: str
    joined_ms: int
    called_ms: int | None
    started_ms: int | None
    finished_ms: int | None
    outcome: Ending
    counter: str


class LogOptions(msgspec.Struct, frozen=True):
    """What the file does not say about itself.

    Parameters
    ----------
    day : the business day; needed where times are without a date, else the day with the most tickets.
    timezone : of times without an offset.
    day_begins : local time HH:MM; an earlier time without a date is past midnight, still of the same business
        day.
    encoding : None tries UTF-8 (with or without a byte order mark), UTF-16 with one, then GB 18030 (GBK).
    delimiter : None takes whichever of comma, semicolon, tab and bar the header has most of.
    counters : counters open all day, for a log that has neither counters nor ends of service.
    break_minutes : a counter without a customer for longer than this was closed.
    place : the branch's name.
    """

    day: date | None = None
    timezone: str = "Asia/Shanghai"
    day_begins: str = "04:00"
    encoding: str | None = None
    delimiter: str | None = None
    counters: int | None = None
    break_minutes: int = 30
    place: str = "hall"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", self.day_begins):
            raise ValueError(f"Expected day_begins as HH:MM, got {self.day_begins!r}")
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError):
            raise ValueError(f"Expected a time zone such as Asia/Shanghai, got {self.timezone!r}") from None
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ValueError(f"Expected a delimiter of one character, got {self.delimiter!r}")
        if self.counters is not None and not 1 <= self.counters <= 200:
            raise ValueError(f"Expected counters between 1 and 200, got {self.counters}")
        if not 1 <= self.break_minutes <= 24 * 60:
            raise ValueError(f"Expected break_minutes between 1 and 1440, got {self.break_minutes}")
        if not self.place:
            raise ValueError("Expected place to be a name, got nothing")


class ImportReport(msgspec.Struct, frozen=True):
    """What became of the file's rows."""

    encoding: str
    delimiter: str
    columns: dict[str, str]
    """The file's own name of each column that was found."""
    ignored_columns: tuple[str, ...]
    day: date
    rows_read: int
    rows_kept: int
    rejected: tuple[Rejected, ...]

    @property
    def rejected_by_reason(self) -> dict[str, int]:
        """How many rows were left out for each reason."""
        return dict(sorted(Tally(row.reason for row in self.rejected).items()))


class TicketLogUnreadable(Trouble):
    """The file as a whole cannot be a ticket log."""

    code = "ticket_log_unreadable"
    remedy = "Compare the file with docs/how-to/import-your-own-day.md."


class _Unusable(Exception):
    """Carries the reason out of the reading of one row."""

    def __init__(self, reason: Reason, column: str = "", value: str = "") -> None:
        super().__init__(reason)
        self.reason, self.column, self.value = reason, column, value[:VALUE_SHOWN_CHARACTERS]


class _Cells(msgspec.Struct, frozen=True):
    """One row as text, by column."""

    line: int
    texts: dict[str, str]


def read_ticket_log(
    content: bytes, options: LogOptions | None = None
) -> tuple[tuple[LogRow, ...], ImportReport]:
    """The usable rows in order of joining, and a report on all.

    Raises `TicketLogUnreadable` when there is no header with a number and a time of joining, or no date.
    """
    options = options or LogOptions()
    if len(content) > BYTES_MAX:
        raise TicketLogUnreadable(f"Expected at most {BYTES_MAX} bytes, got {len(content)}")
    text, encoding = decode(content, options.encoding)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").split("\n")
    header_line, delimiter, columns, ignored = _header(lines, options.delimiter)
    rejected: list[Rejected] = []
    cells = list(_cells(lines, header_line, delimiter, columns, rejected))
    day = options.day or _commonest_day(cells, options)
    rows: dict[str, LogRow] = {}
    for row in cells:
        try:
            kept = _row(row, day, options)
            if kept.number in rows:
                raise _Unusable("number_twice", "number", kept.number)
            rows[kept.number] = kept
        except _Unusable as error:
            rejected.append(Rejected(row.line, error.reason, error.column, error.value))
    ordered = sorted(rows.values(), key=lambda row: (row.joined_ms, row.line))
    report = ImportReport(
        encoding,
        delimiter,
        {
            column: lines[header_line].split(delimiter)[at].strip(HEADER_DIRT)
            for column, at in columns.items()
        },
        ignored,
        day,
        rows_read=len(rows) + len(rejected),
        rows_kept=len(rows),
        rejected=tuple(sorted(rejected, key=lambda row: row.line)),
    )
    return tuple(ordered), report


def decode(content: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The file's text, and the encoding it was found to be in. Bytes that are no letters become U+FFFD.

    >>> decode("取号时间".encode("gbk"))
    ('取号时间', 'gb18030')
    """
    if encoding is None and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    if encoding is not None:
        try:
            return content.decode(encoding, errors="replace").removeprefix("\ufeff"), encoding
        except LookupError:
            raise TicketLogUnreadable(f"Expected a known encoding, got {encoding!r}") from None
    texts = {name: content.decode(name, errors="replace") for name in ("utf-8-sig", "gb18030")}
    # The one with fewer broken letters; UTF-8 where they are equal, which plain ASCII is.
    best = min(texts, key=lambda name: (texts[name].count("\ufffd"), name != "utf-8-sig"))
    return texts[best].removeprefix("\ufeff"), best


def _header(lines: list[str], delimiter: str | None) -> tuple[int, str, dict[str, int], tuple[str, ...]]:
    for number, line in enumerate(lines[:HEADER_WITHIN_LINES]):
        found = delimiter or max(DELIMITERS, key=line.count)
        names = [_name(cell) for cell in _split(line, found)]
        columns: dict[str, int] = {}
        for at, name in enumerate(names):
            column = next((column for column, known in COLUMNS.items() if name in known), None)
            if column is not None:
                columns.setdefault(column, at)
        if all(column in columns for column in REQUIRED):
            ignored = tuple(name for at, name in enumerate(names) if name and at not in columns.values())
            return number, found, columns, ignored
    raise TicketLogUnreadable(
        f"Expected a header with the columns {' and '.join(REQUIRED)} "
        f"in the first {HEADER_WITHIN_LINES} lines, got {lines[0][:VALUE_SHOWN_CHARACTERS]!r}"
    )


def _name(cell: str) -> str:
    return re.sub(r"[\s\-]+", "_", cell.strip(HEADER_DIRT).lower())


def _split(line: str, delimiter: str) -> list[str]:
    """One line is one row: a quote that is never closed must not swallow the rest of the file."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def _cells(
    lines: list[str], header_line: int, delimiter: str, columns: dict[str, int], rejected: list[Rejected]
) -> Iterator[_Cells]:
    width = len(_split(lines[header_line], delimiter))
    last_required = max(columns[column] for column in REQUIRED)
    count = 0
    for number, line in enumerate(lines[header_line + 1 :], header_line + 2):
        cells = [cell.strip() for cell in _split(line, delimiter)]
        if not any(cells):
            continue
        count += 1
        if count > ROWS_MAX:
            rejected.append(Rejected(number, "too_many_rows"))
            return
        if "\ufffd" in line:
            rejected.append(Rejected(number, "unreadable_characters"))
        elif len(cells) <= last_required:
            rejected.append(Rejected(number, "too_few_cells"))
        elif any(cells[width:]):
            rejected.append(Rejected(number, "too_many_cells"))
        else:
            texts = {name: cells[at] if at < len(cells) else "" for name, at in columns.items()}
            yield _Cells(number, texts)


_DATED = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?"
)
_TIME_ONLY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?")


def _moment(text: str, options: LogOptions) -> datetime | tuple[int, int, int]:
    """A local moment, or hours, minutes and seconds without a date; ValueError when it is neither."""
    text = text.replace("：", ":")
    zone = ZoneInfo(options.timezone)
    if dated := _DATED.fullmatch(text):
        year, month, day_, hour, minute, second = (int(part or 0) for part in dated.groups())
        return datetime(year, month, day_, hour, minute, second, tzinfo=zone)
    if timed := _TIME_ONLY.fullmatch(text):
        hour, minute, second = (int(part or 0) for part in timed.groups())
        if hour > 23 or minute > 59 or second > 59:
            raise ValueError(text)
        return hour, minute, second
    moment = datetime.fromisoformat(text)
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def _business_day(moment: datetime, options: LogOptions) -> date:
    """A moment before the day begins belongs to the day before."""
    is_early = moment.strftime("%H:%M") < options.day_begins
    return moment.date() - timedelta(days=1) if is_early else moment.date()


def _commonest_day(cells: list[_Cells], options: LogOptions) -> date:
    days: Tally[date] = Tally()
    for row in cells:
        try:
            moment = _moment(row.texts["joined"], options)
        except ValueError:
            continue
        if isinstance(moment, datetime):
            days[_business_day(moment, options)] += 1
    if not days:
        raise TicketLogUnreadable("Expected times with a date, or the option for the day, got neither")
    return days.most_common(1)[0][0]


def _row(row: _Cells, day: date, options: LogOptions) -> LogRow:
    texts = row.texts
    if not texts["number"]:
        raise _Unusable("number_missing", "number")
    if not texts["joined"]:
        raise _Unusable("joined_missing", "joined")
    times = {
        column: _time(column, texts.get(column, ""), day, options)
        for column in ("joined", "called", "started", "finished")
    }
    joined_ms = times["joined"]
    assert joined_ms is not None
    _check_order(texts, times, day, options)
    return LogRow(
        row.line,
        texts["number"],
        texts.get("service") or "service",
        texts.get("class", ""),
        joined_ms,
        times["called"],
        times["started"],
        times["finished"],
        _outcome(texts.get("outcome", ""), is_called=bool(times["called"] or times["started"])),
        texts.get("counter", ""),
    )


def _time(column: str, text: str, day: date, options: LogOptions) -> int | None:
    if not text:
        return None
    try:
        moment = _moment(text, options)
        if not isinstance(moment, datetime):
            hour, minute, second = moment
            is_next_day = f"{hour:02}:{minute:02}" < options.day_begins
            on = day + timedelta(days=1) if is_next_day else day
            zone = ZoneInfo(options.timezone)
            moment = datetime(on.year, on.month, on.day, hour, minute, second, tzinfo=zone)
        return from_datetime(moment)
    except (ValueError, OverflowError):
        raise _Unusable("time_invalid", column, text) from None


def _check_order(texts: dict[str, str], times: dict[str, int | None], day: date, options: LogOptions) -> None:
    joined_ms, called_ms, started_ms, finished_ms = (
        times[column] for column in ("joined", "called", "started", "finished")
    )
    assert joined_ms is not None
    local = datetime.fromtimestamp(joined_ms / 1_000, tz=ZoneInfo(options.timezone))
    if _business_day(local, options) != day:
        raise _Unusable("another_day", "joined", texts["joined"])
    for column in ("called", "started", "finished"):
        at_ms = times[column]
        if at_ms is not None and at_ms < joined_ms:
            raise _Unusable("negative_wait", column, texts[column])
        if at_ms is not None and at_ms - joined_ms > DAY_MS:
            raise _Unusable("another_day", column, texts[column])
    if started_ms is not None and called_ms is not None and started_ms < called_ms:
        raise _Unusable("negative_service", "started", texts["started"])
    began_ms = called_ms if called_ms is not None else started_ms
    if finished_ms is not None and began_ms is not None:
        if finished_ms < max(began_ms, started_ms or 0):
            raise _Unusable("negative_service", "finished", texts["finished"])
        if finished_ms - began_ms > SERVICE_MS_MAX:
            raise _Unusable("service_too_long", "finished", texts["finished"])


def _outcome(text: str, *, is_called: bool) -> Ending:
    if not text:
        if not is_called:
            raise _Unusable("outcome_missing", "outcome")
        return "served"
    word = text.lower().replace(" ", "_")
    for outcome, words in OUTCOMES.items():
        if word in words:
            return outcome
    raise _Unusable("outcome_unknown", "outcome", text)
