"""Is every mistake found, and said so that a person can put it right?"""

import msgspec
import pytest
from msgspec import inspect

from openhall.network import model
from openhall.network.hours import Hours
from openhall.network.limits import NUMBERS
from openhall.network.loading import load
from openhall.network.mistakes import Mistake
from openhall.network.model import Bank
from openhall.network.sample import sample_bank, sample_files
from tests.unit.network.small_bank import BANK, BRANCHES, FILES, PEOPLE, changed


def mistakes_of(files: dict[str, bytes]) -> list[Mistake]:
    found = load(files)
    assert isinstance(found, list), "Expected mistakes, got a bank"
    return found


def bank_of(files: dict[str, bytes]) -> Bank:
    found = load(files)
    assert isinstance(found, Bank), "\n".join(map(str, found))
    return found


# file, what stands there, what is written instead, code, place, suggestion, why it is a mistake
ONE_MISTAKE = [
    ("bank.toml", "currency =", "curency =", "unknown_key", "bank.toml: curency", "currency",
     "a key misspelt"),
    ("bank.toml", 'letter = "A"', "letter = A", "syntax", "bank.toml:16", "", "no TOML"),
    ("bank.toml", 'id = "cash"', 'id = "ca sh"', "bad_format", "bank.toml: services[0].id", "",
     "an id has no blank"),
    ("bank.toml", "CNY", "yuan", "bad_format", "bank.toml: currency", "", "no currency code"),
    ("bank.toml", 'letter = "A"', 'letter = "AB"', "bad_format", "bank.toml: services[0].letter", "",
     "two letters"),
    ("bank.toml", 'letter = "B"', 'letter = "A"', "duplicate", "bank.toml: services[1].letter", "",
     "numbers clash"),
    ("bank.toml", '"open_account"', '"withdraw_cash"', "duplicate", "bank.toml: services[1].needs[0].code",
     "", "needs are named without their service, so they are unique over the bank"),
    ("bank.toml", "mean_minutes = 5", 'mean_minutes = "5"', "wrong_type",
     "bank.toml: services[0].mean_minutes", "", "a text is no number in TOML"),
    ("bank.toml", "mean_minutes = 5", "mean_minutes = true", "wrong_type",
     "bank.toml: services[0].mean_minutes", "", "true is no number, though Python thinks so"),
    ("bank.toml", "mean_minutes = 5", "mean_minutes = nan", "out_of_range",
     "bank.toml: services[0].mean_minutes", "", "not a number is in no range"),
    ("bank.toml", "mean_minutes = 5", "", "missing", "bank.toml: services[0].mean_minutes", "", "left out"),
    ("bank.toml", '{ en = "Cash", zh = "现金" }', '{ en = "Cash" }', "missing",
     "bank.toml: services[0].name.zh", "", "one language only"),
    ("bank.toml", "现金", " ", "empty", "bank.toml: services[0].name.zh", "", "a blank text"),
    ("bank.toml", '{ en = "Cash", zh = "现金" }', '"Cash"', "wrong_type", "bank.toml: services[0].name", "",
     "a bilingual text is a table"),
    ("bank.toml", 'name = { en = "Withdraw cash", zh = "取现金" }', 'nam = { en = "W", zh = "取" }',
     "unknown_key", "bank.toml: services[0].needs[0].nam", "name", "deep inside"),
    ("bank.toml", "head_start_minutes = 20", "head_start_minutes = 121", "out_of_range",
     "bank.toml: classes[1].head_start_minutes", "", "the overtaking bound"),
    ("bank.toml", "head_start_minutes = 20", "head_start_minutes = 7.5", "wrong_type",
     "bank.toml: classes[1].head_start_minutes", "", "whole minutes"),
    ("bank.toml", 'code = "ordinary"', 'code = "ordinary"\nhead_start_minutes = 5', "first_class",
     "bank.toml: classes[0].head_start_minutes", "", "everybody would be ahead of everybody"),
    ("bank.toml", 'code = "ordinary"', 'code = "ordinary"\nneeds_confirmation = true', "first_class",
     "bank.toml: classes[0].needs_confirmation", "", "everybody would wait for a confirmation"),
    ("bank.toml", 'needs = ["withdraw_cash"]', 'needs = ["withdraw_csh"]', "unknown_reference",
     "bank.toml: triage[0].needs[0]", "withdraw_cash", "a need misspelt"),
    ("bank.toml", 'needs = ["withdraw_cash"]', "needs = []", "empty", "bank.toml: triage[0].needs", "",
     "a rule for nothing"),
    ("bank.toml", 'needs = ["withdraw_cash"]', 'needs = ["withdraw_cash", "withdraw_cash"]', "duplicate",
     "bank.toml: triage[0].needs[1]", "", "the same twice"),
    ("bank.toml", 'needs = ["withdraw_cash"]', 'needs = "withdraw_cash"', "wrong_type",
     "bank.toml: triage[0].needs", "", "no list"),
    ("bank.toml", 'channel = "atm"', 'channel = "moble"', "not_one_of", "bank.toml: triage[0].channel",
     "mobile", "no such channel"),
    ("bank.toml", "2_000_000", "0", "out_of_range", "bank.toml: triage[0].amount_at_most_minor", "",
     "a limit is positive"),
    ("bank.toml", "is_check_required = false", 'is_check_required = "no"', "wrong_type",
     "bank.toml: regimes[0].entry.is_check_required", "", "a text is no truth in TOML"),
    ("bank.toml", 'regime = "prevention"', 'regime = "preventoin"', "unknown_reference",
     "bank.toml: periods[0].regime", "prevention", "a regime misspelt"),
    ("bank.toml", "last = 2027-03-31", "last = 2027-01-17", "wrong_order", "bank.toml: periods[0].last", "",
     "ends before it begins"),
    ("bank.toml", "last = 2027-03-31", 'last = "31.3.2027"', "bad_format", "bank.toml: periods[0].last", "",
     "no date"),
    ("bank.toml", "last = 2027-03-31", "last = 2027-03-31T08:00:00", "bad_format",
     "bank.toml: periods[0].last", "", "a moment is no day"),
    ("bank.toml", 'branches = ["north"]', "", "overlap", "bank.toml: periods[1]", "",
     "two regimes for everybody"),
    ("bank.toml", 'branches = ["north"]', 'branches = ["nord"]', "unknown_reference",
     "bank.toml: periods[1].branches[0]", "north", "a branch misspelt"),
    ("bank.toml", "[[triage]]", "[call]\ngrace_seconds_flagged = 30\n[[triage]]", "wrong_order",
     "bank.toml: call.grace_seconds_flagged", "", "less time for whoever needs more"),
    ("bank.toml", "[[triage]]", '[order]\nkind = "lottery"\n[[triage]]', "not_one_of",
     "bank.toml: order.kind", "", "no such order"),
    ("bank.toml", "[[triage]]", "[privacy]\nkeep_days = 365\n[[triage]]", "out_of_range",
     "bank.toml: privacy.keep_days", "", "personal data is not for keeping"),
    ("bank.toml", "[[triage]]", "[[tiage]]", "unknown_key", "bank.toml: tiage", "triage",
     "a list misspelt"),
    ("branches.toml", "Asia/Shanghai", "Asia/Shangai", "unknown_timezone",
     "branches.toml: branches[0].timezone", "Asia/Shanghai", "no such zone"),
    ("branches.toml", "Asia/Shanghai", "Asia", "unknown_timezone", "branches.toml: branches[0].timezone",
     "Asia/Oral", "a folder of zones"),
    ("branches.toml", "09:00-17:00", "17:00-09:00", "wrong_order", "branches.toml: branches[0].week", "",
     "closes before it opens"),
    ("branches.toml", "09:00-17:00", "9 to 5", "bad_format", "branches.toml: branches[0].week", "",
     "no hours"),
    ("branches.toml", "09:00-17:00", "09:00-24:30", "bad_format", "branches.toml: branches[0].week", "",
     "a day has 24 hours"),
    ("branches.toml", "mon-fri", "monday", "bad_format", "branches.toml: branches[0].week", "",
     "no such day"),
    ("branches.toml", "sat 09", "fri 09", "given_twice", "branches.toml: branches[0].week", "",
     "Friday twice"),
    ("branches.toml", "number = 2", "number = 1", "duplicate",
     "branches.toml: branches[0].counters[1].number", "", "two windows of one number"),
    ("branches.toml", 'id = "C2"', 'id = "C1"', "duplicate", "branches.toml: branches[0].counters[1].id",
     "", "two counters of one id"),
    ("branches.toml", 'services = ["cash"]', "services = []", "empty",
     "branches.toml: branches[0].counters[1].services", "", "a counter for nothing"),
    ("branches.toml", 'services = ["cash"]', 'services = ["cahs"]', "unknown_reference",
     "branches.toml: branches[0].counters[1].services[0]", "cash", "a service misspelt"),
    ("branches.toml", 'classes = ["green"]', 'classes = ["gren"]', "unknown_reference",
     "branches.toml: branches[0].counters[1].classes[0]", "green", "a class misspelt"),
    ("branches.toml", '["cash", "accounts"]', '["accounts"]', "no_counter", "branches.toml: branches[0]",
     "", "ordinary customers with cash business would wait for ever behind a green counter"),
    ("branches.toml", '["cash", "accounts"]', '["cash"]', "no_counter", "bank.toml: services[1]", "",
     "a service that is nowhere"),
    ("branches.toml", "date = 2027-01-01", "date = 2027-02-30", "syntax", "branches.toml:11", "",
     "no such day"),
    ("branches.toml", "]\nexceptions", ", [1]]\nexceptions", "syntax", "branches.toml:10", "",
     "a stray comma"),
    ("people.csv", "teller", "teler", "not_one_of", "people.csv:2: posts", "teller", "a post misspelt"),
    ("people.csv", "mei,Mei", "lan,Mei", "duplicate", "people.csv:3: id", "", "two people of one id"),
    ("people.csv", "Lan,north", "Lan,nrth", "unknown_reference", "people.csv:3: branch", "north",
     "a branch misspelt"),
    ("people.csv", "cash accounts", "cash acounts", "unknown_reference", "people.csv:2: skills", "accounts",
     "a skill misspelt"),
    ("people.csv", "cash accounts", "cash", "no_teller", "branches.toml: branches[0]", "",
     "nobody could serve accounts"),
    ("people.csv", "cash accounts", "", "empty", "people.csv:2: skills", "", "a teller who serves nothing"),
    ("people.csv", "lobby manager", "manager", "no_lobby_manager", "branches.toml: branches[0]", "",
     "nobody at the door of the hall"),
    ("people.csv", "lobby manager", "", "empty", "people.csv:3: posts", "", "somebody without a post"),
    ("people.csv", "lan,Lan", "lan,", "missing", "people.csv:3: name", "", "somebody without a name"),
    ("people.csv", "id,name", "id,nme", "missing", "people.csv:1", "", "said once, not in every row"),
    ("people.csv", "lobby manager", "lobby,manager", "too_many_cells", "people.csv:3", "",
     "a comma where a blank belongs"),
    ("people.csv", "posts", "posts,posts", "given_twice", "people.csv:1", "", "a column twice"),
    ("people.csv", "Mei", '"Mei', "syntax", "people.csv", "", "a quote without an end"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "place", "suggestion", "why"),
    ONE_MISTAKE,
    ids=[f"{row[3]}: {row[6]}" for row in ONE_MISTAKE],
)
def test_each_mistake_is_named_with_its_place(
    file: str, old: str, new: str, code: str, place: str, suggestion: str, why: str
) -> None:
    found = mistakes_of(changed(file, old, new))
    assert (code, place, suggestion) in [(m.code, str(m.place), m.suggestion) for m in found], why
    assert all(m.expected and m.found for m in found)


CONSEQUENCES = {"missing", "unknown_column", "unknown_key"}


@pytest.mark.parametrize("row", ONE_MISTAKE, ids=[f"{row[3]}: {row[6]}" for row in ONE_MISTAKE])
def test_one_slip_is_one_line(row: tuple[str, str, str, str, str, str, str]) -> None:
    """A misspelt key is also a missing one; nothing else may follow from a slip."""
    file, old, new, code, *_ = row
    others = {m.code for m in mistakes_of(changed(file, old, new))} - {code}
    assert others <= CONSEQUENCES


def test_the_small_bank_is_sound() -> None:
    bank = bank_of(FILES)
    assert bank.branches[0].week[5] == Hours(570, 720)
    assert bank.branches[0].week[6] is None
    assert bank.branches[0].exceptions[0].hours is None
    assert bank.people[1].skills == ()


def test_ten_mistakes_are_ten_lines() -> None:
    bank = BANK.replace("CNY", "yuan").replace("head_start_minutes = 20", "head_start_minutes = 500")
    bank = bank.replace('channel = "atm"', 'channel = "amt"').replace(
        "last = 2027-03-31", "last = 2026-01-01"
    )
    bank = bank.replace('letter = "B"', 'letter = "A"').replace('["withdraw_cash"]', '["withdrawal"]')
    branches = BRANCHES.replace("Shanghai", "Shangai").replace("number = 2", "number = 1")
    people = PEOPLE.replace("mei,Mei", "lan,Mei").replace("lobby manager", "loby manager")
    found = mistakes_of(
        {"bank.toml": bank.encode(), "branches.toml": branches.encode(), "people.csv": people.encode()}
    )
    assert {str(m.place) for m in found} == {
        "bank.toml: currency",
        "bank.toml: classes[1].head_start_minutes",
        "bank.toml: services[1].letter",
        "bank.toml: triage[0].channel",
        "bank.toml: triage[0].needs[0]",
        "bank.toml: periods[0].last",
        "branches.toml: branches[0].timezone",
        "branches.toml: branches[0].counters[1].number",
        "people.csv:3: id",
        "people.csv:3: posts",
    }
    assert len(found) == 10


def test_a_mistake_reads_as_a_sentence() -> None:
    found = mistakes_of(changed("bank.toml", 'channel = "atm"', 'channel = "amt"'))
    assert [str(m) for m in found] == [
        "bank.toml: triage[0].channel: expected one of another_day, atm, branch, cloud, mobile, phone,"
        " found 'amt' (did you mean 'atm'?)"
    ]


def test_an_empty_folder_lists_everything_a_bank_needs() -> None:
    assert {m.place.path for m in mistakes_of({})} == {
        "name", "currency", "branches", "services", "classes", "people", "regimes",
    }  # fmt: skip


def test_a_file_that_cannot_be_read_is_the_only_thing_reported() -> None:
    """What it would have held is not called missing."""
    found = mistakes_of({**FILES, "people.csv": "编号,姓名\n".encode("gb18030")})
    assert [(m.code, str(m.place)) for m in found] == [("encoding", "people.csv:1")]
    assert "CSV UTF-8" in found[0].expected


def test_a_misnamed_csv_file_is_noticed() -> None:
    files = {**FILES, "persons.csv": b"", "peple.csv": PEOPLE.encode()}
    assert [m.suggestion for m in mistakes_of(files)] == ["people.csv", "people.csv"]


def test_other_files_in_the_folder_do_not_matter() -> None:
    assert bank_of({**FILES, "README.md": b"\xff", "openhall.key": b"secret"}) == bank_of(FILES)


def test_one_file_and_many_files_make_the_same_bank() -> None:
    people = """
[[people]]
id = "mei"
name = "Mei"
branch = "north"
skills = ["cash", "accounts"]
posts = ["teller"]

[[people]]
id = "lan"
name = "Lan"
branch = "north"
skills = []
posts = ["lobby", "manager"]
"""
    assert bank_of({"bank.toml": (BANK + BRANCHES + people).encode()}) == bank_of(FILES)


def test_long_lists_as_csv_make_the_same_bank() -> None:
    csv = {
        "bank.toml": BANK,
        "branches.csv": "\ufeffid,name_en,name_zh,address_en,address_zh,timezone,week,tickets_daily\r\n"
        "north,North,北区支行,1 North Street,北街1号,Asia/Shanghai,"
        "mon-fri 09:00-17:00; sat 09:30-12:00,\r\n",
        "counters.csv": "branch,id,number,services,classes,is_elastic\n"
        "north,C1,1,cash accounts,,no\n\nnorth,C2,2,cash,green,yes\n",
        "exceptions.csv": "branch,date,hours,reason_en,reason_zh\nnorth,2027-01-01,,New Year,元旦\n",
        "people.csv": PEOPLE,
    }
    assert bank_of({name: text.encode() for name, text in csv.items()}) == bank_of(FILES)


def test_a_branch_overrules_the_holidays_of_the_whole_bank() -> None:
    rows = (
        "branch,date,hours,reason_en,reason_zh\n,2027-01-01,,Bank,全行\n,2027-01-02,10:00-12:00,Bank,全行\n"
    )
    north = bank_of({**FILES, "exceptions.csv": rows.encode()}).branches[0]
    assert [(str(e.date), e.reason.en, e.hours) for e in north.exceptions] == [
        ("2027-01-01", "New Year", None),
        ("2027-01-02", "Bank", Hours(600, 720)),
    ]


def test_a_key_given_in_two_files_is_a_mistake() -> None:
    found = mistakes_of({**FILES, "more.toml": b'currency = "EUR"'})
    assert [(m.code, str(m.place), m.found) for m in found] == [
        ("given_twice", "more.toml: currency", "also in bank.toml: currency")
    ]


def test_a_counter_of_an_unknown_branch_is_named_by_its_line() -> None:
    rows = b"branch,id,number,services\nnorth,C3,3,cash\nnroth,C4,4,cash\n"
    found = mistakes_of({**FILES, "counters.csv": rows})
    assert [(str(m.place), m.suggestion) for m in found] == [("counters.csv:3: branch", "north")]


def test_a_branch_without_counters_is_a_mistake() -> None:
    start, end = BRANCHES.index("counters"), BRANCHES.index("exceptions")
    found = mistakes_of({**FILES, "branches.toml": (BRANCHES[:start] + BRANCHES[end:]).encode()})
    assert [m.code for m in found] == ["no_counter"]


def test_a_cell_over_several_lines_keeps_the_count_of_lines() -> None:
    people = PEOPLE.replace("Mei", '"Mei\nof the first window"').replace("lobby manager", "loby")
    assert str(mistakes_of({**FILES, "people.csv": people.encode()})[0].place) == "people.csv:4: posts"


def test_every_number_of_the_bank_has_limits() -> None:
    """A limit on everything: a new field without one fails here, not in a branch."""
    kinds = [k for k in vars(model).values() if isinstance(k, type) and issubclass(k, msgspec.Struct)]
    written_as_text = {Hours}
    for kind in set(kinds) - written_as_text:
        info = inspect.type_info(kind)
        assert isinstance(info, inspect.StructType)
        for field in info.fields:
            types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
            if any(isinstance(t, (inspect.IntType, inspect.FloatType)) for t in types):
                assert (kind, field.name) in NUMBERS


def test_defaults_are_within_their_limits() -> None:
    for (kind, name), limits in NUMBERS.items():
        info = inspect.type_info(kind)
        assert isinstance(info, inspect.StructType)
        default = next(f.default for f in info.fields if f.name == name)
        held = default if isinstance(default, tuple) else (default,)
        assert all(v is msgspec.NODEFAULT or v is None or limits.holds(v) for v in held), name


def test_the_sample_bank_has_three_branches_of_different_size() -> None:
    bank = bank_of(sample_files())
    assert bank == sample_bank()
    assert [len(branch.counters) for branch in bank.branches] == [4, 8, 14]
    assert [service.letter for service in bank.services] == ["A", "B", "P", "C"]


def test_each_need_of_the_cloud_branch_is_offered_to_it() -> None:
    cloud = next(rule for rule in sample_bank().triage if rule.channel == "cloud")
    assert {"reset_password", "transfer_large_value", "open_time_deposit"} <= set(cloud.needs)
