"""Does the demo keep to its own folder?"""

from pathlib import Path

import pytest

from openhall.app.folder import FolderInUse
from openhall.cli.demo import MARK, fresh_folder
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import AlreadyOpen


def test_a_second_demo_begins_anew_in_the_folder_of_the_first(tmp_path: Path) -> None:
    folder = fresh_folder(tmp_path / "demo")
    (folder.path / "left-over").touch()
    assert not (fresh_folder(tmp_path / "demo").path / "left-over").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["demo"]


def test_a_folder_that_is_no_demos_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(FolderInUse):
        fresh_folder(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_a_running_demo_keeps_its_folder(tmp_path: Path) -> None:
    folder = fresh_folder(tmp_path / "demo")
    with SqliteStore.open(folder.database):
        with pytest.raises(AlreadyOpen):
            fresh_folder(tmp_path / "demo")
        assert (folder.path / MARK).exists()
    fresh_folder(tmp_path / "demo")


def test_what_a_start_that_was_cut_short_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "demo.new" / "bank").mkdir(parents=True)
    fresh_folder(tmp_path / "demo")
    assert [p.name for p in tmp_path.iterdir()] == ["demo"]
