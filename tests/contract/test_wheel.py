"""Does the built wheel carry everything that the program needs when nothing else is there?"""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.style.house import ROOT

NEEDED = (
    "web/static/vendor/htmx.min.js",
    "web/static/vendor/uPlot.iife.min.js",
    "web/static/vendor/uPlot.min.css",
    "web/static/openhall.js",
    "web/static/openhall.css",
    "web/templates/base.html",
    "locale/zh.po",
    "network/sample/bank.toml",
    "network/sample/people.csv",
    "log/migrations/env.py",
    "py.typed",
)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a wheel built from this tree with the locked back end, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("name", NEEDED)
def test_the_wheel_carries(names: set[str], name: str) -> None:
    assert f"openhall/{name}" in names


def test_the_wheel_carries_every_template_and_migration_of_the_tree(names: set[str]) -> None:
    source = ROOT / "src" / "openhall"
    files = [*source.glob("web/templates/*.html"), *source.glob("log/migrations/versions/*.py")]
    assert {f"openhall/{path.relative_to(source)}" for path in files} <= names
    assert len(files) > 10


def test_the_wheel_has_a_licence_and_the_program(names: set[str]) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("entry_points.txt") for name in names)
