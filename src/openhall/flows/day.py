"""From the bank as configured to the rules of one branch-day."""

from __future__ import annotations

from datetime import date

from openhall.hall.policy import DayRules, Staff
from openhall.network.calendar import moments_on, regime_on, services_at
from openhall.network.model import NetworkVersion


def day_rules(version: NetworkVersion, branch_id: str, day: date) -> DayRules | None:
    """The rules that a branch's day opens with; None where there is no such branch or the day is closed.

    The people of other branches are among the staff only of their own; reinforcement is arranged elsewhere.
    """
    bank = version.bank
    branch = bank.branch(branch_id)
    moments = moments_on(bank, branch, day) if branch else None
    if branch is None or moments is None:
        return None
    return DayRules(
        network_version=version.version,
        branch=branch,
        services=services_at(bank, branch),
        classes=bank.classes,
        staff=tuple(Staff.of(person) for person in bank.people if person.branch == branch_id),
        regime=regime_on(bank, branch_id, day),
        triage=bank.triage,
        order=bank.order,
        hold=bank.hold,
        call=bank.call,
        checkin_opens_ms=moments.checkin_ms,
        opens_ms=moments.opens_ms,
        closes_ms=moments.closes_ms,
        pause_reasons=bank.pause_reasons,
        waits=bank.waits,
        appointments=bank.appointments,
        auto_call=bank.auto_call,
        ring=bank.ring,
        lessons=tuple(lesson.code for lesson in bank.lessons),
    )
