"""Rows from a spreadsheet: what becomes of each is said before it counts, and nothing else is touched."""

from __future__ import annotations

import pytest

from openhall.kernel.refusal import Refusal
from openhall.network.loading import load
from openhall.network.mistakes import Mistake
from openhall.network.model import Bank
from openhall.network.rows import IDENTITY, Cell, RowChange, Taken, take, text_of
from openhall.network.sample import sample_files
from tests.unit.network.small_bank import FILES

SAMPLE = sample_files()
PEOPLE = SAMPLE["people.csv"].decode()
HEADER = PEOPLE.splitlines()[0]


def taken(text: str, name: str = "people", branch: str = "", files: dict[str, bytes] = SAMPLE) -> Taken:
    found = take(files, name, text, branch)
    assert isinstance(found, Taken), found
    return found


def bank_of(files: dict[str, bytes]) -> Bank:
    found = load(files)
    assert isinstance(found, Bank), [str(m) for m in found]
    return found


def only(found: Taken, *whats: str) -> list[RowChange]:
    return [row for row in found.rows if row.what in whats]


@pytest.mark.parametrize("files", [SAMPLE, FILES], ids=["rows in CSV", "tables in TOML"])
@pytest.mark.parametrize("name", sorted(set(IDENTITY) - {"branches"}))
def test_a_list_that_is_handed_back_as_it_is_changes_nothing(name: str, files: dict[str, bytes]) -> None:
    text = text_of(files, name)
    found = take(files, name, text)
    if len(text.splitlines()) == 1:
        assert isinstance(found, Refusal)
        assert found.code == "configuration_rows_empty"
        return
    assert isinstance(found, Taken)
    assert {row.what for row in found.rows} == {"same"}
    assert bank_of(found.files) == bank_of(files)


def test_each_row_is_new_changed_the_same_or_gone() -> None:
    lines = PEOPLE.splitlines()
    gone = next(line for line in lines if line.startswith("tang-wei"))
    text = PEOPLE.replace(gone + "\n", "").replace(
        "zhou-yan,周燕 Zhou Yan,lanqiao,cash pension", "zhou-yan,周燕 Zhou Yan,lanqiao,cash"
    )
    text += "bo,Bo,lanqiao,,guard\n"
    found = taken(text)
    (changed,), (new,), (left,) = only(found, "changed"), only(found, "new"), only(found, "gone")
    assert (changed.id, changed.cells) == ("zhou-yan", (Cell("skills", "cash pension", "cash"),))
    assert (new.id, new.name, new.line) == ("bo", "Bo", len(text.splitlines()))
    assert Cell("branch", "", "lanqiao") in new.cells
    assert (left.id, left.line) == ("tang-wei", 0)
    assert len(only(found, "same")) == len(lines) - 3
    assert {p.id for p in bank_of({**found.files, **without_leaves("tang-wei")}).people} >= {"bo", "zhou-yan"}


def without_leaves(person: str) -> dict[str, bytes]:
    return {
        name: "".join(
            line for line in SAMPLE[name].decode().splitlines(keepends=True) if person not in line
        ).encode()
        for name in ("leaves.csv", "wishes.csv")
    }


def test_cells_between_tabs_without_names_of_columns_are_taken_too() -> None:
    pasted = "bo\tBo\tnorth\tcash\tteller\n\t\t\t\nxi\tXi, X\tnorth\t\tguard\n"
    found = taken(pasted, files={})
    assert found.files["people.csv"].decode().splitlines()[1:] == [
        "bo,Bo,north,cash,teller",
        'xi,"Xi, X",north,,guard',
    ]
    assert [(row.line, row.id) for row in found.rows] == [(1, "bo"), (3, "xi")]


def test_a_column_that_is_not_handed_in_leaves_what_the_rows_have() -> None:
    found = taken("id,name\nzhou-yan,Zhou Y.\n")
    (changed,) = only(found, "changed")
    assert changed.cells == (Cell("name", "周燕 Zhou Yan", "Zhou Y."),)
    row = found.files["people.csv"].decode().splitlines()[1]
    assert row.startswith("zhou-yan,Zhou Y.,lanqiao,cash pension")


def test_an_empty_cell_and_the_default_are_the_same() -> None:
    assert {row.what for row in taken(PEOPLE.replace(",no", ",")).rows} == {"same"}
    assert {row.what for row in taken(PEOPLE.replace("cash pension", "cash  pension")).rows} == {"same"}


def test_of_a_branchs_list_the_other_branches_stay_as_they_are_to_the_byte() -> None:
    text = "id,number,services\nC1,1,cash pension\nC7,7,business\n"
    found = taken(text, "counters", "lanqiao")
    before, after = (f["counters.csv"].decode().splitlines(keepends=True) for f in (SAMPLE, found.files))
    assert [line for line in after if not line.startswith("lanqiao")] == [
        line for line in before if not line.startswith("lanqiao")
    ]
    assert [(row.id, row.what) for row in found.rows] == [
        ("C1", "same"),
        ("C7", "new"),
        ("C2", "gone"),
        ("C3", "gone"),
        ("C4", "gone"),
    ]
    assert {row.branch for row in found.rows} == {"lanqiao"}
    assert [line.split(",")[1] for line in after[1:3]] == ["C1", "C7"], "where the branch's rows stood"


def test_a_mistake_is_found_on_the_line_that_was_handed_in() -> None:
    lines = [line for line in PEOPLE.splitlines() if ",wutong," in line]
    wrong = lines[4].replace("cash", "cahs", 1)
    assert wrong != lines[4]
    text = "\n".join([HEADER, *lines[:4], wrong, *lines[5:]])
    found = taken(text, branch="wutong")
    mistakes = load(found.files)
    assert isinstance(mistakes, list)
    (mistake,) = [m for m in mistakes if m.place.path == "skills"]
    assert mistake.place.line is not None
    assert found.lines[mistake.place.line] == 6
    assert found.rows[4].line == 6


def test_what_no_column_takes_stays_to_be_found_as_a_mistake() -> None:
    codes = {
        m.code
        for text in (f"{HEADER}\nbo,Bo,lanqiao,cash,teller,,no,no,one too many\n", "id,shoes\nbo,43\n")
        for m in mistakes_of(taken(text).files)
    }
    assert codes >= {"too_many_cells", "unknown_column"}


def mistakes_of(files: dict[str, bytes]) -> list[Mistake]:
    found = load(files)
    assert isinstance(found, list)
    return found


def test_items_in_toml_move_into_the_lists_own_file() -> None:
    text = text_of(FILES, "counters")
    found = taken(text, "counters", files=FILES)
    assert b'"C1"' in FILES["branches.toml"]
    assert b'"C1"' not in found.files["branches.toml"]
    assert found.files["counters.csv"].decode().splitlines() == text.splitlines()
    assert bank_of(found.files) == bank_of(FILES)


@pytest.mark.parametrize(
    ("name", "text", "code", "why"),
    [
        ("people", "", "configuration_rows_empty", "nothing"),
        ("people", f"{HEADER}\n", "configuration_rows_empty", "names of columns alone: no list is emptied"),
        ("people", 'id,name\nbo,"Bo\n', "configuration_rows_unreadable", "a quotation mark that stays open"),
        ("money", "id\nbo\n", "configuration_place_unknown", "no such list"),
        ("branches", "id\nlanqiao\n", "configuration_rows_nested", "more in the file than a row can hold"),
    ],
)
def test_what_is_no_list_of_rows_is_refused(name: str, text: str, code: str, why: str) -> None:
    files = {
        **SAMPLE,
        "branches.toml": SAMPLE["branches.toml"].replace(
            b"[[branches]]", b"[[branches]]\nexceptions = []\ncounters = []", 1
        ),
    }
    found = take(files, name, text)
    assert isinstance(found, Refusal), why
    assert found.code == code, why
