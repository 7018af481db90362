"""From raw values to checked ones, field by field, going on after every mistake.

`msgspec.convert` stops at its first error, so the types of `model` are walked here; they remain the only
description of what a bank is. What came out well hangs on a `Node`, so that the checks across the bank
(`checks`) can still look at the sound parts of a configuration that has mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, Final, cast

import msgspec
from msgspec import inspect

from openhall.kernel.text import Text
from openhall.kernel.words import Words
from openhall.network import model as m
from openhall.network import staffing as s
from openhall.network.hours import Hours
from openhall.network.limits import number_of, shape_of
from openhall.network.mistakes import Findings, Place, nearest, one_of, shown
from openhall.network.sources import Raw, Table


class CounterRow(m.Counter, frozen=True, kw_only=True):
    """A counter that stands outside its branch, in a long list."""

    branch: str


class ExceptionRow(m.DayException, frozen=True, kw_only=True):
    """An exception that stands outside its branch; without a branch it holds for the whole bank."""

    branch: str | None = None


ROW_TYPES: Final[Mapping[str, type[msgspec.Struct]]] = {
    "branches": m.Branch,
    "counters": CounterRow,
    "people": m.Person,
    "exceptions": ExceptionRow,
    "leaves": s.Leave,
    "wishes": s.Wish,
}
"""The lists that may come as CSV, `counters` from `counters.csv`."""

JOINED: Final = frozenset({(m.Branch, "counters")})
"""Required, but possibly given elsewhere: `checks` looks for them once all files are joined."""

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS_EXPECTED: Final = Words("hours such as '09:00-17:00'")
WEEK_EXPECTED: Final = Words(
    "a week such as 'mon-fri 09:00-17:00; sat 09:30-16:00' (a day left out is closed)"
)


class _Nothing:
    """Stands for a value that could not be read."""


NOTHING: Final = _Nothing()


@dataclass(eq=False)
class Node:
    """What could be read of one table: good values, nodes for tables in it, lists of nodes."""

    type: type[msgspec.Struct]
    place: Place
    values: dict[str, Any] = field(default_factory=dict)
    is_sound: bool = True
    """False after any mistake in it: then nothing is concluded from what it lacks."""

    def text(self, key: str) -> str | None:
        """A text value, if it could be read."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts: those that could be read."""
        return tuple(v for v in self.values.get(key, ()) if isinstance(v, str))

    def nodes(self, key: str) -> list[Node]:
        """A list of tables."""
        return [v for v in self.values.get(key, ()) if isinstance(v, Node)]

    def get(self, key: str) -> Any:
        """A value, or the default of its field; None when it could not be read."""
        if key in self.values:
            return self.values[key]
        default = fields_of(self.type)[key].default
        return None if default is msgspec.NODEFAULT else default

    def build(self) -> Any:
        """The finished value. Only when there was no mistake."""
        return self.type(**{key: _built(value) for key, value in self.values.items()})


def _built(value: Any) -> Any:
    if isinstance(value, Node):
        return value.build()
    if isinstance(value, tuple):
        return tuple(_built(item) for item in value)
    return value


@cache
def fields_of(type_: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    """The fields of a struct by name."""
    info = cast(inspect.StructType, inspect.type_info(type_))
    return {f.name: f for f in info.fields}


def tables() -> dict[str, Table]:
    """The CSV layouts, read off the types: a bilingual text is two columns, a list one cell of words."""
    return {key: _table(type_) for key, type_ in ROW_TYPES.items()}


def _table(type_: type[msgspec.Struct]) -> Table:
    columns: list[str] = []
    required: set[str] = set()
    for f in fields_of(type_).values():
        kind = plain(f.type)
        if isinstance(kind, inspect.StructType) and kind.cls is Text:
            names = [f"{f.name}_en", f"{f.name}_zh"]
        elif (type_, f.name) == (m.Branch, "week") or not _holds_tables(kind):
            names = [f.name]
        else:
            continue
        columns += names
        if f.required:
            required.update(names)
    return Table(tuple(columns), frozenset(required))


def _holds_tables(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.VarTupleType):
        return _holds_tables(plain(kind.item_type))
    return isinstance(kind, inspect.StructType) and kind.cls is not Hours


def plain(kind: inspect.Type) -> inspect.Type:
    """A type without its `| None`: a file says nothing where the model says None."""
    if isinstance(kind, inspect.UnionType):
        return next(t for t in kind.types if not isinstance(t, inspect.NoneType))
    return kind


def read_table(type_: type[msgspec.Struct], raw: Raw, findings: Findings) -> Node:
    """One table, with a mistake for each unknown, missing or wrong key in it."""
    before = len(findings)
    node = Node(type_, raw.place)
    if not isinstance(raw.value, dict):
        expected = Words("a table with en and zh") if type_ is Text else Words("a table")
        findings.add("wrong_type", raw.place, expected=expected, found=shown(raw.value))
        node.is_sound = False
        return node
    known = fields_of(type_)
    for key in raw.value:
        if key not in known:
            left = [k for k in known if k not in raw.value]
            findings.add(
                "unknown_key",
                raw.place.key(key),
                expected=one_of(known),
                found=shown(key),
                suggestion=nearest(key, left),
            )
    for name, f in known.items():
        if name in raw.value:
            inner = Raw(raw.value[name], raw.place.key(name), raw.is_text, raw.excused)
            value = read_value(type_, f, inner, findings)
            if value is not NOTHING:
                node.values[name] = value
        elif raw.is_text and isinstance(f.type, inspect.VarTupleType) and name not in raw.excused:
            node.values[name] = ()  # An empty cell is an empty list.
        elif f.required and (type_, name) not in JOINED:
            _miss(node, f, raw, findings)
    node.is_sound = node.is_sound and len(findings) == before
    return node


def _miss(node: Node, f: inspect.Field, raw: Raw, findings: Findings) -> None:
    """A key that must be there is not; unless its whole column is missing, which was said before."""
    node.is_sound = False
    place = raw.place.key(f.name)
    if raw.is_text and isinstance(f.type, inspect.StructType) and f.type.cls is Text:
        for language in ("en", "zh"):
            if place.key(language).path not in raw.excused:
                findings.add("missing", place.key(language), expected="a text", found="nothing")
    elif place.path not in raw.excused:
        findings.add("missing", place, expected=_wanted(node.type, f.name, f.type), found="nothing")


def _wanted(type_: type, name: str, kind: inspect.Type) -> str:
    """What belongs in a field, in words."""
    if limits := number_of(type_, name):
        return limits.expected
    if (type_, name) == (m.Branch, "week"):
        return WEEK_EXPECTED
    bare = plain(kind)
    if isinstance(bare, inspect.VarTupleType):
        return Words("a list")
    if shape := shape_of(type_, name):
        return shape.expected
    if isinstance(bare, inspect.StructType):
        return {Text: Words("a text in en and zh"), Hours: HOURS_EXPECTED}.get(bare.cls, Words("a table"))
    words: dict[type[inspect.Type], str] = {
        inspect.StrType: Words("a text"),
        inspect.BoolType: Words("true or false"),
        inspect.DateType: Words("a date such as 2026-12-15"),
    }
    return words.get(type(bare), Words("a value"))


def read_value(type_: type, f: inspect.Field, raw: Raw, findings: Findings) -> Any:
    """A field's value, or NOTHING after noting why not."""
    if (type_, f.name) == (m.Branch, "week"):
        return _read_week(raw, findings)
    kind = plain(f.type)
    if not isinstance(kind, inspect.VarTupleType):
        return _read_one(type_, f.name, kind, raw, findings)
    items = raw.value.split() if raw.is_text and isinstance(raw.value, str) else raw.value
    if not isinstance(items, list):
        findings.add("wrong_type", raw.place, expected="a list", found=shown(raw.value))
        return NOTHING
    read = []
    for index, item in enumerate(items):
        inner = Raw(item, raw.place.item(index), raw.is_text, raw.excused)
        value = _read_one(type_, f.name, kind.item_type, inner, findings)
        if isinstance(value, str) and value in read:
            findings.add("duplicate", inner.place, expected="each word once", found=shown(value))
        if value is not NOTHING:
            read.append(value)
    return tuple(read)


def _read_one(type_: type, name: str, kind: inspect.Type, raw: Raw, findings: Findings) -> Any:
    if isinstance(kind, inspect.StructType):
        if kind.cls is Hours:
            return _read_hours(raw, findings)
        return read_table(kind.cls, raw, findings)
    if isinstance(kind, inspect.LiteralType):
        return _read_choice([str(v) for v in kind.values], raw, findings)
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        return _read_number(type_, name, kind, raw, findings)
    value: Any = raw.value
    if isinstance(kind, inspect.BoolType):
        value = {"yes": True, "no": False}.get(value, value) if raw.is_text else value
        expected = Words("yes or no") if raw.is_text else Words("true or false")
        return _typed(value, bool, expected, raw, findings)
    if isinstance(kind, inspect.DateType):
        return _read_date(raw, findings)
    if not isinstance(kind, inspect.StrType):
        raise AssertionError(f"Expected a readable type for {type_.__name__}.{name}, got {kind}")
    return _read_text(type_, name, raw, findings)


def _typed(value: Any, wanted: type, expected: str, raw: Raw, findings: Findings) -> Any:
    if isinstance(value, wanted):
        return value
    findings.add("wrong_type", raw.place, expected=expected, found=shown(raw.value))
    return NOTHING


def _read_text(type_: type, name: str, raw: Raw, findings: Findings) -> Any:
    shape = shape_of(type_, name)
    value = _typed(raw.value, str, shape.expected if shape else Words("a text"), raw, findings)
    if value is NOTHING:
        return NOTHING
    if not value.strip():
        findings.add("empty", raw.place, expected="a text", found="an empty text")
        return NOTHING
    if shape and not shape.holds(value):
        findings.add("bad_format", raw.place, expected=shape.expected, found=shown(value))
        return NOTHING
    return value


def _read_choice(choices: list[str], raw: Raw, findings: Findings) -> Any:
    if isinstance(raw.value, str) and raw.value in choices:
        return raw.value
    findings.add(
        "not_one_of",
        raw.place,
        expected=one_of(choices),
        found=shown(raw.value),
        suggestion=nearest(raw.value, choices) if isinstance(raw.value, str) else "",
    )
    return NOTHING


def _read_number(
    type_: type, name: str, kind: inspect.IntType | inspect.FloatType, raw: Raw, findings: Findings
) -> Any:
    limits = number_of(type_, name)
    if limits is None:
        raise AssertionError(f"Expected {type_.__name__}.{name} to have limits in network.limits")
    is_whole = isinstance(kind, inspect.IntType)
    expected = limits.expected_whole if is_whole else limits.expected
    value: Any = raw.value
    if raw.is_text and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}(\.\d{1,9})?", value):
        value = int(value) if value.lstrip("-").isdigit() else float(value)
    is_number = isinstance(value, int if is_whole else (int, float)) and not isinstance(value, bool)
    if not is_number:
        findings.add("wrong_type", raw.place, expected=expected, found=shown(raw.value))
        return NOTHING
    if not limits.holds(value):
        findings.add("out_of_range", raw.place, expected=expected, found=shown(raw.value))
        return NOTHING
    return value if is_whole else float(value)


def _read_date(raw: Raw, findings: Findings) -> Any:
    value = raw.value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass  # Reported below, together with values that are no text at all.
    findings.add("bad_format", raw.place, expected="a date such as 2026-12-15", found=shown(value))
    return NOTHING


def _read_hours(raw: Raw, findings: Findings) -> Any:
    hours = _hours(raw.value) if isinstance(raw.value, str) else None
    if hours is None:
        findings.add("bad_format", raw.place, expected=HOURS_EXPECTED, found=shown(raw.value))
        return NOTHING
    if hours.opens_minute >= hours.closes_minute:
        findings.add("wrong_order", raw.place, expected="opening before closing", found=shown(raw.value))
        return NOTHING
    return hours


def _hours(text: str) -> Hours | None:
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)", text.strip())
    if match is None:
        return None
    opens_hour, opens, closes_hour, closes = (int(part) for part in match.groups())
    hours = Hours(opens_hour * 60 + opens, closes_hour * 60 + closes)
    return hours if max(hours.opens_minute, hours.closes_minute) <= 24 * 60 else None


def _read_week(raw: Raw, findings: Findings) -> Any:
    """Seven days from `mon-fri 09:00-17:00; sat 09:30-16:00`: short enough for a cell of a spreadsheet."""
    week: list[Hours | None] = [None] * len(DAYS)
    before = len(findings)
    if not isinstance(raw.value, str) or not raw.value.strip():
        findings.add("bad_format", raw.place, expected=WEEK_EXPECTED, found=shown(raw.value))
        return NOTHING
    for part in raw.value.split(";"):
        days, _, hours_text = part.strip().partition(" ")
        first, _, last = days.partition("-")
        last = last or first
        if first not in DAYS or last not in DAYS or DAYS.index(first) > DAYS.index(last):
            findings.add("bad_format", raw.place, expected=WEEK_EXPECTED, found=shown(part.strip()))
            continue
        hours = _read_hours(Raw(hours_text, raw.place), findings)
        for day in range(DAYS.index(first), DAYS.index(last) + 1):
            if week[day] is not None:
                findings.add("given_twice", raw.place, expected="each day once", found=DAYS[day])
            week[day] = hours if isinstance(hours, Hours) else None
    return tuple(week) if len(findings) == before else NOTHING
