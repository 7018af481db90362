"""What a plan needs, gathered from the folder and the log. Importing this brings no numpy along."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select

from openhall.kernel.clock import MINUTE_MS, local_ms
from openhall.kernel.event import StreamId
from openhall.kernel.trouble import Trouble
from openhall.log import plans
from openhall.log.records import Records
from openhall.log.schema import tickets
from openhall.network.calendar import services_at
from openhall.network.model import Bank, Branch
from openhall.staffing.asking import PlanRequest
from openhall.staffing.history import DAYS_USED, PastDays, day_counts
from openhall.staffing.plan import WeekPlan

SERVED_LEAST = 30
"""Customers of a service from whom its time at the counter is learned."""
LONGEST_SERVICE_MINUTES = 240.0


class NothingToPlan(Trouble):
    """The bank has no shifts, so nobody can be planned."""

    code = "nothing_to_plan"
    remedy = "Write shifts and contracts into `bank.toml`; see the page on planning a week."


def past_of(records: Records, bank: Bank, branch: Branch, before: date) -> PastDays:
    """A branch's days before a date, as its tickets show them."""
    table = tickets
    query = select(
        table.c.stream,
        table.c.service,
        table.c.class_code,
        table.c.joined_ms,
        table.c.called_ms,
        table.c.ended_ms,
    ).where(
        table.c.stream >= f"{branch.id}/{(before - timedelta(days=DAYS_USED)).isoformat()}",
        table.c.stream < f"{branch.id}/{before.isoformat()}",
        table.c.joined_ms.is_not(None),
    )
    joined: dict[date, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    served: dict[str, list[float]] = defaultdict(list)
    people = green = 0
    zone = ZoneInfo(branch.timezone)
    midnights: dict[str, tuple[date, int]] = {}
    ordinary = bank.classes[0].code
    with records.reading() as connection:
        for stream, service, class_code, joined_ms, called_ms, ended_ms in connection.execute(query):
            if stream not in midnights:
                day = StreamId.parse(stream).day
                midnights[stream] = (day, local_ms(day, 0, zone))
            day, midnight_ms = midnights[stream]
            joined[day][service].append((joined_ms - midnight_ms) // MINUTE_MS)
            people += 1
            green += class_code != ordinary
            if called_ms is not None and ended_ms is not None:
                minutes = (ended_ms - called_ms) / MINUTE_MS
                if 0.0 < minutes <= LONGEST_SERVICE_MINUTES:
                    served[service].append(minutes)
    days = [day_counts(bank, branch, day, by_service) for day, by_service in sorted(joined.items())]
    offered = {service.id for service in services_at(bank, branch)}
    return PastDays(
        days=tuple(each for each in days if each is not None),
        service_minutes={
            service: sum(times) / len(times)
            for service, times in served.items()
            if service in offered and len(times) >= SERVED_LEAST
        },
        green_share=green / people if people else None,
    )


def gather(
    records: Records,
    bank: Bank,
    network_version: str,
    branch_id: str,
    first: date,
    *,
    days: int = 7,
    past: PastDays | None = None,
) -> PlanRequest:
    """Everything that is known about a branch and some days. Reads the database: call it in a thread."""
    branch = bank.branch(branch_id)
    if branch is None:
        raise AssertionError(f"Expected a branch of the bank, got {branch_id}")
    weeks = bank.staffing.fairness_weeks
    current = plans.draft(records, branch_id, first)
    earlier = plans.published_before(records, branch_id, first, weeks)
    others: list[WeekPlan] = []
    for other in neighbours(bank, branch_id):
        earlier += plans.published_before(records, other, first, 1)
        found = plans.draft(records, other, first)
        published = plans.published_on(records, other, first)
        if found is not None:
            others.append(found.plan)
        elif published is not None and published.plan.first == first:
            others.append(published.plan)
    return PlanRequest(
        bank=bank,
        network_version=network_version,
        branch=branch_id,
        first=first,
        days=days,
        past=past if past is not None else past_of(records, bank, branch, first),
        earlier=tuple(earlier),
        others=tuple(others),
        current=current.plan if current else None,
    )


def neighbours(bank: Bank, branch_id: str) -> list[str]:
    """The branches that can be reached from one."""
    return [other for link in bank.neighbours if (other := link.beyond(branch_id))]


# --- the network -----------------------------------------------------------------------------------------


def in_need(made: Iterable[WeekPlan]) -> list[str]:
    """Branches that miss a minimum, the one that misses most first."""
    missed = {
        plan.branch: sum(
            lack.missing * max(1, lack.until_minute - lack.from_minute)
            for day in plan.days
            for lack in day.shortfalls
            if lack.what not in ("windows", "key_holder") or lack.service
        )
        for plan in made
    }
    return sorted((b for b, minutes in missed.items() if minutes), key=lambda b: (-missed[b], b))


def borrowing(
    bank: Bank, requests: Sequence[PlanRequest], made: dict[str, WeekPlan]
) -> list[list[PlanRequest]]:
    """Second tries with neighbours' free people [D6], in rounds that can go on at the same time: no two
    branches of a round have a neighbour in common, so that nobody is promised twice."""
    by_branch = {request.branch: request for request in requests}
    rounds: list[list[PlanRequest]] = []
    touched: list[set[str]] = []
    for branch in in_need(made.values()):
        around = {branch, *neighbours(bank, branch)}
        if len(around) == 1 or not any(p.can_be_lent and p.branch in around - {branch} for p in bank.people):
            continue
        at = next((i for i, taken in enumerate(touched) if not taken & around), len(rounds))
        if at == len(rounds):
            rounds.append([])
            touched.append(set())
        rounds[at].append(by_branch[branch])
        touched[at] |= around
    return rounds


def with_others(request: PlanRequest, made: dict[str, WeekPlan]) -> PlanRequest:
    """The request with the plans of its neighbours as they are by now."""
    bank = request.bank
    near = set(neighbours(bank, request.branch))
    # Whoever is borrowed from a neighbour may also be at that neighbour's other neighbours.
    near |= {other for branch in near for other in neighbours(bank, branch)} - {request.branch}
    others = tuple(made[b] for b in sorted(near) if b in made)
    return msgspec.structs.replace(request, others=others)
