"""Guides in the bank's files: what a slip in one is told, and what the sample teaches."""

from __future__ import annotations

import pytest

from openhall.network.loading import load
from openhall.network.sample import sample_bank, sample_files


def codes(old: bytes, new: bytes) -> set[tuple[str, str]]:
    """What is found wrong after one replacement in the guides."""
    files = sample_files()
    assert old in files["guides.toml"], "the sample has the line"
    files["guides.toml"] = files["guides.toml"].replace(old, new, 1)
    answer = load(files)
    return {(m.code, str(m.place.path)) for m in answer} if isinstance(answer, list) else set()


SLIPS = [
    (b'lesson = "lesson_atm"', b'lesson = "lesson_amt"', "unknown_reference", "no such lesson"),
    (b'needs = ["update_passbook"', b'needs = ["updated_passbook"', "unknown_reference", "no such need"),
    (b'id = "passbook"', b'id = "atm"', "duplicate", "two guides of one name"),
    (b'practice = "choice"', b'practice = "quiz"', "not_one_of", "no such practice"),
    (b'practice = "choice"', b'practice = "none"', "guide_practice", "choices that nobody sees"),
    (b'practice = "code"', b'practice = "choice"', "guide_practice", "nothing to choose from"),
    (b", is_right = true }", b" }", "guide_practice", "no right choice"),
]


@pytest.mark.parametrize(("old", "new", "code", "why"), SLIPS)
def test_a_slip_in_a_guide_is_named(old: bytes, new: bytes, code: str, why: str) -> None:
    assert code in {found for found, _ in codes(old, new)}, why


def test_the_sample_teaches_what_staff_record_as_lessons() -> None:
    bank = sample_bank()
    assert {g.lesson for g in bank.guides if g.lesson} == {lesson.code for lesson in bank.lessons}
    assert all(g.steps and g.instead.zh and g.safe.en for g in bank.guides)
