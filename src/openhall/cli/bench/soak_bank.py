"""The bank of the soak: copies of the sample bank's three branches, everybody signed in."""

from __future__ import annotations

import csv
import io
import os
from datetime import date
from pathlib import Path

import msgspec

from openhall.app.build import build
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.cli.bench.installation import PASSWORD, BenchFailed
from openhall.kernel.refusal import Refusal
from openhall.log.accounts import Accounts, AccountSettings
from openhall.log.sqlite import SqliteSettings, SqliteStore
from openhall.network.calendar import moments_on
from openhall.network.model import Bank, Person, Role
from openhall.network.sample import sample_bank, sample_files

DAY = date(2027, 1, 18)
"""The sample bank's first day under prevention rules: entry checks, few people inside at a time, a surge."""
PATTERNS = (
    "lanqiao",
    "wutong",
    "lanqiao",
    "lanqiao",
    "wutong",
    "lanqiao",
    "qingdu",
    "lanqiao",
    "wutong",
    "lanqiao",
)
"""Of ten branches six are small (4 counters), three middling (8), one large (14), as in a bank with many."""
CHECKIN_MINUTES_BEFORE = 5
OPENS_AT_MINUTE = 8 * 60 + 50
OPENS_WITHIN_MINUTES = 21
"""Branches open between 8:50 and 9:10: no bank opens two hundred doors in one second."""
CHEAP = AccountSettings(hash_memory_kib=8, hash_passes=1)
"""Two thousand people sign in before the run begins, and nobody's password is guessed meanwhile."""


class Post(msgspec.Struct, frozen=True):
    """A branch as its people and its screens need it: by whose token they ask."""

    branch: str
    tokens: dict[str, str]
    """By account: `manager`, `lobby`, `guard`, `display`, and each teller's person id."""


def branch_ids(count: int) -> list[str]:
    """Ids of the branches."""
    return [f"b{number:03d}" for number in range(1, count + 1)]


def soak_files(branches_count: int) -> dict[str, bytes]:
    """The bank's files: the sample bank's services, classes, triage and regimes, and so many branches."""
    sample = sample_files()
    head, _, _ = sample["bank.toml"].decode().partition("[[neighbours]]")
    _, _, tail = sample["bank.toml"].decode().partition("[staffing]")
    own = [line for line in head.splitlines() if not line.startswith("# Pension days")]
    bank = "\n".join(own).replace('branches = ["lanqiao"]', 'branches = ["b001"]')
    bank = bank.replace("checkin_minutes_before = 30", f"checkin_minutes_before = {CHECKIN_MINUTES_BEFORE}")
    pattern_of = {
        branch: PATTERNS[number % len(PATTERNS)] for number, branch in enumerate(branch_ids(branches_count))
    }
    branches = [_branch(branch, of, number) for number, (branch, of) in enumerate(pattern_of.items())]
    return {
        "bank.toml": f"{bank}\n[staffing]{tail}".encode(),
        "branches.toml": "\n".join(branches).encode(),
        "counters.csv": _copied(sample["counters.csv"], pattern_of),
        "people.csv": _copied(sample["people.csv"], pattern_of, id_too=True),
    }


def _branch(branch: str, pattern: str, number: int) -> str:
    found = sample_bank().branch(pattern)
    assert found is not None, "a pattern is a branch of the sample bank"
    hour, minute = divmod(OPENS_AT_MINUTE + number * 8 % OPENS_WITHIN_MINUTES, 60)
    return (
        f'[[branches]]\nid = "{branch}"\nname = {{ en = "Branch {branch}", zh = "{branch}支行" }}\n'
        f'address = {{ en = "{branch} Soak Road", zh = "测试路{branch}号" }}\ntimezone = "Asia/Shanghai"\n'
        f'week = "mon-sun {hour:02d}:{minute:02d}-17:00"\ninside_limit = {found.inside_limit}\n'
    )


def _copied(body: bytes, pattern_of: dict[str, str], *, id_too: bool = False) -> bytes:
    """The rows of a pattern's branch for each branch made after it."""
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for branch, pattern in pattern_of.items():
        for row in rows:
            if row["branch"] == pattern:
                own_id = f"{branch}-{row['id']}" if id_too else row["id"]
                writer.writerow({**row, "branch": branch, "id": own_id})
    return text.getvalue().encode()


def start_ms(bank: Bank) -> int:
    """When the check-in of the first branch begins."""
    moments = [found for branch in bank.branches if (found := moments_on(bank, branch, DAY))]
    return min(each.checkin_ms for each in moments)


def install(path: Path, branches_count: int) -> tuple[Bank, list[Post]]:
    """Make the installation with everybody signed in.

    Nothing of it need outlive a power cut, so it is written without waiting for the disk.
    """
    folder = Folder(path)
    folder.create(soak_files(branches_count))
    app = build(folder, open_store=lambda f: SqliteStore.open(f.database, SqliteSettings("OFF")))
    try:
        accounts = Accounts(app.store, SystemClock(), os.urandom, CHEAP)
        posts = [Post(branch.id, _sign_in_all(accounts, app.bank, branch.id)) for branch in app.bank.branches]
        return app.bank, posts
    finally:
        app.store.close()


def _sign_in_all(accounts: Accounts, bank: Bank, branch: str) -> dict[str, str]:
    own = [person for person in bank.people if person.branch == branch]
    wanted: dict[str, tuple[Role, str | None]] = {
        "manager": ("manager", _first(own, "manager")),
        "lobby": ("lobby", _first(own, "lobby")),
        "guard": ("guard", _first(own, "guard")),
        "display": ("display", None),
    }
    wanted |= {person.id: ("teller", person.id) for person in own if "teller" in person.posts}
    return {
        key: _sign_in(accounts, f"{branch}-{key}" if person != key else key, role, branch, person)
        for key, (role, person) in wanted.items()
    }


def _first(people: list[Person], post: str) -> str:
    return next(person.id for person in people if post in person.posts)


def _sign_in(accounts: Accounts, name: str, role: Role, branch: str, person: str | None) -> str:
    made = accounts.create(name, role, PASSWORD, branch=branch, person_id=person)
    if isinstance(made, Refusal):
        raise BenchFailed(f"the account was refused: {made.code}", place=name)
    signed_in = accounts.sign_in(name, PASSWORD)
    if isinstance(signed_in, Refusal):
        raise BenchFailed(f"sign-in was refused: {signed_in.code}", place=name)
    return signed_in.token
