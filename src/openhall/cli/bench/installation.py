"""The bank that the bench runs: branches of eight counters, open round the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.app.settings import FILE as SETTINGS
from openhall.cli.bench.jobs import Seat
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble

COUNTERS_PER_BRANCH = 8
PASSWORD = "for one run on this machine"  # noqa: S105 - of an installation that lives for a minute

BANK = """\
name = { en = "Bench Bank", zh = "测试银行" }
currency = "CNY"

[[classes]]
code = "ordinary"
name = { en = "Ordinary", zh = "普通" }

[[services]]
id = "cash"
letter = "A"
name = { en = "Cash", zh = "现金业务" }
mean_minutes = 5
needs = [{ code = "withdraw_cash", name = { en = "Withdraw cash", zh = "取现金" } }]

[[regimes]]
id = "normal"
name = { en = "Normal", zh = "平常" }
entry = { is_check_required = false }
capacity = { waiting_at_most = 100_000, is_computed = false }
"""


class BenchFailed(Trouble):
    """The bench could not be run."""

    code = "bench_failed"
    remedy = "Read the message; nothing of your own installation was touched."


def _zone() -> str:
    """A zone of fixed offset in which it is about noon: a run must not cross midnight."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "UTC"


def branch_ids(count: int) -> list[str]:
    """Ids of the branches."""
    return [f"b{number:02d}" for number in range(1, count + 1)]


def counter_ids() -> list[str]:
    """Ids of each branch's counters."""
    return [f"C{number}" for number in range(1, COUNTERS_PER_BRANCH + 1)]


def bank_files(branches_count: int) -> dict[str, bytes]:
    """The bank's files."""
    zone = _zone()
    branches, counters, people = [], ["branch,id,number,services"], ["id,name,branch,skills,posts"]
    for branch in branch_ids(branches_count):
        branches.append(
            f'[[branches]]\nid = "{branch}"\nname = {{ en = "{branch}", zh = "{branch}" }}\n'
            f'address = {{ en = "1 Bench Road", zh = "测试路1号" }}\ntimezone = "{zone}"\n'
            f'week = "mon-sun 00:00-24:00"\n'
        )
        people.append(f"{branch}-boss,Boss,{branch},,manager lobby authoriser")
        for number, counter in enumerate(counter_ids(), 1):
            counters.append(f"{branch},{counter},{number},cash")
            people.append(f"{branch}-{counter.lower()},Teller {number},{branch},cash,teller")
    return {
        "bank.toml": BANK.encode(),
        "branches.toml": "\n".join(branches).encode(),
        "counters.csv": ("\n".join(counters) + "\n").encode(),
        "people.csv": ("\n".join(people) + "\n").encode(),
    }


def install(path: Path, branches_count: int) -> list[Seat]:
    """Make the installation with a manager signed in for each branch; every counter as a seat.

    The order goes round the branches, so that any share of the seats is spread over all of them.
    """
    folder = Folder(path)
    folder.create(bank_files(branches_count))
    # One account here does what a hundred people do.
    (folder.path / SETTINGS).write_text("[limits]\naccount_per_second = 0\n", encoding="utf-8")
    app = build(folder)
    tokens = {}
    try:
        for branch in branch_ids(branches_count):
            name = f"{branch}-boss"
            app.accounts.create(name, "manager", PASSWORD, branch=branch, person_id=name)
            signed_in = app.accounts.sign_in(name, PASSWORD)
            if isinstance(signed_in, Refusal):
                raise BenchFailed(f"sign-in was refused: {signed_in.code}", place=name)
            tokens[branch] = signed_in.token
    finally:
        app.store.close()
    return [Seat(branch, counter, tokens[branch]) for counter in counter_ids() for branch in tokens]
