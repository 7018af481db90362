"""The stepper: who acts when, and what a process hears."""

from __future__ import annotations

import pytest

from openhall.hall.model import commands as c
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Answer
from openhall.kernel.refusal import Refusal
from openhall.rehearsal.cast import Cast, Scene, Steps, ask, until
from openhall.rehearsal.driver import Limits, RehearsalStuck, Stage, drive, pending
from tests.unit.rehearsal.halls import NINE_MS, QuietBranch


@pytest.fixture
def hall() -> QuietBranch:
    return QuietBranch()


def cast_of(stage: Stage) -> tuple[Cast, Scene]:
    scene = stage.scene()
    return Cast(stage.stream, scene, "test"), scene


def test_processes_act_in_order_of_time_and_then_of_entry(hall: QuietBranch) -> None:
    cast, _ = cast_of(hall.stage)
    heard: list[str] = []

    def says(word: str, at_ms: int) -> Steps[None]:
        yield from until(at_ms)
        heard.append(word)

    for word, minute in (("late", 2), ("first", 1), ("second", 1)):
        cast.enter(NINE_MS, says(word, NINE_MS + minute * MINUTE_MS))
    drive(cast, hall.stage)
    assert heard == ["first", "second", "late"]
    assert hall.stage.clock.now_ms() == NINE_MS + 2 * MINUTE_MS


def test_a_process_hears_the_answer_and_sees_the_state_after_it(hall: QuietBranch) -> None:
    cast, scene = cast_of(hall.stage)
    heard: list[object] = []

    def customer() -> Steps[None]:
        heard.append((yield from ask("kiosk", c.IssueTicket("cash"))))
        heard.append(len(scene.state.tickets))
        heard.append((yield from ask("teller", c.CallNext("C9"))))

    cast.enter(NINE_MS, customer())
    assert drive(cast, hall.stage) == 2
    assert isinstance(heard[0], Answer)
    assert heard[1] == 1
    assert isinstance(heard[2], Refusal)
    assert heard[2].code == "counter_unknown"


def test_who_waits_for_news_looks_up_when_something_has_happened(hall: QuietBranch) -> None:
    cast, scene = cast_of(hall.stage)
    seen: list[int] = []

    def watcher() -> Steps[None]:
        yield from until(NINE_MS + 60 * MINUTE_MS, or_news=True)
        seen.append(scene.now_ms - NINE_MS)

    def customer() -> Steps[None]:
        yield from until(NINE_MS + 5 * MINUTE_MS)
        yield from ask("kiosk", c.IssueTicket("cash"))

    cast.enter(NINE_MS, watcher())
    cast.enter(NINE_MS, customer())
    drive(cast, hall.stage)
    assert seen == [5 * MINUTE_MS]


def test_a_refusal_is_no_news(hall: QuietBranch) -> None:
    cast, scene = cast_of(hall.stage)
    seen: list[int] = []

    def watcher() -> Steps[None]:
        yield from until(NINE_MS + 60 * MINUTE_MS, or_news=True)
        seen.append(scene.now_ms - NINE_MS)

    def teller() -> Steps[None]:
        yield from ask("teller", c.CallNext("C1"))

    cast.enter(NINE_MS, watcher())
    cast.enter(NINE_MS, teller())
    drive(cast, hall.stage)
    assert seen == [60 * MINUTE_MS]


def test_commands_carry_ids_with_the_prefix_of_the_cast(hall: QuietBranch) -> None:
    cast, _ = cast_of(hall.stage)

    def customer() -> Steps[None]:
        yield from ask("kiosk", c.IssueTicket("cash"))

    cast.enter(NINE_MS, customer())
    cast.enter(NINE_MS, customer())
    ids: list[str] = []
    drive(cast, hall.stage, watch=lambda request, *_: ids.append(request.command_id))
    assert ids == ["test-1", "test-2"]


def test_a_request_must_be_answered_before_the_next(hall: QuietBranch) -> None:
    cast, _ = cast_of(hall.stage)

    def customer() -> Steps[None]:
        yield from ask("kiosk", c.IssueTicket("cash"))

    cast.enter(NINE_MS, customer())
    assert cast.request(NINE_MS, hall.stage.state) is not None
    with pytest.raises(AssertionError, match=r"call told\(\) first"):
        cast.request(NINE_MS, hall.stage.state)


def test_nobody_acts_after_the_day_has_ended(hall: QuietBranch) -> None:
    cast, _ = cast_of(hall.stage)

    def sleeper() -> Steps[None]:
        yield from until(NINE_MS + 600 * MINUTE_MS)

    cast.enter(NINE_MS, sleeper())
    hall.does(1, c.CloseDoors(), c.EndDay())
    assert cast.request(hall.stage.clock.now_ms(), hall.stage.state) is None
    assert cast.due_ms() is None


def test_a_process_that_never_rests_runs_into_the_limit(hall: QuietBranch) -> None:
    cast, _ = cast_of(hall.stage)

    def hammer() -> Steps[None]:
        while True:
            yield from ask("teller", c.CallNext("C1"))

    cast.enter(NINE_MS, hammer())
    with pytest.raises(RehearsalStuck, match="after 50 requests: everybody has ended"):
        drive(cast, hall.stage, limits=Limits(requests=50))


def test_everybody_who_is_pending_is_named_with_the_reason(hall: QuietBranch) -> None:
    hall.does(0, *[c.IssueTicket("cash")] * 3, c.IssueTicket("loans"))
    hall.does(1, c.CallNext("C1"), c.HoldTicket("t2", "teller-C1"), c.OfferDiversion("t3", "phone"))
    hall.does(2, c.AcceptDiversion("d1"))
    assert [sentence.split(":")[0].split(" (")[0] for sentence in pending(hall.stage.state)] == [
        "A001 is called at counter C1",
        f"A002 is on hold till {NINE_MS + 31 * MINUTE_MS}",
        "A003 is being diverted",
        "B001 waits",
    ]
    assert pending(hall.stage.state)[-1] == "B001 waits: 1 counters serve it"


@pytest.mark.parametrize(("field", "value"), [("hours", 0), ("requests", 0)])
def test_limits_out_of_range_are_refused(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"Expected {field} of 1 or more"):
        Limits(**{field: value})
