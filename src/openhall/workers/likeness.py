"""Is a worker the same program? Equal to the bit can only be promised for equal code."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from pathlib import Path

import msgspec
import numba
import numpy as np

from openhall import __version__
from openhall.science import engine
from openhall.science.study import plan, tasks

SOURCES = (engine, plan, tasks)
"""What a worker runs of a study."""


class Likeness(msgspec.Struct, frozen=True):
    """What has to be equal on all workers of a study."""

    openhall: str
    numba: str
    numpy: str
    python: str
    source: str
    """SHA-256 of the code that a task runs, as it is on that worker's disk."""

    def differences(self, other: Likeness) -> list[str]:
        """In words, what differs."""
        mine, its = msgspec.structs.asdict(self), msgspec.structs.asdict(other)
        return [
            f"{key}: {mine[key][:12]} here, {its[key][:12]} there" for key in mine if mine[key] != its[key]
        ]


@cache
def likeness() -> Likeness:
    """Of this process."""
    digest = hashlib.sha256()
    for module in SOURCES:
        digest.update(Path(str(module.__file__)).read_bytes())
    return Likeness(
        openhall=__version__,
        numba=str(numba.__version__),
        numpy=np.__version__,
        python=".".join(platform.python_version_tuple()[:2]),
        source=digest.hexdigest(),
    )
