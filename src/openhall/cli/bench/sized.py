"""The measures of `openhall bench size`. Times are seconds of CPU, ratios are of one run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from time import process_time
from typing import Any

import numpy as np

from openhall.science.sizing import erlang, varying
from openhall.science.sizing.demand import Demand, Limits, Targets
from openhall.science.sizing.finite_day import Day
from openhall.science.sizing.ladder import size_day
from openhall.science.sizing.least_plan import minimum_plan
from openhall.science.sizing.twin import Twin, TwinParameters

Note = Callable[[str], None]

INTERVALS = 36
"""Quarter hours of a bank's day of nine hours."""

FAILS_ABOVE = 0.11
"""A simulated share above it is a failed quarter hour: 0.10 is promised, and 20,000 days leave some noise."""

_TARGETS = Targets(limit_minutes=10.0, allowed_share=0.1)
_OUR_INTERVALS = 200_000
_THEIR_INTERVALS = {"ErlangC": 20_000, "ErlangA": 24}

_THEIRS = """
import json, sys
from time import process_time
from pyworkforce import queuing
name, cases = sys.argv[1], json.load(sys.stdin)
sizer = getattr(queuing, name)
def size(case):
    rate, more = case[0], {"patience": case[2]} if name == "ErlangA" else {}
    made = sizer(transactions=rate * 15, aht=case[1], asa=10, interval=15, **more)
    return made.required_positions(service_level=0.9)["raw_positions"]
size(cases[0])
began = process_time()
found = [size(case) for case in cases]
print(json.dumps([process_time() - began, found]))
"""
"""Run by itself: pyworkforce brings ortools, which cannot live in one process with highspy."""


_VERSION = "from importlib.metadata import version; print(version('pyworkforce'))"
_SINCE = {"ErlangC": (0,), "ErlangA": (0, 5, 4)}


def _cases(count: int) -> list[tuple[float, float, float]]:
    """Random quarter hours: arrivals a minute, mean service, patience; loads of 1 to 30 erlangs."""
    rng = np.random.default_rng(11)
    service = rng.uniform(3.0, 12.0, count)
    rate = rng.uniform(1.0, 30.0, count) / service
    return [(float(r), float(s), 20.0) for r, s in zip(rate, service, strict=True)]


def pythons() -> Iterator[str]:
    """This Python, and newer ones on the path."""
    yield sys.executable
    for version in ("3.12", "3.13", "3.14"):
        found = shutil.which(f"python{version}")
        if found:
            yield found


def has(python: str, name: str) -> bool:
    """Whether a Python has a pyworkforce with this formula."""
    done = subprocess.run(  # noqa: S603 - a Python that was found or named, and our own words
        [python, "-c", _VERSION], capture_output=True, text=True, check=False
    )
    found = done.stdout.strip().split(".")
    return done.returncode == 0 and tuple(int(part) for part in found[:3]) >= _SINCE[name]


def theirs(python: str, name: str, cases: list[tuple[float, float, float]]) -> tuple[float, list[int]] | None:
    """CPU seconds and answers of pyworkforce under a Python; None when it has none or not that formula."""
    command = [python, "-c", _THEIRS, name]
    done = subprocess.run(  # noqa: S603 - a Python that was found or named, and our own script
        command, input=json.dumps(cases), capture_output=True, text=True, check=False
    )
    if done.returncode:
        return None
    seconds, found = json.loads(done.stdout)
    return float(seconds), [int(counters) for counters in found]


def rates(turns: int, rival_python: str | None, note: Note) -> dict[str, Any]:
    """Intervals sized a second, ours and theirs in turns, and how often theirs is more than the minimum."""
    erlang.warm()
    figures: dict[str, Any] = {}
    for name, letter, has_patience in (("ErlangC", "c", False), ("ErlangA", "a", True)):
        note(f"Erlang {letter.upper()}")
        cases = _cases(_THEIR_INTERVALS[name])
        candidates = [rival_python] if rival_python else list(pythons())
        python = next((p for p in candidates if has(p, name)), None)
        ours, others, too_high = [], [], 0
        for _ in range(turns):
            ours.append(_our_rate(has_patience))
            answer = theirs(python, name, cases) if python else None
            if answer:
                others.append(len(cases) / answer[0])
                too_high = sum(a > b for a, b in zip(answer[1], _sized(cases, has_patience), strict=True))
        mean = float(np.mean(ours))
        figures[f"erlang_{letter}_per_s"] = mean
        figures[f"pyworkforce_{letter}_per_s"] = float(np.mean(others)) if others else None
        figures[f"ratio_pyworkforce_{letter}"] = mean / float(np.mean(others)) if others else None
        figures[f"pyworkforce_{letter}_too_high"] = too_high / len(cases) if others else None
    return figures


def _sized(cases: list[tuple[float, float, float]], has_patience: bool) -> list[int]:
    rate, service, patience = np.array(cases).T
    patient = patience if has_patience else np.inf
    return [int(c) for c in erlang.required(rate, service, 10.0, 0.1, patience_minutes=patient)]


def _our_rate(has_patience: bool) -> float:
    rate, service, patience = np.array(_cases(_OUR_INTERVALS)).T
    began = process_time()
    erlang.required(rate, service, 10.0, 0.1, patience_minutes=patience if has_patience else np.inf)
    return _OUR_INTERVALS / (process_time() - began)


def is_minimum_always(count: int) -> bool:
    """Whether every requirement is what trying 1, 2, 3, ... counters finds, on random cases of all kinds."""
    rng = np.random.default_rng(5)
    for _ in range(count):
        load, service = float(np.exp(rng.uniform(-2.0, 4.0))), float(rng.uniform(2.0, 15.0))
        limit, allowed = float(rng.choice([0.0, 5.0, 10.0, 30.0])), float(rng.choice([0.05, 0.1, 0.2, 0.4]))
        patience, rate = float(rng.uniform(1.0, 60.0)), load / service

        def late(counters: int, rate: float = rate, service: float = service, limit: float = limit) -> float:
            return erlang.late_share(counters, rate, service, limit)

        def gone(
            counters: int,
            rate: float = rate,
            service: float = service,
            patience: float = patience,
            limit: float = limit,
        ) -> float:
            return erlang.impatient(counters, rate, service, patience, limit).late_or_left_share

        for share, patient in ((late, np.inf), (gone, patience)):
            found = int(erlang.required(rate, service, limit, allowed, patience_minutes=patient))
            if found != next(c for c in range(1, 2_000) if share(c) <= allowed):
                return False
    return True


def profile() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Two peaks a day, before and after noon; mean 1.

    The page that set the bars does not say its profile; with this one SIPP's plans have the hours it
    states, to a quarter.
    """
    middle = (np.arange(INTERVALS) + 0.5) / INTERVALS
    return 1.0 - 0.85 * np.cos(4.0 * np.pi * middle)


def branch_day(load: float, service: float, crowd: int = 0, **more: Any) -> Demand:
    """A day of the bench with this mean load in erlangs."""
    arrivals = load / service * 15.0 * profile()
    return Demand(
        ordinary=tuple(arrivals.tolist()), service_minutes=service, crowd=crowd, interval_minutes=15.0, **more
    )


def sipp_plan(demand: Demand, limits: Limits) -> list[int]:
    """Erlang C's requirement of each quarter hour by itself, within the limits."""
    found = varying.sipp(
        np.array(demand.ordinary) / demand.interval_minutes,
        period_steps=1,
        service_minutes=demand.service_minutes,
        limit_minutes=_TARGETS.limit_minutes,
        allowed_share=_TARGETS.allowed_share,
    )
    return [min(limits.most, max(limits.least, int(counters))) for counters in found]


def finite_day_cases(days: int, note: Note) -> list[dict[str, Any]]:
    """Each case's plan and SIPP's: window-hours, and quarter hours that fail in simulated days."""
    found = []
    for load, service, crowd in ((5.0, 6.0, 0), (9.0, 6.0, 25), (5.0, 15.0, 0)):
        note(f"{load:g} erlangs, {service:g} min")
        demand, limits = branch_day(load, service, crowd), Limits(least=2, most=30)
        day = Day(demand, _TARGETS)
        minimum_plan(day, limits)
        began = process_time()
        sized = minimum_plan(day, limits)
        seconds = process_time() - began
        twin = Twin(demand, _TARGETS, limits, TwinParameters(days=days, seed=20))
        plan = sipp_plan(demand, limits)
        steady = day.figures(plan).late_share
        ours, others = twin.play(sized.plan).figures.late_share, twin.play(plan).figures.late_share
        sipp_hours = sum(plan) * demand.interval_minutes / 60.0
        closings = sum(max(0, a - b) for a, b in pairwise(plan))
        sipp_paid = sipp_hours + closings * service / 60.0
        paid = sized.window_hours + sized.finishing_hours
        found.append(
            {
                "load": load,
                "service_minutes": service,
                "crowd": crowd,
                "window_hours": sized.window_hours,
                "sipp_window_hours": sipp_hours,
                "saved_share": 1.0 - sized.window_hours / sipp_hours,
                "saved_share_with_finishing": 1.0 - paid / sipp_paid,
                "worst_exact": sized.worst_share,
                "worst_simulated": max(ours),
                "failing": sum(share > FAILS_ABOVE for share in ours),
                "sipp_worst_exact": max(steady),
                "sipp_worst_simulated": max(others),
                "sipp_failing": sum(share > FAILS_ABOVE for share in others),
                "simulated_days": days,
                "cpu_s": seconds,
            }
        )
    return found


def network(branches: int, note: Note) -> dict[str, float]:
    """CPU seconds for one day of each branch of an invented bank, and of the slowest one."""
    rng = np.random.default_rng(207)
    seconds, unmet = [], 0
    size_day(branch_day(3.0, 6.0, green=tuple(0.5 * profile())), _TARGETS)
    for _ in range(branches):
        load, service = float(rng.uniform(1.5, 14.0)), float(rng.uniform(4.0, 10.0))
        arrivals = load / service * 15.0 * rng.gamma(40.0, 1 / 40.0, INTERVALS) * profile()
        green_share = float(rng.choice([0.0, 0.15]))
        demand = Demand(
            ordinary=tuple(((1.0 - green_share) * arrivals).tolist()),
            green=tuple((green_share * arrivals).tolist()) if green_share else (),
            service_minutes=service,
            day_cv=float(rng.choice([0.0, 0.1, 0.15])),
            crowd=int(rng.integers(0, 20)),
        )
        began = process_time()
        unmet += len(size_day(demand, _TARGETS, Limits(least=2, most=40)).unmet)
        seconds.append(process_time() - began)
        note("a network of branches")
    return {
        "network_cpu_s": sum(seconds),
        "network_slowest_cpu_s": max(seconds),
        "network_unmet_intervals": float(unmet),
    }
