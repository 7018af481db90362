"""Does docs/capabilities.md name every capability once, and only pages and tests that exist?"""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.style import tables
from tests.style.house import ROOT

COUNTS = {"A": 10, "B": 5, "C": 18, "D": 7, "E": 8, "F": 8, "G": 8, "H": 4, "W": 25}
NUMBERS = {f"{letter}{n}" for letter, count in COUNTS.items() for n in range(1, count + 1)}
COLUMNS = ("number", "what it is", "explained in", "shown by")
PLANNED = "planned"
SCENARIOS = "tests/scenario/test_scenarios.py"


def wrong_numbers(rows: list[tuple[str, ...]]) -> list[str]:
    """Numbers that are missing, unknown, or there twice."""
    counted = Counter(number for number, *_ in rows)
    missing = [f"{number} is missing" for number in NUMBERS - counted.keys()]
    unknown = [f"{number} is not a capability" for number in counted.keys() - NUMBERS]
    twice = [f"{number} is there {count} times" for number, count in counted.items() if count > 1]
    return sorted(missing + unknown + twice)


def broken_claims(rows: list[tuple[str, ...]], root: Path) -> list[str]:
    """Rows without words, and pages and tests that do not exist."""
    findings: list[str] = []
    for number, words, pages, tests in rows:
        if not words:
            findings.append(f"{number}: no description")
        findings += [f"{number}: no page {page}" for page in claims(pages) if not (root / page).is_file()]
        findings += [f"{number}: no test {test}" for test in claims(tests) if not has_test(test, root)]
    return findings


def claims(cell: str) -> list[str]:
    """What a cell names: nothing when it says `planned`, an empty name (no file has it) when it is empty."""
    return [] if cell == PLANNED else [claim.strip() for claim in cell.split(",")]


def has_test(node: str, root: Path) -> bool:
    """Whether `file.py::test_name`, `file.py::TestClass::test_name` or either with `[case]` is written down.

    The case between brackets is not checked, only running the test knows its cases; but a case of the
    scenarios is a script, and that has to be there.
    """
    name_of_test, _, case = node.partition("[")
    file, *names = name_of_test.split("::")
    path = root / file
    if file == SCENARIOS and not (root / "tests" / "scenario" / f"{case.rstrip(']')}.txt").is_file():
        return False
    if not names or not path.is_file():
        return False
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    for name in names:
        found = [n for n in body if isinstance(n, DEFINITIONS) and n.name == name]
        if not found:
            return False
        body = found[0].body
    return names[-1].startswith("test_")


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@pytest.fixture
def rows() -> list[tuple[str, ...]]:
    return tables.rows((ROOT / "docs" / "capabilities.md").read_text(encoding="utf-8"), COLUMNS)


def test_every_capability_is_in_the_map_once(rows: list[tuple[str, ...]]) -> None:
    assert wrong_numbers(rows) == []


def test_every_page_and_test_that_the_map_names_exists(rows: list[tuple[str, ...]]) -> None:
    assert broken_claims(rows, ROOT) == []


def test_a_missing_a_double_and_an_unknown_number_are_found() -> None:
    rows = [(number, "words", PLANNED, PLANNED) for number in sorted(NUMBERS - {"C4"})]
    assert wrong_numbers([*rows, rows[0], ("Z9", "words", PLANNED, PLANNED)]) == [
        "A1 is there 2 times",
        "C4 is missing",
        "Z9 is not a capability",
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("A1", "", "planned", "planned"), "no words"),
        (("A1", "words", "docs/gone.md", "planned"), "a page that is not there"),
        (("A1", "words", "", "planned"), "neither a page nor planned"),
        (("A1", "words", "planned", "tests/test_gone.py::test_it"), "a file that is not there"),
        (("A1", "words", "planned", "tests/test_here.py"), "a file is no test"),
        (("A1", "words", "planned", "tests/test_here.py::test_gone"), "a function that is not there"),
        (("A1", "words", "planned", "tests/test_here.py::place"), "a function that is no test"),
        (("A1", "words", "planned", "tests/test_here.py::test_it, nothing"), "the second of two"),
    ],
)
def test_a_claim_without_ground_is_found(row: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    write_test_file(tmp_path)
    assert len(broken_claims([row], tmp_path)) == 1, reason


@pytest.mark.parametrize("node", ["test_it", "TestPlace::test_inside", "test_it[case]", "test_waiting"])
def test_a_claim_with_ground_passes(node: str, tmp_path: Path) -> None:
    write_test_file(tmp_path)
    assert broken_claims([("A1", "words", "planned", f"tests/test_here.py::{node}")], tmp_path) == []


def write_test_file(folder: Path) -> None:
    (folder / "tests").mkdir()
    (folder / "tests" / "test_here.py").write_text(
        "def test_it(): ...\n"
        "async def test_waiting(): ...\n"
        "def place(): ...\n"
        "class TestPlace:\n"
        "    def test_inside(self): ...\n"
    )
