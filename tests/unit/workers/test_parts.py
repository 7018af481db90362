"""Does an interrupted study keep what was finished, and nothing else?"""

from pathlib import Path

import pytest

from openhall.science.study import tasks
from openhall.science.study.tasks import Task
from openhall.workers.parts import PartsFile, PartsTrouble
from tests.studied import part

ONE, TWO = Task(0, 1, 0, 2), Task(1, 1, 0, 2)


def kept(path: Path, name: str = "plan", *, resume: bool = True) -> set[str]:
    with PartsFile(path, name, resume=resume) as parts:
        return set(parts.kept)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two parts."""
    with PartsFile(tmp_path / "study.parts", "plan", resume=False) as parts:
        for task in (ONE, TWO):
            parts.keep(tasks.to_bytes(part(task)))
    return tmp_path / "study.parts"


def test_finished_parts_are_there_again(path: Path) -> None:
    assert kept(path) == {ONE.name, TWO.name}
    assert kept(path) == {ONE.name, TWO.name}, "looking takes nothing away"


def test_parts_of_another_plan_are_not_taken(path: Path) -> None:
    assert kept(path, "another plan") == set()


def test_without_resume_a_study_begins_anew(path: Path) -> None:
    assert kept(path, resume=False) == set()
    assert kept(path) == set()


@pytest.mark.parametrize("lost", [1, 100])
def test_a_torn_record_is_dropped_and_the_next_is_written_in_its_place(path: Path, lost: int) -> None:
    path.write_bytes(path.read_bytes()[:-lost])
    with PartsFile(path, "plan", resume=True) as parts:
        assert set(parts.kept) == {ONE.name}
        parts.keep(tasks.to_bytes(part(TWO)))
    assert kept(path) == {ONE.name, TWO.name}


def test_a_record_that_was_changed_on_disk_is_not_believed(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[-5] ^= 1
    path.write_bytes(body)
    assert kept(path) == {ONE.name}


def test_a_place_where_nothing_can_be_written_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PartsTrouble):
        PartsFile(tmp_path / "file" / "study.parts", "plan", resume=False)


def test_a_finished_study_leaves_no_parts(path: Path) -> None:
    with PartsFile(path, "plan", resume=True) as parts:
        parts.remove()
    assert not path.exists()
