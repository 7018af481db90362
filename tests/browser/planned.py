"""Two branches on one day with published plans: what the browser tests of people and plans look at."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.log import plans
from openhall.network.model import Role
from openhall.staffing.plan import DayPlan, Duty, Stint, WeekPlan
from tests.browser.served import BRANCH, PASSWORD, Served, free_port, install

DAY = date(2026, 11, 24)
"""A Tuesday."""
OTHER = "lanqiao"
OTHER_ACCOUNTS: dict[str, tuple[Role, str]] = {
    "lanqiao-manager": ("manager", "chen-ruolan"),
    "lanqiao-lobby": ("lobby", "wu-qiming"),
}


def _duty(person: str, words: str) -> Duty:
    stints = _stints(words)
    return Duty(person, "full", stints[0].from_minute, stints[-1].until_minute, stints)


def _stints(words: str) -> tuple[Stint, ...]:
    """`lobby 9:00, break 12:00, window C1 13:00 till 17:00`: what from when, without a hole."""
    found: list[tuple[str, str, int]] = []
    for part in words.replace(" till ", ", end ").split(", "):
        post, *counter, clock = part.split()
        hours, minutes = clock.split(":")
        found.append((post, "".join(counter), int(hours) * 60 + int(minutes)))
    return tuple(
        Stint(post, minute, later[2], counter)  # type: ignore[arg-type]
        for (post, counter, minute), later in pairwise(found)
    )


def _week(branch: str, *duties: Duty) -> WeekPlan:
    day = DayPlan(DAY, is_open=True, from_minute=540, expected=(6.0,) * 32, duties=duties)
    return WeekPlan(branch, DAY, (day,), "0" * 12, "by_hand", 0.0)


WUTONG = _week(
    BRANCH,
    _duty("qian-lixin", "lobby 9:00, break 12:00, lobby 13:00 till 17:00"),
    _duty("su-wan", "window C1 9:00, break 12:00, lobby 13:00 till 17:00"),
    _duty("xu-jing", "window C2 9:00 till 13:00"),
    _duty("ma-yongan", "window C3 9:00, break 11:30, window C3 12:30 till 17:00"),
    _duty("gao-fei", "lobby 9:00, window C1 12:00, window C2 13:00 till 17:00"),
    _duty("xie-yutong", "window C4 9:00 till 17:00"),
    _duty("peng-dayong", "guard 9:00 till 17:00"),
)
LANQIAO = _week(
    OTHER,
    _duty("wu-qiming", "lobby 9:00 till 17:00"),
    _duty("zhou-yan", "window C1 9:00 till 17:00"),
    _duty("he-xiaozhou", "lobby 9:00 till 17:00"),
    _duty("sun-tao", "window C3 9:00 till 17:00"),
)


def publish(folder: Path) -> None:
    """Both plans, and accounts for the other branch's screens; nobody serves the folder meanwhile."""
    app = build(Folder(folder))
    for week in (WUTONG, LANQIAO):
        draft = plans.save_draft(app.store, week, seen=None, now_ms=1, by="test")
        plans.publish(app.store, week.branch, week.first, seen=draft.revision, now_ms=1, by="test")
    for name, (role, person) in OTHER_ACCOUNTS.items():
        made = app.accounts.create(name, role, PASSWORD, branch=OTHER, person_id=person)
        assert not hasattr(made, "code"), made
    app.store.close()


@contextmanager
def serving_planned(folder: Path) -> Iterator[Served]:
    """A bank whose plans are published, served for a while."""
    install(folder)
    publish(folder)
    served = Served(folder, free_port())
    served.start()
    try:
        yield served
    finally:
        served.stop()


def do_there(served: Served, command: str, account: str = "lanqiao-manager", **fields: Any) -> None:
    """Carry out a command at the other branch."""
    headers = {"Authorization": f"Bearer {served.token(account)}", "Idempotency-Key": secrets.token_hex(8)}
    address = f"{served.url}/api/branches/{OTHER}/commands/{command}"
    answer = httpx.post(address, headers=headers, json=fields, timeout=20)
    assert answer.status_code == 200, f"{command} {fields}: {answer.text}"


def morning(served: Served, hour: int, minute: int = 0) -> None:
    """Both branches' days and doors are open."""
    served.set_time(DAY, hour, minute)
    served.open_day()
    if served.read("/hall")["doors"] == "not_yet":
        served.do("OpenDoors", "guard")
    headers = {"Authorization": f"Bearer {served.token('operations')}"}
    there = f"{served.url}/api/branches/{OTHER}"
    opened = httpx.post(
        f"{there}/day", headers=headers | {"Idempotency-Key": secrets.token_hex(8)}, timeout=20
    )
    assert opened.status_code == 200 or opened.json()["code"] == "day_already_open", opened.text
    if httpx.get(f"{there}/hall", headers=headers, timeout=20).json()["doors"] == "not_yet":
        do_there(served, "OpenDoors")
