"""How a day went, minute by minute: the line and the counters that took from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from openhall.hall.model.state import HallState
from openhall.kernel.clock import MINUTE_MS


@dataclass(slots=True)
class QueueSeries:
    """A read model: people waiting and counters calling at the end of each minute of the day.

    Columns of equal length; `minutes_ms` counts up without gaps: a minute in which nothing
    happened is as the one before.
    """

    minutes_ms: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    open_counters: list[int] = field(default_factory=list)

    def note(self, state: HallState, at_ms: int) -> None:
        """Take the state after an event of that moment."""
        minute_ms = at_ms - at_ms % MINUTE_MS
        while self.minutes_ms and self.minutes_ms[-1] + MINUTE_MS < minute_ms:
            self._add(self.minutes_ms[-1] + MINUTE_MS, self.waiting[-1], self.open_counters[-1])
        now = (len(state.line), sum(counter.is_calling for counter in state.counters.values()))
        if self.minutes_ms and self.minutes_ms[-1] >= minute_ms:
            self.waiting[-1], self.open_counters[-1] = now
        else:
            self._add(minute_ms, *now)

    def _add(self, minute_ms: int, waiting: int, open_counters: int) -> None:
        self.minutes_ms.append(minute_ms)
        self.waiting.append(waiting)
        self.open_counters.append(open_counters)
