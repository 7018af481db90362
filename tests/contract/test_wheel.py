"""Do the built wheel and the source archive carry everything, and does what is installed from them run?"""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.race.served import free_port, started
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


def build(target: str, source: Path, folder: Path) -> Path:
    """A wheel or source archive built with the locked back end, without the network."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = [path for path in folder.iterdir() if path.suffix in {".whl", ".gz"}]
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source archive."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", ROOT, folder)) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = [path for path in folder.iterdir() if path.is_dir()]
    return unpacked


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The files of the wheel."""
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


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("Makefile", "to build and to test"),
        ("requirements.lock", "to bring the same packages"),
        ("tests/contract/test_wheel.py", "to test"),
        ("tests/migration/previous_release/openhall.sql", "to test an upgrade"),
        ("tools/vendor.py", "to bring the scripts of the pages"),
        ("src/openhall/web/static/vendor/htmx.min.js", "to build without a network"),
        ("deploy/openhall.service", "to run it as a service"),
        ("docs/how-to/operate.md", "to look after it"),
    ],
)
def test_the_source_archive_carries(sources: Path, path: str, why: str) -> None:
    assert (sources / path).is_file(), why


def test_the_source_archive_builds_the_same_wheel(sources: Path, names: set[str], tmp_path: Path) -> None:
    with zipfile.ZipFile(build("wheel", sources, tmp_path)) as archive:
        assert set(archive.namelist()) == names


def test_a_server_is_given_packages_of_the_lock_and_none_for_developers() -> None:
    def packages(path: str) -> set[str]:
        lines = (ROOT / path).read_text().splitlines()
        return {line.split()[0] for line in lines if line[:1].isalnum()}

    served, locked = packages("deploy/requirements.txt"), packages("requirements.lock")
    assert served < locked, "the same versions: make lock writes both"
    names = {package.split("==")[0] for package in served}
    assert {"granian", "litestar", "msgspec", "numba", "opentelemetry-sdk"} <= names
    assert not names & {"pytest", "ruff", "mypy", "playwright", "schemathesis", "uv"}


def test_nothing_of_a_working_copy_travels_along(sources: Path) -> None:
    found = {path.name for path in sources.rglob("*")}
    assert not found & {".git", ".venv", "node_modules", "__pycache__", "openhall.db", "uv.lock"}


@pytest.mark.timeout(120)
def test_what_is_installed_from_the_wheel_makes_an_installation_and_serves_it(
    wheel: Path, tmp_path: Path
) -> None:
    place = tmp_path / "venv"
    venv.create(place, with_pip=False)
    purelib = Path(sysconfig.get_path("purelib", vars={"base": str(place)}))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(purelib)  # noqa: S202 - built a moment ago, from this tree
    # The other packages are those of the lock. A path file does not read the path files of what it names, so
    # this working copy, which is installed there to be edited, stays out.
    (purelib / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = str(place / "bin" / "python")
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENHALL_"))
    }
    where = subprocess.run(
        [python, "-c", "import openhall; print(openhall.__file__)"],
        env=clean,
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert where.stdout.startswith(str(purelib))
    folder = tmp_path / "bank"
    command = [python, "-m", "openhall"]
    subprocess.run(
        [*command, "init", "--folder", str(folder)], env=clean, cwd=tmp_path, check=True, capture_output=True
    )
    port = free_port()
    arguments = [*command, "serve", "--folder", str(folder), "--port", str(port)]
    with started(arguments, port, tmp_path / "server.log", clean) as served:
        assert served.ask("GET", "/readyz").json == {"is_ready": True}
        assert served.ask("GET", "/static/vendor/htmx.min.js").status == 200
        assert served.stop() == 0
