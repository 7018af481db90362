"""What differs between two banks, key by key: the ground of every preview, diff and history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from openhall.kernel.text import Text
from openhall.network.hours import Hours
from openhall.network.model import Bank
from openhall.network.schema import identity_key, written

WHOLE = (Text, Hours)
"""Compared as one value."""

Step = str


class Difference(msgspec.Struct, frozen=True):
    """One value, or one whole item of a list, that is not the same any more.

    Parameters
    ----------
    path : keys from the bank down; an item of a list is named by its id, or by what makes it this one.
    before, after : None where it was not there, or is not any more.
    """

    path: tuple[Step, ...]
    before: Any = None
    after: Any = None

    @property
    def key(self) -> str:
        """The key of the whole bank."""
        return self.path[0]

    @property
    def is_added(self) -> bool:
        """Something that was not there."""
        return self.before is None

    @property
    def is_removed(self) -> bool:
        """Something that is not there any more."""
        return self.after is None


def differences(before: Bank, after: Bank) -> list[Difference]:
    """Every difference, in the order of the model."""
    return list(_tables((), before, after))


def _tables(path: tuple[Step, ...], before: Any, after: Any) -> Iterator[Difference]:
    for name in before.__struct_fields__:
        one, other = getattr(before, name), getattr(after, name)
        if one != other:
            yield from _values((*path, name), one, other)


def _values(path: tuple[Step, ...], one: Any, other: Any) -> Iterator[Difference]:
    if _is_list_of_tables(one) or _is_list_of_tables(other):
        yield from _lists(path, one, other)
    elif isinstance(one, msgspec.Struct) and type(one) is type(other) and not isinstance(one, WHOLE):
        yield from _tables(path, one, other)
    else:
        yield Difference(path, one, other)


def _is_list_of_tables(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and bool(value)
        and isinstance(value[0], msgspec.Struct)
        and not isinstance(value[0], WHOLE)
    )


def _lists(path: tuple[Step, ...], one: tuple[Any, ...], other: tuple[Any, ...]) -> Iterator[Difference]:
    before, after = named(one), named(other)
    for name, item in before.items():
        if name not in after:
            yield Difference((*path, name), item, None)
        elif after[name] != item:
            yield from _tables((*path, name), item, after[name])
    for name, item in after.items():
        if name not in before:
            yield Difference((*path, name), None, item)
    kept_before = [name for name in before if name in after]
    kept_after = [name for name in after if name in before]
    if kept_before != kept_after:
        yield Difference((*path, ORDER), tuple(kept_before), tuple(kept_after))


ORDER = "#order"
"""The last step of a path when only the order of a list is another."""


def named(items: tuple[Any, ...]) -> dict[str, Any]:
    """Items by what makes each this one: its id or code, else its required keys but numbers and texts."""
    found: dict[str, Any] = {}
    for item in items:
        name = base = _name(item)
        number = 2
        while name in found:
            name, number = f"{base} ({number})", number + 1
        found[name] = item
    return found


def _name(item: msgspec.Struct) -> str:
    if key := identity_key(type(item)):
        return str(getattr(item, key))
    parts = []
    for f in msgspec.structs.fields(type(item)):
        value = getattr(item, f.name)
        is_naming = f.name in NAMING and not isinstance(value, WHOLE)
        if is_naming and value not in ("", ()):
            plain = written(value)
            parts.append("+".join(map(str, plain)) if isinstance(plain, list) else str(plain))
    return " ".join(parts) or "-"


NAMING = frozenset(
    {
        "branch", "branches", "class_code", "date", "first", "kind", "other", "person", "regime", "service",
        "services", "step",
    }
)  # fmt: skip
"""Keys that together tell one item from another in lists without ids."""
