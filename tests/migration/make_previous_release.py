"""How `previous_release/` was made, once, by the release before this one (commit 559b6e1).

In a working copy of that release: `python -m tests.migration.make_previous_release FOLDER`. The dump is never
made again by a later release: it stands for the installations that are out there. This file says what is in
it, and in the words of that release.
"""

# mypy: ignore-errors

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from datetime import date
from pathlib import Path
from random import Random

from openhall.app import planning
from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.flows.day import day_rules
from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.kernel.event import StreamId
from openhall.log import plans
from openhall.log.accounts import Accounts
from openhall.network.sample import sample_files
from openhall.rehearsal.invented import InventedParameters, rehearse_invented
from openhall.workers.planning import plan_week

BRANCH, DAY = "lanqiao", date(2026, 11, 24)
PASSWORD = "the password of then"
FAR_MS = 4_000_000_000_000
"""In the year 2096: a session that still holds when the test is run."""
FEW = InventedParameters(surge_factor=1.0, visitors_daily=14, seed=6)


def fill(app: App) -> str:
    """Accounts with a session, a whole day, a published plan; the session's token."""
    chance = Random(6)
    accounts = Accounts(app.store, ManualClock(FAR_MS), chance.randbytes)
    accounts.create("boss", "manager", PASSWORD, branch=BRANCH, person_id="chen-ruolan")
    accounts.create("kiosk", "kiosk", PASSWORD, branch=BRANCH)
    signed_in = accounts.sign_in("boss", PASSWORD)
    rules = day_rules(app.version, BRANCH, DAY)
    assert rules is not None
    rehearse_invented(StreamId(BRANCH, DAY), rules, FEW, store=app.store)
    week = date.fromordinal(DAY.toordinal() + 6)
    request = planning.gather(app.store, app.bank, app.version.version, BRANCH, week)
    draft = plans.save_draft(app.store, plan_week(request), seen=None, now_ms=DAY_MS, by="boss")
    plans.publish(app.store, BRANCH, week, seen=draft.revision, now_ms=DAY_MS, by="boss")
    return signed_in.token  # type: ignore[union-attr]


async def make(target: Path) -> None:
    """Fill an installation and leave it as files that can be read."""
    folder = Folder(target / "installation")
    folder.create(sample_files())
    app = build(folder)
    try:
        token = fill(app)
    finally:
        app.store.close()
    # The bundled build has no `iterdump`; the store is closed, so the standard library's may look.
    with closing(sqlite3.connect(folder.database)) as connection:
        lines = "".join(f"{line}\n" for line in connection.iterdump())
    (target / "openhall.sql").write_text(lines, encoding="utf-8")
    (target / "token.txt").write_text(token, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(make(Path(sys.argv[1])))
