"""Places in a TOML document: from the address of a change or a mistake to what holds it."""

from __future__ import annotations

from typing import Any

import tomlkit
from tomlkit.items import Array, InlineTable


def steps_of(path: str) -> list[str | int]:
    """`branches[0].week` as ["branches", 0, "week"]."""
    found: list[str | int] = []
    for part in path.split("."):
        name, *indices = part.replace("]", "").split("[")
        found += [name, *(int(index) for index in indices)]
    return found


def holder_of(document: Any, steps: list[str | int], *, is_made: bool = False) -> Any:
    """What holds the last step; tables on the way are made when a value is to be put there."""
    holder, is_inline = document, False
    for step in steps[:-1]:
        if isinstance(step, str) and step not in holder:
            if not is_made:
                raise KeyError(step)
            holder[step] = tomlkit.inline_table() if is_inline else tomlkit.table()
        holder = holder[step]
        is_inline = is_inline or isinstance(holder, (InlineTable, Array))
    return holder


def item_at(document: Any, path: str) -> tuple[Any, int]:
    """A list and the index in it. Raises KeyError, IndexError where there is no such item."""
    steps = steps_of(path)
    holder, last = holder_of(document, steps), steps[-1]
    if not isinstance(last, int) or last >= len(holder):
        raise IndexError(path)
    return holder, last


def take_out(document: Any, path: str) -> None:
    """Take an item out of a list."""
    holder, index = item_at(document, path)
    del holder[index]
