"""The door of this room: the files of a configuration in, the bank or all of its mistakes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from msgspec import inspect

from openhall.kernel.words import Words
from openhall.network import model as m
from openhall.network.checks import Draft, check
from openhall.network.mistakes import Findings, Mistake, Place, nearest, one_of, shown
from openhall.network.reading import NOTHING, ROW_TYPES, Node, fields_of, read_table, read_value, tables
from openhall.network.sources import Raw, Sources, read_sources

__all__ = ["Mistake", "load"]

HOME = "bank.toml"
"""Where a missing key is reported."""


def load(files: Mapping[str, bytes]) -> m.Bank | list[Mistake]:
    """The bank from its files by name, or every mistake in them; never a part of a bank.

    All `*.toml` files are read as one document whose lists may be spread over files; `branches.csv`,
    `counters.csv`, `people.csv` and `exceptions.csv` add rows to the lists of the same name.
    """
    findings = Findings()
    sources = read_sources(files, tables(), findings)
    draft = _read(sources, findings)
    if sources.is_complete:
        check(draft, findings)
    if len(findings):
        return findings.in_order()
    lists = {key: tuple(nodes) for key, nodes in draft.lists.items()}
    return cast(m.Bank, Node(m.Bank, Place(HOME), {**draft.single, **lists}).build())


def _read(sources: Sources, findings: Findings) -> Draft:
    """Every top-level key, whichever file it stands in."""
    draft = Draft()
    fields = fields_of(m.Bank)
    known = [*fields, *(key for key in ROW_TYPES if key not in fields)]
    for key, raws in sources.values.items():
        if key not in known:
            findings.add(
                "unknown_key",
                raws[0].place,
                expected=one_of(known, limit=len(known)),
                found=shown(key),
                suggestion=nearest(key, [k for k in known if k not in sources.values]),
            )
    for key in known:
        raws = sources.values.get(key, [])
        if key in ROW_TYPES or _is_table_list(fields[key]):
            draft.lists[key] = _read_list(key, raws, findings)
        else:
            _read_single(key, raws, draft, findings)
    if sources.is_complete:
        for key, f in fields.items():
            if f.required and key not in sources.values and key not in draft.lists:
                findings.add(
                    "missing", Place(HOME, key), expected=Words("a key {key!r}", key=key), found="nothing"
                )
    return draft


def _is_table_list(f: inspect.Field) -> bool:
    return isinstance(f.type, inspect.VarTupleType) and isinstance(f.type.item_type, inspect.StructType)


def _read_list(key: str, raws: list[Raw], findings: Findings) -> list[Node]:
    type_: Any = ROW_TYPES.get(key)
    if type_ is None:
        kind = fields_of(m.Bank)[key].type
        type_ = cast(inspect.StructType, cast(inspect.VarTupleType, kind).item_type).cls
    nodes = []
    for raw in raws:
        if not isinstance(raw.value, list):
            findings.add(
                "wrong_type",
                raw.place,
                expected=Words("a list, written [[{key}]]", key=key),
                found=shown(raw.value),
            )
            continue
        for index, item in enumerate(raw.value):
            inner = item if isinstance(item, Raw) else Raw(item, raw.place.item(index))
            nodes.append(read_table(type_, inner, findings))
    return nodes


def _read_single(key: str, raws: list[Raw], draft: Draft, findings: Findings) -> None:
    for raw in raws[1:]:
        findings.add(
            "given_twice",
            raw.place,
            expected=Words("{key!r} in one file", key=key),
            found=Words("also in {place}", place=str(raws[0].place)),
        )
    if raws:
        value = read_value(m.Bank, fields_of(m.Bank)[key], raws[0], findings)
        if value is not NOTHING:
            draft.single[key] = value
