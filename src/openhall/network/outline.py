"""A configuration as it is written: every table with its place, whether or not it is right.

An editor shows this, because what somebody is in the middle of changing is seldom a bank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from openhall.network import schema
from openhall.network.mistakes import Findings, Mistake, Place
from openhall.network.reading import tables
from openhall.network.sources import Raw, read_sources


@dataclass(frozen=True)
class Item:
    """A table of a list.

    Parameters
    ----------
    parent : the item that it stands in, or names by its `branch`; None at the top.
    """

    key: str
    type: type[msgspec.Struct]
    place: Place
    value: Mapping[str, Any]
    is_text: bool = False
    parent: Item | None = None

    @property
    def id(self) -> str:
        """Its id or code; empty where it has none."""
        found = self.value.get(schema.identity_key(self.type))
        return found if isinstance(found, str) else ""

    @property
    def branch(self) -> str:
        """The branch that it belongs to; empty for none."""
        if self.key == "branches":
            return self.id
        if self.parent is not None:
            return self.parent.branch
        own = self.value.get("branch")
        return own if isinstance(own, str) else ""


@dataclass
class Outline:
    """All of a configuration by top-level key, in the files' order."""

    lists: dict[str, list[Item]] = field(default_factory=dict)
    single: dict[str, list[Raw]] = field(default_factory=dict)
    """Every place where such a key stands; more than one is a mistake."""
    unreadable: list[Mistake] = field(default_factory=list)
    """Files that cannot be read at all."""

    def items(self, key: str, branch: str = "") -> list[Item]:
        """The items of a list; of one branch where one is named."""
        return [item for item in self.lists.get(key, []) if not branch or item.branch == branch]

    def find(self, key: str, id_: str) -> Item | None:
        """An item by its id or code."""
        return next((item for item in self.lists.get(key, []) if item.id == id_), None)

    def value(self, key: str) -> Any:
        """What stands under a key that is no list of tables; None when nothing does."""
        found = self.single.get(key)
        return found[0].value if found else None


NESTED = {("branches", "counters"), ("branches", "exceptions")}
"""Lists of a branch that may also stand outside it: both are found in `lists` under their own name."""


def outline_of(files: Mapping[str, bytes]) -> Outline:
    """The outline of some files. Never fails: what cannot be read is in `unreadable`."""
    findings = Findings()
    sources = read_sources(files, tables(), findings)
    found = Outline(unreadable=findings.in_order())
    for name, raws in sources.values.items():
        key = schema.top_key(name)
        if key is not None and key.kind == "table" and key.is_list:
            assert key.table is not None
            found.lists.setdefault(name, []).extend(_items(name, key.table, raws))
        else:
            found.single[name] = raws
    for outer, inner in sorted(NESTED):
        nested = [part for item in found.lists.get(outer, []) for part in parts(item, inner)]
        found.lists[inner] = nested + found.lists.get(inner, [])
    return found


def _items(name: str, type_: type[msgspec.Struct], raws: list[Raw]) -> Iterator[Item]:
    for raw in raws:
        if not isinstance(raw.value, list):
            continue
        for index, value in enumerate(raw.value):
            inner = value if isinstance(value, Raw) else Raw(value, raw.place.item(index))
            if isinstance(inner.value, dict):
                yield Item(name, type_, inner.place, inner.value, inner.is_text)


def parts(item: Item, name: str) -> list[Item]:
    """The tables of a list inside an item, such as the needs of a service."""
    key = next((k for k in schema.keys_of(item.type) if k.name == name), None)
    values = item.value.get(name)
    if key is None or key.table is None or not isinstance(values, list):
        return []
    place = item.place.key(name)
    return [
        Item(name, key.table, place.item(index), value, parent=item)
        for index, value in enumerate(values)
        if isinstance(value, dict)
    ]


def beyond_branch(before: Outline, after: Outline, branch: str) -> list[str]:
    """The keys under which something differs that does not belong to the branch alone."""
    single = sorted({*before.single, *after.single})
    found = [key for key in single if _values(before, key) != _values(after, key)]
    lists = sorted({*before.lists, *after.lists})
    return found + [key for key in lists if _others(before, key, branch) != _others(after, key, branch)]


def _values(outline: Outline, key: str) -> list[object]:
    return [raw.value for raw in outline.single.get(key, [])]


def _others(outline: Outline, key: str, branch: str) -> list[object]:
    own = {item.id for item in outline.items("people", branch)}
    if key == "branches":
        # A branch's manager changes what it is, not that it is; its lists are looked at by themselves.
        return [item.id if item.branch == branch else item.value for item in outline.items(key)]
    if key in ("leaves", "wishes"):
        return [item.value for item in outline.items(key) if item.value.get("person") not in own]
    return [item.value for item in outline.items(key) if item.branch != branch]
