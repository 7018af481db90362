"""The desk keeps the waits fresh, puts answers on record, and holds up nobody when the twin does not
answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date

import msgspec
import pytest

from openhall.app.twin_desk import REFRESH_MS, TwinDesk, is_advice_news
from openhall.hall.model import HallState
from openhall.hall.model import commands as c
from openhall.hall.model.waits import Waits
from openhall.hall.snapshot import Helper, Snapshot
from openhall.hall.told import Move, RoomLeft, TicketWait
from openhall.kernel.clock import MINUTE_MS, SECOND_MS, Clock
from openhall.kernel.event import SYSTEM, Answer, Request, StreamId
from openhall.kernel.refusal import Refusal
from openhall.workers.pool import WorkerDied, WorkerLate, Workers
from tests.places import LANE, at
from tests.unit.hall.halls import Hall

pytestmark = pytest.mark.unit

Reply = Callable[[Snapshot], object]


class Scripted(Workers):
    """Workers that answer from a script: a function of the snapshot by the name of the question."""

    def __init__(self, **replies: Reply) -> None:
        super().__init__()
        self.replies = replies
        self.asked: list[str] = []

    async def ask(  # type: ignore[override]
        self, question: Callable[..., object], *about: object, seconds: float
    ) -> object:
        """What the script says."""
        assert seconds > 0
        self.asked.append(question.__name__)
        await asyncio.sleep(0)
        shot = about[0]
        assert isinstance(shot, Snapshot)
        return self.replies[question.__name__](msgspec.convert(msgspec.to_builtins(shot), Snapshot))


class OneHall:
    """An installation with one open day."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self.is_open = True

    @property
    def clock(self) -> Clock:
        """The hall's."""
        return self._hall.clock

    @property
    def wall(self) -> Clock:
        """The same."""
        return self._hall.clock

    def open_days(self) -> list[StreamId]:
        """One."""
        return [LANE] if self.is_open else []

    def hall(self, stream: StreamId) -> HallState | None:
        """As committed."""
        return self._hall.state if stream == LANE else None

    def next_seq(self, stream: StreamId) -> int:
        """The next one."""
        return self._hall.book.committed_seq(stream) + 1

    def believed(self, branch: str) -> bytes:
        """Nothing was learned."""
        assert branch == LANE.place
        return b""

    async def submit(self, request: Request) -> Answer | Refusal:
        """At once."""
        assert request.actor == SYSTEM
        answer = self._hall.book.execute(request)
        assert isinstance(answer, Answer | Refusal)
        return answer


def told(minutes: float) -> Reply:
    """Everybody in line waits so long; twenty more can be served."""
    wait = round(minutes * MINUTE_MS)
    return lambda shot: c.TellWaits(
        shot.now_ms,
        tuple(TicketWait(p.ticket_id, wait // 2, wait, wait * 2) for p in shot.people if p.kind == "waiting"),
        room=RoomLeft(15, 20),
    )


def nothing(_: Snapshot) -> c.GiveAdvice:
    """No advice."""
    return c.GiveAdvice(60, 0)


def move(saved_minutes: float, counter: str = "C2") -> Move:
    """Open a counter."""
    saved = round(saved_minutes * MINUTE_MS)
    return Move("open", saved, saved // 2, saved * 2, 1_000, counter, "qian")


def late(_: Snapshot) -> object:
    """No answer in time."""
    raise WorkerLate("waits: no answer within 5 s", place="workers")


async def turn(desk: TwinDesk) -> None:
    """One look, and what it started."""
    desk.look()
    while desk._tasks:
        await asyncio.gather(*desk._tasks)


def at_work(**replies: Reply) -> tuple[Hall, OneHall, Scripted, TwinDesk]:
    hall = Hall().open("C1:zhao")
    halls = OneHall(hall)
    workers = Scripted(**{"waits": told(10), "advice": nothing, **replies})
    desk = TwinDesk(halls, workers)
    hall.book.listen(desk.note)
    return hall, halls, workers, desk


def test_a_wait_is_told_at_once_after_news_and_at_least_each_quarter_of_a_minute() -> None:
    async def run() -> None:
        hall, _, workers, desk = at_work()
        first = hall.issue()
        await turn(desk)
        wait = Waits(hall.state, hall.clock.now_ms()).of_ticket(first)
        assert wait is not None
        assert (wait.source, wait.middle_ms, wait.age_ms) == ("twin", 10 * MINUTE_MS, 0)
        count = workers.asked.count("waits")
        await turn(desk)
        assert workers.asked.count("waits") == count, "the twin's own word is no news"
        hall.issue()
        hall.clock.advance(SECOND_MS)
        await turn(desk)
        assert workers.asked.count("waits") == count, "events are gathered for two seconds"
        hall.clock.advance(2 * SECOND_MS)
        await turn(desk)
        assert workers.asked.count("waits") == count + 1
        hall.clock.advance(REFRESH_MS)
        await turn(desk)
        assert workers.asked.count("waits") == count + 2
        assert hall.state.room == RoomLeft(15, 20)

    asyncio.run(run())


def test_the_twins_last_word_is_shown_with_its_age_then_the_plain_rule_and_nobody_is_held_up() -> None:
    async def run() -> None:
        hall, _, workers, desk = at_work()
        ticket = hall.issue()
        await turn(desk)
        workers.replies["waits"] = late
        for _ in range(3):
            hall.clock.advance(MINUTE_MS)
            await turn(desk)
        assert desk.health.trouble_code == "worker_late"
        wait = Waits(hall.state, hall.clock.now_ms()).of_ticket(ticket)
        assert wait is not None
        assert (wait.source, wait.age_ms, wait.middle_ms) == ("twin", 3 * MINUTE_MS, 7 * MINUTE_MS)
        asked = len(workers.asked)
        hall.clock.advance(REFRESH_MS)
        await turn(desk)
        assert len(workers.asked) == asked, "after three failures a hall is left alone for half a minute"
        hall.clock.advance(2 * MINUTE_MS)
        wait = Waits(hall.state, hall.clock.now_ms()).of_ticket(ticket)
        assert wait is not None
        assert wait.source == "typical"
        hall.call_and_start("C1")
        workers.replies["waits"] = told(4)
        hall.issue()
        await turn(desk)
        assert desk.health.is_ok
        assert desk.health.failed_count == 3

    asyncio.run(run())


def test_a_fault_of_one_kind_or_another_is_told_once_and_the_desk_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def dead(_: Snapshot) -> object:
        raise WorkerDied("waits: killed", place="workers")

    def broken(_: Snapshot) -> object:
        raise ZeroDivisionError

    async def run() -> None:
        hall, _, workers, desk = at_work(waits=dead)
        hall.issue()
        for reply in (dead, dead, broken):
            workers.replies["waits"] = reply
            await turn(desk)
            hall.clock.advance(MINUTE_MS)
        workers.replies["waits"] = told(5)
        await turn(desk)
        assert desk.health.is_ok

    caplog.set_level("INFO")
    asyncio.run(run())
    assert caplog.text.count("worker_died") == 1
    assert "ZeroDivisionError" in caplog.text
    assert caplog.text.count("The twin answers again") == 1


def test_advice_goes_on_record_when_it_says_something_else_and_is_renewed_before_it_is_too_old() -> None:
    async def run() -> None:
        replies = {"advice": lambda _: c.GiveAdvice(60, 90 * MINUTE_MS, (move(60),))}
        hall, _, _, desk = at_work(**replies)
        hall.issue()
        await turn(desk)
        assert [a.id for a in hall.state.advices.values()] == ["a1"]
        for _ in range(3):
            hall.clock.advance(MINUTE_MS)
            await turn(desk)
        assert len(hall.state.advices) == 1
        hall.clock.advance(90 * SECOND_MS)
        await turn(desk)
        assert len(hall.state.advices) == 2

    asyncio.run(run())


def test_moves_are_asked_for_every_five_minutes_and_at_once_when_somebody_does_not_come() -> None:
    async def run() -> None:
        hall, _, workers, desk = at_work()
        hall.issue()

        async def asked_after(minutes: float) -> int:
            hall.clock.advance(round(minutes * MINUTE_MS))
            before = workers.asked.count("advice")
            await turn(desk)
            return workers.asked.count("advice") - before

        assert await asked_after(0) == 1
        assert [await asked_after(1) for _ in range(4)] == [0, 0, 0, 0]
        assert await asked_after(1) == 1
        assert await asked_after(1) == 0
        hall.do(c.ReportPerson("sun", "absent"))
        assert await asked_after(0.1) == 1
        hall.do(c.DeclareBurst("crowd"))
        assert [await asked_after(1) for _ in range(4)] == [1, 1, 1, 1], "in a burst every minute"
        hall.do(c.EndBurst())
        assert await asked_after(1) == 0

    asyncio.run(run())


def test_without_an_answer_the_plain_rule_is_shown_and_the_twin_is_asked_again_after_a_minute() -> None:
    async def run() -> None:
        hall, _, workers, desk = at_work(advice=late)
        for _ in range(12):
            hall.issue()
        hall.call_and_start("C1")
        hall.wait(20)
        await turn(desk)
        advice = hall.state.advices["a1"]
        assert {(m.kind, m.counter_id) for m in advice.moves} == {("open", "C2")}
        assert advice.late_ms > 0
        assert desk.health.trouble_code == "worker_late"
        assert Waits(hall.state, hall.clock.now_ms()).of_ticket("t2") is not None, "the waits were told"
        workers.replies["advice"] = lambda _: c.GiveAdvice(60, 90 * MINUTE_MS, (move(200),))
        hall.clock.advance(MINUTE_MS)
        await turn(desk)
        assert hall.state.advices["a2"].moves[0].saved_ms == 200 * MINUTE_MS
        assert desk.health.is_ok

    asyncio.run(run())


def test_who_could_be_borrowed_is_part_of_the_question() -> None:
    async def run() -> None:
        hall, _, workers, desk = at_work()
        helper = Helper("wu", "harbour", ("cash",), 20 * MINUTE_MS, at(12))
        desk.lendable = lambda stream: (helper,) if stream == LANE else ()
        seen: list[Snapshot] = []

        def remember(shot: Snapshot) -> object:
            seen.append(shot)
            return nothing(shot)

        workers.replies["advice"] = remember
        hall.issue()
        await turn(desk)
        assert [shot.helpers for shot in seen] == [(helper,)]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("moves", "is_news", "reason"),
    [
        ((move(60),), False, "the same"),
        ((move(70),), False, "about the same"),
        ((move(100),), True, "far more"),
        ((move(60, "C3"),), True, "another window"),
        ((), True, "nothing helps any more"),
    ],
)
def test_what_is_news(moves: tuple[Move, ...], is_news: bool, reason: str) -> None:
    hall = Hall().open("C1:zhao")
    hall.do(c.GiveAdvice(60, 90 * MINUTE_MS, (move(60),)), SYSTEM)
    found = c.GiveAdvice(60, 90 * MINUTE_MS, moves)
    assert is_advice_news(hall.state, found, hall.clock.now_ms() + MINUTE_MS) is is_news, reason


def test_nothing_to_advise_is_not_written_down_again_and_again() -> None:
    hall = Hall().open("C1:zhao")
    nobody = c.GiveAdvice(60, 0)
    assert not is_advice_news(hall.state, nobody, hall.clock.now_ms())
    hall.do(nobody, SYSTEM)
    assert not is_advice_news(hall.state, nobody, hall.clock.now_ms() + 10 * MINUTE_MS)


def test_an_hour_after_a_decision_the_desk_puts_what_came_of_it_on_record() -> None:
    async def run() -> None:
        hall, _, _, desk = at_work(advice=lambda _: c.GiveAdvice(60, 30 * MINUTE_MS, (move(20),)))
        hall.issue()
        await turn(desk)
        hall.do(c.TakeAdvice("a1", 0))
        hall.clock.advance(59 * MINUTE_MS)
        await turn(desk)
        assert not hall.state.advices["a1"].is_reviewed
        hall.clock.advance(2 * MINUTE_MS)
        await turn(desk)
        advice = hall.state.advices["a1"]
        assert advice.is_reviewed
        assert advice.expected_with_moves_ms == 10 * MINUTE_MS
        assert advice.seen_ms == 30 * MINUTE_MS  # the one ticket, from the thirtieth minute to the sixtieth

    asyncio.run(run())


def test_a_day_that_ended_is_asked_about_no_more() -> None:
    async def run() -> None:
        hall, halls, workers, desk = at_work()
        hall.issue()
        await turn(desk)
        halls.is_open = False
        count = len(workers.asked)
        hall.clock.set(at(12))
        await turn(desk)
        assert len(workers.asked) == count
        desk.note([])
        assert StreamId("elsewhere", date(2026, 1, 1)) not in desk._desks

    asyncio.run(run())


def test_what_was_declined_is_not_advised_again_for_a_while_and_a_busy_colleague_is_no_closed_window() -> (
    None
):
    hall = Hall().open("C1:zhao")
    asked = c.GiveAdvice(60, 90 * MINUTE_MS, (move(60), msgspec.structs.replace(move(50), person_id="sun")))
    hall.do(asked, SYSTEM)
    hall.do(c.DeclineAdvice("a1", 0, "person_busy"))
    later = hall.clock.now_ms() + MINUTE_MS
    assert not is_advice_news(hall.state, asked, later), "the other colleague stands there already"
    hall.do(c.DeclineAdvice("a1", 1, "not_needed"))
    assert not is_advice_news(hall.state, asked, later)
    hall.do(asked, SYSTEM)
    assert hall.state.advices["a2"].moves == ()
    hall.wait(16)
    assert is_advice_news(hall.state, asked, hall.clock.now_ms())
