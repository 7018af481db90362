"""A bank with a past: invented days in its log and their reports kept, served on the morning after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from openhall.app import day_records
from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.rehearsal.invented.parameters import InventedParameters
from openhall.rehearsal.past import write_past
from tests.browser.served import Served, free_port, install

MORNING_AFTER = date(2026, 11, 24)
LAST_DAY = date(2026, 11, 23)
DAYS = 6


@contextmanager
def serving_reported(folder: Path) -> Iterator[Served]:
    """Six worked days of every branch, the last one a Monday."""
    install(folder)
    app = build(Folder(folder))
    usual = InventedParameters(visitors_daily=60, surge_factor=1.5)
    write_past(app.store, app.version, MORNING_AFTER, DAYS, usual)
    answer = day_records.work_out(str(app.folder.database), list(app.store.streams()))
    day_records.keep_worked_out(app.store, answer)
    app.store.close()
    served = Served(folder, free_port())
    served.start()
    try:
        yield served
    finally:
        served.stop()
