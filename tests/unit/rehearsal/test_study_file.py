"""Is every mistake of a study file found, and said so that a person can put it right?"""

import re
from pathlib import Path

import msgspec
import pytest

from openhall.network.mistakes import Mistake
from openhall.network.sample import sample_files
from openhall.rehearsal.study import model
from openhall.rehearsal.study.examples import NAMES, example
from openhall.rehearsal.study.planning import plan_of
from openhall.rehearsal.study.reading import StudyInvalid, StudyUnreadable, read_study

INVENTED = """
name = "small"
seed = 7
[network]
branches = 3
customers = 40
hours = "09:00-12:00"
[[services]]
id = "cash"
share = 1.0
minutes = 5
[[classes]]
code = "ordinary"
share = 0.6
[[classes]]
code = "green"
share = 0.4
head_start_minutes = 20
[[policy]]
name = "as it is"
open = [0.5, 1.0]
[[policy]]
name = "more"
extra = [{ counters = 1, hours = "10:00-11:00" }]
[precision]
half_width = 1.0
"""

OF_A_BANK = """
name = "the bank"
[network]
bank = "bank"
day = 2026-12-15
customers_of = { lanqiao = 90 }
[[policy]]
name = "as it is"
[precision]
relative = 0.1
"""

# what stands there, what is written instead, code, key path, suggestion, why it is a mistake
ONE_MISTAKE = [
    ("seed = 7", "sead = 7", "unknown_key", "sead", "seed", "a key misspelt"),
    ("customers = 40", "custommers = 40", "unknown_key", "network.custommers", "customers", "in a table"),
    ("seed = 7", "seed = ", "syntax", "", "", "no TOML"),
    ("seed = 7", "seed = 4294967296", "out_of_range", "seed", "", "the engine's key has 32 bits"),
    ("seed = 7", "seed = 1.5", "wrong_type", "seed", "", "whole numbers only"),
    ("seed = 7", "seed = true", "wrong_type", "seed", "", "true is no number, though Python thinks so"),
    ('name = "small"', "", "missing", "name", "", "results need a title"),
    ('name = "small"', 'name = ""', "empty", "name", "", "an empty title"),
    ('name = "small"', "name = 3", "wrong_type", "name", "", "a number is no name"),
    ("branches = 3", "branches = 16001", "out_of_range", "network.branches", "", "the bound"),
    ("branches = 3", "branches = 0", "out_of_range", "network.branches", "", "nothing to study"),
    ("branches = 3", "", "missing", "network.branches", "", "neither a bank nor branches"),
    ("branches = 3", 'branches = 3\nday = "2026-12-15"', "not_both", "network.day", "", "no calendar"),
    ('hours = "09:00-12:00"', "", "missing", "network.hours", "", "invented branches need hours"),
    ("09:00-12:00", "9 to 12", "bad_format", "network.hours", "", "not the form"),
    ("09:00-12:00", "12:00-09:00", "wrong_order", "network.hours", "", "closes before it opens"),
    ("09:00-12:00", "09:00-25:00", "wrong_order", "network.hours", "", "no such hour"),
    ("customers = 40", "customers = 40\narrival_profile = [0, 0]", "bad_sum", "network.arrival_profile", "",
     "nobody comes"),
    ("customers = 40", "customers = 40\narrival_profile = []", "wrong_length", "network.arrival_profile", "",
     "an empty profile"),
    ("customers = 40", "customers = 40\narrival_profile = 1", "wrong_type", "network.arrival_profile", "",
     "a number is no list"),
    ("customers = 40", 'customers = 40\nbank = "nowhere"', "no_folder", "network.bank", "", "no such folder"),
    ("customers = 40", "customers = 19_000\ncustomers_spread = 1.0\ncustomers_per_counter = 900", "too_many",
     "network.customers", "", "the largest is over the bound"),
    ("customers = 40", "customers = 4_000", "too_many", "network.customers_per_counter", "",
     "more counters than the engine has bits"),
    ("share = 1.0", "share = 0.9", "bad_sum", "services", "", "a tenth is missing"),
    ("minutes = 5", "", "missing", "services[0].minutes", "", "no bank says how long"),
    ("minutes = 5", "minutes = nan", "out_of_range", "services[0].minutes", "", "not a number"),
    ('code = "green"', 'code = "ordinary"', "duplicate", "classes[1].code", "", "twice"),
    ("share = 0.6", "share = 0.7", "bad_sum", "classes", "", "over 1"),
    ("share = 0.6", "share = 1.6", "out_of_range", "classes[0].share", "", "a share"),
    ('name = "more"', 'name = "as it is"', "duplicate", "policy[1].name", "", "columns clash"),
    ('name = "more"', 'name = "more"\norder = "fair"', "not_one_of", "policy[1].order", "", "no such order"),
    ('name = "more"', 'name = "more"\nhead_start_minutes = { grean = 5 }', "unknown_id",
     "policy[1].head_start_minutes.grean", "green", "no such class"),
    ('name = "more"', 'name = "more"\ndivert_above = 5\ndivert_above_per_counter = 2', "not_both",
     "policy[1].divert_above_per_counter", "", "which of them"),
    ("10:00-11:00", "11:00-10:00", "wrong_order", "policy[1].extra[0].hours", "", "ends before it begins"),
    ("counters = 1", "counters = 0", "out_of_range", "policy[1].extra[0].counters", "", "no extra"),
    ("open = [0.5, 1.0]", "open = [0.5, 1.5]", "out_of_range", "policy[0].open[1]", "", "over all counters"),
    ("half_width = 1.0", "half_width = 0", "out_of_range", "precision.half_width", "", "for ever"),
    ("half_width = 1.0", "", "missing", "precision.half_width", "", "how precise"),
    ("half_width = 1.0", "half_width = 1.0\nrelative = 0.1", "not_both", "precision.relative", "", "which"),
    ("half_width = 1.0", 'half_width = 1.0\nmetric = "wait"', "not_one_of", "precision.metric", "",
     "no such metric"),
    ("half_width = 1.0", "half_width = 1.0\nminimum = 400", "wrong_order", "precision.minimum", "",
     "above the maximum"),
    ("[precision]", "[customers]\nno_show_share = 0.6\nhold_share = 0.6\n[precision]", "bad_sum", "customers",
     "", "more than all"),
    ("[precision]", "[outputs]\ncharts = 1\n[precision]", "wrong_type", "outputs.charts", "", "yes or no"),
]  # fmt: skip

ONE_MISTAKE_OF_A_BANK = [
    ("day = 2026-12-15", "", "missing", "network.day", "which hours"),
    ("day = 2026-12-15", 'day = "2026-02-30"', "bad_format", "network.day", "no such day"),
    ("lanqiao", "nowhere", "unknown_id", "network.customers_of.nowhere", "no such branch"),
    ("day = 2026-12-15", "day = 2026-12-15\nbranches = 3", "not_both", "network.branches", "invented too"),
    ("[precision]", '[[services]]\nid = "loans"\nshare = 1.0\n[precision]', "unknown_id", "services[0].id",
     "not at this bank"),
    ("[precision]", '[[classes]]\ncode = "vip"\nshare = 1.0\n[precision]', "unknown_id", "classes[0].code",
     "not at this bank"),
]  # fmt: skip


def mistakes_of(path: Path) -> tuple[Mistake, ...]:
    with pytest.raises(StudyInvalid) as caught:
        plan_of(*read_study(path), file=path.name)
    return caught.value.mistakes


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """A file beside a bank's folder."""
    (tmp_path / "bank").mkdir()
    for name, body in sample_files().items():
        (tmp_path / "bank" / name).write_bytes(body)
    return tmp_path / "study.toml"


@pytest.mark.parametrize(("old", "new", "code", "path", "suggestion", "reason"), ONE_MISTAKE)
def test_one_mistake_is_found_with_its_place(
    study_file: Path, old: str, new: str, code: str, path: str, suggestion: str, reason: str
) -> None:
    assert old in INVENTED
    study_file.write_text(INVENTED.replace(old, new, 1), encoding="utf-8")
    found = [(m.code, m.place.path, m.suggestion) for m in mistakes_of(study_file)]
    assert (code, path, suggestion) in found, reason


@pytest.mark.parametrize(("old", "new", "code", "path", "reason"), ONE_MISTAKE_OF_A_BANK)
def test_one_mistake_about_a_bank_is_found_with_its_place(
    study_file: Path, old: str, new: str, code: str, path: str, reason: str
) -> None:
    assert old in OF_A_BANK
    study_file.write_text(OF_A_BANK.replace(old, new, 1), encoding="utf-8")
    assert (code, path) in [(m.code, m.place.path) for m in mistakes_of(study_file)], reason


def test_all_mistakes_are_found_at_once(study_file: Path) -> None:
    text = INVENTED.replace("seed", "sead").replace("share = 1.0", "share = 0.9").replace("0.5, 1.0", "2")
    study_file.write_text(text.replace("half_width = 1.0", ""), encoding="utf-8")
    codes = [m.code for m in mistakes_of(study_file)]
    assert sorted(codes) == ["bad_sum", "missing", "out_of_range", "unknown_key"]


def test_a_mistake_in_the_banks_own_files_is_named_with_its_file(study_file: Path) -> None:
    study_file.write_text(OF_A_BANK, encoding="utf-8")
    bank = study_file.parent / "bank" / "bank.toml"
    bank.write_text(bank.read_text(encoding="utf-8").replace("currency", "curency"), encoding="utf-8")
    assert "bank/bank.toml" in {m.place.file for m in mistakes_of(study_file)}


def test_a_file_that_is_no_text_and_one_that_is_not_there(study_file: Path) -> None:
    study_file.write_bytes(b'name = "\xff"')
    assert [m.code for m in mistakes_of(study_file)] == ["encoding"]
    with pytest.raises(StudyUnreadable):
        read_study(study_file.with_name("none.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_each_example_can_be_planned(name: str, study_file: Path) -> None:
    study_file.write_bytes(example(name))
    study, bank = read_study(study_file)
    assert plan_of(study, bank, file="study.toml").plan.branch_count == study.network.branches


def test_what_is_studied_of_a_bank_is_what_is_configured(study_file: Path) -> None:
    study_file.write_text(OF_A_BANK, encoding="utf-8")
    study, bank = read_study(study_file)
    assert bank is not None
    planned = plan_of(study, bank, file="study.toml")
    assert planned.branches == tuple(b.id for b in bank.branches)
    assert planned.counters == tuple(len(b.counters) for b in bank.branches)
    assert planned.ordinary[0] == 90.0
    assert planned.ordinary[1] == 25.0 * planned.counters[1]


def test_branches_that_are_closed_on_the_day_are_left_out(study_file: Path) -> None:
    # Only two of the three branches open on Sundays.
    study_file.write_text(OF_A_BANK.replace("2026-12-15", "2026-12-20"), encoding="utf-8")
    study, bank = read_study(study_file)
    planned = plan_of(study, bank, file="study.toml")
    assert planned.left_out == ("lanqiao",)
    assert len(planned.branches) == 2


TABLES = {"network", "policy", "services", "classes", "customers", "precision", "outputs"}
STRUCTS = [
    kind for kind in vars(model).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_key_is_explained(struct: type[msgspec.Struct]) -> None:
    """The reference is made of these."""
    for name in set(struct.__struct_fields__) - (TABLES if struct is model.Study else set()):
        assert re.search(rf"^ *(\w+, )*{name}(, \w+)* : ", struct.__doc__ or "", re.MULTILINE), name
