"""Takes an invented day through the hall, or hands its people to whoever has a hall running."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random

import msgspec

from openhall.hall.policy import DayRules
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import StreamId
from openhall.log.store import Store
from openhall.rehearsal.cast import Cast, Scene
from openhall.rehearsal.driver import Limits, Progress, Stage, drive
from openhall.rehearsal.invented.crowd import InventedBehaviour, draw_crowd
from openhall.rehearsal.invented.parameters import InventedParameters
from openhall.rehearsal.invented.people import Setting, guard, lobby, noon_pause, takes_break, visitor
from openhall.rehearsal.invented.staffing import placed, services_served, staffing
from openhall.rehearsal.people import Seat, at_work, clock, house
from openhall.rehearsal.results import Rehearsal, Run, result_of

START_BEFORE_MS = MINUTE_MS
BREAK = "break"
DISINFECTION = "disinfection"


def invented_cast(
    stream: StreamId,
    rules: DayRules,
    parameters: InventedParameters,
    scene: Scene,
    *,
    rng: Random | None = None,
    prefix: str = "invented",
    seats: Sequence[Seat] | None = None,
) -> Cast:
    """Everybody of an invented day, for a hall that may be running already.

    Drive it as the docstring of `rehearsal.cast` says. All moments are those of the rules, so a time lapse
    needs a clock that runs fast, not other people. The same rules, parameters and seed give the same people.
    `seats` are those of a plan, whose meals are in it; without them the staffing profile holds.
    """
    rng = rng or Random(parameters.seed)  # noqa: S311 - a rehearsal
    behaviour = InventedBehaviour(parameters, rules, rng.getrandbits(32))
    setting = Setting(scene, rules, parameters, behaviour)
    services = services_served(placed(rules))
    cast = Cast(stream, scene, prefix)
    start_ms = rules.checkin_opens_ms - START_BEFORE_MS
    outside = parameters.outside_at_closing
    cast.enter(start_ms, house(scene, rules, outside_count=outside))
    cast.enter(start_ms, clock(scene))
    cast.enter(start_ms, guard(setting))
    cast.enter(start_ms, lobby(setting, services))
    plan = staffing(rules, parameters) if seats is None else list(seats)
    for at_ms, steps in at_work(scene, plan, behaviour):
        cast.enter(at_ms, steps)
    if seats is None and parameters.break_minutes and BREAK in rules.pause_reasons:
        for seat in plan:
            ends_ms = seat.closes_ms or rules.closes_ms
            cast.enter(rng.randrange(seat.opens_ms, ends_ms), takes_break(setting, seat))
    if parameters.noon_pause_minutes and DISINFECTION in rules.pause_reasons:
        cast.enter((rules.opens_ms + rules.closes_ms) // 2, noon_pause(setting, DISINFECTION))
    for who in draw_crowd(parameters, rules, services, rng):
        cast.enter(who.arrives_ms, visitor(setting, who))
    return cast


def rehearse_invented(
    stream: StreamId,
    rules: DayRules,
    parameters: InventedParameters | None = None,
    *,
    store: Store | None = None,
    rng: Random | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    timer: Callable[[], float] = time.perf_counter,
) -> Rehearsal:
    """Take an invented day through the hall and measure it; `store` must not hold that branch-day yet."""
    parameters = parameters or InventedParameters()
    started = timer()
    stage = Stage.build(stream, rules.checkin_opens_ms - START_BEFORE_MS, store=store)
    if stage.state.rules is not None:
        raise ValueError(f"Expected a store without the day {stream}, got one that has it")
    cast = invented_cast(stream, rules, parameters, stage.scene(), rng=rng)
    requests = drive(cast, stage, limits=limits, progress=progress, progress_until_ms=rules.closes_ms)
    run = Run(
        kind="invented",
        parameters=msgspec.to_builtins(parameters),
        requests=requests,
        seconds=timer() - started,
        notes=("Every customer of this day is invented.",),
    )
    return result_of(stream, stage.book.store, run)
