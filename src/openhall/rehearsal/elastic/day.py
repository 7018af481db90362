"""A day to be played, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openhall.hall.plan import PlannedDay
from openhall.hall.policy import DayRules
from openhall.hall.twin import Groups
from openhall.network.model import Counter
from openhall.rehearsal.elastic.planning import Duty
from openhall.science.engine import Ints
from openhall.science.habits import Habits


@dataclass(frozen=True)
class ElasticDay:
    """One day. The engine's times are ms from `origin_ms`, the local midnight."""

    name: str
    rules: DayRules
    duties: tuple[Duty, ...]
    plan: PlannedDay
    believed: Habits
    groups: Groups
    table: Ints
    """(n, engine.COLUMNS) who came: the engine's customers, in order of coming."""
    origin_ms: int

    @property
    def customers(self) -> int:
        """How many came."""
        return len(self.table)

    def mask(self, counter: Counter, skills: Sequence[str]) -> int:
        """What somebody with these skills serves there."""
        return self.groups.mask([s for s in counter.services if s in skills], counter.classes)
