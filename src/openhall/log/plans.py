"""Plans of people and windows: the draft that somebody works on, and everything that was ever published.

Two people may work on one draft: who saves a change must have seen the latest revision. A published plan is
named by its content and never changes; publishing anew adds another.
"""

from __future__ import annotations

import hashlib
from datetime import date

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from openhall.kernel.trouble import Trouble
from openhall.log.records import Records
from openhall.log.schema import plan_drafts, plans
from openhall.log.troubles import DatabaseCorrupt
from openhall.staffing.plan import WeekPlan

VERSION_LENGTH = 12
"""Hex digits, as of a version of the bank."""

_decoder = msgspec.json.Decoder(WeekPlan)


class PlanChanged(Trouble):
    """Somebody else has changed the draft in the meantime."""

    code = "plan_changed"
    remedy = "Look at the plan as it is now, and make the change again."


class NoDraft(Trouble):
    """There is no draft of these days."""

    code = "plan_missing"
    remedy = "Make a plan of these days first."


class Draft(msgspec.Struct, frozen=True):
    """A plan that is being worked on."""

    plan: WeekPlan
    revision: int
    changed_ms: int
    changed_by: str


class Published(msgspec.Struct, frozen=True):
    """A plan that people work by."""

    plan: WeekPlan
    version: str
    published_ms: int
    published_by: str


def draft(records: Records, branch: str, first: date) -> Draft | None:
    """The draft of the days that begin with `first`; None without one."""
    table = plan_drafts
    query = select(table.c.body, table.c.revision, table.c.changed_ms, table.c.changed_by).where(
        table.c.branch == branch, table.c.first == first.isoformat()
    )
    with records.reading() as connection:
        row = connection.execute(query).first()
    return None if row is None else Draft(_plan(branch, row[0]), *row[1:])


def save_draft(
    records: Records, plan: WeekPlan, *, seen: int | None, now_ms: int, by: str, key: str = ""
) -> Draft:
    """Put a draft in the place of the one that was seen; `seen` None puts it there whatever there was.

    The same `key` again is a retry: what it did stands, and is handed back. Raises `PlanChanged` when the
    revision that was seen is not the latest any more; nothing is lost then.
    """
    table, first = plan_drafts, plan.first.isoformat()
    is_this = (table.c.branch == plan.branch) & (table.c.first == first)
    if key and (done := _changed_by_key(records, plan.branch, plan.first, key)) is not None:
        return done
    with records.transaction() as connection:
        before = connection.execute(select(table.c.revision).where(is_this)).scalar() or 0
        if seen is not None and seen != before:
            raise PlanChanged(f"The plan is at revision {before}, not {seen}", place=f"{plan.branch} {first}")
        row = {
            "branch": plan.branch,
            "first": first,
            "revision": before + 1,
            "changed_ms": now_ms,
            "changed_by": by,
            "change_key": key,
            "body": msgspec.json.encode(plan),
        }
        connection.execute(delete(table).where(is_this))
        connection.execute(insert(table).values(row))
    return Draft(plan, before + 1, now_ms, by)


def _changed_by_key(records: Records, branch: str, first: date, key: str) -> Draft | None:
    """The draft, if this very change was the last one."""
    table = plan_drafts
    query = select(table.c.change_key).where(table.c.branch == branch, table.c.first == first.isoformat())
    with records.reading() as connection:
        last = connection.execute(query).scalar()
    return draft(records, branch, first) if last == key else None


def publish(records: Records, branch: str, first: date, *, seen: int, now_ms: int, by: str) -> Published:
    """People work by the draft from now on. Raises `NoDraft`, `PlanChanged`."""
    found = draft(records, branch, first)
    place = f"{branch} {first}"
    if found is None:
        raise NoDraft("There is no draft to publish", place=place)
    if found.revision != seen:
        raise PlanChanged(f"The plan is at revision {found.revision}, not {seen}", place=place)
    body = msgspec.json.encode(found.plan)
    version = hashlib.sha256(body).hexdigest()[:VERSION_LENGTH]
    latest = max(day.day for day in found.plan.days)
    row = {
        "branch": branch,
        "first": first.isoformat(),
        "published_ms": now_ms,
        "version": version,
        "last": latest.isoformat(),
        "published_by": by,
        "body": body,
    }
    statement = insert(plans).values(row)
    with records.transaction() as connection:
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["branch", "first", "published_ms"],
                set_={name: statement.excluded[name] for name in ("version", "last", "published_by", "body")},
            )
        )
    return Published(found.plan, version, now_ms, by)


def published_on(records: Records, branch: str, day: date) -> Published | None:
    """What people at a branch work by on a day: of all plans that hold it, the latest published."""
    table, text = plans, day.isoformat()
    query = (
        select(table.c.body, table.c.version, table.c.published_ms, table.c.published_by)
        .where(table.c.branch == branch, table.c.first <= text, table.c.last >= text)
        .order_by(table.c.published_ms.desc())
        .limit(1)
    )
    with records.reading() as connection:
        row = connection.execute(query).first()
    return None if row is None else Published(_plan(branch, row[0]), *row[1:])


def published_before(records: Records, branch: str, first: date, count: int) -> list[WeekPlan]:
    """The latest published plans of earlier days, the nearest first: what fairness and stability look at."""
    table = plans
    query = (
        select(table.c.first, table.c.body)
        .where(table.c.branch == branch, table.c.first < first.isoformat())
        .order_by(table.c.first.desc(), table.c.published_ms.desc())
    )
    found: dict[str, WeekPlan] = {}
    with records.reading() as connection:
        for row in connection.execute(query):
            if row.first not in found and len(found) == count:
                break
            found.setdefault(row.first, _plan(branch, row.body))
    return list(found.values())


def _plan(branch: str, body: bytes) -> WeekPlan:
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise DatabaseCorrupt(f"A plan of {branch} cannot be read: {error}", place=branch) from error
