"""The problems of the first international nurse rostering competition (2010), as their text files say them.

Everybody works at most one shift a day and each shift gets exactly the people it asks for: that is hard. All
else is soft, with a weight in the contract of the person: amounts, runs of work and of rest, weekends,
unwanted patterns, requests, skills. Runs are counted within the period only, so that a short one at its edge
is short. See Haspeslagh, De Causmaecker, Stolevik and Schaerf (2010).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal, TypeVar, cast, get_args

import msgspec

from openhall.rehearsal.rosters.lines import Line, RosterFileBad

WeekendDays = Literal["SaturdaySunday", "FridaySaturdaySunday"]
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ANY = "Any"
NONE = "None"
DAYS_AT_MOST = 400
SECTIONS = (
    "SCHEDULING_PERIOD",
    "SKILLS",
    "SHIFT_TYPES",
    "CONTRACTS",
    "PATTERNS",
    "EMPLOYEES",
    "DAY_OF_WEEK_COVER",
    "DATE_SPECIFIC_COVER",
    "DAY_OFF_REQUESTS",
    "DAY_ON_REQUESTS",
    "SHIFT_OFF_REQUESTS",
    "SHIFT_ON_REQUESTS",
)
CONTRACT_FIELDS = 20
_GROUP = re.compile(r"\(\s*([01])\s*\|\s*(\d+)\s*(?:\|\s*(\d+)\s*)?\)")
_STEP = re.compile(r"\(\s*([^|()\s]+)\s*\|\s*([^|()\s]+)\s*\)")

Thing = TypeVar("Thing")


class Shift(msgspec.Struct, frozen=True):
    """A shift, the skills that it asks for, and whether it goes over midnight."""

    name: str
    skills: frozenset[str]
    is_night: bool


class Step(msgspec.Struct, frozen=True):
    """One day of a pattern: a shift, `Any` or `None`, on a weekday from 0 for Monday, or on any."""

    shift: str
    weekday: int | None


class Pattern(msgspec.Struct, frozen=True):
    """Days in a row that nobody wants so."""

    weight: int
    steps: tuple[Step, ...]


class Limit(msgspec.Struct, frozen=True):
    """A soft limit: each unit beyond `value` costs `weight`; 0 where the rule is off."""

    weight: int
    value: int


class Limits(msgspec.Struct, frozen=True):
    """Assignments, shifts and days off in a row, weekends in a row, weekends of any four."""

    assignments_most: Limit
    assignments_least: Limit
    work_most: Limit
    work_least: Limit
    rest_most: Limit
    rest_least: Limit
    weekends_most: Limit
    weekends_least: Limit
    weekends_of_four_most: Limit


class Weights(msgspec.Struct, frozen=True):
    """Of rules without a number; 0 where the rule is off."""

    complete_weekends: int
    identical_weekends: int
    night_before_free_weekend: int
    two_free_after_night: int
    other_skill: int


class Contract(msgspec.Struct, frozen=True):
    """The soft rules for whoever has it."""

    name: str
    weekend_days: WeekendDays
    limits: Limits
    weights: Weights
    patterns: tuple[Pattern, ...]


class Person(msgspec.Struct, frozen=True):
    """A person, the contract and the skills."""

    name: str
    contract: Contract
    skills: frozenset[str]


class Request(msgspec.Struct, frozen=True):
    """Off or on, the whole day or one shift; what it costs if not granted."""

    person: int
    day: int
    shift: int | None
    weight: int


class Problem(msgspec.Struct, frozen=True):
    """One instance. Days are numbered from the first, shifts and persons in the order of the file."""

    name: str
    first: date
    days: int
    shifts: tuple[Shift, ...]
    people: tuple[Person, ...]
    wanted: tuple[tuple[int, ...], ...]
    """Of each day and shift."""
    requests_off: tuple[Request, ...]
    requests_on: tuple[Request, ...]

    def weekday(self, day: int) -> int:
        """0 for Monday."""
        return (self.first + timedelta(days=day)).weekday()

    def weekends(self, contract: Contract) -> tuple[tuple[int, ...], ...]:
        """The days of each weekend that has any in the period, as the contract sees weekends."""
        first = 4 if contract.weekend_days == "FridaySaturdaySunday" else 5
        found: dict[date, list[int]] = {}
        for day in range(self.days):
            weekday = self.weekday(day)
            if weekday >= first:
                found.setdefault(self.first + timedelta(days=day - weekday), []).append(day)
        return tuple(tuple(days) for days in found.values())


def read(text: str, name: str) -> Problem:
    """The problem in a file of this text. Raises `RosterFileBad` with the file and line."""
    return _Reader(text, name).problem()


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._sections = _sections(text, name)
        self._shifts: dict[str, int] = {}
        self._people: dict[str, int] = {}
        self._first = date.min
        self._days = 0

    def problem(self) -> Problem:
        """Section after section; later ones refer to earlier ones."""
        (period,) = self._exactly("SCHEDULING_PERIOD", 1)
        _name, first, last = period.fields(",", 3, "name, first day, last day")
        self._first = self._date(period, first)
        self._days = (self._date(period, last) - self._first).days + 1
        if not 1 <= self._days <= DAYS_AT_MOST:
            raise period.bad(f"between 1 and {DAYS_AT_MOST} days")
        skills = {line.text for line in self._sections["SKILLS"]}
        shifts = self._each("SHIFT_TYPES", lambda line: self._shift(line, skills))
        patterns = dict(self._each("PATTERNS", self._pattern))
        contracts = dict(self._each("CONTRACTS", lambda line: self._contract(line, patterns)))
        people = self._each("EMPLOYEES", lambda line: self._person(line, contracts, skills))
        if not shifts or not people:
            raise RosterFileBad("Expected at least one shift and one person", place=self._name)
        return Problem(
            name=self._name,
            first=self._first,
            days=self._days,
            shifts=shifts,
            people=people,
            wanted=self._wanted(),
            requests_off=self._each("DAY_OFF_REQUESTS", self._day_request)
            + self._each("SHIFT_OFF_REQUESTS", self._shift_request),
            requests_on=self._each("DAY_ON_REQUESTS", self._day_request)
            + self._each("SHIFT_ON_REQUESTS", self._shift_request),
        )

    def _each(self, section: str, parse: Callable[[Line], Thing]) -> tuple[Thing, ...]:
        return tuple(parse(line) for line in self._sections[section])

    def _exactly(self, section: str, count: int) -> list[Line]:
        lines = self._sections[section]
        if len(lines) != count:
            raise RosterFileBad(f"Expected {count} lines in {section}, got {len(lines)}", place=self._name)
        return lines

    def _shift(self, line: Line, skills: set[str]) -> Shift:
        name, _words, begins, ends, _count, needed = line.fields(
            ",", 6, "shift, description, start, end, number of skills, skills"
        )
        if not name or name in self._shifts or name in (ANY, NONE):
            raise line.bad("a new shift name")
        self._shifts[name] = len(self._shifts)
        # Times of equal length compare like the clock.
        return Shift(name, self._skills(line, needed, skills), is_night=begins > ends)

    def _skills(self, line: Line, text: str, known: set[str]) -> frozenset[str]:
        names = frozenset(text.split())
        if not names <= known:
            raise line.bad("known skills")
        return names

    def _pattern(self, line: Line) -> tuple[str, Pattern]:
        head, _, _ = line.text.partition("(")
        number, weight, count = (part.strip() for part in (*head.split(","), "", "")[:3])
        steps = []
        for shift, weekday in _STEP.findall(line.text):
            if shift not in self._shifts and shift not in (ANY, NONE):
                raise line.bad(f"a known shift (not {shift})")
            if weekday not in WEEKDAYS and weekday != ANY:
                raise line.bad(f"a weekday (not {weekday})")
            steps.append(Step(shift, None if weekday == ANY else WEEKDAYS.index(weekday)))
        count = count.split(" ")[0]
        if not steps or line.whole(count, "the number of days") != len(steps):
            raise line.bad("as many days in the pattern as it says")
        return number, Pattern(line.whole(weight, "weight"), tuple(steps))

    def _contract(self, line: Line, patterns: dict[str, Pattern]) -> tuple[str, Contract]:
        number, name, _single, *rest = line.fields(",", CONTRACT_FIELDS, "as a contract has")
        limits = {
            key: self._limit(line, text, has_value=True)
            for key, text in zip(Limits.__struct_fields__, rest[:9], strict=True)
        }
        if rest[9] not in get_args(WeekendDays):
            raise line.bad(f"a weekend of {' or '.join(get_args(WeekendDays))}")
        weights = {
            key: self._limit(line, text, has_value=False).weight
            for key, text in zip(Weights.__struct_fields__, rest[10:15], strict=True)
        }
        unwanted = rest[-1].split()
        if any(pattern not in patterns for pattern in unwanted):
            raise line.bad("known patterns")
        contract = Contract(
            name=name,
            weekend_days=cast(WeekendDays, rest[9]),
            patterns=tuple(patterns[pattern] for pattern in unwanted),
            limits=Limits(**limits),
            weights=Weights(**weights),
        )
        return number, contract

    def _limit(self, line: Line, text: str, *, has_value: bool) -> Limit:
        match = _GROUP.fullmatch(text)
        if match is None or (match[3] is not None) != has_value:
            raise line.bad("(on|weight|value)" if has_value else "(on|weight)")
        return Limit(int(match[1]) * int(match[2]), int(match[3] or 0))

    def _person(self, line: Line, contracts: dict[str, Contract], skills: set[str]) -> Person:
        number, name, contract, _count, has = line.fields(
            ",", 5, "number, name, contract, number of skills, skills"
        )
        if not number or number in self._people:
            raise line.bad("a new person")
        if contract not in contracts:
            raise line.bad("a known contract")
        self._people[number] = len(self._people)
        return Person(name, contracts[contract], self._skills(line, has, skills))

    def _wanted(self) -> tuple[tuple[int, ...], ...]:
        of_weekday: dict[tuple[int, int], int] = {}
        for line in self._sections["DAY_OF_WEEK_COVER"]:
            weekday, shift, count = line.fields(",", 3, "weekday, shift, wanted")
            if weekday not in WEEKDAYS:
                raise line.bad("a weekday")
            of_weekday[WEEKDAYS.index(weekday), self._known(line, shift)] = line.whole(count, "wanted")
        of_day: dict[tuple[int, int], int] = {}
        for line in self._sections["DATE_SPECIFIC_COVER"]:
            day, shift, count = line.fields(",", 3, "day, shift, wanted")
            of_day[self._day(line, day), self._known(line, shift)] = line.whole(count, "wanted")
        weekdays = [(self._first + timedelta(days=day)).weekday() for day in range(self._days)]
        return tuple(
            tuple(
                of_day.get((day, shift), of_weekday.get((weekday, shift), 0))
                for shift in range(len(self._shifts))
            )
            for day, weekday in enumerate(weekdays)
        )

    def _day_request(self, line: Line) -> Request:
        person, day, weight = line.fields(",", 3, "person, day, weight")
        return Request(self._who(line, person), self._day(line, day), None, line.whole(weight, "weight"))

    def _shift_request(self, line: Line) -> Request:
        person, day, shift, weight = line.fields(",", 4, "person, day, shift, weight")
        return Request(
            self._who(line, person),
            self._day(line, day),
            self._known(line, shift),
            line.whole(weight, "weight"),
        )

    def _who(self, line: Line, person: str) -> int:
        if person not in self._people:
            raise line.bad("a known person")
        return self._people[person]

    def _known(self, line: Line, shift: str) -> int:
        if shift not in self._shifts:
            raise line.bad("a known shift")
        return self._shifts[shift]

    def _day(self, line: Line, text: str) -> int:
        day = (self._date(line, text) - self._first).days
        if not 0 <= day < self._days:
            raise line.bad("a day of the period")
        return day

    def _date(self, line: Line, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise line.bad("a day as YYYY-MM-DD") from None


def _sections(text: str, name: str) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    counts: dict[str, tuple[Line, int]] = {}
    lines: list[Line] | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        content = raw.strip().removesuffix(";").strip()
        if not content or content.startswith("//"):
            continue
        line = Line(name, number, content)
        heading = content.split("=")[0].split()[0]
        if heading.isupper() and heading in SECTIONS and heading not in found:
            lines = found[heading] = []
            rest = content[len(heading) :].replace("=", " ").strip()
            if rest:
                counts[heading] = (line, line.whole(rest, "the number of lines"))
        elif lines is None:
            raise line.bad(f"a section before this line ({', '.join(SECTIONS)})")
        else:
            lines.append(line)
    for section in SECTIONS:
        if section not in found:
            raise RosterFileBad(f"Expected a section {section}, got none", place=name)
    for section, (line, count) in counts.items():
        if len(found[section]) != count:
            raise line.bad(f"as many lines as the file has in {section}: {len(found[section])}")
    return found
