"""The questions that the twin answers in a worker process.

Importing this brings neither numpy nor numba: that happens in the worker, when it prepares or is asked.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from openhall.hall.model.commands import GiveAdvice, TellWaits
from openhall.hall.snapshot import Snapshot

if TYPE_CHECKING:
    from openhall.science.habits import Habits


def prepare() -> None:
    """Have the engine's machine code ready."""
    from openhall.hall import twin  # noqa: F401 - its imports are most of the time
    from openhall.science import engine

    engine.warm()


def waits(shot: Snapshot, believed: bytes) -> TellWaits:
    """What customers of this hall would wait; `believed` is the branch's habits as JSON, empty for none."""
    from openhall.hall import twin

    return twin.waits(shot, _habits(believed) or _assumed(shot))


def advice(shot: Snapshot, believed: bytes) -> GiveAdvice:
    """What could be done in this hall now."""
    from openhall.hall import twin

    return twin.advice(shot, _habits(believed) or _assumed(shot))


@lru_cache(maxsize=512)
def _habits(body: bytes) -> Habits | None:
    from openhall.science.habits import Habits

    return msgspec.json.decode(body, type=Habits) if body else None


def _assumed(shot: Snapshot) -> Habits:
    from openhall.science.habits import assumed_habits

    return assumed_habits(shot.branch, shot.services, [code for code, _, _ in shot.classes])
