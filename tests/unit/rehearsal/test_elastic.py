"""The closed loop: the same day for every policy, in the real hall, under the same rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from openhall.cli.bench import elastic as command
from openhall.cli.main import program
from openhall.hall.model.planning import Stints, with_lunch, with_stint
from openhall.hall.moves import MoveParameters
from openhall.hall.plan import PlannedStint
from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.rehearsal.elastic.bench import ElasticParameters, play, regret_closed, totals
from openhall.rehearsal.elastic.day import ElasticDay
from openhall.rehearsal.elastic.days import invented_day, recorded_day
from openhall.rehearsal.elastic.hall import ElasticHall, Played
from openhall.rehearsal.elastic.hindsight import HindsightParameters, all_open, hindsight, late_with
from openhall.rehearsal.elastic.policies import Ours, Policy, Static, Thumb, ThumbRule
from openhall.rehearsal.elastic.rules import broken
from openhall.science import engine

pytestmark = pytest.mark.unit

WARSAW = Path(__file__).resolve().parents[4] / "shared" / "data" / "warsaw_hall"
FEW = MoveParameters(futures=8, told_futures=8)
QUARTERLY = 15 * MINUTE_MS


@pytest.fixture(scope="module")
def surge() -> ElasticDay:
    """Twice as many people as planned, all of whom stay till they are served."""
    day = invented_day(5, surge=2.0)
    table = day.table.copy()
    table[:, engine.GONE] = engine.NEVER
    return replace(day, table=table)


def ours() -> Ours:
    return Ours(FEW, every_ms=QUARTERLY)


@pytest.fixture(scope="module")
def played(surge: ElasticDay) -> dict[str, Played]:
    """The day under each policy."""
    policies: dict[str, Policy] = {"static": Static(), "thumb": Thumb(ThumbRule(3, 1)), "ours": ours()}
    return {name: ElasticHall(surge, policy).play() for name, policy in policies.items()}


@pytest.mark.parametrize("name", ["static", "thumb", "ours"])
def test_the_engine_and_the_real_hall_say_the_same_of_the_day(
    played: dict[str, Played], surge: ElasticDay, name: str
) -> None:
    found = played[name]
    assert len(found.state.tickets) == surge.customers
    assert found.late_ms == found.live_late_ms, "nobody left, so both count the same"
    assert found.late_ms > 0


@pytest.mark.parametrize("name", ["static", "thumb", "ours"])
def test_every_policy_keeps_the_rules_for_people(
    played: dict[str, Played], surge: ElasticDay, name: str
) -> None:
    assert broken(surge, surge.plan.stints) == []
    assert broken(surge, played[name].state.stints) == []


def test_moves_save_most_of_what_a_fixed_plan_loses(played: dict[str, Played], surge: ElasticDay) -> None:
    static, moved = played["static"].late_ms, played["ours"].late_ms
    assert moved < 0.6 * static
    best = hindsight(surge, [played[n].state.stints for n in played], HindsightParameters(steps=150))
    assert regret_closed(static, moved, best.late_ms) > 0.6
    assert (
        0.95 * all_open(surge)
        <= best.late_ms
        <= min(late_with(surge, p.state.stints) for p in played.values())
    )
    assert broken(surge, best.stints) == []


def test_the_same_people_come_and_nothing_is_known_of_a_surge_beforehand() -> None:
    ordinary, busy = invented_day(3, surge=1.0), invented_day(3, surge=2.85)
    assert busy.plan == ordinary.plan
    assert busy.believed == ordinary.believed
    assert busy.duties == ordinary.duties
    assert 2.2 < busy.customers / ordinary.customers < 3.5
    again = invented_day(3, surge=2.85)
    assert (again.table == busy.table).all()
    assert not np.array_equal(invented_day(4).table[:50], invented_day(3).table[:50])


def day_with(stints: Stints, *new: PlannedStint) -> Stints:
    for each in new:
        stints = with_stint(stints, each)
    return stints


def test_the_checker_names_what_breaks_the_rules(surge: ElasticDay) -> None:
    stints, opens = surge.plan.stints, surge.rules.opens_ms

    def at(hours: float) -> int:
        return opens + round(hours * HOUR_MS)

    lobby = [PlannedStint(f"p{n}", "lobby", at(1), at(3)) for n in range(1, 10)]
    everybody = [PlannedStint(f"l{n}", "guard", at(1), at(2)) for n in (1, 2)]
    full = [PlannedStint(f"p{n}", "window", at(1), at(2), f"C{n}") for n in range(1, 9)]
    changes = [PlannedStint("p9", "window", at(n), at(n + 0.5), "C1") for n in (0, 1, 4, 5, 6)]
    p9 = next(s for s in stints if s.person_id == "p9" and s.post == "break")
    far = with_lunch(stints, "p9", p9.from_ms + 2 * HOUR_MS, p9.until_ms + 2 * HOUR_MS)
    table: list[tuple[Stints, str]] = [
        (stints[:-1], "works other hours"),
        (day_with(stints, *lobby), "0 windows"),
        (
            day_with(stints, *full, *everybody, PlannedStint("p9", "guard", at(1), at(2))),
            "0 in the lobby",
        ),
        (
            day_with(stints, PlannedStint("p9", "window", at(1), at(2), "C6")),
            "two people at one counter",
        ),
        (day_with(stints, PlannedStint("p9", "window", at(1), at(1.25), "C1")), "too short"),
        (day_with(stints, *changes), "p9 changes"),
        (far, "eats too far"),
        (day_with(stints, PlannedStint("p9", "lobby", p9.from_ms, p9.until_ms)), "0 meal breaks"),
        (with_lunch(stints, "p9", at(-0.5), at(0)), "works too long"),
    ]
    for wrong, message in table:
        assert any(message in each for each in broken(surge, wrong)), (message, broken(surge, wrong)[:3])


def test_hindsight_refuses_a_start_that_nobody_could_live(surge: ElasticDay) -> None:
    with pytest.raises(ValueError, match="Expected starts that keep the rules"):
        hindsight(surge, [surge.plan.stints[:-1]], HindsightParameters(steps=0))
    with pytest.raises(ValueError, match="Expected steps of 0 or more, got -1"):
        HindsightParameters(steps=-1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seeds": (1,), "tuning_seeds": (1,)}, "Expected tuning_seeds that are none of the seeds"),
        ({"tuning_seeds": ()}, "Expected one of tuning_seeds or more"),
        ({"surge": 0.0}, "Expected surge above 0"),
    ],
)
def test_a_bench_parameter_outside_its_range_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ElasticParameters(**values)  # type: ignore[arg-type]


def test_a_rule_of_thumb_opens_above_where_it_stays() -> None:
    with pytest.raises(ValueError, match="Expected stays_above between 0 and opens_above"):
        ThumbRule(1, 2)


def test_regret_is_measured_from_the_static_plan_to_hindsight() -> None:
    assert regret_closed(100, 40, 0) == 0.6
    assert regret_closed(100, 100, 50) == 0.0
    assert regret_closed(100, 130, 50) == -0.6, "worse than doing nothing is said, not hidden"
    assert regret_closed(0, 0, 0) == 1.0


def test_a_day_is_played_under_all_four_with_the_same_paid_hours(surge: ElasticDay) -> None:
    parameters = ElasticParameters(moves=FEW, hindsight=HindsightParameters(steps=20))
    seen = play(surge, ThumbRule(3, 1), parameters, every_ms=2 * QUARTERLY)
    day = seen.figures
    each = (day.static, day.rule, day.openhall, day.hindsight)
    assert day.paid_hours == 11 * (8.5 - 0.5)
    assert all(0 < policy.window_hours < day.paid_hours for policy in each)
    assert 0.95 * day.all_open_late_minutes <= day.hindsight.late_minutes < day.static.late_minutes
    assert len(seen.asked) == len(seen.seconds) == day.replan_count == 16
    assert totals([day])["late_minutes_rule"] == day.rule.late_minutes
    assert totals([])["late_minutes_static"] == 0


@pytest.mark.soak
def test_a_small_bench_gives_every_promised_figure() -> None:
    options = ["--seeds", "1", "--tuning", "1", "--surge", "1.2", "--steps", "5", "--branches", "2"]
    done = CliRunner().invoke(
        program, ["bench", "elastic", "--json", "--recorded", "nowhere", *options], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    figures = msgspec.json.decode(done.stdout)
    keys = {
        "late_minutes_static",
        "late_minutes_rule",
        "late_minutes_openhall",
        "late_minutes_hindsight",
        "regret_closed",
        "replan_p95_s",
    }
    assert keys | {bar.key for bar in command.BARS} <= set(figures)
    day = figures["days"][0]
    assert figures["late_minutes_static"] == day["static"]["late_minutes"]
    assert day["hindsight"]["late_minutes"] <= day["openhall"]["late_minutes"] + 1


@pytest.mark.skipif(not WARSAW.is_dir(), reason="the recorded days are not here: ../shared/data/warsaw_hall")
def test_the_recorded_surge_is_met_by_people_planned_for_an_ordinary_day() -> None:
    day = recorded_day(WARSAW)
    assert day.customers == 453
    assert sum(day.plan.expected) == pytest.approx(151, abs=5)
    assert max(day.plan.windows) <= 5
    static = ElasticHall(day, Static()).play()
    assert static.late_ms == static.live_late_ms
    moved = ElasticHall(day, ours()).play()
    assert broken(day, moved.state.stints) == []
    assert moved.late_ms < 0.5 * static.late_ms
