"""May a bank write its own wordings, one of a kind, in both languages?"""

from __future__ import annotations

import pytest

from openhall.log.consents import consent_of, refuse_consent
from openhall.network.loading import load
from openhall.network.model import DEFAULT_CONSENTS, Bank, PrivacyPolicy
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


def test_for_a_kind_that_the_bank_left_out_ours_holds_so_that_nothing_is_taken_unasked() -> None:
    bank = loaded(OWN)
    assert isinstance(bank, Bank), bank
    own, *ours = bank.privacy.wordings
    assert own.text.zh == "仅用于今天。"
    assert {text.kind for text in ours} == {"notice", "appointment"}
    assert set(ours) < set(DEFAULT_CONSENTS)
    consent = consent_of(bank.privacy, "appointment")
    assert consent is not None
    refusal = refuse_consent(bank.privacy, "appointment", "")
    assert refusal is not None
    assert refusal.code == "consent_missing"
    assert refuse_consent(bank.privacy, "appointment", consent.version) is None
    assert consent_of(bank.privacy, "praise") is None, "given unasked"


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
