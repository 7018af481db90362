"""What was seen in a hall, before anything is concluded from it: durations, some cut short, and counts.

`flows.behaviour` fills it from the log, `science.learning` turns it into habits. Nothing here says who
somebody was: a duration is one of many of a service and class, and there is none of a teller.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import date

GroupKey = tuple[str, str]
"""Service and class."""

NeedKey = tuple[str, str, str]
"""Service, class and need; an empty need is not known."""

STRETCH_MS = 15 * 60_000
"""Arrivals are counted over so long."""


def _none() -> array[int]:
    return array("q")


@dataclass(slots=True)
class Times:
    """Durations in ms: `ended` came to their end, `cut` are only known to have lasted at least so long."""

    ended: array[int] = field(default_factory=_none)
    cut: array[int] = field(default_factory=_none)

    def __len__(self) -> int:
        return len(self.ended)

    def add(self, other: Times) -> None:
        """Take another's durations too."""
        self.ended.extend(other.ended)
        self.cut.extend(other.cut)


@dataclass(slots=True)
class GroupSamples:
    """What was seen of the customers of a service and class.

    Parameters
    ----------
    joined, called, served, absent, reinstated, held, reneged : customers; `called` for the first time,
        `absent` at that call.
    offered, accepted, tried, done_elsewhere : offers of another way that were answered; those agreed to;
        those that came to an end; those that got it done.
    second : customers who had another service afterwards.
    single, second_later : served customers whose ticket named no further service when they were called, and
        those of them who had one all the same.
    service : start to end; cut when the day was ended by force.
    walk : call to start.
    gap : end of a service to the next call at the same counter, while it was calling and somebody waited whom
        it could serve; cut when either ceased.
    lost : call of somebody absent to the next call there.
    reinstated_after : no-show to coming back.
    patience : joining to leaving for good, unserved or served another way; cut by the first call.
    out : joining to stepping out; cut by the first call or by leaving.
    away : stepping out to coming back.
    elsewhere : agreeing to another way to its end, good or bad.
    """

    joined: int = 0
    called: int = 0
    served: int = 0
    absent: int = 0
    reinstated: int = 0
    held: int = 0
    reneged: int = 0
    offered: int = 0
    accepted: int = 0
    tried: int = 0
    done_elsewhere: int = 0
    second: int = 0
    single: int = 0
    second_later: int = 0
    service: Times = field(default_factory=Times)
    walk: Times = field(default_factory=Times)
    gap: Times = field(default_factory=Times)
    lost: Times = field(default_factory=Times)
    reinstated_after: Times = field(default_factory=Times)
    patience: Times = field(default_factory=Times)
    out: Times = field(default_factory=Times)
    away: Times = field(default_factory=Times)
    elsewhere: Times = field(default_factory=Times)

    def add(self, other: GroupSamples) -> None:
        """Take another's samples too."""
        for each in fields(self):
            own, further = getattr(self, each.name), getattr(other, each.name)
            if isinstance(own, Times):
                own.add(further)
            else:
                setattr(self, each.name, own + further)


@dataclass(slots=True)
class DayArrivals:
    """Who came on one day.

    Parameters
    ----------
    joined_ms : for each service, class and need the moments of joining, from the branch's local midnight.
    from_ms, until_ms : from when to when people could come, from local midnight.
    """

    day: date
    from_ms: int
    until_ms: int
    joined_ms: dict[NeedKey, array[int]] = field(default_factory=dict)


@dataclass(slots=True)
class BookedSamples:
    """What was seen of those with an appointment.

    Parameters
    ----------
    late_ms : of those who came, from the appointed time to joining; below 0 before it.
    missed : who did not come.
    """

    late_ms: array[int] = field(default_factory=_none)
    missed: int = 0

    def add(self, other: BookedSamples) -> None:
        """Take another's samples too."""
        self.late_ms.extend(other.late_ms)
        self.missed += other.missed


@dataclass(slots=True)
class BranchSamples:
    """What was seen in one branch over some days."""

    groups: dict[GroupKey, GroupSamples] = field(default_factory=dict)
    needs: dict[NeedKey, Times] = field(default_factory=dict)
    """Service times by need; those of a service and class are all of its needs'."""
    days: list[DayArrivals] = field(default_factory=list)
    booked: BookedSamples = field(default_factory=BookedSamples)

    def group(self, key: GroupKey) -> GroupSamples:
        """The samples of a service and class, made when there are none yet."""
        return self.groups.setdefault(key, GroupSamples())

    def add(self, other: BranchSamples) -> None:
        """Take another's samples too: a day's into its branch's, a branch's into the network's."""
        for key, samples in other.groups.items():
            self.group(key).add(samples)
        for need, times in other.needs.items():
            self.needs.setdefault(need, Times()).add(times)
        self.days.extend(other.days)
        self.booked.add(other.booked)


def together(samples: Iterable[GroupSamples]) -> GroupSamples:
    """All of several groups as one."""
    whole = GroupSamples()
    for each in samples:
        whole.add(each)
    return whole
