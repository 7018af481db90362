"""Two people changed the same file: both changes, where they do not touch the same lines."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher


def merged(
    base: Mapping[str, bytes], ours: Mapping[str, bytes], theirs: Mapping[str, bytes]
) -> tuple[dict[str, bytes], list[str]]:
    """Files with the changes of both since `base`, and the names of those where they collide.

    A file in collision is as `theirs`. Whether the whole is a bank is for the loader to say.
    """
    found: dict[str, bytes] = {}
    collisions = []
    for name in sorted({*base, *ours, *theirs}):
        before, one, other = base.get(name), ours.get(name), theirs.get(name)
        if one == other or other == before:
            result = one
        elif one == before:
            result = other
        else:
            result = _lines(before, one, other)
            if result is None:
                collisions.append(name)
                result = other
        if result is not None:
            found[name] = result
    return found, collisions


def _lines(before: bytes | None, one: bytes | None, other: bytes | None) -> bytes | None:
    """Both changes of one file; None where they collide, or one of them took the file away."""
    if before is None or one is None or other is None:
        return None
    old = before.splitlines(keepends=True)
    ours, theirs = _hunks(old, one), _hunks(old, other)
    result: list[bytes] = []
    at = 0
    waiting = sorted({*ours, *theirs})
    for index, (start, end, lines) in enumerate(waiting):
        if index + 1 < len(waiting) and _touch((start, end), waiting[index + 1][:2]):
            return None
        result += [*old[at:start], *lines]
        at = end
    return b"".join([*result, *old[at:]])


Hunk = tuple[int, int, tuple[bytes, ...]]


def _hunks(old: list[bytes], body: bytes) -> set[Hunk]:
    new = body.splitlines(keepends=True)
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return {(i1, i2, tuple(new[j1:j2])) for tag, i1, i2, j1, j2 in codes if tag != "equal"}


def _touch(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Do two changes share a line, or add at the same place? Neighbouring lines may both change."""
    return other[0] < one[1] or other[0] == one[0]
