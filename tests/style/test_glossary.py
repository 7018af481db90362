"""Does docs/glossary.md hold each word once, and every public event and command of the rooms?"""

import importlib
import importlib.util
import pkgutil
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

import openhall
from openhall.kernel.event import Command, Event, Room
from tests.style import tables
from tests.style.house import ROOT

COLUMNS = ("term", "中文", "what it is", "not")
CLASS_NAME = re.compile(r"[A-Z][a-z]\w*")
"""A capital begins the name of an event or command: `Recall` is one, recall is the word for what it asks."""


def built_rooms() -> list[Room[Any]]:
    """The ROOM of every package of openhall whose `model` has one."""
    found: list[Room[Any]] = []
    for package in pkgutil.iter_modules(openhall.__path__, prefix="openhall."):
        if package.ispkg and importlib.util.find_spec(f"{package.name}.model"):
            model = importlib.import_module(f"{package.name}.model")
            if isinstance(room := getattr(model, "ROOM", None), Room):
                found.append(room)
    return found


def public_names(rooms: Iterable[Room[Any]]) -> set[str]:
    """Events and commands that a room takes or writes."""
    return {type_.__name__ for room in rooms for type_ in (*room.commands, *room.events)}


def repeated(terms: Iterable[str]) -> list[str]:
    """Words that are there more than once."""
    return sorted(term for term, count in Counter(terms).items() if count > 1)


def unexplained(terms: Iterable[str], names: Iterable[str]) -> list[str]:
    """Names that the glossary lacks."""
    return sorted(set(names) - set(terms))


def outlived(terms: Iterable[str], names: Iterable[str]) -> list[str]:
    """Names of classes in the glossary that no room has any longer."""
    return sorted({term for term in terms if CLASS_NAME.fullmatch(term)} - set(names))


@pytest.fixture
def rows() -> list[tuple[str, ...]]:
    return tables.rows((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), COLUMNS)


@pytest.fixture
def terms(rows: list[tuple[str, ...]]) -> list[str]:
    return [term for term, *_ in rows]


def test_each_word_is_in_the_glossary_once(terms: list[str]) -> None:
    assert repeated(terms) == []


def test_each_word_has_a_chinese_one_and_a_meaning(rows: list[tuple[str, ...]]) -> None:
    assert [term for term, chinese, meaning, _ in rows if not (term and chinese and meaning)] == []


def test_every_event_and_command_is_in_the_glossary(terms: list[str]) -> None:
    assert unexplained(terms, public_names(built_rooms())) == []


def test_the_glossary_has_no_event_or_command_that_is_gone(terms: list[str]) -> None:
    assert outlived(terms, public_names(built_rooms())) == []


def test_a_word_that_is_there_twice_is_found() -> None:
    assert repeated(["hold", "call", "hold", "Recall", "recall"]) == ["hold"]


def test_an_event_without_an_entry_and_an_entry_without_an_event_are_found() -> None:
    class TicketLost(Event, frozen=True):
        """Made up."""

    class FindTicket(Command, frozen=True):
        """Made up."""

    room = Room[None](
        name="made up",
        initial=lambda _: None,
        decide=lambda *_: [],
        apply=lambda *_: None,
        fork=lambda state: state,
        check=lambda _: [],
        commands=(FindTicket,),
        events=(TicketLost,),
        refusals={},
    )
    names = public_names([room])
    assert unexplained(["hold", "FindTicket"], names) == ["TicketLost"]
    assert outlived(["hold", "FindTicket", "TicketEaten"], names) == ["TicketEaten"]


def test_a_table_with_a_broken_row_is_found() -> None:
    with pytest.raises(ValueError, match="Expected 4 cells, got 3"):
        tables.rows(
            "| term | 中文 | what it is | not |\n|---|---|---|---|\n| hold | 保留 | steps out |", COLUMNS
        )
