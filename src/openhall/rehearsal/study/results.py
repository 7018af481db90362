"""What a study found: tables as Parquet, everything about how it was found as JSON."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from openhall.kernel.trouble import Trouble
from openhall.rehearsal.study import model as m
from openhall.rehearsal.study.planning import Planned
from openhall.science import engine
from openhall.science.study import figures
from openhall.science.study.plan import HALL
from openhall.science.study.precision import Verdict
from openhall.science.study.sums import Sums
from openhall.science.study.tasks import METRICS

RESULT_FILE = "study.json"
TABLES = ("policies", "comparison", "days", "waits", "branches")
PICTURES = ("policies", "waits", "differences")
FILES = frozenset(
    {
        RESULT_FILE,
        *(f"{name}.parquet" for name in TABLES),
        *(f"{name}.{kind}" for name in PICTURES for kind in ("svg", "png")),
    }
)
"""All that a folder of results can hold."""
HOUR_MS = 3_600_000
QUANTILES = {"p50": 0.5, "p90": 0.9}


class ResultsInUse(Trouble):
    """The folder for the results holds something else."""

    code = "results_in_use"
    remedy = "Name another folder with --out: only results of an earlier study are written over."


class ResultsTrouble(Trouble):
    """The results could not be written; the folder is as it was."""

    code = "results_trouble"
    remedy = "Make room on the disk or choose another folder with --out; go on with --resume."


class Interval(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval; None where the replications say nothing."""

    mean: float | None
    low: float | None
    high: float | None
    half_width: float | None


class Compared(msgspec.Struct, frozen=True):
    """A policy less the baseline, on the same customers. `variance_ratio`: `figures.Difference`."""

    metric: str
    difference: Interval
    variance_ratio: float | None


class PolicyResult(msgspec.Struct, frozen=True, kw_only=True):
    """A policy over the whole network. Counts and hours are of one day of the network."""

    name: str
    arrived_daily: float
    served_daily: float
    left_daily: float
    diverted_daily: float
    no_show_daily: float
    pending_daily: float
    """Nobody ever served them: 0 unless no counter can."""
    counter_hours_daily: float
    """As planned, from the opening to the closing of the doors."""
    wait_minutes_p50: float | None
    wait_minutes_p90: float | None
    share_within_minutes: dict[str, float | None]
    metrics: dict[str, Interval]
    compared: tuple[Compared, ...] = ()


class StudyResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `openhall simulate --json` prints and `study.json` holds.

    Parameters
    ----------
    plan : SHA-256 of what was computed.
    digest : SHA-256 of all sums: the same on any machine, crew and split.
    versions : of what computed it.
    study : the file as it was read.
    verdict : whether the precision was reached, and by which interval it is judged.
    """

    name: str
    seed: int
    plan: str
    digest: str
    versions: dict[str, str]
    study: m.Study
    branches: int
    replications: int
    customers: int
    """Simulated, over all policies."""
    left_out: tuple[str, ...]
    confidence: float
    verdict: Verdict
    policies: tuple[PolicyResult, ...]


def result_of(
    study: m.Study,
    planned: Planned,
    sums: Sums,
    verdict: Verdict,
    *,
    plan_name: str,
    versions: dict[str, str],
) -> StudyResult:
    """The figures of the network from the sums."""
    values = figures.network_values(sums)
    return StudyResult(
        name=study.name,
        seed=study.seed,
        plan=plan_name,
        digest=sums.digest(),
        versions=versions,
        study=study,
        branches=sums.branch_count,
        replications=sums.whole_replications,
        customers=int(sums.totals[..., engine.ARRIVED].sum()),
        left_out=planned.left_out,
        confidence=figures.CONFIDENCE,
        verdict=verdict,
        policies=tuple(
            _policy_result(planned, sums, values, policy) for policy in range(len(planned.plan.policies))
        ),
    )


def _policy_result(planned: Planned, sums: Sums, values: figures.Floats, policy: int) -> PolicyResult:
    count = sums.whole_replications
    totals, waits = sums.totals[policy].sum(axis=0), sums.waits[policy].sum(axis=0)
    halls = planned.plan.branches[:, HALL]
    open_ms = sum(int(planned.plan.halls[hall].open_ms[policy]) for hall in halls)
    compared = []
    for index, metric in enumerate(METRICS if policy else ()):
        found = figures.difference(values[policy, :, index], values[0, :, index])
        compared.append(Compared(metric, _interval(found.estimate), found.variance_ratio))
    return PolicyResult(
        name=planned.plan.policies[policy],
        arrived_daily=int(totals[engine.ARRIVED]) / count,
        served_daily=int(totals[engine.COUNT_SERVED]) / count,
        left_daily=int(totals[engine.COUNT_LEFT]) / count,
        diverted_daily=int(totals[engine.COUNT_DIVERTED]) / count,
        no_show_daily=int(totals[engine.COUNT_NO_SHOW]) / count,
        pending_daily=int(totals[engine.COUNT_PENDING]) / count,
        counter_hours_daily=open_ms / HOUR_MS,
        wait_minutes_p50=figures.wait_quantile_minutes(waits, QUANTILES["p50"]),
        wait_minutes_p90=figures.wait_quantile_minutes(waits, QUANTILES["p90"]),
        share_within_minutes={
            str(minutes): figures.share_within(waits, minutes) for minutes in figures.WITHIN_MINUTES
        },
        metrics={
            metric: _interval(figures.estimate(values[policy, :, index]))
            for index, metric in enumerate(METRICS)
        },
        compared=tuple(compared),
    )


def _interval(found: figures.Estimate) -> Interval:
    return Interval(found.mean, found.low, found.high, found.half_width)


# --- tables ------------------------------------------------------------------------------------------


def policies_table(result: StudyResult) -> pl.DataFrame:
    """A row for each policy, over the network."""
    rows = []
    for policy in result.policies:
        row: dict[str, Any] = {
            name: getattr(policy, name)
            for name in policy.__struct_fields__
            if name not in ("share_within_minutes", "metrics", "compared")
        }
        row |= {f"share_within_{minutes}": share for minutes, share in policy.share_within_minutes.items()}
        for metric, interval in policy.metrics.items():
            row |= {metric: interval.mean, f"{metric}_low": interval.low, f"{metric}_high": interval.high}
        rows.append(row)
    return pl.DataFrame(rows)


def comparison_table(result: StudyResult) -> pl.DataFrame:
    """A row for each policy but the baseline and each metric."""
    baseline = result.policies[0].name
    rows = [
        {
            "policy": policy.name,
            "baseline": baseline,
            "metric": compared.metric,
            "difference": compared.difference.mean,
            "low": compared.difference.low,
            "high": compared.difference.high,
            "variance_ratio": compared.variance_ratio,
        }
        for policy in result.policies
        for compared in policy.compared
    ]
    numbers = ("difference", "low", "high", "variance_ratio")
    texts = ("policy", "baseline", "metric")
    return pl.DataFrame(rows, schema=dict.fromkeys(texts, pl.String) | dict.fromkeys(numbers, pl.Float64))


def days_table(planned: Planned, sums: Sums) -> pl.DataFrame:
    """A row for each policy and replication of the network's day; times in ms, whole numbers."""
    count = sums.whole_replications
    columns = {
        "arrived": engine.DAY_ARRIVED,
        "served": engine.DAY_SERVED,
        "called": engine.DAY_CALLED,
        "wait_ms": engine.DAY_WAIT,
        "late": engine.DAY_LATE,
        "late_ms": engine.DAY_LATE_MS,
        "left": engine.DAY_LEFT,
        "diverted": engine.DAY_DIVERTED,
        "pending": engine.DAY_PENDING,
        "overtime_ms": engine.DAY_OVERTIME,
    }
    frames = [
        pl.DataFrame({"policy": [name] * count, "replication": np.arange(count)}).with_columns(
            pl.Series(column, sums.days[policy, :count, index].copy()) for column, index in columns.items()
        )
        for policy, name in enumerate(planned.plan.policies)
    ]
    return pl.concat(frames)


def waits_table(planned: Planned, sums: Sums) -> pl.DataFrame:
    """How many of the called waited so many half minutes, by policy, service and class; no empty rows."""
    policies, groups, bins = np.nonzero(sums.waits)
    pairs = [name.partition("/") for name in planned.plan.groups]
    return pl.DataFrame(
        {
            "policy": [planned.plan.policies[p] for p in policies],
            "service": [pairs[g][0] for g in groups],
            "class": [pairs[g][2] for g in groups],
            "from_seconds": bins * (engine.WAIT_BIN_MS // 1_000),
            "count": sums.waits[policies, groups, bins],
        },
        schema={
            "policy": pl.String,
            "service": pl.String,
            "class": pl.String,
            "from_seconds": pl.Int64,
            "count": pl.Int64,
        },
    )


def branches_table(planned: Planned, sums: Sums) -> pl.DataFrame:
    """A row for each branch and policy: figures of a day, and differences from the baseline."""
    return pl.concat([_branch_rows(planned, sums, p) for p in range(len(planned.plan.policies))])


def _branch_rows(planned: Planned, sums: Sums, policy: int) -> pl.DataFrame:
    plan, count = planned.plan, sums.whole_replications
    totals, waits = sums.branch_totals[policy], sums.branch_waits[policy]
    hours = [int(plan.halls[hall].open_ms[policy]) / HOUR_MS for hall in plan.branches[:, HALL]]
    columns: dict[str, Any] = {
        "branch": planned.branches,
        "policy": [plan.policies[policy]] * len(planned.branches),
        "ordinary_customers": planned.ordinary,
        "counters": planned.counters,
        "counter_hours": hours,
        "arrived": totals[:, engine.DAY_ARRIVED] / count,
        "left": totals[:, engine.DAY_LEFT] / count,
        "diverted": totals[:, engine.DAY_DIVERTED] / count,
    }
    for name, share in QUANTILES.items():
        columns[f"wait_minutes_{name}"] = _each(waits, partial(figures.wait_quantile_minutes, share=share))
    for minutes in figures.WITHIN_MINUTES:
        columns[f"share_within_{minutes}"] = _each(waits, partial(figures.share_within, minutes=minutes))
    for metric in METRICS:
        columns |= _bounded(metric, figures.branch_estimates(sums, policy, metric))
    for metric in METRICS:
        columns |= _bounded(f"{metric}_difference", figures.branch_differences(sums, policy, metric))
    return pl.DataFrame(columns, strict=False).with_columns(
        pl.selectors.float().fill_nan(None), pl.col("counters").cast(pl.Int64)
    )


def _each(waits: Any, figure: Callable[[Any], float | None]) -> pl.Series:
    return pl.Series([figure(row) for row in waits], dtype=pl.Float64)


def _bounded(name: str, found: figures.BranchEstimates) -> dict[str, Any]:
    return {
        name: found.mean,
        f"{name}_low": found.mean - found.half_width,
        f"{name}_high": found.mean + found.half_width,
    }


# --- folder ------------------------------------------------------------------------------------------


def require_free(folder: Path) -> None:
    """Raise ResultsInUse unless the folder is free, empty, or holds results of a study and nothing else."""
    if not folder.exists():
        return
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
    others = sorted(names - FILES)
    if others or (names and RESULT_FILE not in names):
        raise ResultsInUse(f"{folder} holds {', '.join(others[:3] or sorted(names)[:3])}", place=str(folder))


def write_results(
    folder: Path,
    result: StudyResult,
    planned: Planned,
    sums: Sums,
    *,
    draw: Callable[[Path, StudyResult, Sums], None] | None = None,
) -> None:
    """Write the folder; it appears whole, or not at all. `draw` adds pictures to it.

    Raises ResultsInUse, ResultsTrouble.
    """
    require_free(folder)
    fresh, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        policies_table(result).write_parquet(fresh / "policies.parquet")
        comparison_table(result).write_parquet(fresh / "comparison.parquet")
        days_table(planned, sums).write_parquet(fresh / "days.parquet")
        waits_table(planned, sums).write_parquet(fresh / "waits.parquet")
        if result.study.outputs.branches:
            branches_table(planned, sums).write_parquet(fresh / "branches.parquet")
        (fresh / RESULT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
        if draw:
            draw(fresh, result, sums)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        fresh.rename(folder)
    except OSError as error:
        raise ResultsTrouble(str(error), place=str(folder)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
