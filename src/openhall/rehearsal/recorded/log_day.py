"""Makes a day that can be rehearsed from the rows of a bank's own ticket log.

A counter was open from its first customer to the end of its last, except for gaps longer than a break; one
that was still at work near the end of the day stays till nobody is pending. A log without counters shows at
least how many customers were served at one time: so many counters were open in that quarter of an hour. A
log without either needs to be told how many there were.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from openhall.kernel.clock import MINUTE_MS
from openhall.rehearsal.recorded.day import Interval, RecordedDay, RecordedTicket, Spell
from openhall.rehearsal.recorded.ticket_log import (
    ImportReport,
    LogOptions,
    LogRow,
    TicketLogUnreadable,
    read_ticket_log,
)
from openhall.rehearsal.recorded.warsaw import spells_of

INTERVAL_MS = 15 * MINUTE_MS
DOORS_CLOSE_AFTER_MS = MINUTE_MS


def import_day(path: Path, options: LogOptions | None = None) -> tuple[RecordedDay, ImportReport]:
    """A day from a CSV file, and what became of the file's rows.

    Raises `TicketLogUnreadable` when the file as a whole cannot be used, and `OSError` when it cannot be
    read.
    """
    options = options or LogOptions()
    rows, report = read_ticket_log(path.read_bytes(), options)
    return day_of(rows, report, options), report


def day_of(rows: Sequence[LogRow], report: ImportReport, options: LogOptions) -> RecordedDay:
    """A day from the rows that were kept."""
    if not rows:
        raise TicketLogUnreadable(
            "Expected at least one usable row, got none: read the list of rejected rows"
        )
    spells, services_at = _counters(rows, options)
    opens_ms = min(rows[0].joined_ms, *(spell.opens_ms for spell in spells))
    return RecordedDay(
        source="ticket_log",
        place=options.place,
        day=report.day,
        timezone=options.timezone,
        tickets=tuple(_ticket(row) for row in rows),
        spells=tuple(spells),
        services_at=services_at,
        intervals=tuple(_intervals(rows, spells)),
        opens_ms=opens_ms,
        closes_ms=rows[-1].joined_ms + DOORS_CLOSE_AFTER_MS,
    )


def _began_ms(row: LogRow) -> int | None:
    """When the customer was called; the start of the service where the call is not recorded."""
    return row.called_ms if row.called_ms is not None else row.started_ms


def _ticket(row: LogRow) -> RecordedTicket:
    began_ms = _began_ms(row)
    is_timed = row.finished_ms is not None and began_ms is not None and row.outcome == "served"
    return RecordedTicket(
        number=row.number,
        joined_ms=row.joined_ms,
        service=row.service,
        class_code=row.class_code,
        outcome=row.outcome,
        called_ms=began_ms,
        service_ms=(row.finished_ms or 0) - (began_ms or 0) if is_timed else None,
        ended_ms=row.finished_ms,
        wait_minutes=(began_ms - row.joined_ms) / MINUTE_MS if began_ms is not None else None,
    )


def _counters(rows: Sequence[LogRow], options: LogOptions) -> tuple[list[Spell], dict[str, tuple[str, ...]]]:
    services = tuple(dict.fromkeys(row.service for row in rows))
    at_counters = [row for row in rows if _began_ms(row) is not None]
    if any(row.counter for row in at_counters):
        return _named_counters([row for row in at_counters if row.counter], services, options)
    if options.counters is not None:
        spells = [Spell(f"C{n}", rows[0].joined_ms, None) for n in range(1, options.counters + 1)]
    elif any(row.finished_ms is not None for row in at_counters):
        spells = spells_of(_seen_at_work(at_counters))
    else:
        raise TicketLogUnreadable(
            "Expected a column for the counter or for the end of service, or the number of counters, got none"
        )
    names = sorted({spell.counter for spell in spells}, key=lambda name: int(name[1:]))
    return spells, dict.fromkeys(names, services)


def _named_counters(
    rows: Sequence[LogRow], services: tuple[str, ...], options: LogOptions
) -> tuple[list[Spell], dict[str, tuple[str, ...]]]:
    gap_ms = options.break_minutes * MINUTE_MS
    work: dict[str, list[tuple[int, int]]] = {}
    services_at: dict[str, dict[str, None]] = {}
    for row in sorted(rows, key=lambda row: _began_ms(row) or 0):
        began_ms = _began_ms(row) or 0
        stretch = (began_ms, max(row.finished_ms or began_ms, began_ms))
        services_at.setdefault(row.counter, {})[row.service] = None
        stretches = work.setdefault(row.counter, [])
        if stretches and stretch[0] - stretches[-1][1] <= gap_ms:
            stretches[-1] = (stretches[-1][0], max(stretches[-1][1], stretch[1]))
        else:
            stretches.append(stretch)
    last_ms = max(stretches[-1][1] for stretches in work.values())
    staying = {name for name, stretches in work.items() if last_ms - stretches[-1][1] <= gap_ms}
    for service in services:
        # A service must not end the day without a counter: the last that served it stays.
        able = [name for name, known in services_at.items() if service in known]
        if not able:
            able = list(work)
            services_at[max(able, key=lambda name: work[name][-1][1])][service] = None
        staying.add(max(able, key=lambda name: work[name][-1][1]))
    spells = [
        Spell(name, from_ms, None if name in staying and number == len(stretches) else to_ms)
        for name, stretches in work.items()
        for number, (from_ms, to_ms) in enumerate(stretches, 1)
    ]
    return sorted(spells, key=lambda spell: spell.opens_ms), {
        name: tuple(known) for name, known in sorted(services_at.items())
    }


def _seen_at_work(rows: Sequence[LogRow]) -> list[Interval]:
    """Quarters of an hour, with the most customers at counters at one time in each."""
    changes = sorted(
        change
        for row in rows
        if (began_ms := _began_ms(row)) is not None
        for change in ((began_ms, 1), (max(row.finished_ms or 0, began_ms + 1), -1))
    )
    first_ms, last_ms = changes[0][0], changes[-1][0]
    most: dict[int, int] = {}
    busy, at = 0, 0
    for step in range((last_ms - first_ms) // INTERVAL_MS + 1):
        end_ms = first_ms + (step + 1) * INTERVAL_MS
        most[step] = busy
        while at < len(changes) and changes[at][0] < end_ms:
            busy += changes[at][1]
            most[step] = max(most[step], busy)
            at += 1
    return [
        Interval(first_ms + step * INTERVAL_MS, first_ms + (step + 1) * INTERVAL_MS, count, count, 0, 0)
        for step, count in most.items()
    ]


def _intervals(rows: Sequence[LogRow], spells: Sequence[Spell]) -> list[Interval]:
    """Quarters of an hour with counters, calls and people waiting, for tickets without a service time."""
    calls = sorted(began_ms for row in rows if (began_ms := _began_ms(row)) is not None)
    joins = sorted(row.joined_ms for row in rows)
    gone = sorted(
        end_ms
        for row in rows
        if (end_ms := _began_ms(row) if _began_ms(row) is not None else row.finished_ms) is not None
    )
    last_ms = max([*calls, joins[-1]])
    intervals = []
    for from_ms in range(joins[0], last_ms + 1, INTERVAL_MS):
        to_ms = from_ms + INTERVAL_MS
        waiting = [bisect_right(joins, at_ms) - bisect_right(gone, at_ms) for at_ms in (from_ms, to_ms)]
        open_ms = sum(
            max(0, min(to_ms, spell.closes_ms or last_ms) - max(from_ms, spell.opens_ms)) for spell in spells
        )
        called = bisect_right(calls, to_ms - 1) - bisect_right(calls, from_ms - 1)
        intervals.append(
            Interval(
                from_ms, to_ms, round(open_ms / INTERVAL_MS), called, max(0, waiting[0]), max(0, waiting[1])
            )
        )
    return intervals
