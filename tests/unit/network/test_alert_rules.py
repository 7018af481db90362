"""Is a mistake in the alerts found, and does the most specific rule hold?"""

from __future__ import annotations

import pytest

from openhall.network.alerts import DEFAULT_RULES, AlertPolicy, AlertRule
from openhall.network.loading import load
from openhall.network.mistakes import Mistake
from openhall.network.model import Bank
from openhall.network.sample import sample_bank
from tests.unit.network.small_bank import FILES

RULE = """
[alerts]
[[alerts.rules]]
kind = "wait_over_limit"
yellow = 10
orange = 20
red = 30
"""
RECIPIENTS = """
[alerts]
[[alerts.recipients]]
id = "hall"
channels = ["staff", "email"]
roles = ["lobby"]
mailboxes = ["hall@bank.example"]
"""


def loaded(text: str) -> Bank | list[Mistake]:
    return load(FILES | {"alerts.toml": text.encode()})


# what stands there, what is written in its place, code, place in alerts.toml, why it is a mistake
MISTAKES: list[tuple[str, str, str, str, str]] = [
    ("yellow = 10", "yellow = 20", "wrong_order", "", "yellow is orange"),
    ("red = 30", "red = 5", "wrong_order", "", "red is below yellow"),
    ("red = 30", "red = 3000", "out_of_range", ".red", "more minutes than a day has"),
    ('"wait_over_limit"', '"wait_over"', "not_one_of", ".kind", "there are nine kinds"),
    ("red = 30", 'red = 30\nbranches = ["nowhere"]', "unknown_reference", ".branches[0]", "where?"),
    (
        '"wait_over_limit"\nyellow = 10',
        '"late_services"\nyellow = 1.5',
        "wrong_type",
        ".yellow",
        "half a service",
    ),
    (
        "red = 30",
        'red = 30\nmessage = { en = "{who}", zh = "x" }',
        "bad_format",
        ".message.en",
        "nobody fills it",
    ),
    (
        "red = 30",
        'red = 30\nmessage = { en = "{value", zh = "x" }',
        "bad_format",
        ".message.en",
        "not closed",
    ),
    ("red = 30", "red = 30\nrepeat_minutes = 0", "out_of_range", ".repeat_minutes", "without end"),
]


@pytest.mark.parametrize(("stands", "written", "code", "place", "reason"), MISTAKES)
def test_a_mistake_in_a_rule_is_found(stands: str, written: str, code: str, place: str, reason: str) -> None:
    assert stands in RULE
    found = loaded(RULE.replace(stands, written, 1))
    assert isinstance(found, list), reason
    assert (found[0].code, str(found[0].place)) == (code, f"alerts.toml: alerts.rules[0]{place}"), reason


def test_one_rule_a_kind_and_branch() -> None:
    found = loaded(RULE + RULE.replace("[alerts]\n", ""))
    assert isinstance(found, list)
    assert [m.code for m in found] == ["duplicate"]


RECIPIENT_MISTAKES: list[tuple[str, str, str, str, str]] = [
    ('channels = ["staff", "email"]', "channels = []", "empty", "channels", "told by nothing"),
    ('mailboxes = ["hall@bank.example"]', "", "missing", "mailboxes", "mail to nobody"),
    ('roles = ["lobby"]', "", "missing", "roles", "the messenger needs somebody"),
    ("hall@bank.example", "hall", "bad_format", "mailboxes[0]", "no address"),
    ("hall@bank.example", "a@b.example\\nBcc: c@d.example", "bad_format", "mailboxes[0]", "a header in it"),
    ('"lobby"', '"kiosk"', "not_one_of", "roles[0]", "a machine reads nothing"),
    ('roles = ["lobby"]', 'people = ["nobody"]', "unknown_reference", "people[0]", "nobody of that id"),
]


@pytest.mark.parametrize(("stands", "written", "code", "place", "reason"), RECIPIENT_MISTAKES)
def test_a_mistake_in_recipients_is_found(
    stands: str, written: str, code: str, place: str, reason: str
) -> None:
    assert stands in RECIPIENTS
    found = loaded(RECIPIENTS.replace(stands, written, 1))
    assert isinstance(found, list), reason
    assert (found[0].code, str(found[0].place)) == (code, f"alerts.toml: alerts.recipients[0].{place}"), (
        reason
    )


def test_the_more_specific_rule_holds_and_a_kind_without_one_has_the_default() -> None:
    bank = AlertRule("wait_over_limit", 10, 20, 30)
    own = AlertRule("wait_over_limit", 5, 6, 7, branches=("lane",))
    policy = AlertPolicy(rules=(own, bank))
    assert policy.rule("wait_over_limit", "lane") is own
    assert policy.rule("wait_over_limit", "other") is bank
    assert policy.rule("abandonment", "lane") in DEFAULT_RULES
    assert AlertPolicy(rules=(own,)).rule("wait_over_limit", "other") in DEFAULT_RULES


def test_the_sample_bank_tells_its_halls_and_head_office() -> None:
    policy = sample_bank().alerts
    assert [r.id for r in policy.recipients] == ["hall", "head-office"]
    assert policy.rule("hall_saturation", "lanqiao").yellow == 70
