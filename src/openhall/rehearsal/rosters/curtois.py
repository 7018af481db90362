"""The shift scheduling problems of Curtois and Qu (2014), as their text files say them.

Everybody works at most one shift a day. Cover and wishes are soft and have weights; all rules for one person
are hard: shifts that must not follow each other, how often each shift, minutes in all, consecutive shifts and
days off, weekends, fixed days off. Days before the first and after the last are unknown, so that no minimum
of consecutive days is broken there.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from openhall.rehearsal.rosters.lines import Line, RosterFileBad

SECTIONS = (
    "SECTION_HORIZON",
    "SECTION_SHIFTS",
    "SECTION_STAFF",
    "SECTION_DAYS_OFF",
    "SECTION_SHIFT_ON_REQUESTS",
    "SECTION_SHIFT_OFF_REQUESTS",
    "SECTION_COVER",
)
DAYS_AT_MOST = 400
LIMITS = (
    "minutes_most",
    "minutes_least",
    "consecutive_shifts_most",
    "consecutive_shifts_least",
    "consecutive_off_least",
    "weekends_most",
)
FIRST_SATURDAY = 5
"""Day 0 is a Monday."""


class Shift(msgspec.Struct, frozen=True):
    """A shift: how long, and which must not come the day after it."""

    name: str
    minutes: int
    not_followed_by: frozenset[str]


class Person(msgspec.Struct, frozen=True):
    """A person and the rules for that person."""

    name: str
    shifts_most: dict[str, int]
    minutes_most: int
    minutes_least: int
    consecutive_shifts_most: int
    consecutive_shifts_least: int
    consecutive_off_least: int
    weekends_most: int
    days_off: frozenset[int]


class Wish(msgspec.Struct, frozen=True):
    """Somebody would like to have, or not to have, a shift on a day; what it costs if not."""

    person: int
    day: int
    shift: int
    weight: int


class Cover(msgspec.Struct, frozen=True):
    """How many are wanted in a shift on a day; what each below and each above costs."""

    day: int
    shift: int
    wanted: int
    weight_under: int
    weight_over: int


class Problem(msgspec.Struct, frozen=True):
    """One instance. Persons, days and shifts are numbered from 0 in the order of the file."""

    name: str
    days: int
    shifts: tuple[Shift, ...]
    people: tuple[Person, ...]
    wishes_on: tuple[Wish, ...]
    wishes_off: tuple[Wish, ...]
    covers: tuple[Cover, ...]

    @property
    def weekends(self) -> int:
        """How many Saturdays there are."""
        return (self.days + 1) // 7


def read(text: str, name: str) -> Problem:
    """The problem in a file of this text. Raises `RosterFileBad` with the file and line."""
    return _Reader(text, name).problem()


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._sections = dict(_sections(text, name))
        for section in SECTIONS:
            if section not in self._sections:
                raise RosterFileBad(f"Expected a section {section}, got none", place=name)
        self._shifts: dict[str, int] = {}
        self._people: dict[str, int] = {}
        self._days = 0

    def problem(self) -> Problem:
        """Section after section; later ones refer to earlier ones."""
        horizon = self._sections["SECTION_HORIZON"]
        if len(horizon) != 1:
            raise RosterFileBad("Expected one line with the number of days", place=self._name)
        self._days = horizon[0].whole(horizon[0].text, "days", 1, DAYS_AT_MOST)
        shifts = tuple(self._shift(line) for line in self._sections["SECTION_SHIFTS"])
        for line, shift in zip(self._sections["SECTION_SHIFTS"], shifts, strict=True):
            if unknown := shift.not_followed_by - self._shifts.keys():
                raise line.bad(f"known shifts (not {', '.join(sorted(unknown))})")
        days_off = self._days_off()
        people = tuple(self._person(line, days_off) for line in self._sections["SECTION_STAFF"])
        if not shifts or not people:
            raise RosterFileBad("Expected at least one shift and one person", place=self._name)
        for name, (line, _days) in days_off.items():
            if name not in self._people:
                raise line.bad("a known person")
        return Problem(
            name=self._name,
            days=self._days,
            shifts=shifts,
            people=people,
            wishes_on=tuple(self._wish(line) for line in self._sections["SECTION_SHIFT_ON_REQUESTS"]),
            wishes_off=tuple(self._wish(line) for line in self._sections["SECTION_SHIFT_OFF_REQUESTS"]),
            covers=tuple(self._cover(line) for line in self._sections["SECTION_COVER"]),
        )

    def _shift(self, line: Line) -> Shift:
        name, minutes, after = line.fields(",", 3, "shift, minutes, shifts that cannot follow")
        if not name or name in self._shifts:
            raise line.bad("a new shift name")
        self._shifts[name] = len(self._shifts)
        return Shift(name, line.whole(minutes, "minutes", 1), frozenset(after.split("|")) - {""})

    def _days_off(self) -> dict[str, tuple[Line, frozenset[int]]]:
        found = {}
        for line in self._sections["SECTION_DAYS_OFF"]:
            name, *days = (part.strip() for part in line.text.split(","))
            found[name] = (line, frozenset(self._day(line, day) for day in days if day))
        return found

    def _person(self, line: Line, days_off: dict[str, tuple[Line, frozenset[int]]]) -> Person:
        name, most, *numbers = line.fields(",", 8, "person, most of each shift and six limits")
        if not name or name in self._people:
            raise line.bad("a new person")
        self._people[name] = len(self._people)
        shifts_most = {}
        for part in most.split("|"):
            shift, _, count = part.partition("=")
            if shift not in self._shifts:
                raise line.bad(f"a known shift (not {shift})")
            shifts_most[shift] = line.whole(count, f"most {shift}")
        limits = {key: line.whole(number, "a limit") for key, number in zip(LIMITS, numbers, strict=True)}
        # Whoever has no rule for days off has no line there.
        _where, days = days_off.get(name, (None, frozenset()))
        return Person(name=name, shifts_most=shifts_most, days_off=days, **limits)

    def _wish(self, line: Line) -> Wish:
        person, day, shift, weight = line.fields(",", 4, "person, day, shift, weight")
        if person not in self._people:
            raise line.bad("a known person")
        return Wish(
            self._people[person], self._day(line, day), self._known(line, shift), line.whole(weight, "weight")
        )

    def _cover(self, line: Line) -> Cover:
        day, shift, *numbers = line.fields(",", 5, "day, shift, wanted, weight under, weight over")
        wanted, under, over = (line.whole(number, "cover") for number in numbers)
        return Cover(self._day(line, day), self._known(line, shift), wanted, under, over)

    def _day(self, line: Line, text: str) -> int:
        return line.whole(text, "day", 0, self._days - 1)

    def _known(self, line: Line, shift: str) -> int:
        if shift not in self._shifts:
            raise line.bad("a known shift")
        return self._shifts[shift]


def _sections(text: str, name: str) -> Iterator[tuple[str, list[Line]]]:
    lines: list[Line] | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        content = raw.strip()
        if not content or content.startswith("#"):
            continue
        line = Line(name, number, content)
        if content.startswith("SECTION_"):
            if content not in SECTIONS:
                raise line.bad("a known section")
            lines = []
            yield content, lines
        elif lines is None:
            raise line.bad("a section before this line")
        else:
            lines.append(line)
