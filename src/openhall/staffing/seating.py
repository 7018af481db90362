"""Who sits where: from shifts and meals to stints at posts and counters.

Brings numpy and scipy along: for worker processes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.network.calendar import services_at
from openhall.network.model import Bank, Branch, Person
from openhall.network.staffing import PlannedPost
from openhall.science.roster.week import POSTS, Post
from openhall.science.roster.week_counters import CounterParameters, counters
from openhall.science.roster.week_posts import Hand, posts
from openhall.staffing.demand import DayDemand
from openhall.staffing.plan import Duty, Stint

Bools = NDArray[np.bool_]


class Sitter(msgspec.Struct, frozen=True):
    """Somebody with a day to be filled."""

    person: Person
    shift_id: str
    from_minute: int
    until_minute: int
    away: tuple[Stint, ...]
    """Meal, gap and travel."""
    from_branch: str = ""
    overtime_minutes: int = 0
    given: Duty | None = None
    """A duty that stays as it is, stints and all."""


class Seating:
    """One day of a branch."""

    def __init__(self, bank: Bank, branch: Branch, demand: DayDemand, sitters: Sequence[Sitter]) -> None:
        self.bank, self.branch, self.demand, self.sitters = bank, branch, demand, sitters
        load = demand.load
        self.count, self.origin, self.step = load.count, load.from_minute, load.interval_minutes
        self.services = tuple(s.id for s in services_at(bank, branch))

    def duties(self, seconds: float = 2.0) -> tuple[Duty, ...]:
        """Everybody's day, those that are given first."""
        given = [s.given for s in self.sitters if s.given is not None]
        free = [s for s in self.sitters if s.given is None]
        if not free:
            return tuple(given)
        chosen = self._posts(free, given, seconds)
        seats = self._counters(free, given, chosen)
        return (*given, *(self._duty(s, chosen[i], seats[i]) for i, s in enumerate(free)))

    # --- posts ---------------------------------------------------------------------------------------

    def _posts(
        self, free: list[Sitter], given: list[Duty], seconds: float
    ) -> tuple[tuple[Post | None, ...], ...]:
        policy = self.bank.staffing
        least: dict[Post, int] = {
            "lobby": policy.lobby_at_least,
            "guard": policy.guards_at_least,
            "remote": policy.remote_at_least,
        }
        left = {p: n - self._always(given, p) for p, n in least.items()}
        hands = tuple(Hand(self._able(s.person), self._there(s)) for s in free)
        return posts(
            hands,
            left,
            is_open=(True,) * self.count,
            window_worth=self._worth(hands),
            stint_least=-(-policy.stint_minutes_least // self.step),
            seconds=seconds,
        )

    def _able(self, person: Person) -> tuple[Post, ...]:
        found: list[Post] = []
        for post in POSTS:
            if post == "window":
                offered = {s for c in self.branch.counters for s in c.services}
                if "teller" in person.posts and set(person.skills) & offered:
                    found.append(post)
            elif post in person.posts:
                found.append(post)
        return tuple(found)

    def _there(self, sitter: Sitter) -> tuple[bool, ...]:
        found = []
        for i in range(self.count):
            since, until = self._stretch(i)
            is_away = any(s.from_minute < until and since < s.until_minute for s in sitter.away)
            found.append(sitter.from_minute <= since and until <= sitter.until_minute and not is_away)
        return tuple(found)

    def _stretch(self, interval: int) -> tuple[int, int]:
        since = self.origin + interval * self.step
        return since, min(since + self.step, self.demand.load.until_minute)

    def _always(self, given: list[Duty], post: PlannedPost) -> int:
        """At a post all day by hand; a minimum that is half covered by hand is left to the solver."""
        per = [0] * self.count
        for duty in given:
            for i in range(self.count):
                since, until = self._stretch(i)
                per[i] += any(
                    s.post == post and s.from_minute <= since and until <= s.until_minute for s in duty.stints
                )
        return min(per, default=0)

    def _worth(self, hands: tuple[Hand, ...]) -> tuple[float, ...]:
        """What one window more saves in each interval, near the number that there will be."""
        if not self.demand.late:
            return (0.0,) * self.count
        late = self.demand.late
        found = []
        for i in range(self.count):
            there = sum("window" in h.posts and h.there[i] for h in hands)
            at = min(max(0, there - 1), len(late[i]) - 2)
            found.append(late[i][at] - late[i][at + 1] if at >= 0 else 0.0)
        return tuple(found)

    # --- counters ------------------------------------------------------------------------------------

    def _counters(
        self, free: list[Sitter], given: list[Duty], chosen: tuple[tuple[Post | None, ...], ...]
    ) -> NDArray[np.int64]:
        rooms = self.branch.counters
        at_window = np.array([[p == "window" for p in row] for row in chosen], dtype=np.bool_)
        fits = np.zeros((len(free), len(rooms), len(self.services)), dtype=np.bool_)
        for i, sitter in enumerate(free):
            for c, room in enumerate(rooms):
                for s, service in enumerate(self.services):
                    fits[i, c, s] = service in sitter.person.skills and service in room.services
        weights = np.zeros((self.count, len(self.services)))
        for load in self.demand.load.loads:
            if load.service in self.services:
                weights[:, self.services.index(load.service)] = np.array(load.mean) * load.minutes
        policy = self.bank.staffing
        return counters(
            at_window,
            fits,
            weights,
            self._taken(given),
            CounterParameters(
                stint_least=-(-policy.stint_minutes_least // self.step),
                switches_most=max(0, policy.switches_daily_most - 2),
            ),
        )

    def _taken(self, given: list[Duty]) -> Bools:
        index = {room.id: c for c, room in enumerate(self.branch.counters)}
        taken = np.zeros((len(index), self.count), dtype=np.bool_)
        for duty in given:
            for stint in duty.stints:
                if stint.post != "window" or stint.counter_id not in index:
                    continue
                for i in range(self.count):
                    since, until = self._stretch(i)
                    if stint.from_minute < until and since < stint.until_minute:
                        taken[index[stint.counter_id], i] = True
        return taken

    # --- stints --------------------------------------------------------------------------------------

    def _duty(self, sitter: Sitter, chosen: tuple[Post | None, ...], seats: NDArray[np.int64]) -> Duty:
        stints = list(sitter.away)
        current: Stint | None = None
        for i, post in enumerate(chosen):
            since, until = self._stretch(i)
            counter = self.branch.counters[int(seats[i])].id if post == "window" and seats[i] >= 0 else ""
            if post is None or (post == "window" and not counter):
                current = None
                continue
            if current and (current.post, current.counter_id, current.until_minute) == (post, counter, since):
                stints.remove(current)
                current = msgspec.structs.replace(current, until_minute=until)
            else:
                current = Stint(post, since, until, counter)
            stints.append(current)
        return Duty(
            person_id=sitter.person.id,
            shift_id=sitter.shift_id,
            from_minute=sitter.from_minute,
            until_minute=sitter.until_minute,
            stints=tuple(sorted(stints, key=lambda s: s.from_minute)),
            from_branch=sitter.from_branch,
            overtime_minutes=sitter.overtime_minutes,
        )


def windows_of(demand: DayDemand, duties: Sequence[Duty]) -> tuple[int, ...]:
    """Windows with somebody at them for the whole of each interval."""
    load = demand.load
    found = []
    for i in range(load.count):
        since = load.from_minute + i * load.interval_minutes
        until = min(since + load.interval_minutes, load.until_minute)
        found.append(
            sum(
                s.post == "window" and s.from_minute <= since and until <= s.until_minute
                for duty in duties
                for s in duty.stints
            )
        )
    return tuple(found)
