"""What is believed of a branch's customers and counters, as plain values that can be kept and shown.

`habits` turns it into the tables that the engine draws from; this part is read where tickets are served, and
brings no numpy along.
"""

from __future__ import annotations

from datetime import date

import msgspec

from openhall.science.quantile_table import Durations


class GroupHabits(msgspec.Struct, frozen=True):
    """The customers of one service and class; with `need`, those who are known to have come for it.

    Parameters
    ----------
    service_time : from the start of service to its end.
    walk : from the call to the start.
    gap : from the end of a service till the counter calls again although somebody waits.
    patience : from joining to leaving the line for good before a call, unserved or served another way; None
        when nobody leaves.
    absent_share, lost, reinstated_share, reinstated_after : not there when called, the counter time that
        costs, and how many come back how long afterwards.
    out_share, out_after, away : step out with the place kept: how many, how long after joining, for how long.
    second_share, second_later_share : have another service done in the same visit: of all who come, and of
        those whose ticket names none when they are called.
    takes_share, done_share, elsewhere : say yes when offered another way, get it done there, and how long
        that takes those who come back.
    """

    service: str
    class_code: str
    service_time: Durations
    walk: Durations
    gap: Durations
    lost: Durations
    reinstated_after: Durations
    out_after: Durations
    away: Durations
    elsewhere: Durations
    patience: Durations | None = None
    absent_share: float = 0.0
    reinstated_share: float = 0.0
    out_share: float = 0.0
    second_share: float = 0.0
    second_later_share: float = 0.0
    takes_share: float = 0.0
    done_share: float = 0.0
    need: str = ""


class Arrivals(msgspec.Struct, frozen=True):
    """Who comes when.

    Parameters
    ----------
    from_ms, width_ms : start of the first stretch of the day, from the day's origin, and the stretches'
        length.
    expected : people expected in each stretch.
    mix : for each stretch the share of each group, in the order of the groups; each sums to 1.
    dispersion : variance by mean of the people of one stretch; 1 is Poisson.
    """

    from_ms: int
    width_ms: int
    expected: tuple[float, ...]
    mix: tuple[tuple[float, ...], ...]
    dispersion: float = 1.0

    def scaled(self, factor: float) -> Arrivals:
        """The same day with that many times the people."""
        return msgspec.structs.replace(self, expected=tuple(e * factor for e in self.expected))


NOBODY = Arrivals(from_ms=0, width_ms=15 * 60_000, expected=(), mix=())
"""Where nothing is known of who will come, nobody is drawn: a wait then counts those who are here."""


EARLIEST_MS = 60 * 60_000
"""So long before an appointed time the times of coming are counted from."""
ASSUMED_SHOW_SHARE = 0.85
ASSUMED_COMING_MS, ASSUMED_COMING_CV = 52 * 60_000, 0.18
"""Of those with an appointment while none was seen: lognormal, counted from `EARLIEST_MS` before."""


class BookedHabits(msgspec.Struct, frozen=True):
    """Those who have an appointment.

    Parameters
    ----------
    show_share : how many of them come, in time or late.
    coming : from `EARLIEST_MS` before the appointed time to joining the line.
    expected, came : how many of the branch's own it was learned from, and how many of them came.
    """

    show_share: float
    coming: Durations
    expected: int = 0
    came: int = 0


class Seen(msgspec.Struct, frozen=True):
    """How many of what a group's habits were learned from, at the branch itself."""

    joined: int = 0
    called: int = 0
    served: int = 0
    absent: int = 0
    reinstated: int = 0
    held: int = 0
    reneged: int = 0
    offered: int = 0
    accepted: int = 0
    done_elsewhere: int = 0
    second: int = 0


class Habits(msgspec.Struct, frozen=True):
    """All that is believed of one branch, as one version.

    Parameters
    ----------
    version : first 12 hex digits of the SHA-256 of the rest, without `learned_ms`; empty for what is assumed.
    learned_ms : when it was learned, since the epoch; 0 for what is assumed.
    first_day, last_day, days : the business days it was learned from; `days` of them had customers.
    groups : each service with each class, service by service, both in the order of the configuration; then
        those needs of a service whose service times differ enough to be told apart. The group of their
        service and class is then that of all others.
    seen : what was seen of each group, in the same order.
    arrivals : who comes when on an ordinary day, its times counted from the local midnight with which the
        business day begins, its mix over `groups`. None while no day was seen.
    booked : those with an appointment. None while nobody was seen with one, here or anywhere.
    """

    version: str
    branch: str
    learned_ms: int
    first_day: date | None
    last_day: date | None
    days: int
    groups: tuple[GroupHabits, ...]
    seen: tuple[Seen, ...] = ()
    arrivals: Arrivals | None = None
    booked: BookedHabits | None = None

    @property
    def is_assumed(self) -> bool:
        """Whether no day of the branch is in it."""
        return self.days == 0

    def numbers(self) -> dict[tuple[str, str, str], int]:
        """Number of each group by (service, class, need); the need is empty for all of a service and class.

        A ticket is in the group of its need if there is one, else in that of its service and class.
        """
        return {(g.service, g.class_code, g.need): number for number, g in enumerate(self.groups)}


class GroupRules(msgspec.Struct, frozen=True):
    """What the bank's order says of one group."""

    head_start_ms: int = 0
    rank: int = 0
    late_after_ms: int = 30 * 60_000
    """A longer wait is late."""
