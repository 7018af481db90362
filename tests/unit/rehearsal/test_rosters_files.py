"""Are files of published rostering problems read as they say, and bad ones refused with their place?"""

from pathlib import Path

import pytest

from openhall.rehearsal.rosters import curtois, inrc, running
from openhall.rehearsal.rosters.lines import RosterFileBad
from tests.style.house import ROOT
from tests.unit.rehearsal.roster_texts import CURTOIS, INRC

pytestmark = pytest.mark.unit

SHARED = ROOT.parent / "shared" / "data" / "rostering"


def test_a_curtois_file_is_read_whole() -> None:
    problem = curtois.read(CURTOIS, "tiny.txt")
    assert problem.days == 7
    assert [shift.name for shift in problem.shifts] == ["D", "N"]
    assert problem.shifts[1].not_followed_by == {"D"}
    assert problem.people[0] == curtois.Person("A", {"D": 7, "N": 2}, 2400, 960, 5, 2, 2, 1, frozenset({0}))
    assert problem.wishes_on == (curtois.Wish(1, 2, 0, 3),)
    assert problem.wishes_off == (curtois.Wish(0, 4, 1, 5),)
    assert problem.covers[-1] == curtois.Cover(6, 1, 0, 100, 1)


def test_an_inrc_file_is_read_whole() -> None:
    problem = inrc.read(INRC, "tiny.txt")
    assert problem.days == 7
    assert problem.weekday(0) == 4, "2010-01-01 was a Friday"
    assert [shift.is_night for shift in problem.shifts] == [False, True]
    contract = problem.people[1].contract
    assert contract.limits.work_most == inrc.Limit(3, 2)
    assert contract.limits.weekends_most == inrc.Limit(0, 3), "a rule that is off costs nothing"
    assert contract.weights == inrc.Weights(10, 7, 4, 0, 6)
    assert contract.patterns[0].steps == (inrc.Step("N", None), inrc.Step("D", None))
    assert problem.wanted[3] == (1, 1), "a Monday"
    assert problem.wanted[4] == (2, 1), "the date has more than the weekday"
    assert problem.requests_off == (inrc.Request(0, 1, None, 2), inrc.Request(1, 2, 1, 3))
    assert problem.weekends(contract) == ((1, 2),)


BAD_CURTOIS = [
    ("SECTION_COVER", "", "tiny.txt", "a section is missing"),
    ("\n7\n", "\nseven\n", "tiny.txt:2", "the horizon is no number"),
    ("N,480,D", "N,480", "tiny.txt:5", "a field of a shift is missing"),
    ("N,480,D", "N,480,X", "tiny.txt:5", "no such shift to follow"),
    ("A,D=7|N=2", "A,D=7|Q=2", "tiny.txt:7", "no such shift to count"),
    ("B,2,D,3", "Z,2,D,3", "tiny.txt:12", "no such person"),
    ("B,2,D,3", "B,7,D,3", "tiny.txt:12", "no such day"),
    ("A,0", "Z,0", "tiny.txt:10", "a day off for nobody"),
    ("0,D,1,100,1", "0,D,1,-5,1", "tiny.txt:16", "a negative weight"),
]

BAD_INRC = [
    ("SKILLS = 2;", "", "tiny.txt", "a section is missing"),
    ("SKILLS = 2;", "SKILLS = 3;", "tiny.txt:3", "not as many lines as it says"),
    ("2010-01-07", "2010-01-32", "tiny.txt:2", "no such date"),
    ("Nurse;\nHead;", "Nurse;\nBoss;", "tiny.txt:8", "no such skill"),
    ("(1|3|2)", "(1|3)", "tiny.txt:10", "a limit without a value"),
    ("SaturdaySunday", "Weekend", "tiny.txt:10", "no such weekend"),
    ("(N|Any) (D|Any)", "(N|Any) (Q|Any)", "tiny.txt:12", "no such shift"),
    ("(N|Any) (D|Any)", "(N|Any)", "tiny.txt:12", "fewer days than it says"),
    ("Monday, D, 1", "Moonday, D, 1", "tiny.txt:17", "no such weekday"),
    ("0, 2010-01-02, 2", "0, 2010-02-02, 2", "tiny.txt:34", "a day outside the period"),
    ("1, 2010-01-03, N, 3", "9, 2010-01-03, N, 3", "tiny.txt:37", "no such person"),
]


@pytest.mark.parametrize(("good", "bad", "place", "why"), BAD_CURTOIS, ids=[row[3] for row in BAD_CURTOIS])
def test_a_bad_curtois_file_is_refused_with_its_place(good: str, bad: str, place: str, why: str) -> None:
    assert good in CURTOIS, why
    with pytest.raises(RosterFileBad) as caught:
        curtois.read(CURTOIS.replace(good, bad, 1), "tiny.txt")
    assert caught.value.place == place
    assert caught.value.code == "roster_file_bad"
    assert caught.value.remedy


@pytest.mark.parametrize(("good", "bad", "place", "why"), BAD_INRC, ids=[row[3] for row in BAD_INRC])
def test_a_bad_inrc_file_is_refused_with_its_place(good: str, bad: str, place: str, why: str) -> None:
    assert good in INRC, why
    with pytest.raises(RosterFileBad) as caught:
        inrc.read(INRC.replace(good, bad, 1), "tiny.txt")
    assert caught.value.place == place


def test_the_content_tells_the_format_and_the_folder_the_best_known(tmp_path: Path) -> None:
    (tmp_path / "Instance10.txt").write_text(CURTOIS)
    (tmp_path / "Instance9.txt").write_text(INRC)
    (tmp_path / running.BEST_KNOWN).write_text("instance,best_known_ub,source\nInstance10,607,x\n")
    found = running.files([tmp_path])
    assert [path.stem for path in found] == ["Instance9", "Instance10"], "as people count"
    assert [running.read(path).format for path in found] == ["inrc1", "curtois"]
    assert [running.read(path).best_known for path in found] == [None, 607]


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ("1-2", ["Instance1", "Instance2"]),
        ("2,10", ["Instance2", "Instance10"]),
        ("Instance1*", ["Instance1", "Instance10"]),
    ],
)
def test_instances_are_chosen_by_number_range_or_pattern(only: str, names: list[str]) -> None:
    paths = [Path(f"Instance{number}.txt") for number in (1, 2, 10)]
    assert [path.stem for path in running.chosen(paths, only)] == names


@pytest.mark.parametrize(
    ("content", "why"), [(b"hello", "neither format"), (b"\xff\xfe\x00SECTION_HORIZON", "no text at all")]
)
def test_a_file_of_neither_format_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(RosterFileBad, match=r"Expected|cannot be read") as caught:
        running.read(path)
    assert caught.value.place == str(path), why


def test_every_published_file_is_read() -> None:
    if not SHARED.is_dir():
        pytest.skip("the published instances are not here")
    paths = running.files([SHARED / "nrp_curtois", SHARED / "inrc1"])
    assert len(paths) == 93
    for path in paths:
        assert running.read(path).problem.people, path
