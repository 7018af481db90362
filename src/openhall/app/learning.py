"""Learning from the log: which days, the work itself, and what is kept of it.

The work reads whole days and computes for seconds: it belongs into a worker process (`work_out`), and only
its result comes back to the process that owns the database (`keep`). Importing this brings no numpy along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from openhall.flows.behaviour import samples_of
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import StreamId
from openhall.kernel.trouble import Trouble
from openhall.log import learned
from openhall.log.records import Records
from openhall.log.sqlite import SqliteStore
from openhall.log.store import Store
from openhall.network import version as versions
from openhall.network.calendar import services_at
from openhall.network.model import Bank, Branch
from openhall.science.believed import Habits
from openhall.science.samples import BranchSamples

if TYPE_CHECKING:
    from openhall.science.learning import LearningParameters, Offered

DAYS_USUAL = 56
"""Eight weeks: each weekday eight times, and not so long ago that the bank was another."""
DAYS_AT_MOST = 400

Progress = Callable[[int], None]
"""Told how many days have been read."""


class NothingToLearn(Trouble):
    """No chosen day has ended with customers."""

    code = "nothing_to_learn"
    remedy = "End a day with customers first, or choose other days or branches."


class LearningHeld(Trouble):
    """Another process holds the database, so that nothing can be kept."""

    code = "learning_held"
    remedy = "A running server learns every night by itself. To see what it would learn now, add --dry-run."


class BranchNotThere(Trouble):
    """The bank has no branch of this name."""

    code = "branch_not_there"
    remedy = "Name a branch by its id, as in `branches.toml`."


class Span(msgspec.Struct, frozen=True):
    """Which days are learned from: of each branch the latest `days` that ended between `first` and `last`."""

    days: int = DAYS_USUAL
    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.days <= DAYS_AT_MOST:
            raise ValueError(f"Expected days between 1 and {DAYS_AT_MOST}, got {self.days}")
        if self.first and self.last and self.first > self.last:
            raise ValueError(f"Expected the first day not after the last, got {self.first} and {self.last}")

    def holds(self, day: date) -> bool:
        """Whether a day lies between the first and the last."""
        return not ((self.first and day < self.first) or (self.last and day > self.last))


class Learned(msgspec.Struct, frozen=True):
    """What became of one branch's learning."""

    habits: Habits
    before: Habits | None
    is_new: bool


def gather(
    store: Store, bank: Bank, span: Span | None = None, progress: Progress | None = None
) -> dict[str, BranchSamples]:
    """The samples of every branch of the bank, one day in memory at a time; a branch without days is not in
    it."""
    span = span or Span()
    days: dict[str, list[StreamId]] = {branch.id: [] for branch in bank.branches}
    for stream in store.streams():
        if stream.place in days and span.holds(stream.day):
            days[stream.place].append(stream)
    found: dict[str, BranchSamples] = {}
    count = 0
    for branch_id, streams in days.items():
        taken = 0
        for stream in sorted(streams, key=lambda s: s.day, reverse=True):
            if taken >= span.days:
                break
            samples = samples_of(stream, store.read(stream=stream))
            count += 1
            if progress is not None:
                progress(count)
            if samples is not None:
                found.setdefault(branch_id, BranchSamples()).add(samples)
                taken += 1
    return found


def offered(bank: Bank, branch: Branch) -> Offered:
    """What a branch is configured to do: its services and the bank's classes, in their order."""
    from openhall.science.learning import Offered

    services = tuple((s.id, s.mean_minutes * MINUTE_MS) for s in services_at(bank, branch))
    return Offered(branch.id, services, tuple(class_.code for class_ in bank.classes))


def chosen(bank: Bank, names: Sequence[str]) -> list[Branch]:
    """The branches of these names, all without names; `BranchNotThere` for one that the bank has not."""
    for name in names:
        if bank.branch(name) is None:
            raise BranchNotThere(f"{name} is no branch of the bank", place=name)
    return [branch for branch in bank.branches if not names or branch.id in names]


def learned_from(
    store: Store,
    bank: Bank,
    span: Span | None = None,
    *,
    branches: Sequence[str] = (),
    parameters: LearningParameters | None = None,
    progress: Progress | None = None,
) -> list[Habits]:
    """Learn from the log for every branch, or for some: all branches' days are borrowed from.

    Raises `NothingToLearn` when no day has ended with customers, `BranchNotThere`.
    """
    from openhall.science.learning import learn

    wanted = [branch for branch in chosen(bank, branches) if services_at(bank, branch)]
    samples = gather(store, bank, span, progress)
    if not samples:
        raise NothingToLearn("No chosen day has ended with customers", place="events")
    return learn(samples, [offered(bank, branch) for branch in wanted], parameters)


def keep(records: Records, habits: Iterable[Habits], *, now_ms: int) -> list[Learned]:
    """Store what was learned where it differs from what is believed."""
    done: list[Learned] = []
    for each in habits:
        before = learned.latest(records, each.branch)
        kept, is_new = learned.keep(records, each, now_ms=now_ms)
        done.append(Learned(kept, before, is_new))
    return done


# --- for the nightly chore ---------------------------------------------------------------------------


def work_out(database: str, bank: bytes, days: int = DAYS_USUAL) -> bytes:
    """In a worker process: read the log that another process owns, learn, and hand the habits back as JSON.

    `bank` is the bank as `network.version.encode` writes it. No days to learn from are an empty list. Raises
    `Trouble`.
    """
    with SqliteStore.open_to_read(Path(database)) as store:
        try:
            found = learned_from(store, versions.decode(bank), Span(days))
        except NothingToLearn:
            found = []
    return msgspec.json.encode(found)


def keep_worked_out(records: Records, answer: bytes, *, now_ms: int) -> list[Learned]:
    """In a thread of the process that owns the database: keep what `work_out` handed back."""
    return keep(records, msgspec.json.decode(answer, type=list[Habits]), now_ms=now_ms)
