"""What a branch's day came to, in the indicators of a hall [H2].

Definitions, fixed here and nowhere else:

- **wait**: from joining (at the door, or at the ticket machine) to the first call, without the time that the
  customer stepped out; `waits_with_holds` leaves that time in. Somebody who is served elsewhere before any
  call has no wait and is counted under diversion.
- **abandoned**: called and absent to the end of the day, or left the line, or stepped out and did not return.
  Who came back and was called after all is none of these.
- **utilisation** of a window: time with a customer over time with a teller, pauses left in.
- **open rate**: windows with a teller over all windows of the branch, on average over the opening hours.
- **diversion**: only customers of classes that count. The elderly are in no share and in no ranking: they are
  shown apart, as how many were helped elsewhere because they wished it.
- **bound kept**: no call by the order passed over somebody whose place was before, at a window that could
  serve both; so nobody was passed by more than the stated head start.

Times are whole milliseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import zip_longest

import msgspec

from openhall.kernel.clock import MINUTE_MS

MINUTES_APART = 240
"""Waits are counted by the minute up to here; a longer one is in the last place."""


class Waits(msgspec.Struct, frozen=True):
    """Some waits: exact sums, and how many there were of each minute, so that a share can be told for any
    threshold and the waits of many branches can be put together."""

    count: int = 0
    total_ms: int = 0
    longest_ms: int = 0
    minutes: tuple[int, ...] = ()
    """How many ended within one minute, within two but not one, and so on."""

    @property
    def mean_ms(self) -> int:
        """The average; 0 of none."""
        return round(self.total_ms / self.count) if self.count else 0

    def within(self, minutes: int) -> float | None:
        """The share of waits of at most so many minutes; None where nobody waited."""
        return sum(self.minutes[:minutes]) / self.count if self.count else None

    def quantile_minutes(self, share: float) -> int:
        """The whole minute within which at least that share was called; 0 of none."""
        needed, seen = share * self.count, 0
        for minute, count in enumerate(self.minutes, 1):
            seen += count
            if seen >= needed > 0:
                return minute
        return 0


def waits_of(found: Iterable[int]) -> Waits:
    """Single waits (ms, none below 0) put together. A wait of nothing ended within the first minute."""
    listed = list(found)
    ends = Counter(min(MINUTES_APART, max(1, -(-wait_ms // MINUTE_MS))) for wait_ms in listed)
    minutes = tuple(ends[minute] for minute in range(1, max(ends, default=0) + 1))
    return Waits(len(listed), sum(listed), max(listed, default=0), minutes)


def joined_waits(parts: Iterable[Waits]) -> Waits:
    """The waits of several groups as those of one."""
    listed = list(parts)
    columns = zip_longest(*(part.minutes for part in listed), fillvalue=0)
    return Waits(
        sum(part.count for part in listed),
        sum(part.total_ms for part in listed),
        max((part.longest_ms for part in listed), default=0),
        tuple(sum(column) for column in columns),
    )


class Tally(msgspec.Struct, frozen=True):
    """What became of a group of customers: all, of a class, of a service."""

    joined: int = 0
    called: int = 0
    served: int = 0
    elsewhere: int = 0
    """Served at the machine, by video, by phone: not at a window."""
    no_show: int = 0
    """Called, absent, and not reinstated."""
    reneged: int = 0
    """Left the line without a word or with one."""
    lapsed: int = 0
    """Stepped out and did not return."""
    unserved: int = 0
    """Still there when the day was ended by force."""
    pending: int = 0
    """Still to be served; 0 of a day that has ended."""
    waits: Waits = Waits()
    waits_with_holds: Waits = Waits()
    service_ms: int = 0
    """With a teller, all together."""

    @property
    def abandoned(self) -> int:
        """Whoever gave up or was given up."""
        return self.no_show + self.reneged + self.lapsed

    @property
    def no_show_rate(self) -> float | None:
        """Of those called."""
        return _share(self.no_show, self.called)

    @property
    def renege_rate(self) -> float | None:
        """Of those who joined."""
        return _share(self.reneged, self.joined)

    @property
    def abandon_rate(self) -> float | None:
        """Of those who joined."""
        return _share(self.abandoned, self.joined)

    @property
    def off_counter_rate(self) -> float | None:
        """Done elsewhere, of all that was done."""
        return _share(self.elsewhere, self.elsewhere + self.served)

    @property
    def service_mean_ms(self) -> int:
        """With a teller, a customer."""
        return round(self.service_ms / self.served) if self.served else 0


COUNTS = ("joined", "called", "served", "elsewhere", "no_show", "reneged", "lapsed", "unserved", "pending")


def joined_tallies(parts: Iterable[Tally]) -> Tally:
    """Several groups as one."""
    listed = list(parts)
    return Tally(
        **{name: sum(getattr(part, name) for part in listed) for name in COUNTS},
        waits=joined_waits(part.waits for part in listed),
        waits_with_holds=joined_waits(part.waits_with_holds for part in listed),
        service_ms=sum(part.service_ms for part in listed),
    )


class Group(msgspec.Struct, frozen=True):
    """The customers of one class or one service."""

    code: str
    tally: Tally


class Window(msgspec.Struct, frozen=True):
    """One window's day."""

    counter: str
    open_ms: int = 0
    paused_ms: int = 0
    serving_ms: int = 0
    served: int = 0

    @property
    def utilisation(self) -> float | None:
        """With a customer, of the time with a teller."""
        return _share(self.serving_ms, self.open_ms)


class Diverted(msgspec.Struct, frozen=True):
    """One channel's offers and what became of them, of customers who count."""

    channel: str
    offered: int = 0
    accepted: int = 0
    declined: int = 0
    completed: int = 0
    failed: int = 0
    """Came back to the original place."""


class Diversion(msgspec.Struct, frozen=True):
    """Help elsewhere. The elderly are left out of everything but the last two counts."""

    arrivals: int = 0
    """Customers of classes that count."""
    channels: tuple[Diverted, ...] = ()
    uncounted_offered: int = 0
    uncounted_completed: int = 0

    def total(self, name: str) -> int:
        """One column over all channels."""
        return sum(getattr(channel, name) for channel in self.channels)

    @property
    def rate(self) -> float | None:
        """Served elsewhere, of the customers who count."""
        return _share(self.total("completed"), self.arrivals)

    @property
    def success_rate(self) -> float | None:
        """Of those who accepted and are through."""
        completed = self.total("completed")
        return _share(completed, completed + self.total("failed"))


class Green(msgspec.Struct, frozen=True):
    """What the head starts did, and to whom."""

    bound_ms: int = 0
    """Nobody is passed by somebody who joined more than so much later."""
    passed: int = 0
    """Ordinary customers who were passed at least once."""
    passed_most_ms: int = 0
    """By how much later the latest of those had joined who passed somebody."""
    broken: int = 0
    """Calls by the order that passed over an earlier place: always 0, or something is wrong."""
    ordinary_longest_ms: int = 0
    """The longest wait of an ordinary customer during which the green channel was called."""


class Opinions(msgspec.Struct, frozen=True):
    """What customers said."""

    scores: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    """How many gave one, two, … five."""
    praise: int = 0
    complaints: int = 0

    @property
    def rated(self) -> int:
        """How many gave a score."""
        return sum(self.scores)

    @property
    def score_mean(self) -> float | None:
        """The average score."""
        return _share(sum(n * count for n, count in enumerate(self.scores, 1)), self.rated)

    @property
    def bad_share(self) -> float | None:
        """One or two, of those who gave a score."""
        return _share(sum(self.scores[:2]), self.rated)


class Ends(msgspec.Struct, frozen=True):
    """How the day began and ended. Moments are 0 where it did not happen."""

    opens_ms: int = 0
    closes_ms: int = 0
    doors_opened_ms: int = 0
    doors_closed_ms: int = 0
    in_line_at_closing: int = 0
    """People with or still without a number when the doors closed; everyone of them is served."""
    overtime_ms: int = 0
    is_forced: bool = False
    baulked: int = 0
    referred: int = 0
    """Not admitted at the door, and shown another way."""

    @property
    def late_opening_ms(self) -> int:
        """How long after the time on the door it opened."""
        return max(0, self.doors_opened_ms - self.opens_ms) if self.doors_opened_ms else 0


class Hour(msgspec.Struct, frozen=True):
    """One hour of the day, from the full hour."""

    from_ms: int
    joined: int = 0
    called: int = 0
    wait_total_ms: int = 0
    """Of those called in it."""
    wait_longest_ms: int = 0


class DayReport(msgspec.Struct, frozen=True):
    """A branch's day in numbers; of a day that goes on, as far as it has come."""

    branch: str
    day: date
    is_ended: bool
    as_of_ms: int
    all: Tally
    classes: tuple[Group, ...]
    services: tuple[Group, ...]
    windows: tuple[Window, ...]
    windows_configured: int
    open_rate: float | None
    diversion: Diversion
    green: Green
    opinions: Opinions
    ends: Ends
    hours: tuple[Hour, ...]
    waiting_longest_ms: int = 0
    """Of a day that goes on: how long whoever waits longest has waited so far, without time stepped out."""

    @property
    def utilisation(self) -> float | None:
        """Of all windows together."""
        return _share(sum(w.serving_ms for w in self.windows), sum(w.open_ms for w in self.windows))

    @property
    def complaints_per_ten_thousand(self) -> float | None:
        """Complaints for ten thousand visits."""
        share = _share(self.opinions.complaints, self.all.joined)
        return None if share is None else share * 10_000


def before(day: date, kept: Sequence[DayReport]) -> DayReport | None:
    """The last day before a day that was worked: yesterday, or Friday on a Monday."""
    return max((r for r in kept if r.day < day and r.all.joined), key=lambda r: r.day, default=None)


def same_weekday(day: date, kept: Sequence[DayReport]) -> DayReport | None:
    """The last worked day before with the same weekday: a week ago, or longer when that was a holiday."""
    same = [r for r in kept if r.day.weekday() == day.weekday()]
    return before(day, same)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
