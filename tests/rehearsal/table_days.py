"""Random days for the agreement of the live hall and the twin: rules of a branch, and a table of customers.

Everything is drawn on a coarse grid of time as often as on a fine one, so that much happens in the same
millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import msgspec
import numpy as np

from openhall.hall.policy import DayRules, Staff
from openhall.kernel.clock import HOUR_MS, MINUTE_MS, SECOND_MS
from openhall.kernel.text import Text
from openhall.network.model import CallPolicy, Counter, HoldPolicy, OrderPolicy, PriorityClass, Service
from openhall.science import engine
from openhall.science.engine import Ints
from openhall.science.habits import GroupRules, base_of
from tests.places import at, quiet_branch

MIDNIGHT = at(0)
"""A table's times count from here."""
OPENS, LAST_JOINING = 9 * HOUR_MS, 11 * HOUR_MS
EVERYBODY_UP = LAST_JOINING + HOUR_MS
"""From here on every counter is open, so that everybody in line is served who can be."""
GRACE_SECONDS = 5


@dataclass(frozen=True)
class Change:
    """What becomes of a counter (or of the whole hall, without an id) at a moment.

    Without a person it closes; paused it is kept; else it calls, with this person.
    """

    at_ms: int
    counter: str
    person: str = ""
    is_paused: bool = False


@dataclass(frozen=True)
class Customer:
    """What the driver needs beside the row of the table."""

    row: int
    number: int
    service: str
    class_code: str
    checked_ms: int
    """Has a place since the check at the door then; -1 when the ticket is the first that is known."""
    next_service: str
    is_known_before: bool
    """The second service is on the ticket from the start."""
    out_is_hold: bool


@dataclass(frozen=True)
class TableDay:
    """One random day, twice: as the hall's rules and as the engine's arrays."""

    rules: DayRules
    table: Ints
    counters: Ints
    schedule: Ints
    groups: int
    customers: tuple[Customer, ...]
    changes: tuple[Change, ...]
    last_ms: int


def _text(english: str) -> Text:
    return Text(en=english, zh=english)


def _some(rng: Random, things: list[str]) -> tuple[str, ...]:
    return tuple(rng.sample(things, rng.randint(1, len(things))))


class _Drawing:
    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.grid_ms = self.rng.choice((1, SECOND_MS, 30 * SECOND_MS, MINUTE_MS))
        self.is_strict = self.rng.random() < 0.4
        names = ["cash", "accounts", "corporate", "foreign"][: self.rng.randint(1, 4)]
        self.services = tuple(
            Service(name, letter, _text(name), (), 5.0) for name, letter in zip(names, "ABCD", strict=False)
        )
        self.classes = tuple(
            PriorityClass(code, _text(code), self.rng.choice((0, 5, 15, 30)), rank=self.rng.choice((0, 1, 2)))
            for code in ["ordinary", "green", "frontline"][: self.rng.randint(1, 3)]
        )
        self.counters = tuple(
            Counter(
                f"C{number}",
                number,
                _some(self.rng, names),
                _some(self.rng, [k.code for k in self.classes]) if self.rng.random() < 0.25 else (),
            )
            for number in range(1, self.rng.randint(1, 6) + 1)
        )
        self.people = {
            counter.id: tuple(
                Staff(f"{counter.id}-{n}", self._skills(counter, names), ("teller",))
                for n in range(self.rng.randint(1, 3))
            )
            for counter in self.counters
        }

    def _skills(self, counter: Counter, names: list[str]) -> tuple[str, ...]:
        return tuple({self.rng.choice(counter.services), *_some(self.rng, names)})

    def grid(self, low_ms: int, high_ms: int) -> int:
        """A moment or a time on the day's grid."""
        return self.rng.randrange(low_ms // self.grid_ms, high_ms // self.grid_ms + 1) * self.grid_ms

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # -- rules --------------------------------------------------------------------------------------------

    def rules(self) -> DayRules:
        quiet = quiet_branch()
        return msgspec.structs.replace(
            quiet,
            branch=msgspec.structs.replace(quiet.branch, counters=self.counters),
            services=self.services,
            classes=self.classes,
            staff=(Staff("li", (), ("lobby",)), *(p for people in self.people.values() for p in people)),
            triage=(),
            order=OrderPolicy("strict" if self.is_strict else "head_start"),
            hold=HoldPolicy(window_minutes=1, when_late="keep", times_at_most=1),
            call=CallPolicy(GRACE_SECONDS, GRACE_SECONDS, self.rng.randint(0, 2), reinstate_minutes=60),
            checkin_opens_ms=MIDNIGHT + OPENS - HOUR_MS,
        )

    def group(self, service: str, class_code: str) -> int:
        """A group's number."""
        services, classes = [s.id for s in self.services], [k.code for k in self.classes]
        return services.index(service) * len(classes) + classes.index(class_code)

    def mask(self, counter: Counter, person: str) -> int:
        """The groups that a counter with a person serves."""
        skills = next(p.skills for p in self.people[counter.id] if p.id == person)
        classes = counter.classes or tuple(k.code for k in self.classes)
        able = set(counter.services) & set(skills)
        return sum(1 << self.group(service, code) for service in able for code in classes)

    # -- the counters' day --------------------------------------------------------------------------------

    def changes(self) -> tuple[list[Change], list[tuple[int, int, int]]]:
        """What becomes of the counters and the hall, and the same as the engine's schedule."""
        found: list[tuple[Change, int]] = []
        for counter in self.counters:
            is_open = False
            moments = sorted(
                self.grid(OPENS - HOUR_MS // 2, EVERYBODY_UP) for _ in range(self.rng.randint(1, 7))
            )
            for moment in moments:
                change = self._change(counter.id, moment, is_open=is_open)
                is_open = bool(change.person) or change.is_paused
                found.append((change, self._new_mask(counter, change)))
            last = Change(EVERYBODY_UP, counter.id, self.rng.choice(self.people[counter.id]).id)
            found.append((last, self._new_mask(counter, last)))
        found.append((Change(0, "", is_paused=True), 0))
        found.append((Change(OPENS, ""), 1))
        for start in sorted(
            self.grid(OPENS + MINUTE_MS, LAST_JOINING) for _ in range(self.rng.randint(0, 2))
        ):
            last_end = max(c.at_ms for c, _ in found if not c.counter)
            if start > last_end:
                found.append((Change(start, "", is_paused=True), 0))
                found.append((Change(start + self.grid(self.grid_ms, HOUR_MS // 2), ""), 1))
        found.sort(key=lambda pair: pair[0].at_ms)
        numbers = {counter.id: number for number, counter in enumerate(self.counters)}
        events = [(c.at_ms, numbers.get(c.counter, engine.WHOLE_HALL), mask) for c, mask in found]
        return [change for change, _ in found], events

    def _change(self, counter: str, moment: int, *, is_open: bool) -> Change:
        if is_open and self.chance(0.25):
            return Change(moment, counter, is_paused=True)
        if is_open and self.chance(0.35):
            return Change(moment, counter)
        return Change(moment, counter, self.rng.choice(self.people[counter]).id)

    def _new_mask(self, counter: Counter, change: Change) -> int:
        return self.mask(counter, change.person) if change.person else 0

    # -- the customers ------------------------------------------------------------------------------------

    def customers(self) -> tuple[list[Customer], Ints]:
        """Who comes, and the engine's table of them."""
        count = self.rng.randint(3, 60)
        drawn = []
        for index in range(count):
            joined = self.grid(OPENS - HOUR_MS // 2, LAST_JOINING)
            is_checked = self.chance(0.3)
            enter = joined + (self.grid(0, 5 * MINUTE_MS) if is_checked else 0)
            drawn.append((joined, not is_checked, index, enter))
        drawn.sort()
        numbered = sorted(enumerate(drawn), key=lambda pair: (pair[1][3], pair[0]))
        longest = 0 if self.is_strict else max(k.head_start_minutes for k in self.classes) * MINUTE_MS
        table = np.zeros((count, engine.COLUMNS), np.int64)
        customers = []
        for row, (number, (joined, is_unchecked, _, enter)) in enumerate(numbered):
            class_ = self.rng.choice(self.classes)
            service = self.rng.choice(self.services).id
            own = GroupRules(
                0 if self.is_strict else class_.head_start_minutes * MINUTE_MS,
                class_.rank if self.is_strict else 0,
            )
            table[row, engine.ENTER] = enter
            table[row, engine.PLACE] = base_of(own, longest) + (joined << engine.ORDER_SHIFT) + number
            table[row, engine.GROUP] = self.group(service, class_.code)
            following = self._fate(table[row])
            if following:
                table[row, engine.NEXT_GROUP] = self.group(following, class_.code)
            customers.append(
                Customer(
                    row,
                    number,
                    service,
                    class_.code,
                    -1 if is_unchecked else joined,
                    following,
                    self.chance(0.5),
                    self.chance(0.5),
                )
            )
        return customers, table

    def _fate(self, row: Ints) -> str:
        """Times, and what comes between; the second service."""
        row[engine.WALK] = self.grid(0, 2 * MINUTE_MS)
        row[engine.WORK] = self.grid(0, 12 * MINUTE_MS) if self.chance(0.9) else 0
        row[engine.GAP] = self.grid(0, MINUTE_MS) if self.chance(0.7) else 0
        row[[engine.GONE, engine.OUT, engine.BACK, engine.REINSTATED]] = engine.NEVER
        row[[engine.OFFERED, engine.NEXT_GROUP]] = -1
        enter = int(row[engine.ENTER])
        following = self.rng.choice(self.services).id if self.chance(0.15) else ""
        row[engine.NEXT_WORK] = self.grid(0, 6 * MINUTE_MS)
        if self.chance(0.3):
            row[engine.GONE] = enter + self.grid(0, HOUR_MS)
        if self.chance(0.25):
            row[engine.OUT] = enter + self.grid(0, HOUR_MS // 2)
            is_done = self.chance(0.3) and not following
            row[engine.BACK] = engine.NEVER if is_done else row[engine.OUT] + self.grid(0, HOUR_MS)
        if self.chance(0.15):
            row[engine.OFFERED] = engine.NEVER if self.chance(0.5) else self.grid(0, HOUR_MS)
        if self.chance(0.12):
            row[engine.ABSENT] = GRACE_SECONDS * SECOND_MS + self.grid(0, 3 * MINUTE_MS)
            if self.chance(0.6):
                row[engine.REINSTATED] = self.grid(0, HOUR_MS)
        return following


def table_day(seed: int) -> TableDay:
    """The day of a seed."""
    drawing = _Drawing(seed)
    customers, table = drawing.customers()
    changes, schedule = drawing.changes()
    return TableDay(
        rules=drawing.rules(),
        table=table,
        counters=np.zeros((len(drawing.counters), 2), np.int64),
        schedule=np.array(schedule, np.int64),
        groups=len(drawing.services) * len(drawing.classes),
        customers=tuple(customers),
        changes=tuple(changes),
        last_ms=EVERYBODY_UP,
    )
