"""`openhall bench week`: how good and how quick the planning of branch weeks is."""

from __future__ import annotations

import os
import time
from statistics import median

import click

from openhall.cli.bench.bars import Bar, rounded, show
from openhall.cli.bench.hall import bench
from openhall.cli.language import _
from openhall.cli.main import err, json_option, out, show_json
from openhall.staffing.asking import PlanRequest

BARS = (
    Bar("weeks", "invented branch weeks of 8 to 20 people"),
    Bar("gap_median_percent", "median gap to the best possible, %", at_most=1.0),
    Bar("gap_max_percent", "largest gap, %"),
    Bar("gap_median_minutes", "the median gap in late minutes of a week"),
    Bar("violations", "rules broken, by the checker", at_most=0),
    Bar("fallbacks", "plans by the plain rule", at_most=0),
    Bar("cpu_s_per_week", "CPU for one of them, s"),
    Bar("network_branches", "branches of a network"),
    Bar("network_s", "the network planned, s", at_most=480),
    Bar("network_cpu_s", "CPU for the network, s"),
    Bar("network_violations", "rules broken in it", at_most=0),
    Bar("network_gap_median_percent", "median gap in it, %"),
    Bar("load_average", "processes that wanted a core meanwhile"),
)


@bench.command("week")
@json_option
@click.option("--weeks", default=13, show_default=True, type=click.IntRange(1, 500), help="Branch weeks.")
@click.option(
    "--seconds", default=10.0, show_default=True, type=click.FloatRange(0.5, 600), help="Time for each."
)
@click.option(
    "--branches", default=207, show_default=True, type=click.IntRange(0, 2_000), help="Of the network."
)
@click.option(
    "--network-seconds",
    default=3.0,
    show_default=True,
    type=click.FloatRange(0.2, 600),
    help="Time for each branch of the network.",
)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of the weeks.")
def bench_week(
    as_json: bool,
    weeks: int,
    seconds: float,
    branches: int,
    network_seconds: float,
    jobs: int,
    seed: int,
) -> None:
    """Rosters of invented branch weeks: how far from the best possible, and whether every rule is kept.

    Each week has a branch of its own: shifts with meal breaks, part-timers, leave, wishes, four services,
    cross-trained people, key holders. Then a whole network in worker processes. The time is by the clock, so
    a busy machine makes worse plans: the load is told.
    """
    from openhall.cli.bench.weeks import invented_weeks

    with err.status(_("planning branch weeks")):
        figures = _one_by_one(list(invented_weeks(weeks, seed, seconds=seconds)))
    if branches:
        with err.status(_("planning a network")):
            requests = list(invented_weeks(branches, seed + 1, seconds=network_seconds))
            figures |= _network(requests, jobs)
    else:
        keys = ("branches", "s", "cpu_s", "violations", "gap_median_percent")
        figures |= {f"network_{key}": 0.0 for key in keys}
    figures["load_average"] = os.getloadavg()[0]
    figures = rounded(figures)
    if as_json:
        show_json(figures)
    else:
        show(out, "openhall bench week", BARS, figures)


def _one_by_one(requests: list[PlanRequest]) -> dict[str, float]:
    from openhall.staffing.checking import broken, violations
    from openhall.workers.planning import plan_week

    gaps, minutes, found, fallbacks = [], [], 0, 0
    begun = time.process_time()
    for request in requests:
        plan = plan_week(request)
        gaps.append(plan.gap_percent)
        minutes.append(plan.gap_minutes)
        fallbacks += plan.status == "fallback"
        found += len(broken(violations(request.bank, plan)))
    return {
        "weeks": len(requests),
        "gap_median_percent": median(gaps),
        "gap_max_percent": max(gaps),
        "gap_median_minutes": median(minutes),
        "violations": found,
        "fallbacks": fallbacks,
        "cpu_s_per_week": (time.process_time() - begun) / len(requests),
    }


def _network(requests: list[PlanRequest], jobs: int) -> dict[str, float]:
    from openhall.staffing.checking import broken, violations
    from openhall.workers.planning_crews import in_processes

    banks = {request.branch: request.bank for request in requests}
    begun, children = time.monotonic(), os.times()
    plans = list(in_processes(jobs)(requests))
    seconds, after = time.monotonic() - begun, os.times()
    cpu = (after.children_user + after.children_system) - (children.children_user + children.children_system)
    return {
        "network_branches": len(plans),
        "network_s": seconds,
        "network_cpu_s": cpu,
        "network_violations": sum(len(broken(violations(banks[p.branch], p))) for p in plans),
        "network_gap_median_percent": median(p.gap_percent for p in plans),
    }
