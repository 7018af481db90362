"""Every key of the model can be changed in the files, and nothing else changes with it."""

from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest

from openhall.kernel.refusal import Refusal
from openhall.network import schema
from openhall.network.editing import (
    AddItem,
    Change,
    MoveItem,
    PutFile,
    RemoveItem,
    SetValue,
    TakeRows,
    changed,
)
from openhall.network.loading import load
from openhall.network.mistakes import Mistake
from openhall.network.model import Bank
from openhall.network.outline import outline_of
from openhall.network.reading import tables
from openhall.network.sample import sample_files
from openhall.network.schema import Key
from openhall.network.toml_places import steps_of
from tests.unit.network.small_bank import FILES

SAMPLE = sample_files()


def after(files: dict[str, bytes], *changes: Change) -> dict[str, bytes]:
    for change in changes:
        found = changed(files, change)
        assert isinstance(found, dict), found
        files = found
    return files


def bank_of(files: dict[str, bytes]) -> Bank:
    found = load(files)
    assert isinstance(found, Bank), [str(m) for m in found]
    return found


def mistakes_of(files: dict[str, bytes]) -> list[Mistake]:
    found = load(files)
    assert isinstance(found, list)
    return found


# --- every key --------------------------------------------------------------------------------------------

ANY: dict[str, object] = {
    "text": "x1",
    "both": {"en": "Words", "zh": "文字"},
    "number": "1.5",
    "whole": "7",
    "truth": True,
    "date": "2027-03-01",
    "hours": "10:00-11:00",
    "week": "mon-fri 10:00-16:00",
    "reference": "somebody",
}


def anything(key: Key) -> Any:
    value = key.choices[-1] if key.kind == "choice" else ANY[key.kind]
    return [value] if key.is_list else value


def leaves() -> list[tuple[str, Key]]:
    """The path of every key of the model as it would stand in a TOML file, all lists with a first item."""
    found: list[tuple[str, Key]] = []

    def walk(path: str, key: Key, depth: int) -> None:
        here = f"{path}.{key.name}" if path else key.name
        if key.kind != "table":
            found.append((here, key))
            return
        assert key.table is not None
        assert depth < 6
        for inner in schema.keys_of(key.table):
            walk(f"{here}[0]" if key.is_list else here, inner, depth + 1)

    for key in schema.top_keys():
        walk("", key, 0)
    return found


LEAVES = leaves()


def skeleton(path: str) -> str:
    """A file in which the lists on the way to a path have an item, written as tables."""
    text, way = "", []
    for part in path.split(".")[:-1]:
        name, _, index = part.partition("[")
        way.append(name)
        text += f"[[{'.'.join(way)}]]  # kept\n" if index else f"[{'.'.join(way)}]  # kept\n"
    return text


def at(document: Any, path: str) -> Any:
    for step in steps_of(path):
        document = document[step]
    return document


@pytest.mark.parametrize(("path", "key"), LEAVES, ids=[path for path, _ in LEAVES])
def test_every_key_of_the_model_can_be_set_and_taken_away(path: str, key: Key) -> None:
    before = {"bank.toml": f"# first\n{skeleton(path)}".encode()}
    files = after(before, SetValue("bank.toml", path, anything(key)))
    text = files["bank.toml"].decode()
    written = at(tomllib.loads(text), path)
    about = [m for m in mistakes_of(files) if m.place.path.startswith(path) and m.place.file == "bank.toml"]
    wrong = {"wrong_type", "unknown_key", "not_one_of", "syntax"}
    assert not {m.code for m in about} & wrong, f"{written!r} is not of the kind"
    assert text.startswith("# first")
    assert text.count("# kept") == skeleton(path).count("# kept")
    gone = after(files, SetValue("bank.toml", path, None))
    assert tomllib.loads(gone["bank.toml"].decode()) == tomllib.loads(before["bank.toml"].decode())


COLUMNS = [(name, column) for name, table in tables().items() for column in table.columns]


@pytest.mark.parametrize(("name", "column"), COLUMNS, ids=[f"{n}.{c}" for n, c in COLUMNS])
def test_every_column_of_a_list_can_be_set(name: str, column: str) -> None:
    key = schema.column_key(name, column)
    assert key is not None
    rows = {f"{name}.csv": b"id,name\nfirst,One\nsecond,Two\n"}
    files = after(rows, SetValue(f"{name}.csv", column, anything(key), line=2))
    about = [m for m in mistakes_of(files) if m.place.path.startswith(column) and m.place.line == 2]
    assert not {m.code for m in about} & {"wrong_type", "not_one_of", "bad_format"}, about
    assert files[f"{name}.csv"].splitlines()[-1].startswith(b"second,Two"), "the other row stays as it is"


def test_a_key_that_is_typed_wrong_is_written_and_found_at_its_place() -> None:
    files = after(SAMPLE, SetValue("bank.toml", "classes[1].head_start_minutes", "twenty"))
    assert [(str(m.place), m.found) for m in mistakes_of(files)] == [
        ("bank.toml: classes[1].head_start_minutes", "'twenty'")
    ]


# --- nothing else -------------------------------------------------------------------------------------------

SAME: list[tuple[Change, str]] = [
    (SetValue("bank.toml", "classes[1].head_start_minutes", "20"), "a number as it is"),
    (SetValue("bank.toml", "name.zh", "云汉银行"), "one language of a text"),
    (SetValue("branches.toml", "branches[0].week", "mon-fri 09:00-17:00; sat 09:30-16:00"), "hours"),
]


@pytest.mark.parametrize(("change", "why"), SAME, ids=[why for _, why in SAME])
def test_what_is_set_to_what_it_is_stays_the_same_bank(change: Change, why: str) -> None:
    assert bank_of(after(SAMPLE, change)) == bank_of(SAMPLE), why


def test_comments_and_order_stay_when_a_value_is_changed() -> None:
    text = after(SAMPLE, SetValue("bank.toml", "classes[1].head_start_minutes", "25"))["bank.toml"].decode()
    before = SAMPLE["bank.toml"].decode()
    assert text == before.replace("head_start_minutes = 20", "head_start_minutes = 25", 1)


def test_a_policy_that_no_file_names_is_written_into_the_main_one() -> None:
    files = after(FILES, SetValue("bank.toml", "hold.window_minutes", "45"))
    assert bank_of(files).hold.window_minutes == 45
    assert files["bank.toml"].startswith(FILES["bank.toml"].rstrip())


def test_a_value_of_the_whole_bank_goes_before_the_first_table() -> None:
    files = after(FILES, SetValue("bank.toml", "holidays", "CN"))
    assert bank_of(files).holidays == "CN"


LISTS: list[tuple[tuple[Change, ...], str]] = [
    (
        (AddItem("branches.toml", "branches[0].counters", {"id": "C3", "number": 3, "services": ["cash"]}),),
        "a counter in a list within a table",
    ),
    (
        (
            AddItem(
                "bank.toml",
                "services[0].needs",
                {"code": "deposit", "name": {"en": "Pay in", "zh": "存款"}},
            ),
        ),
        "a need of a service",
    ),
    ((AddItem("bank.toml", "periods", {"regime": "normal", "first": "2027-05-01", "last": "2027-05-03"}),),
     "a period"),
    ((AddItem("bank.toml", "lessons", {"code": "l1", "name": {"en": "One", "zh": "一"}}),), "a new list"),
    ((AddItem("people.csv", "", {"id": "bo", "name": "Bo, B.", "branch": "north", "posts": ["guard"]}),),
     "a row with a comma in it"),
    ((RemoveItem("bank.toml", "periods[1]"),), "a period taken out"),
    ((AddItem("people.csv", "", {"id": "bo", "name": "B", "branch": "north", "posts": ["guard"]}),
      RemoveItem("people.csv", line=4)), "a row put in and taken out"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "why"), LISTS, ids=[why for _, why in LISTS])
def test_items_come_and_go(changes: tuple[Change, ...], why: str) -> None:
    bank = bank_of(after(FILES, *changes))
    is_back = len(changes) == 2
    assert (bank == bank_of(FILES)) is is_back, why


def test_an_order_that_matters_can_be_changed() -> None:
    files = after(SAMPLE, MoveItem("bank.toml", "classes[1]", 1))
    assert [c.code for c in bank_of(files).classes] == ["ordinary", "frontline", "green"]
    assert files["bank.toml"].count(b"#") == SAMPLE["bank.toml"].count(b"#")
    assert bank_of(after(files, MoveItem("bank.toml", "classes[2]", -1))) == bank_of(SAMPLE)


def test_windows_of_a_branch_change_places_also_in_a_file_of_all_branches() -> None:
    rows = {
        "counters.csv": b'branch,id,number,services\nn,C1,1,cash\ns,C1,1,cash\nn,C2,2,cash\n\nn,C3,3,"a\nb"\n'
    }
    files = after(rows, MoveItem("counters.csv", "", -1, line=6))
    assert files["counters.csv"] == (
        b'branch,id,number,services\nn,C1,1,cash\ns,C1,1,cash\nn,C3,3,"a\nb"\nn,C2,2,cash\n\n'
    )
    files = after(files, MoveItem("counters.csv", "", 1, line=2))
    assert files["counters.csv"] == (
        b'branch,id,number,services\nn,C3,3,"a\nb"\ns,C1,1,cash\nn,C1,1,cash\nn,C2,2,cash\n\n'
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (SetValue("bank.toml", "clases[0].code", "x"), "no such key"),
        (SetValue("bank.toml", "classes[9].code", "x"), "no such item"),
        (RemoveItem("people.csv", line=77), "no such row"),
        (SetValue("people.csv", "shoes", "43", line=2), "no such column"),
        (AddItem("bank.toml", "hold", {"window_minutes": 5}), "not a list"),
        (MoveItem("bank.toml", "classes[0]", -1), "before the first"),
        (MoveItem("counters.csv", "", -1, line=2), "before the first window of its branch"),
        (MoveItem("counters.csv", "", 1, line=5), "after the last window of its branch"),
        (MoveItem("counters.csv", "", 1, line=77), "no such row to move"),
        (TakeRows("visitors", "id\nbo\n"), "no such list"),
        (SetValue("visitors.csv", "id", "x", line=2), "no such file"),
    ],
)
def test_what_is_not_there_cannot_be_changed(change: Change, why: str) -> None:
    found = changed(SAMPLE, change)
    assert isinstance(found, Refusal), why
    assert found.code == "configuration_place_unknown", why


def test_a_file_that_cannot_be_read_can_only_be_put_anew() -> None:
    broken = after(SAMPLE, PutFile("bank.toml", "name = "))
    found = changed(broken, SetValue("bank.toml", "currency", "EUR"))
    assert isinstance(found, Refusal)
    assert found.code == "configuration_file_unreadable"
    assert bank_of(after(broken, PutFile("bank.toml", SAMPLE["bank.toml"].decode()))) == bank_of(SAMPLE)


def test_line_ends_and_the_mark_of_a_spreadsheet_stay() -> None:
    rows = {"people.csv": "\ufeffid,name\r\nmei,Mei\r\n\r\nlan,Lan\r\n".encode()}
    files = after(rows, SetValue("people.csv", "name", "Lan Li", line=4))
    assert files["people.csv"] == "\ufeffid,name\r\nmei,Mei\r\n\r\nlan,Lan Li\r\n".encode()


def test_an_outline_knows_where_everything_stands_and_whose_it_is() -> None:
    outline = outline_of(SAMPLE)
    window = next(item for item in outline.items("counters", "lanqiao") if item.id == "C2")
    assert str(window.place) == "counters.csv:3"
    assert window.branch == "lanqiao"
    assert {item.branch for item in outline.items("people", "wutong")} == {"wutong"}
    needs = outline_of(FILES).lists["counters"]
    assert [str(item.place) for item in needs] == [
        "branches.toml: branches[0].counters[0]",
        "branches.toml: branches[0].counters[1]",
    ]


def test_every_key_has_a_kind_that_an_editor_knows() -> None:
    kinds = {key.kind for table in schema.tables() for key in schema.keys_of(table)}
    assert kinds <= {*ANY, "choice", "table"}
    referring = {k.refers for t in schema.tables() for k in schema.keys_of(t) if k.kind == "reference"}
    assert referring <= {*msgspec.structs.asdict(bank_of(SAMPLE)), "needs"}


@pytest.mark.parametrize(
    "body",
    [b'services = "abc"\n', b"services = [1, 2]\n", b"services = {a = 1}\n", b"services = 5\nhold = [1]\n"],
)
@pytest.mark.parametrize(
    "change",
    [
        AddItem("bank.toml", "services", {"id": "cash"}),
        AddItem("bank.toml", "services[0].needs", {"code": "deposit"}),
        SetValue("bank.toml", "services[0].name.zh", "1"),
        SetValue("bank.toml", "hold.window_minutes", "1"),
        MoveItem("bank.toml", "services[0]", 1),
        RemoveItem("bank.toml", "services[0]"),
    ],
    ids=lambda change: f"{type(change).__name__} {change.path}",
)
def test_where_a_file_is_of_another_form_than_its_keys_a_change_is_made_or_refused_and_no_fault(
    body: bytes, change: Change
) -> None:
    found = changed({"bank.toml": body}, change)
    assert isinstance(found, dict) or found.code == "configuration_place_unknown"
