"""Is the house in order? Each rule runs over the house, and over a bad example that it must find."""

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.style import house
from tests.style.house import ROOT

Check = Callable[[str, str], list[str]]

SRC = ROOT / "src" / "openhall"
BINARY = {".png", ".jpg", ".ico", ".gz", ".zip", ".db", ".sqlite", ".parquet", ".woff2", ".wav", ".mo"}
WRITTEN_BY_HAND = {".py", ".html", ".css", ".js", ".sql", ".toml"}

A_LONG_FUNCTION = "def f() -> None:\n" + "    g()\n" * house.FUNCTION_LINES_MAX
A_LONG_DOCSTRING = 'def f() -> None:\n    """' + "Words.\n" * house.FUNCTION_LINES_MAX + '    """\n'
A_READER = next(iter(house.FILE_READERS))
A_RECORD = """# 1. Keep a log
Status: accepted
Date: 2026-11-22
## Context
## Options
## Decision
## How we would notice that it was wrong
"""

BAD: list[tuple[Check, str, str, str]] = [
    (house.too_long, "src/a.py", "x\n" * 601, "a line over the limit"),
    (house.long_functions, "src/a.py", A_LONG_FUNCTION, "the def line counts"),
    (house.long_functions, "src/a.py", A_LONG_FUNCTION.replace("def", "async def"), "coroutines too"),
    (house.ambient_calls, "src/a.py", "import datetime\ndatetime.datetime.now()", "the time, in full"),
    (
        house.ambient_calls,
        "src/a.py",
        "from datetime import datetime as dt\ndt.utcnow()",
        "the time, renamed",
    ),
    (house.ambient_calls, "src/a.py", "from datetime import date\ndate.today()", "the day"),
    (house.ambient_calls, "src/a.py", "from time import monotonic\nmonotonic()", "a timer"),
    (house.ambient_calls, "src/a.py", "import random as r\nr.random()", "chance"),
    (house.ambient_calls, "src/a.py", "from uuid import uuid4\nuuid4()", "chance in an id"),
    (house.ambient_calls, "src/a.py", "print(1)", "output"),
    (house.ambient_calls, "src/a.py", "open('x')", "a file"),
    (house.ambient_calls, "src/a.py", "Path('x').read_text()", "a file by its path"),
    (house.ambient_calls, A_READER, "import time\ntime.time()", "a reader has no clock either"),
    (house.unfinished, "src/a.py", "# TOD" + "O: later", "a note to self"),
    (house.unfinished, "src/a.py", "raise NotImplemented" + "Error", "a stub"),
    (house.vague_name, "src/openhall/hall/utils.py", "", "the classic"),
    (house.vague_name, "src/openhall/common/ticket.py", "", "a folder"),
    (house.vague_name, "src/openhall/queue_manager.py", "", "a suffix"),
    (house.machine_path, "docs/a.md", "see /wor" + "k/main", "a path of the machine"),
    (house.registry_host, "docs/a.md", "from https://pypi" + ".org/simple", "a registry"),
    (house.address_in_lock, "requirements.lock", "--index-url https://mirror.example/simple", "an index"),
    (house.address_in_lock, "package-lock.json", '"resolved": "x.tgz"', "an npm address"),
    (house.poor_decision_record, "docs/adr/1.md", A_RECORD.replace("Status", "State"), "no status"),
    (house.poor_decision_record, "docs/adr/1.md", A_RECORD.replace("2026-11-22", "soon"), "no date"),
    (house.poor_decision_record, "docs/adr/1.md", A_RECORD.replace("## How", "How"), "no way to be wrong"),
    (house.poor_decision_record, "docs/adr/1.md", A_RECORD + "words\n" * 120, "over two pages"),
]

GOOD: list[tuple[Check, str, str, str]] = [
    (house.too_long, "src/a.py", "x\n" * 600, "exactly at the limit"),
    (house.long_functions, "src/a.py", A_LONG_FUNCTION.replace("    g()\n", "", 1), "exactly at the limit"),
    (house.long_functions, "src/a.py", A_LONG_DOCSTRING, "words of explanation are free"),
    (
        house.ambient_calls,
        "src/a.py",
        "clock.now_ms(); rng.random(); counter.open(); timeline.append(1)",
        "from the door",
    ),
    (house.ambient_calls, A_READER, "path.read_text()", "a reader reads"),
    (house.unfinished, "src/a.py", "todo_count = 1  # things to do", "a plain word"),
    (house.vague_name, "src/openhall/hall/commonwealth.py", "", "a longer word"),
    (house.machine_path, "docs/a.md", "../work/a and example.org/work/b", "a relative path and an address"),
    (house.address_in_lock, "requirements.lock", "a==1 --hash=sha256:00", "a hash"),
    (house.poor_decision_record, "docs/adr/1.md", A_RECORD, "complete"),
]


def findings(check: Check, paths: Iterable[Path]) -> list[str]:
    """What a check finds in files of the house, by their path inside it."""
    return [
        finding
        for path in sorted(paths)
        for finding in check(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]


def tracked_text() -> list[Path]:
    return [path for path in house.tracked_files() if path.suffix not in BINARY]


def source_files(suffixes: set[str]) -> list[Path]:
    return [
        path
        for path in house.tracked_files()
        if path.suffix in suffixes and path.is_relative_to(ROOT / "src")
    ]


def pure_rooms() -> list[str]:
    return [
        room
        for room in house.PURE_ROOMS
        if (SRC / room / "__init__.py").is_file() or (SRC / f"{room}.py").is_file()
    ]


@pytest.mark.parametrize(("check", "path", "text", "reason"), BAD)
def test_each_rule_finds_a_bad_example(check: Check, path: str, text: str, reason: str) -> None:
    assert check(path, text), reason


@pytest.mark.parametrize(("check", "path", "text", "reason"), GOOD)
def test_each_rule_lets_a_good_example_pass(check: Check, path: str, text: str, reason: str) -> None:
    assert check(path, text) == [], reason


def test_no_source_file_is_over_600_lines() -> None:
    assert findings(house.too_long, source_files(WRITTEN_BY_HAND)) == []


def test_no_function_is_over_60_lines() -> None:
    assert findings(house.long_functions, source_files({".py"})) == []


def test_the_pure_rooms_take_time_chance_and_files_by_the_door() -> None:
    rooms = [SRC / room for room in pure_rooms()]
    inside = [path for path in source_files({".py"}) if any(path.is_relative_to(room) for room in rooms)]
    assert findings(house.ambient_calls, inside) == []


def test_every_pure_room_is_under_the_import_rule_against_input_and_output() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    ruled = {module for contract in contracts for module in contract.get("source_modules", [])}
    assert {f"openhall.{room}" for room in pure_rooms()} - ruled == set()


def test_nothing_in_the_source_is_left_unfinished() -> None:
    assert findings(house.unfinished, source_files(WRITTEN_BY_HAND)) == []


def test_every_module_is_named_for_an_idea() -> None:
    assert findings(house.vague_name, source_files({".py"})) == []


def test_no_file_holds_a_path_of_the_machine_it_was_written_on() -> None:
    assert findings(house.machine_path, tracked_text()) == []


def test_no_file_names_a_registry() -> None:
    assert findings(house.registry_host, tracked_text()) == []


def test_the_locks_hold_hashes_and_no_addresses() -> None:
    locks = [ROOT / "requirements.lock", ROOT / "package-lock.json"]
    assert findings(house.address_in_lock, locks) == []
    requirements, packages = (path.read_text(encoding="utf-8") for path in locks)
    pins = re.split(r"\n(?=\w)", requirements)
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []
    assert packages.count('"integrity"') == packages.count('"node_modules/')


def test_the_lock_has_every_dependency_that_the_project_names() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*settings["project"]["dependencies"], *settings["dependency-groups"]["dev"]]
    names = {re.split(r"[^\w.-]", wish)[0] for wish in wanted}
    locked = set(
        re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert names - locked == set(), "run `make lock`"


def test_every_decision_record_has_its_form() -> None:
    records = [path for path in (ROOT / "docs" / "adr").glob("*.md") if path.name != "README.md"]
    assert findings(house.poor_decision_record, records) == []


def test_every_exception_from_the_house_rules_is_still_needed_and_says_why() -> None:
    for path, reason in house.LONG_FILES.items():
        assert reason
        assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) > house.FILE_LINES_MAX, path
    for path, reason in house.FILE_READERS.items():
        assert reason
        assert (ROOT / path).is_file(), path
    for name, reason in house.LONG_FUNCTIONS.items():
        path, _, function = name.partition("::")
        lengths = house.function_lines((ROOT / path).read_text(encoding="utf-8"))
        assert reason
        assert any(found == function and lines > house.FUNCTION_LINES_MAX for found, lines in lengths), name
