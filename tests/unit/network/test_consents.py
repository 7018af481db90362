"""May a bank write its own wordings, one of a kind, in both languages?"""

from __future__ import annotations

import pytest

from openhall.network.loading import load
from openhall.network.model import Bank, PrivacyPolicy
from tests.unit.network.small_bank import BANK, FILES

OWN = '[[privacy.consents]]\nkind = "contact"\ntext = { en = "For today only.", zh = "仅用于今天。" }\n'


def loaded(more: str) -> object:
    return load({**FILES, "bank.toml": f"{BANK}\n{more}".encode()})


def test_without_a_word_ours_hold_for_every_kind() -> None:
    bank = loaded("")
    assert isinstance(bank, Bank)
    assert {text.kind for text in bank.privacy.consents} == {"contact", "notice", "appointment"}
    assert bank.privacy == PrivacyPolicy()


def test_a_banks_own_words_take_the_place_of_ours() -> None:
    bank = loaded(OWN)
    assert isinstance(bank, Bank), bank
    assert [(text.kind, text.text.zh) for text in bank.privacy.consents] == [("contact", "仅用于今天。")]


@pytest.mark.parametrize(
    ("more", "code", "reason"),
    [
        (OWN + OWN, "duplicate", "two wordings of one kind"),
        (OWN.replace("contact", "diary"), "not_one_of", "a kind that there is not"),
        (OWN.replace(', zh = "仅用于今天。"', ""), "missing", "one language only"),
        (OWN.replace("For today only.", " "), "empty", "no words"),
    ],
)
def test_a_wording_that_says_nothing_for_sure_is_a_mistake(more: str, code: str, reason: str) -> None:
    found = loaded(more)
    assert isinstance(found, list), reason
    assert [mistake.code for mistake in found] == [code]
