"""Which cells to free next: kinds of neighbourhood, each with a size and a record of what it gained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openhall.science.roster.mip import Bools, Floats

WEIGHT_LEAST = 0.1
"""A kind that has gained nothing for long is still tried so often, against 1 for the best."""
CELLS_FIRST = 60.0
CELLS_LEAST = 10.0


class Kind:
    """A way to choose cells, how many it chooses, and how it fared."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cells = CELLS_FIRST
        self.gain = 1.0

    def choose(self, heat: Floats, generator: np.random.Generator) -> Bools:
        """About `cells` cells, (persons, days); the day in the middle is one that hurts, every other time."""
        persons, days = heat.shape
        chosen = np.zeros(heat.shape, dtype=np.bool_)
        if self.name == "people":
            width = days
        elif self.name == "days":
            width = _clip(self.cells / persons, 1, days)
        else:
            most = _clip(self.cells / 2, 1, days)
            width = int(generator.integers(min(4, most), most + 1))
        count = persons if self.name == "days" else _clip(self.cells / width, min(2, persons), persons)
        first = _first_day(heat, width, generator)
        who = _who(heat[:, first : first + width], count, generator)
        chosen[who, first : first + width] = True
        return chosen


class Neighbourhoods:
    """Chooses among the kinds by what each gained a second."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._kinds = [Kind(name) for name in ("people", "days", "block")]

    def pick(self, generator: np.random.Generator) -> Kind:
        """A kind, more often one that gained more."""
        gains = np.array([kind.gain for kind in self._kinds])
        weights = np.maximum(gains / max(1e-12, gains.max()), WEIGHT_LEAST)
        return self._kinds[int(generator.choice(len(self._kinds), p=weights / weights.sum()))]

    def note(self, kind: Kind, *, gained: float, seconds: float, aim: float, limit: float) -> None:
        """Tell what a try gained, in cost, and how long it took; larger next time if it was quick."""
        kind.gain = self._memory * kind.gain + (1.0 - self._memory) * gained / max(0.01, seconds)
        if seconds < aim:
            kind.cells *= 1.0 + 0.15 * (1.0 - seconds / aim)
        elif seconds > 0.95 * limit:
            kind.cells *= 0.85
        else:
            kind.cells *= 0.97
        kind.cells = max(CELLS_LEAST, kind.cells)


def _clip(value: float, least: int, most: int) -> int:
    return int(max(least, min(most, round(value))))


def _first_day(heat: Floats, width: int, generator: np.random.Generator) -> int:
    days = heat.shape[1]
    if width >= days:
        return 0
    weights = heat.sum(axis=0)
    if generator.random() < 0.5 or weights.sum() <= 0.0:
        return int(generator.integers(0, days - width + 1))
    middle = int(generator.choice(days, p=weights / weights.sum()))
    return int(max(0, min(days - width, middle - int(generator.integers(0, width)))))


def _who(heat: Floats, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    persons = heat.shape[0]
    weights = heat.sum(axis=1)
    if generator.random() < 0.5 or weights.sum() <= 0.0:
        return generator.permutation(persons)[:count]
    weights = weights / weights.sum() + 0.5 / persons
    return generator.choice(persons, size=count, replace=False, p=weights / weights.sum())
