"""Small invented folders in the layout of the Warsaw files: three offices' lines, a few short days."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

FIRST_DAY = date(2020, 3, 2)
LINES = (("Old Town", 7, "A: Cash"), ("Old Town", 8, "B: Cards"), ("Harbour", 7, "A: Loans"))
STEP_MINUTES = 5
SNAPSHOTS = 60
MINUTES_PER_CALL = (4.0, 6.0, 9.0)


def write_folder(folder: Path, *, days: int, seed: int = 1, first: date = FIRST_DAY) -> Path:
    """A folder of so many days; pace differs by line, and by day for each line."""
    chance = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    snapshots: list[dict[str, object]] = []
    tickets: list[dict[str, object]] = []
    for number in range(days):
        opening = datetime.combine(first + timedelta(days=number), datetime.min.time()) + timedelta(hours=8)
        times = [opening + timedelta(minutes=STEP_MINUTES * step) for step in range(SNAPSHOTS)]
        for (office, queue, service), pace in zip(LINES, MINUTES_PER_CALL, strict=True):
            key = {"office": office, "queue_id": queue, "service": service}
            issued, called = _counts(chance, pace * chance.uniform(0.8, 1.25))
            snapshots += [
                {
                    "ts": ts,
                    **key,
                    "status": 1,
                    "open_counters": 2,
                    "waiting": int(issued[step] - called[step]),
                    # Like the real files: no number while none was called.
                    "called_no": int(called[step]) or None,
                    "service_min_reported": 10,
                }
                for step, ts in enumerate(times)
            ]
            tickets += _tickets(key, times, issued, called)
    pl.DataFrame(snapshots).write_parquet(folder / "snapshots.parquet")
    pl.DataFrame(tickets).write_parquet(folder / "tickets_reconstructed.parquet")
    return folder


def _counts(chance: np.random.Generator, pace: float) -> tuple[np.ndarray, np.ndarray]:
    rush = np.where(np.arange(SNAPSHOTS) < SNAPSHOTS // 2, 1.5, 0.4)
    issued = np.cumsum(chance.poisson(rush * STEP_MINUTES / pace))
    called = np.zeros(SNAPSHOTS, dtype=np.int64)
    for step in range(1, SNAPSHOTS):
        called[step] = min(issued[step], called[step - 1] + chance.poisson(STEP_MINUTES / pace))
    return issued, called


def _tickets(
    key: dict[str, object], times: list[datetime], issued: np.ndarray, called: np.ndarray
) -> list[dict[str, object]]:
    rows = []
    for number in range(1, int(called[-1]) + 1):
        first, call = int(np.searchsorted(issued, number)), int(np.searchsorted(called, number))
        after = times[first - 1] if first else None
        called_after = times[max(0, call - 1)]
        low = max(0.0, (called_after - times[first]).total_seconds() / 60)
        high = (times[call] - after).total_seconds() / 60 if after else None
        rows.append(
            {
                **key,
                "date": datetime.combine(times[0].date(), datetime.min.time()),
                "ticket_no": number,
                "issued_after": after,
                "issued_by": times[first],
                "called_after": called_after,
                "called_by": times[call],
                "wait_min_lo": low,
                "wait_min_hi": high,
                "wait_min_mid": None if high is None else (low + high) / 2,
            }
        )
    return rows
