"""Is what is asked again and again of tables that grow for months found by an index?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, event

from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.log import alerts, outbox
from openhall.log.keys import KEY_BYTES, KeyRing
from openhall.log.personal import PersonalRecords
from openhall.log.sqlite import SqliteStore
from openhall.network.model import PrivacyPolicy

NOW_MS = 1_800_000_000_000
GROWING = ("messages", "alerts", "alert_changes", "personal", "personal_access", "events", "commands")
Asking = Callable[[SqliteStore], object]


def personal(store: SqliteStore) -> PersonalRecords:
    keys = KeyRing([Random(1).randbytes(KEY_BYTES)])
    return PersonalRecords(store, keys, ManualClock(NOW_MS), Random(2).randbytes, PrivacyPolicy())


DRAFT = outbox.Draft("a cause", "notice", "wutong", "sms", "notice.ahead", NOW_MS + DAY_MS)
ASKED: dict[str, Asking] = {
    "what is to be sent": lambda store: outbox.due(store, ["sms"], NOW_MS, 20),
    "what came too late": lambda store: outbox.expire(store, NOW_MS),
    "what was settled long ago": lambda store: outbox.drop_old(store, NOW_MS),
    "how many messages wait and were sent": lambda store: outbox.queues(store, NOW_MS),
    "what did not get through": lambda store: outbox.unsent(store, 50),
    "one more message": lambda store: outbox.put(store, [DRAFT], NOW_MS),
    "messages to who is gone": lambda store: outbox.withdraw(store, "ref", NOW_MS),
    "alerts that stand": lambda store: alerts.standing(store),
    "alerts of a day": lambda store: alerts.of_day(store, date(2026, 11, 23), "wutong"),
    "what became of an alert": lambda store: alerts.changes(store, ["one", "two"]),
    "how many alerts a day had": lambda store: alerts.raised_count(store, "wutong", "2026-11-23"),
    "records whose time has come": lambda store: personal(store).expire(),
    "what a branch keeps": lambda store: personal(store).kept("wutong"),
    "who looked at a record": lambda store: personal(store).accesses("ref"),
    "what was done in a branch": lambda store: personal(store).access_list("wutong", limit=200),
}


def plans(store: SqliteStore, ask: Asking) -> Iterator[str]:
    """How SQLite finds the rows of every statement of a question."""
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, many: bool) -> None:
        if not many and statement.split()[0] in {"SELECT", "UPDATE", "DELETE", "INSERT"}:
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        ask(store)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert asked
    with store.reading() as connection:
        for statement, parameters in asked:
            explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            yield from (str(row[3]) for row in explained)


@pytest.mark.parametrize("what", ASKED)
def test_it_is_found_by_an_index(store: SqliteStore, what: str) -> None:
    """Counting all rows by an index that holds all that is counted is done once an hour, and allowed."""
    whole = [
        line
        for line in plans(store, ASKED[what])
        if line.startswith(tuple(f"SCAN {table}" for table in GROWING)) and "COVERING INDEX" not in line
    ]
    assert whole == []
