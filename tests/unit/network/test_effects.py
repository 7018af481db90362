"""What a change does, in the domain's words: changes of the sample bank, and what is said of each."""

from __future__ import annotations

import pytest

from openhall.app.language import tell
from openhall.network.comparing import differences
from openhall.network.editing import AddItem, Change, MoveItem, PutFile, RemoveItem, SetValue, changed
from openhall.network.effect import Effect
from openhall.network.effect_rules import staffable
from openhall.network.effects import effects
from openhall.network.loading import load
from openhall.network.merging import merged
from openhall.network.model import Bank
from openhall.network.sample import sample_bank, sample_files
from tests.unit.network.small_bank import FILES

BANK = sample_bank()
FULL = "09:00-17:00"


def bank_after(*changes: Change, files: dict[str, bytes] | None = None) -> Bank:
    files = files or sample_files()
    for change in changes:
        found = changed(files, change)
        assert isinstance(found, dict), found
        files = found
    bank = load(files)
    assert isinstance(bank, Bank), [str(m) for m in bank]
    return bank


def said(*changes: Change) -> list[Effect]:
    return effects(BANK, bank_after(*changes))


def without(file: str, word: str) -> PutFile:
    """A file without its lines that hold a word."""
    lines = sample_files()[file].decode().splitlines(keepends=True)
    return PutFile(file, "".join(line for line in lines if word not in line))


ROWS: list[tuple[Change, str, bool, str]] = [
    (SetValue("bank.toml", "classes[1].head_start_minutes", "25"),
     "The head start of Green channel changes from 20 to 25 minutes: a customer without one can be overtaken"
     " by people of this class who come up to 25 minutes later.", True, "the bound grows"),
    (SetValue("bank.toml", "classes[1].head_start_minutes", "10"),
     "The head start of Green channel changes from 20 to 10 minutes: a customer without one can be overtaken"
     " by people of this class who come up to 10 minutes later.", False, "the bound shrinks"),
    (SetValue("bank.toml", "order.kind", "strict"),
     "Strict classes instead of head starts: nothing bounds the wait behind a class with a smaller rank any"
     " more.", True, "a bound is lost"),
    (SetValue("counters.csv", "services", ["cash", "pension", "business"], 2),
     "Orchid Bridge Branch: window 1 also serves Business customers.", False, "more at a window"),
    (SetValue("counters.csv", "services", ["cash"], 2),
     "Orchid Bridge Branch: window 1 no longer serves Pension and passbook.", True, "less at a window"),
    (SetValue("counters.csv", "services", ["pension", "cash"], 2),
     "Orchid Bridge Branch: window 1 has its services in another order.", False, "the order is no service"),
    (SetValue("counters.csv", "classes", ["green"], 2),
     "Orchid Bridge Branch: window 1 calls only Green channel.", True, "closed to others"),
    (RemoveItem("counters.csv", line=2),
     "Orchid Bridge Branch: window 1 is gone; it served Cash, Pension and passbook.", True, "a window less"),
    (AddItem("counters.csv", "", {"branch": "lanqiao", "id": "C9", "number": "9", "services": ["cash"]}),
     "Orchid Bridge Branch: window 9 is new; it serves Cash.", False, "a window more"),
    (SetValue("branches.toml", "branches[0].week", "mon-fri 09:00-16:00; sat 09:30-16:00"),
     "Orchid Bridge Branch, Monday, Tuesday, Wednesday, Thursday, Friday: 09:00-16:00 instead of"
     " 09:00-17:00.", True, "shorter days said once"),
    (SetValue("branches.toml", "branches[0].week", "mon-fri 09:00-17:00; sat-sun 09:30-16:00"),
     "Orchid Bridge Branch, Sunday: 09:30-16:00 instead of closed.", False, "a day more"),
    (AddItem("exceptions.csv", "", {"date": "2027-10-01", "reason": {"en": "Day", "zh": "日"}}),
     "Orchid Bridge Branch, Wutong Road Branch, Qingdu Square Branch, 2027-10-01: closed (Day).", True,
     "a holiday of all is one line"),
    (SetValue("people.csv", "skills", ["cash"], 4),
     "Orchid Bridge Branch: no longer trained for Pension and passbook: 周燕 Zhou Yan.", True,
     "a skill less"),
    (SetValue("people.csv", "skills", ["cash", "pension", "business"], 4),
     "Orchid Bridge Branch: now also trained for Business customers: 周燕 Zhou Yan.", False, "a skill more"),
    (AddItem("people.csv", "", {"id": "bo", "name": "Bo", "branch": "lanqiao", "posts": ["guard"]}),
     "Orchid Bridge Branch: new on the staff: Bo.", False, "somebody comes"),
    (without("people.csv", "tang-wei"),
     "Orchid Bridge Branch: no longer on the staff: 唐薇 Tang Wei.", True, "somebody goes"),
    (SetValue("bank.toml", "regimes[0].capacity.tickets_daily", "300"),
     "Normal operation: at most 300 tickets a day; there was no limit.", True, "a limit that was not there"),
    (SetValue("bank.toml", "regimes[0].entry.is_check_required", True),
     "Normal operation: nobody gets a ticket without a check at the door.", True, "a check for everybody"),
    (SetValue("branches.toml", "branches[0].tickets_daily", "250"),
     "Orchid Bridge Branch: at most 250 tickets a day; there was no limit.", True, "of one branch"),
    (AddItem("bank.toml", "periods", {"regime": "lockdown", "first": "2027-05-01", "last": "2027-05-03"}),
     "2027-05-01 to 2027-05-03: Lockdown (the whole bank).", False, "a period for all"),
    (SetValue("bank.toml", "services[0].letter", "Z"),
     "Ticket numbers of Cash begin with Z instead of A.", False, "other tickets"),
    (SetValue("bank.toml", "privacy.keep_days", "30"),
     "Personal data that comes from now on is kept 30 days instead of 14; what is there keeps its date.",
     True, "kept longer"),
    (MoveItem("bank.toml", "classes[1]", 1),
     "Classes: in another order: Ordinary, Front-line workers, Green channel.", True, "the order of classes"),
    (SetValue("bank.toml", "hold.window_minutes", "40"),
     "Stepping out and coming back › May stay away, minutes: 40 instead of 30.", False, "a plain value"),
    (SetValue("bank.toml", "hold.when_late", "lapse"),
     "Stepping out and coming back › Who comes back late: The ticket ends instead of A colleague must confirm"
     " it.", False, "choices in words"),
    (SetValue("bank.toml", "name.zh", "云行"),
     "Display name: Yunhan Bank / 云行 instead of Yunhan Bank / 云汉银行.", False, "a name, both languages"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence", "is_warning", "why"), ROWS, ids=[row[3] for row in ROWS])
def test_each_change_is_said_in_words(change: Change, sentence: str, is_warning: bool, why: str) -> None:
    found = {str(e.words): e for e in said(change)}
    assert sentence in found, why
    assert found[sentence].is_warning is is_warning, why


@pytest.mark.parametrize("row", ROWS, ids=[row[3] for row in ROWS])
def test_each_change_is_said_in_chinese_too(row: tuple[Change, str, bool, str]) -> None:
    for effect in said(row[0]):
        told = tell("zh", effect.words)
        assert any("\u4e00" <= c <= "\u9fff" for c in told)
        assert told != str(effect.words)


def test_nothing_is_said_of_nothing() -> None:
    assert effects(BANK, sample_bank()) == []
    assert differences(BANK, sample_bank()) == []


def test_every_difference_is_said() -> None:
    """Whatever of the model changes: a preview that keeps silent about something would be worse than none."""
    changes: list[Change] = [row[0] for row in ROWS]
    for change in changes:
        after = bank_after(change)
        assert bool(effects(BANK, after)) is bool(differences(BANK, after))
        assert differences(BANK, after)


def test_windows_that_nobody_could_open_are_counted() -> None:
    tellers = [p.id for p in BANK.people if p.branch == "lanqiao" and "teller" in p.posts]
    assert staffable(BANK, BANK.branches[0]) == 4
    left = bank_after(*(without_all("people.csv", tellers[3:])))
    assert staffable(left, left.branches[0]) == 3
    words = [str(e.words) for e in effects(BANK, left)]
    assert (
        "Orchid Bridge Branch: 3 of 4 windows can be staffed at once with everybody there; before"
        " it was 4 of 4." in words
    )


def without_all(file: str, words: list[str]) -> list[Change]:
    """A file, and those beside it that name the same people, without the lines that hold one of the words."""
    found: list[Change] = []
    for name in (file, "leaves.csv", "wishes.csv"):
        lines = sample_files()[name].decode().splitlines(keepends=True)
        kept = [line for line in lines if not any(word in line for word in words)]
        found.append(PutFile(name, "".join(kept)))
    return found


def test_what_takes_something_away_is_said_first() -> None:
    found = said(
        SetValue("bank.toml", "name.en", "Cloud Bank"),
        SetValue("counters.csv", "services", ["cash"], 2),
    )
    assert [e.is_warning for e in found] == [True, False]


# --- two people, one file -----------------------------------------------------------------------------------

LINES = b"one\ntwo\nthree\nfour\nfive\n"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected", "why"),
    [
        (LINES.replace(b"two", b"2"), LINES.replace(b"four", b"4"), b"one\n2\nthree\n4\nfive\n", "far apart"),
        (
            LINES.replace(b"two", b"2"),
            LINES.replace(b"three", b"3"),
            b"one\n2\n3\nfour\nfive\n",
            "neighbours",
        ),
        (
            LINES.replace(b"two", b"2"),
            LINES.replace(b"two", b"2"),
            b"one\n2\nthree\nfour\nfive\n",
            "the same",
        ),
        (LINES.replace(b"two", b"2"), LINES.replace(b"two", b"zwei"), None, "the same line"),
        (LINES + b"six\n", LINES + b"seven\n", None, "both at the end"),
        (LINES.replace(b"one\n", b""), LINES + b"six\n", b"two\nthree\nfour\nfive\nsix\n", "begin and end"),
    ],
)
def test_changes_of_two_people_meet_where_they_do_not_touch(
    ours: bytes, theirs: bytes, expected: bytes | None, why: str
) -> None:
    found, collisions = merged({"f": LINES}, {"f": ours}, {"f": theirs})
    assert (found["f"], collisions) == ((theirs, ["f"]) if expected is None else (expected, [])), why


def test_files_come_go_and_collide_as_wholes() -> None:
    assert merged({}, {"a": b"1"}, {"b": b"2"}) == ({"a": b"1", "b": b"2"}, [])
    assert merged({"a": b"1"}, {}, {"a": b"1"}) == ({}, [])
    assert merged({"a": b"1"}, {}, {"a": b"2"}) == ({"a": b"2"}, ["a"])


# --- mistakes in both languages -----------------------------------------------------------------------------


def test_the_small_bank_compares_with_itself() -> None:
    bank = load(FILES)
    assert isinstance(bank, Bank)
    assert effects(bank, bank) == []
