"""Is a published problem solved, checked and compared, and is it said when there is no roster?"""

from pathlib import Path

import pytest
from click.testing import CliRunner

from openhall.cli.main import program
from openhall.rehearsal.rosters import curtois, inrc, running
from openhall.rehearsal.rosters.running import Instance, RosterNotInTime, solve
from openhall.science.roster import mip
from openhall.workers.rosters import Searches
from tests.style.house import ROOT
from tests.unit.rehearsal.roster_texts import CURTOIS, INRC

pytestmark = pytest.mark.unit

SHARED = ROOT.parent / "shared" / "data" / "rostering"
ALONE = Searches(seconds=5.0, processes=1)
GENEROUS_SECONDS = 250.0


@pytest.mark.parametrize("processes", [1, 2])
def test_a_tiny_competition_problem_is_solved_to_its_optimum(processes: int) -> None:
    # Tuesday wants three of two people: with two there is exactly one way to cover everything else.
    text = INRC.replace("Tuesday, N, 1", "Tuesday, N, 0")
    result = solve(Instance(inrc.read(text, "tiny"), 100), Searches(seconds=10.0, processes=processes))
    assert (result.status, result.violations) == ("optimal", 0)
    assert result.cost == result.bound
    assert result.cost is not None
    assert result.gap_percent == result.cost - 100


def test_an_impossible_competition_problem_is_infeasible() -> None:
    result = solve(Instance(inrc.read(INRC, "tiny")), ALONE)
    assert result.status == "infeasible", "three shifts on Tuesday, and two people"
    assert result.cost is None
    assert result.gap_percent is None


def test_an_impossible_curtois_problem_is_infeasible() -> None:
    text = CURTOIS.replace("A,D=7|N=2,2400,960", "A,D=1|N=0,2400,960")
    assert solve(Instance(curtois.read(text, "tiny")), ALONE).status == "infeasible"


def test_no_roster_in_time_is_trouble_with_a_remedy() -> None:
    with pytest.raises(RosterNotInTime) as caught:
        solve(Instance(inrc.read(INRC, "tiny")), Searches(seconds=1e-9, processes=1))
    assert caught.value.code == "roster_not_in_time"
    assert caught.value.place == "tiny"


OPTIMA = [
    ("nrp_curtois/Instance1.txt", 607),
    ("nrp_curtois/Instance2.txt", 828),
    pytest.param("nrp_curtois/Instance3.txt", 1001, marks=pytest.mark.soak),
    pytest.param("inrc1/sprint01.txt", 56, marks=pytest.mark.soak),
    pytest.param("inrc1/sprint02.txt", 58, marks=pytest.mark.soak),
]


@pytest.mark.parametrize(("name", "optimum"), OPTIMA)
def test_the_optimum_is_the_best_that_anybody_found(name: str, optimum: int) -> None:
    path = SHARED / name
    if not path.is_file():
        pytest.skip("the published instances are not here")
    instance = running.read(path)
    model = running.model_of(instance.problem)
    solution = mip.solve(model.mip, seconds=GENEROUS_SECONDS)
    assert solution.status is mip.Status.OPTIMAL
    assert solution.values is not None
    cost, broken = running.checked(instance.problem, model.roster(solution.values))
    assert (cost, broken, instance.best_known) == (optimum, [], optimum)


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"seconds": 0.0}, "seconds"), ({"processes": 0}, "processes"), ({"seed": -1}, "seed")],
)
def test_searches_out_of_range_are_refused(changes: dict[str, float], word: str) -> None:
    with pytest.raises(ValueError, match=f"Expected {word}"):
        Searches(**changes)  # type: ignore[arg-type]


def test_the_command_prints_what_programs_read(tmp_path: Path) -> None:
    (tmp_path / "Instance1.txt").write_text(CURTOIS)
    (tmp_path / "Instance2.txt").write_text("SECTION_HORIZON\nmany\n")
    arguments = [
        "bench",
        "roster",
        "--instances",
        str(tmp_path),
        "--processes",
        "1",
        "--seconds",
        "5",
        "--json",
    ]
    ran = CliRunner().invoke(program, [*arguments, "--only", "1"])
    assert ran.exit_code == 0, ran.output
    assert '"violations": 0' in ran.stdout
    assert '"mean_gap_percent": null' in ran.stdout
