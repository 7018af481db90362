"""Alerts of each hall's day, and every change of them: what recipients were told rests on these rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.sqlite import insert as insert_or_replace

from openhall.log import outbox
from openhall.log.records import Records
from openhall.log.schema import alert_changes, alerts
from openhall.review.alerts import Alert, Change

_decoder = msgspec.json.Decoder(Alert)


class Changed(msgspec.Struct, frozen=True):
    """One line of an alert's history. `actor` is empty for what the clock found out."""

    alert: str
    at_ms: int
    change: Change
    level: str
    value: float
    actor: str = ""
    action: str = ""


def keep(
    records: Records,
    changed: Sequence[tuple[Alert, Changed]],
    told: Sequence[outbox.Draft] = (),
    *,
    wall_ms: int = 0,
) -> None:
    """Keep alerts as they are now, what changed, and the messages about it: all or nothing."""
    with records.transaction() as connection:
        for alert, change in changed:
            row = {
                "id": alert.id,
                "branch": alert.branch,
                "day": alert.day,
                "cleared_ms": alert.cleared_ms,
                "body": msgspec.json.encode(alert),
            }
            statement = insert_or_replace(alerts).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
            connection.execute(insert(alert_changes).values(msgspec.structs.asdict(change)))
        outbox.put_with(connection, told, wall_ms)


def standing(records: Records) -> list[Alert]:
    """Every alert that has not been cleared."""
    query = select(alerts.c.body).where(alerts.c.cleared_ms == 0).order_by(alerts.c.id)
    with records.reading() as connection:
        return [_decoder.decode(bytes(body)) for body in connection.execute(query).scalars()]


def of_day(records: Records, day: date, branch: str = "", limit: int = 1_000) -> list[Alert]:
    """The alerts of a day, of one branch if given, the latest first."""
    query = select(alerts.c.body).where(alerts.c.day == day.isoformat())
    if branch:
        query = query.where(alerts.c.branch == branch)
    with records.reading() as connection:
        found = [_decoder.decode(bytes(body)) for body in connection.execute(query).scalars()]
    return sorted(found, key=lambda a: (a.raised_ms, a.id), reverse=True)[:limit]


def find(records: Records, alert_id: str) -> Alert | None:
    """One alert."""
    with records.reading() as connection:
        body = connection.execute(select(alerts.c.body).where(alerts.c.id == alert_id)).scalar()
    return None if body is None else _decoder.decode(bytes(body))


def changes(records: Records, alert_ids: Sequence[str]) -> dict[str, list[Changed]]:
    """What happened to some alerts, in order, by alert."""
    columns = [alert_changes.c[name] for name in Changed.__struct_fields__]
    query = select(*columns).where(alert_changes.c.alert.in_(alert_ids)).order_by(alert_changes.c.id)
    found: dict[str, list[Changed]] = {alert_id: [] for alert_id in alert_ids}
    with records.reading() as connection:
        for row in connection.execute(query):
            found[row.alert].append(Changed(*row))
    return found


def raised_count(records: Records, branch: str, day: str) -> int:
    """How many alerts a hall's day has had: the next one's number."""
    query = select(func.count()).select_from(alerts).where(alerts.c.branch == branch, alerts.c.day == day)
    with records.reading() as connection:
        return int(connection.execute(query).scalar_one())
