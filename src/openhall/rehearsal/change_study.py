"""A change of the rules tried out: a branch's typical day, the same customers before and after.

Both configurations meet invented customers that are drawn alike, so what differs is the rules. Who comes is
as the branch's own days have shown; before any were seen it is assumed, and the answer says so. Light to
import: what computes is loaded where it runs.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from openhall.kernel.refusal import Refusal, refusals
from openhall.network.calendar import hours_on
from openhall.network.model import Bank
from openhall.network.version import decode, encode

if TYPE_CHECKING:
    from openhall.rehearsal.study import model as m

REPLICATIONS: Final = 300
SEED: Final = 20_260_301
DAYS_AHEAD: Final = 28
ORDINARY_SHARE: Final = 0.7
"""Of all customers, as long as nothing was learned; the other classes share the rest."""
CUSTOMERS_PER_COUNTER: Final = 25.0
PATIENCE_MINUTES: Final = 150.0

REFUSALS = refusals(
    simulation_not_possible=(
        "There is no day in the next weeks on which {branch} is open under both configurations.",
        "Look at the opening hours of the draft.",
    ),
)


class Question(msgspec.Struct, frozen=True):
    """What is compared, as bytes for another process."""

    before: bytes
    after: bytes
    branch: str
    day: str
    habits: bytes = b""


class ClassEffect(msgspec.Struct, frozen=True):
    """One class. Minutes; None when nobody of it was called."""

    class_code: str
    wait_mean: float | None
    wait_p90: float | None
    wait_longest: float | None
    """The wait that one in a thousand exceeds: of so many days the very longest says little."""
    late_share: float | None


class DayEffect(msgspec.Struct, frozen=True):
    """A typical day under one configuration."""

    customers: float
    left_share: float
    late_share: float
    overtime_minutes: float
    classes: tuple[ClassEffect, ...]


class BranchEffect(msgspec.Struct, frozen=True):
    """Before and after. `is_assumed`: nothing was learned of the branch yet."""

    branch: str
    day: str
    replications: int
    is_assumed: bool
    before: DayEffect
    after: DayEffect


def asked(before: Bank, after: Bank, branch: str, today: date, habits: bytes = b"") -> Question | Refusal:
    """The question for the first day on which the branch opens under both."""
    places = [bank.branch(branch) for bank in (before, after)]
    for ahead in range(1, DAYS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        if all(place is not None and hours_on(place, day) is not None for place in places):
            return Question(encode(before), encode(after), branch, day.isoformat(), habits)
    return Refusal("simulation_not_possible", "branch", {"branch": branch})


def compare(question: Question) -> BranchEffect:
    """Compute both days. For a worker process."""
    shares = _shares(question)
    days = [_day(decode(body), question, shares) for body in (question.before, question.after)]
    return BranchEffect(
        question.branch, question.day, REPLICATIONS, not question.habits, before=days[0], after=days[1]
    )


class _Shares(msgspec.Struct, frozen=True):
    customers: float
    services: dict[str, float]
    classes: dict[str, float]


def _shares(question: Question) -> _Shares:
    """Who comes: as learned, or assumed."""
    if question.habits:
        from openhall.science.believed import Habits

        habits = msgspec.json.decode(question.habits, type=Habits)
        if habits.arrivals is not None:
            return _learned(habits)
    bank = decode(question.before)
    rest = bank.classes[1:]
    classes = {c.code: (1 - ORDINARY_SHARE) / len(rest) for c in rest}
    place = bank.branch(question.branch)
    counters = len(place.counters) if place else 1
    return _Shares(
        CUSTOMERS_PER_COUNTER * counters, {}, {bank.classes[0].code: 1 - sum(classes.values()), **classes}
    )


def _learned(habits: Any) -> _Shares:
    arrivals = habits.arrivals
    services: dict[str, float] = {}
    classes: dict[str, float] = {}
    total = sum(arrivals.expected)
    for expected, mix in zip(arrivals.expected, arrivals.mix, strict=True):
        for group, share in zip(habits.groups, mix, strict=False):
            weight = expected * share / total
            services[group.service] = services.get(group.service, 0.0) + weight
            classes[group.class_code] = classes.get(group.class_code, 0.0) + weight
    return _Shares(total, services, classes)


def _day(bank: Bank, question: Question, shares: _Shares) -> DayEffect:
    from openhall.rehearsal.study.planning import plan_of
    from openhall.science.study.precision import Precision
    from openhall.workers.studies import InProcess, carry_out

    study = _study(bank, question, shares)
    alone = msgspec.structs.replace(bank, branches=tuple(b for b in bank.branches if b.id == question.branch))
    planned = plan_of(study, alone, file="configuration")
    precision = Precision(relative=0.05, minimum=REPLICATIONS, maximum=REPLICATIONS, batch=REPLICATIONS)
    with InProcess(planned.plan) as crew:
        sums, _ = carry_out(planned.plan, precision, crew)
    return _figures(planned.plan.groups, sums)


def _study(bank: Bank, question: Question, shares: _Shares) -> m.Study:
    from openhall.rehearsal.study import model as m

    known = {c.code for c in bank.classes}
    classes = {code: share for code, share in shares.classes.items() if code in known and share > 0}
    total = sum(classes.values())
    offered = _offered(bank, question.branch, shares.services)
    return m.Study(
        name="A change of the configuration",
        seed=SEED,
        network=m.Network(
            bank="configuration",
            day=question.day,
            customers_of={question.branch: shares.customers},
        ),
        services=tuple(m.Service(id_, share) for id_, share in offered.items()),
        classes=tuple(
            m.CustomerClass(code, share / total, patience_minutes=PATIENCE_MINUTES)
            for code, share in classes.items()
        ),
        policy=(m.Policy("configured"),),
        precision=m.PrecisionAsked(),
    )


def _offered(bank: Bank, branch: str, shares: dict[str, float]) -> dict[str, float]:
    place = bank.branch(branch)
    offered = {s for c in place.counters for s in c.services} if place else set()
    found = {id_: share for id_, share in shares.items() if id_ in offered and share > 0}
    total = sum(found.values())
    return {id_: share / total for id_, share in found.items()}


def _figures(groups: tuple[str, ...], sums: Any) -> DayEffect:
    from openhall.science import engine
    from openhall.science.study import figures

    codes = [name.rpartition("/")[2] for name in groups]
    totals, waits, days = sums.totals[0], sums.waits[0], sums.days[0]
    arrived = int(totals[:, engine.ARRIVED].sum())
    classes = []
    for code in dict.fromkeys(codes):
        rows = [index for index, each in enumerate(codes) if each == code]
        own, own_waits = totals[rows].sum(axis=0), waits[rows].sum(axis=0)
        called = int(own[engine.COUNT_CALLED])
        came = int(own[engine.ARRIVED])
        classes.append(
            ClassEffect(
                class_code=code,
                wait_mean=_rounded(int(own[engine.WAIT_SUM]) / called / 60_000 if called else None),
                wait_p90=_rounded(figures.wait_quantile_minutes(own_waits, 0.9)),
                wait_longest=_rounded(figures.wait_quantile_minutes(own_waits, 0.999)),
                late_share=_rounded(int(own[engine.COUNT_LATE]) / came if came else None, 4),
            )
        )
    return DayEffect(
        customers=round(arrived / REPLICATIONS, 1),
        left_share=round(int(totals[:, engine.COUNT_LEFT].sum()) / max(1, arrived), 4),
        late_share=round(int(totals[:, engine.COUNT_LATE].sum()) / max(1, arrived), 4),
        overtime_minutes=round(float(days[:, engine.DAY_OVERTIME].mean()) / 60_000, 1),
        classes=tuple(classes),
    )


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
