"""Is a number found again however it was written, and is nothing else taken for one?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhall.log.contacts import FOUND_AT_MOST, contacts_in, normal


@pytest.mark.parametrize(
    ("written", "expected", "reason"),
    [
        ("13900000000", "13900000000", "as most write it"),
        ("139 0000 0000", "13900000000", "in groups"),
        ("139-0000-0000", "13900000000", "with strokes"),
        ("+86 139 0000 0000", "13900000000", "with the country"),
        ("0086 13900000000", "13900000000", "with the country, dialled"),
        ("(86)13900000000", "13900000000", "with the country, in brackets"),
        ("１３９００００００００", "13900000000", "as a Chinese keyboard writes it"),
        ("021 5555 0134", "2155550134", "a land line"),
        ("+86 21 5555 0134", "2155550134", "the same with the country"),
        ("+86 5555 0134", "55550134", "a short number with the country"),
        ("5555 0134", "55550134", "a land line from the same town"),
        ("86125555", "86125555", "a short number is not cut because it begins like a country"),
        ("Wang.GuiLan@Example.CN", "wang.guilan@example.cn", "an address"),
        ("", None, "nothing"),
        ("王桂兰", None, "a name"),
        ("12 3456", None, "too short for a number"),
        ("13900000000 13900000001", None, "two numbers are not one"),
        ("a@b", None, "no address"),
    ],
)
def test_one_form_of_a_contact(written: str, expected: str | None, reason: str) -> None:
    assert normal(written) == expected, reason


def test_every_contact_in_a_text_is_found_once() -> None:
    said = "请打 139 0000 0000 或 +86 13900000000, or write to li@example.cn; not 2026-11."
    assert set(contacts_in([said])) == {"13900000000", "li@example.cn"}


def test_no_more_are_taken_than_the_limit() -> None:
    assert len(contacts_in([f"1390000{n:04d}," for n in range(50)])) == FOUND_AT_MOST


@given(st.text(max_size=300))
def test_any_text_is_read_without_a_fault_and_its_forms_are_stable(text: str) -> None:
    for found in contacts_in([text]):
        assert normal(found) in {found, None}


@given(st.integers(10**10, 10**11 - 1).map(lambda n: str(n)).filter(lambda n: n[0] == "1"), st.data())
def test_spaces_and_strokes_change_nothing(number: str, data: st.DataObject) -> None:
    between = data.draw(st.lists(st.sampled_from(["", " ", "-"]), min_size=10, max_size=10))
    written = "".join(digit + gap for digit, gap in zip(number, [*between, ""], strict=True))
    assert normal(written) == number
