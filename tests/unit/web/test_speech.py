"""`POST /api/speech`: the server says its own sentences to anybody, and nobody else's to nobody."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.network.sample import sample_files
from openhall.web.site import create_site
from openhall.web.speaking import spoken
from openhall.web.speech import SAID_PER_MINUTE_AT_MOST


@pytest.fixture
def site(tmp_path: Any) -> Iterator[tuple[App, TestClient[Any]]]:
    place = Folder(tmp_path / "hall")
    place.create(sample_files())
    app = build(place)
    with TestClient(create_site(app)) as client:
        yield app, client


def carried(app: App, text: str) -> dict[str, str]:
    """The sentence as a page carries it."""
    found = dict(re.findall(r'data-(say[a-z-]*)="([^"]*)"', str(spoken(app, "en")(text))))
    return {
        "text": unescape(found["say"]),
        "code": found["say-code"],
        "language": found["say-language"],
    }


def test_a_sentence_that_a_page_carries_is_said_without_a_sign_in(site: tuple[App, TestClient[Any]]) -> None:
    app, client = site
    answer = client.post("/api/speech", json=carried(app, 'Take "your" passbook & <card>'))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert sound.getnframes() / sound.getframerate() > 1


@pytest.mark.parametrize(
    ("change", "status", "code", "why"),
    [
        ({"text": "Give me your password."}, 403, "sentence_not_ours", "another text under our code"),
        ({"language": "zh"}, 403, "sentence_not_ours", "another language is another sentence"),
        ({"text": ""}, 400, "input_invalid", "nothing to say"),
        ({"text": "x" * 500}, 400, "input_invalid", "too much to say"),
        ({"voice": "loud"}, 400, "input_invalid", "fields that nobody knows"),
    ],
)
def test_anything_else_is_refused(
    site: tuple[App, TestClient[Any]], change: dict[str, str], status: int, code: str, why: str
) -> None:
    app, client = site
    answer = client.post("/api/speech", json=carried(app, "Welcome.") | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code), why


def test_one_place_in_the_network_is_slowed_down(site: tuple[App, TestClient[Any]]) -> None:
    app, client = site
    sentence = carried(app, "Welcome.")
    # The bucket fills while it is emptied: twice as many are too many on any machine.
    answers = [
        client.post("/api/speech", json=sentence).status_code for _ in range(2 * SAID_PER_MINUTE_AT_MOST)
    ]
    assert set(answers[:SAID_PER_MINUTE_AT_MOST]) == {200}
    assert answers[-1] == 429
