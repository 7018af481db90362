"""Everything that a person may read is in both languages, and says the same in both."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from babel.messages.catalog import Message

from openhall.kernel.refusal import Refusal
from openhall.network.loading import load
from openhall.network.model import Bank
from openhall.network.sample import sample_files
from openhall.web import rendering
from openhall.web.problems import problem_of
from tools import catalogue

MESSAGES = [m for m in catalogue.current() if m.id]
LATIN_ALLOWED = re.compile(
    r"`[^`]*`|\{\w+(!r)?\}|Idempotency-Key|SQLite|chmod [67]00|chown -R|Ctrl-C|--[a-z-]+(=[a-z-]+)?|docs/\S+"
    # Programs, methods and formats have one name in both languages, as have words to type.
    r"|pyworkforce|statsforecast|AutoETS|AutoTheta|Python|Dask|iCalendar|Curtois-Qu"
    r"|tcp://HOST:PORT|http://127\.0\.0\.1:\d+|date,time,service,count|sprint_late\*|none"
    # Files, protocols and standards.
    r"|openhall\.toml|OPENHALL_\w+|TOTP|OpenID Connect|TLS|SMTP|ESC/POS|USB|PDF|CSV|Parquet|Excel|QR|IP"
    r"|FOLDER/[a-z./]+|Content-Type: application/json|name@example\.cn|hall\.branch\.example"
    r"|\[[a-z]+\]|\bendpoint\b|tzdata|\bok、warn 或 fail|hall@bank\.example"
    r"|is_network_trusted|tls \w+|\binstall\b"
    r"|(apt install )?espeak-ng|fonts-noto-cjk|GB18030|/pair"
    # A command line to copy is the same in both languages.
    r"|openhall( [A-Za-z0-9_./=-]+)*"
)


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_sentence_is_in_the_catalogue_and_no_other() -> None:
    known = {str(m.id) for m in MESSAGES}
    said = set(catalogue.sentences())
    assert known - said == set(), "no longer said: run tools/catalogue.py"
    assert said - known == set(), "not in the catalogue: run tools/catalogue.py, then translate"


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: str(m.id)[:40])
def test_a_translation_is_there_is_sure_and_fills_the_same_blanks(message: Message) -> None:
    assert message.string, "not translated"
    assert not message.fuzzy, "fuzzy"
    assert blanks(str(message.string)) == blanks(str(message.id))


def test_no_translation_is_left_in_english() -> None:
    english = [str(m.id) for m in MESSAGES if re.search("[a-z]{3}", LATIN_ALLOWED.sub("", str(m.string)))]
    assert english == []


def test_chinese_punctuation_is_used_in_chinese() -> None:
    wrong = [str(m.string) for m in MESSAGES if re.search(r"[\u4e00-\u9fff][,;:?!]", str(m.string))]
    assert wrong == []


@pytest.fixture(scope="module")
def bank() -> Bank:
    found = load(sample_files())
    assert isinstance(found, Bank)
    return found


def test_a_refusal_names_people_counters_and_states_in_the_readers_language(bank: Bank) -> None:
    status = Refusal("ticket_not_waiting", "ticket_id", {"number": "A001", "status": "called"})
    assert problem_of(status, "zh", bank, "wutong").title == "A001号不在等候中：目前状态为“已叫号”。"
    assert problem_of(status, "en", bank, "wutong").title == "Ticket A001 is not waiting: it is called."
    seat = Refusal("person_elsewhere", "person_id", {"person": "gao-fei", "counter": "C2"})
    assert problem_of(seat, "zh", bank, "wutong").title == "高飞 Gao Fei正在2号窗口。"
    offer = Refusal("channel_not_offered", "channel", {"channel": "atm", "known": "branch, phone"})
    assert problem_of(offer, "zh", bank, "wutong").remedy == "可以建议：其他网点、电话服务。"
    assert problem_of(offer, "zh", bank, "wutong").detail == offer.detail, "codes stay codes for programs"


def test_a_docstring_shown_to_a_person_is_one_paragraph_on_one_line() -> None:
    assert rendering.first_paragraph("The disk\n    is full.\n\n    More.") == "The disk is full."
