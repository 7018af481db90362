"""A small hall to rehearse in, and a way to say what happens there minute by minute."""

from __future__ import annotations

from openhall.hall.model import commands as c
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Answer, Command, Request, StreamId
from openhall.rehearsal.driver import Stage
from openhall.rehearsal.random_day.rules import DAY, PLACE
from openhall.rehearsal.recorded.day import RecordedDay, RecordedParameters, RecordedTicket, rules_of

NINE_MS = 1_772_413_200_000
"""2026-03-02 09:00 in Shanghai."""

QUIET_DAY = RecordedDay(
    source="test",
    place=PLACE,
    day=DAY,
    timezone="Asia/Shanghai",
    tickets=(RecordedTicket("1", NINE_MS, "cash"), RecordedTicket("2", NINE_MS, "loans", "gold")),
    spells=(),
    services_at={"C1": ("cash", "loans"), "C2": ("cash",)},
    intervals=(),
    opens_ms=NINE_MS,
    closes_ms=NINE_MS + 60 * MINUTE_MS,
)
RULES = rules_of(QUIET_DAY, RecordedParameters(), ())


class QuietBranch:
    """Two counters, two services, two classes, open from nine to ten."""

    def __init__(self) -> None:
        self.stage = Stage.build(StreamId(PLACE, DAY), NINE_MS)
        self._count = 0
        self.does(0, c.OpenDay(RULES), c.OpenDoors(), c.OpenCounter("C1", "teller-C1"))

    def does(self, minute: float, *commands: Command) -> None:
        """These commands are accepted at this minute after nine."""
        self.stage.clock.set(NINE_MS + round(minute * MINUTE_MS))
        for command in commands:
            self._count += 1
            request = Request(self.stage.stream, f"q{self._count}", "somebody", command)
            result = self.stage.book.execute(request)
            assert isinstance(result, Answer), result
