"""An invented day at each branch of the sample bank, under each regime, alone and among other people."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest

from openhall.flows.day import day_rules
from openhall.hall.model import ROOM, HallState
from openhall.hall.model import commands as c
from openhall.hall.policy import DayRules
from openhall.kernel.event import Answer, Request, StreamId
from openhall.kernel.refusal import Refusal
from openhall.network.model import NetworkVersion
from openhall.network.sample import sample_bank
from openhall.rehearsal.driver import Limits, Stage, drive
from openhall.rehearsal.invented import InventedParameters, invented_cast, rehearse_invented

PENSION_DAY, PREVENTION_DAY, LOCKDOWN_DAY = date(2026, 12, 15), date(2027, 1, 20), date(2027, 1, 26)
BRANCHES = ("lanqiao", "wutong", "qingdu")


def rules_of(branch: str, day: date) -> DayRules:
    rules = day_rules(NetworkVersion("sample", sample_bank()), branch, day)
    assert rules is not None
    return rules


@pytest.mark.parametrize("day", [PENSION_DAY, PREVENTION_DAY])
@pytest.mark.parametrize("branch", BRANCHES)
def test_everybody_of_a_surge_day_comes_to_an_end(branch: str, day: date) -> None:
    result = rehearse_invented(StreamId(branch, day), rules_of(branch, day)).result
    ends = result.served + result.no_show + result.reneged + result.diverted + result.lapsed
    assert result.pending == 0
    assert result.issued == ends
    assert result.served > 0.5 * result.issued


def test_every_kind_of_end_happens_on_a_surge_day() -> None:
    result = rehearse_invented(StreamId("qingdu", PENSION_DAY), rules_of("qingdu", PENSION_DAY)).result
    assert min(result.served, result.no_show, result.reneged, result.diverted) > 0
    assert result.waits_with_holds.mean is not None
    assert result.wait_minutes_mean is not None
    assert result.waits_with_holds.mean > result.wait_minutes_mean


def test_a_lockdown_day_turns_people_away_and_ends() -> None:
    rules = rules_of("lanqiao", LOCKDOWN_DAY)
    result = rehearse_invented(StreamId("lanqiao", LOCKDOWN_DAY), rules).result
    assert result.pending == 0
    assert result.issued <= 120 + InventedParameters().outside_at_closing


def test_a_day_without_surge_waits_less() -> None:
    rules, stream = rules_of("wutong", PENSION_DAY), StreamId("wutong", PENSION_DAY)
    normal, surge = (
        rehearse_invented(stream, rules, InventedParameters(surge_factor=factor)).result
        for factor in (1.0, 2.85)
    )
    assert (normal.wait_minutes_mean or 0) < (surge.wait_minutes_mean or 0)


def test_the_same_seed_is_the_same_day_and_another_seed_another() -> None:
    rules, stream = rules_of("lanqiao", PENSION_DAY), StreamId("lanqiao", PENSION_DAY)
    first, again, other = (
        rehearse_invented(stream, rules, InventedParameters(seed=seed), timer=lambda: 0.0)
        for seed in (1, 1, 2)
    )
    assert first.result == again.result
    assert first.tickets == again.tickets
    assert first.tickets != other.tickets


def test_a_noon_pause_stops_the_calls_and_keeps_the_line() -> None:
    rules, stream = rules_of("lanqiao", PENSION_DAY), StreamId("lanqiao", PENSION_DAY)
    parameters = InventedParameters(noon_pause_minutes=30)
    rehearsal = rehearse_invented(stream, rules, parameters)
    noon_ms = (rules.opens_ms + rules.closes_ms) // 2
    called = [t.first_called_ms for t in rehearsal.tickets if t.first_called_ms]
    assert [at for at in called if noon_ms <= at < noon_ms + 30 * 60_000] == []
    assert rehearsal.result.pending == 0


def test_people_at_the_screens_may_press_buttons_among_the_invented_ones() -> None:
    """Somebody calls, finishes, pauses, closes counters, holds: the invented people live with it."""
    rules, stream = rules_of("lanqiao", PENSION_DAY), StreamId("lanqiao", PENSION_DAY)
    stage = Stage.build(stream, rules.checkin_opens_ms)
    cast = invented_cast(stream, rules, InventedParameters(surge_factor=1.5), stage.scene())
    rng, pressed = Random(5), 0

    def press(_: Request, __: Answer | Refusal, state: HallState) -> None:
        nonlocal pressed
        if stage.clock.now_ms() > rules.closes_ms or not state.tickets or rng.random() > 0.2:
            return
        pressed += 1
        counter, ticket = rng.choice(list(state.counters)), rng.choice(list(state.tickets))
        command = rng.choice(
            (
                c.CallNext(counter),
                c.StartService(counter),
                c.FinishService(counter),
                c.PauseCounter(counter, "other"),
                c.ResumeCounter(counter),
                c.CloseCounter(counter),
                c.HoldTicket(ticket, "wu-qiming"),
                c.ResumeTicket(ticket),
                c.MarkReneged(ticket),
                c.IssueTicket("cash"),
            )
        )
        stage.book.execute(Request(stream, f"person-{pressed}", "person", command))
        if rng.random() < 0.5:
            cast.news()

    drive(cast, stage, watch=press, limits=Limits(hours=24, requests=50_000))
    assert pressed > 100
    assert stage.state.is_ended
    assert ROOM.check(stage.state) == []


def test_the_invented_people_join_a_day_that_is_open_already() -> None:
    rules, stream = rules_of("lanqiao", PENSION_DAY), StreamId("lanqiao", PENSION_DAY)
    stage = Stage.build(stream, rules.checkin_opens_ms)
    stage.book.execute(Request(stream, "opened", "manager", c.OpenDay(rules)))
    cast = invented_cast(stream, rules, InventedParameters(), stage.scene())
    request = cast.request(stage.clock.now_ms(), stage.state)
    assert request is None or not isinstance(request.command, c.OpenDay)
