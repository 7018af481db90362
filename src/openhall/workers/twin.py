"""The questions that the twin answers in a worker process.

Importing this brings neither numpy nor numba: that happens in the worker, when it prepares or is asked.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from openhall.hall.model.commands import GiveAdvice, TellWaits
from openhall.hall.snapshot import Snapshot

if TYPE_CHECKING:
    from openhall.science.habits import Habits


MOVES_SECONDS = 1.5
"""After so long the moves found so far are the answer: who asked waits two seconds."""


def prepare() -> None:
    """Have the engine's machine code ready."""
    from openhall.hall import moves, twin  # noqa: F401 - their imports are most of the time
    from openhall.science import engine

    engine.warm()


def waits(shot: Snapshot, believed: bytes) -> TellWaits:
    """What customers of this hall would wait; `believed` is the branch's habits as JSON, empty for none."""
    from openhall.hall import twin

    return twin.waits(shot, _habits(believed) or _assumed(shot))


def advice(shot: Snapshot, believed: bytes) -> GiveAdvice:
    """What could be done in this hall now."""
    from openhall.hall import moves

    ends = time.monotonic() + MOVES_SECONDS
    habits = _habits(believed) or _assumed(shot)
    return moves.advice(shot, habits, is_over=lambda: time.monotonic() > ends)


@lru_cache(maxsize=512)
def _habits(body: bytes) -> Habits | None:
    from openhall.science.habits import Habits

    return msgspec.json.decode(body, type=Habits) if body else None


def _assumed(shot: Snapshot) -> Habits:
    from openhall.science.habits import assumed_habits

    return assumed_habits(shot.branch, shot.services, [code for code, _, _ in shot.classes])
