"""Every mistake in single values of a study file. msgspec stops at its first, so its types are walked."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, cast

from msgspec import inspect

from openhall.network.mistakes import Findings, Place, nearest, one_of, shown

SHAPES = {
    r"^\S(.{0,58}\S)?$": "a name of 1 to 60 characters",
    r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$": "an id of 1 to 40 letters, digits, '-' and '_'",
    r"^\d{1,2}:[0-5]\d-\d{1,2}:[0-5]\d$": "hours such as '09:00-17:00'",
    r"^\d{4}-\d{2}-\d{2}$": "a date such as 2026-12-15",
}
"""What a pattern of `model` asks for, in words."""


def check(kind: inspect.Type, value: object, place: Place, findings: Findings) -> None:
    """Note whatever keeps this value from being one of this type."""
    match kind:
        case inspect.UnionType(types=types):
            # A file says nothing where the model says None.
            check(next(t for t in types if not isinstance(t, inspect.NoneType)), value, place, findings)
        case inspect.StructType():
            _check_table(kind, value, place, findings)
        case inspect.VarTupleType():
            _check_list(kind, value, place, findings)
        case inspect.DictType():
            _check_words(kind, value, place, findings)
        case inspect.IntType() | inspect.FloatType():
            _check_number(kind, value, place, findings)
        case inspect.StrType():
            _check_text(kind, value, place, findings)
        case inspect.LiteralType(values=values):
            words = [str(v) for v in values]
            if value not in words:
                hint = nearest(value, words) if isinstance(value, str) else ""
                findings.add("not_one_of", place, expected=one_of(words), found=shown(value), suggestion=hint)
        case inspect.BoolType():
            if not isinstance(value, bool):
                findings.add("wrong_type", place, expected="true or false", found=shown(value))
        case _:
            raise AssertionError(f"Expected a type that a study file can hold at {place}, got {kind}")


def _check_table(kind: inspect.StructType, value: object, place: Place, findings: Findings) -> None:
    if not isinstance(value, dict):
        findings.add("wrong_type", place, expected="a table", found=shown(value))
        return
    known = {f.name: f for f in kind.fields}
    for key, item in value.items():
        if key in known:
            check(known[key].type, item, place.key(key), findings)
        else:
            left = [k for k in known if k not in value]
            findings.add(
                "unknown_key",
                place.key(key),
                expected=one_of(known, limit=20),
                found=shown(key),
                suggestion=nearest(key, left),
            )
    for name, f in known.items():
        if f.required and name not in value:
            findings.add("missing", place.key(name), expected=wanted(f.type), found="nothing")


def wanted(kind: inspect.Type) -> str:
    """What belongs in a field, in words."""
    match kind:
        case inspect.UnionType(types=types):
            return wanted(next(t for t in types if not isinstance(t, inspect.NoneType)))
        case inspect.StrType(pattern=str(pattern)):
            return SHAPES[pattern]
        case inspect.StrType():
            return "a text"
        case inspect.IntType() | inspect.FloatType():
            return _bounds(kind)
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return one_of(str(v) for v in values)
        case inspect.VarTupleType(item_type=inspect.StructType()):
            return "one or more tables"
        case inspect.VarTupleType(item_type=item):
            return f"a list, each {wanted(item)}"
        case inspect.DictType(value_type=item):
            return f"by id {wanted(item)}"
        case _:
            return "a table"


def _check_list(kind: inspect.VarTupleType, value: object, place: Place, findings: Findings) -> None:
    if not isinstance(value, list):
        findings.add("wrong_type", place, expected="a list", found=shown(value))
        return
    fewest, most = kind.min_length or 0, kind.max_length
    if len(value) < fewest or (most is not None and len(value) > most):
        upto = f"{fewest} to {most}" if most is not None else f"{fewest} or more"
        findings.add("wrong_length", place, expected=f"a list of {upto}", found=shown(value))
    for index, item in enumerate(value):
        check(kind.item_type, item, place.item(index), findings)


def _check_words(kind: inspect.DictType, value: object, place: Place, findings: Findings) -> None:
    if not isinstance(value, dict):
        findings.add("wrong_type", place, expected="a table of numbers by id", found=shown(value))
        return
    for key, item in value.items():
        check(kind.key_type, key, place.key(key), findings)
        check(kind.value_type, item, place.key(key), findings)


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    number = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
    lowest = f"from {kind.ge:.10g}" if kind.ge is not None else f"above {cast(float, kind.gt):.10g}"
    return f"{number} {lowest} to {cast(float, kind.le):.10g}"


def _check_number(
    kind: inspect.IntType | inspect.FloatType, value: Any, place: Place, findings: Findings
) -> None:
    wanted = int if isinstance(kind, inspect.IntType) else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted):
        findings.add("wrong_type", place, expected=_bounds(kind), found=shown(value))
        return
    is_above = value >= kind.ge if kind.ge is not None else value > cast(float, kind.gt)
    if not (is_above and value <= cast(float, kind.le)):
        findings.add("out_of_range", place, expected=_bounds(kind), found=shown(value))


def _check_text(kind: inspect.StrType, value: object, place: Place, findings: Findings) -> None:
    if isinstance(value, date):
        value = value.isoformat()
    expected = SHAPES[kind.pattern] if kind.pattern else "a text"
    if not isinstance(value, str):
        findings.add("wrong_type", place, expected=expected, found=shown(value))
    elif not value.strip():
        findings.add("empty", place, expected=expected, found="an empty text")
    elif kind.pattern and not re.search(kind.pattern, value):
        findings.add("bad_format", place, expected=expected, found=shown(value))
