"""Every key of a configuration, described from the types of the model: what an editor shows and checks.

Nothing is said here that `model`, `limits` and the docstrings below their fields do not say, so a key that is
added there can be edited without a line here.
"""

from __future__ import annotations

import ast
import inspect as sources
import re
import sys
import textwrap
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Final, Literal, cast

import msgspec
from msgspec import inspect

from openhall.kernel.text import Text
from openhall.network import model as m
from openhall.network.hours import Hours
from openhall.network.limits import number_of, shape_of
from openhall.network.reading import ROW_TYPES, fields_of, plain

Kind = Literal[
    "text", "both", "number", "whole", "truth", "date", "hours", "week", "choice", "reference", "table"
]
"""`both` is a text in both languages, `reference` the id of something else, `table` has keys of its own."""

REFERS: Final[dict[str, str]] = {
    "branch": "branches",
    "branches": "branches",
    "class_code": "classes",
    "classes": "classes",
    "contract": "contracts",
    "needs": "needs",
    "other": "branches",
    "people": "people",
    "person": "people",
    "regime": "regimes",
    "services": "services",
    "shift": "shifts",
    "shifts": "shifts",
    "skills": "services",
}
"""Fields that hold ids, and the list that the ids are in."""

IDENTITIES: Final = ("id", "code")
ITEMS: Final = ("[", "]")


class Key(msgspec.Struct, frozen=True):
    """One key of a table.

    Parameters
    ----------
    is_list : one or more of the kind, in order.
    default : as a file would write it; None for a required key and for one that is simply left out.
    choices : of a `choice`.
    refers : the list whose ids a `reference` names.
    table : of a `table`: the type with its keys.
    help : what the model says of it, in English; empty where the name says it all.
    """

    name: str
    kind: Kind
    is_list: bool = False
    is_required: bool = False
    default: object = None
    lowest: float | None = None
    highest: float | None = None
    pattern: str = ""
    choices: tuple[str, ...] = ()
    refers: str = ""
    table: type[msgspec.Struct] | None = None
    help: str = ""


@cache
def keys_of(type_: type[msgspec.Struct]) -> tuple[Key, ...]:
    """The keys of a table, in the order of the model."""
    said = help_of(type_)
    return tuple(_key(type_, f, said.get(f.name, "")) for f in fields_of(type_).values())


def top_keys() -> tuple[Key, ...]:
    """The keys of the whole bank, with the lists that may only stand outside a branch."""
    known = keys_of(m.Bank)
    names = {key.name for key in known}
    rows = [
        Key(name, "table", is_list=True, table=type_, help=_first(type_.__doc__))
        for name, type_ in ROW_TYPES.items()
        if name not in names
    ]
    return (*known, *rows)


def top_key(name: str) -> Key | None:
    """A key of the whole bank by name. A list that may stand in a CSV file has the rows' type."""
    found = next((key for key in top_keys() if key.name == name), None)
    if found is not None and name in ROW_TYPES:
        return msgspec.structs.replace(found, table=ROW_TYPES[name])
    return found


def key_at(path: str) -> Key | None:
    """The key at a path such as `branches[0].counters[1].name.zh`; None where there is none.

    The path of an item of a list gives the list's key with `is_list` false.
    """
    found: Key | None = None
    for part in path.split("."):
        name, _, index = part.partition("[")
        if found is None:
            found = top_key(name)
        elif found.kind == "both" and not found.is_list:
            return Key(name, "text", is_required=True) if name in ("en", "zh") else None
        elif found.table is not None and not found.is_list:
            found = next((key for key in keys_of(found.table) if key.name == name), None)
        else:
            return None
        if found is None:
            return None
        if index:
            found = msgspec.structs.replace(found, is_list=False)
    return found


def column_key(list_name: str, column: str) -> Key | None:
    """The key of a cell in a CSV file: `name_zh` is one language of `name`."""
    key = top_key(list_name)
    if key is None or key.table is None:
        return None
    known = {each.name: each for each in keys_of(key.table)}
    base, _, language = column.rpartition("_")
    if base in known and known[base].kind == "both" and language in ("en", "zh"):
        return Key(column, "text", is_required=True)
    return known.get(column)


def identity_key(type_: type[msgspec.Struct]) -> str:
    """The key by which an item of a list is known for good; empty where there is none."""
    known = fields_of(type_)
    return next((name for name in IDENTITIES if name in known), "")


def _key(type_: type[msgspec.Struct], f: inspect.Field, said: str) -> Key:
    kind, is_list = plain(f.type), False
    if f.name == "week":
        return Key(f.name, "week", is_required=f.required, help=said)
    if isinstance(kind, inspect.VarTupleType):
        kind, is_list = plain(kind.item_type), True
    limits, shape = number_of(type_, f.name), shape_of(type_, f.name)
    choices = tuple(str(v) for v in kind.values) if isinstance(kind, inspect.LiteralType) else ()
    named = _named(type_, f.name, kind)
    refers = REFERS.get(f.name, "") if named == "reference" else ""
    table = kind.cls if isinstance(kind, inspect.StructType) and named == "table" else None
    return Key(
        name=f.name,
        kind=named,
        is_list=is_list,
        is_required=f.required,
        default=_default(f),
        lowest=limits.lowest if limits else None,
        highest=limits.highest if limits else None,
        pattern=shape.pattern if shape else "",
        choices=choices,
        refers=refers,
        table=table,
        help=said,
    )


def _named(type_: type[msgspec.Struct], name: str, kind: inspect.Type) -> Kind:
    if isinstance(kind, inspect.StructType):
        own: dict[type, Kind] = {Text: "both", Hours: "hours"}
        return own.get(kind.cls, "table")
    if isinstance(kind, inspect.StrType) and name in REFERS and identity_key(type_) != name:
        return "reference"
    named: dict[type[inspect.Type], Kind] = {
        inspect.LiteralType: "choice",
        inspect.IntType: "whole",
        inspect.FloatType: "number",
        inspect.BoolType: "truth",
        inspect.DateType: "date",
    }
    return named.get(type(kind), "text")


def _default(f: inspect.Field) -> object:
    return None if f.default is msgspec.NODEFAULT else written(f.default)


def written(value: object) -> object:
    """A value of the model as a file would write it."""
    if isinstance(value, Hours):
        return hours_written(value)
    if isinstance(value, msgspec.Struct):
        return {f: written(getattr(value, f)) for f in value.__struct_fields__}
    if isinstance(value, tuple):
        return [written(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return value


def hours_written(hours: Hours) -> str:
    """`09:00-17:00`."""
    parts = (hours.opens_minute, hours.closes_minute)
    return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in parts)


# --- what the model says of its keys --------------------------------------------------------------------


@cache
def help_of(type_: type[msgspec.Struct]) -> dict[str, str]:
    """The docstrings below the fields of a type and of the types that it extends: their first paragraphs."""
    found: dict[str, str] = {}
    for base in reversed(type_.__mro__):
        if base.__module__.startswith("openhall.") and base.__module__ in sys.modules:
            found |= _said_in(base)
    return found


def _said_in(type_: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(sources.getsource(type_)))
    except (OSError, TypeError):  # Installed without its sources: the names have to do.
        return {}
    body = cast(ast.ClassDef, tree.body[0]).body
    found = {}
    for field, after in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            found[field.target.id] = _first(after.value.value)
    return found


def _first(text: str | None) -> str:
    """The first paragraph on one line, without references to the list of capabilities."""
    words = " ".join((text or "").strip().split("\n\n")[0].split())
    return re.sub(r" \[[A-Z]\d+(?:[-, ]+[A-Z]?\d+)*\]", "", words).replace("`", "")


def tables() -> tuple[type[msgspec.Struct], ...]:
    """Every type whose keys can stand in a file, the bank itself first."""
    found: list[type[msgspec.Struct]] = [m.Bank]
    waiting = [*top_keys()]
    while waiting:
        key = waiting.pop(0)
        table = key.table
        if table is not None and table not in found:
            found.append(table)
            waiting += keys_of(table)
    return tuple(found)
