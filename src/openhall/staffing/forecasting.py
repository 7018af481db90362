"""A branch's forecast from its past days. Brings numpy along: for worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from openhall.network.calendar import hours_on, regime_on, services_at
from openhall.network.model import Bank, Branch
from openhall.science.forecast.calendar import CalendarParameters, DayFacts, facts
from openhall.science.forecast.counts import CountRow, history_of
from openhall.science.forecast.days import fit
from openhall.science.forecast.reopening import Reopening, multipliers
from openhall.science.forecast.result import Forecast
from openhall.staffing.history import PastDays


def forecasts(bank: Bank, branch: Branch, past: PastDays, coming: Sequence[date]) -> tuple[Forecast, ...]:
    """One forecast for each service of the branch.

    A manager's word about a reopening holds where there is one; else the usual burst after a closure.
    """
    first = min(each.day for each in past.days)
    last = max(coming)
    every = [first + timedelta(days=n) for n in range(-31, (last - first).days + 1)]
    known = facts_of(bank, branch, every)
    by_day = {day.date: day for day in known}
    history_days = [day for day in every if first <= day <= max(each.day for each in past.days)]
    step = bank.staffing.interval_minutes
    rows = [
        CountRow(branch.id, service, each.day, by_day[each.day].opens_minute + index * step, float(count))
        for each in past.days
        for service, counts in each.counts.items()
        for index, count in enumerate(counts)
    ]
    # Counts begin at the opening; where that is no multiple of the interval they move to the one it is in.
    rows = [CountRow(r.branch, r.service, r.date, r.minute - r.minute % step, r.count) for r in rows]
    history = history_of(
        rows,
        interval_minutes=step,
        facts={branch.id: tuple(by_day[day] for day in history_days)},
        services=[service.id for service in services_at(bank, branch)],
    )
    ahead = [by_day[day] for day in coming]
    said = {r.date: r.factor for r in bank.reopenings if not r.branches or branch.id in r.branches}
    factors = {branch.id: {**multipliers(ahead, Reopening()), **said}}
    return fit(history).predict({branch.id: ahead}, multipliers=factors)


def facts_of(bank: Bank, branch: Branch, days: Sequence[date]) -> tuple[DayFacts, ...]:
    """What the bank's calendar says of each day."""
    country, _, part = bank.holidays.partition("-")
    hours = {day: found for day in days if (found := hours_on(branch, day)) is not None}
    pensions: dict[date, float] = {}
    for each in bank.pension_days:
        if not each.branches or branch.id in each.branches:
            pensions[each.date] = pensions.get(each.date, 0.0) + each.cohort
    return facts(
        days,
        open_days=list(hours),
        parameters=CalendarParameters(country=country, subdivision=part),
        hours={day: (found.opens_minute, found.closes_minute) for day, found in hours.items()},
        pensions=pensions,
        regimes={day: regime_on(bank, branch.id, day).id for day in days},
        neighbour_shares=neighbour_shares(bank, branch, days),
    )


def neighbour_shares(bank: Bank, branch: Branch, days: Sequence[date]) -> dict[date, float]:
    """What neighbours that an exception closes send here, as a share of this branch's windows [A7]."""
    found: dict[date, float] = {}
    for day in days:
        share = 0.0
        for link in bank.neighbours:
            other = bank.branch(link.beyond(branch.id))
            if other is None or not branch.counters:
                continue
            is_usual = other.week[day.weekday()] is not None
            if is_usual and hours_on(other, day) is None:
                share += link.share_percent / 100.0 * len(other.counters) / len(branch.counters)
        if share:
            found[day] = min(20.0, share)
    return found
