"""Prepared sound: it is sound, in the right language, kept within bounds, and never somebody else's words."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import wave
from array import array
from pathlib import Path

import pytest

from openhall.app.spoken import SpokenCodes, call_words, number_words
from openhall.devices.speech import VOICES, Speech, SpeechFailed, SpeechLimits, SpeechMissing
from openhall.kernel.text import Language

ZH, EN = "请A零零一号到3号窗口。", "Number A 0 0 1, please go to window 3."
LOUD_ENOUGH = 1_000
"""Of 32,767: mean of the absolute samples; silence has none."""


def said(speech: Speech, language: Language, text: str) -> tuple[float, float]:
    """(seconds, mean loudness) of a sentence."""
    with wave.open(io.BytesIO(asyncio.run(speech.sound(language, text)))) as sound:
        samples = array("h", sound.readframes(sound.getnframes()))
        return sound.getnframes() / sound.getframerate(), sum(map(abs, samples)) / len(samples)


@pytest.mark.parametrize(("language", "text"), [("zh", ZH), ("en", EN)])
def test_a_call_is_audible_and_takes_as_long_as_a_person_needs(
    tmp_path: Path, language: Language, text: str
) -> None:
    seconds, loudness = said(Speech(tmp_path), language, text)
    assert 2 <= seconds <= 8
    assert loudness > LOUD_ENOUGH


def test_a_longer_sentence_takes_longer(tmp_path: Path) -> None:
    speech = Speech(tmp_path)
    assert said(speech, "zh", ZH + ZH)[0] > 1.6 * said(speech, "zh", ZH)[0]


def test_chinese_is_read_as_chinese_and_not_as_english_syllables() -> None:
    # espeak-ng marks a change of language with its name in brackets.
    heard = subprocess.run(
        ["espeak-ng", "-v", VOICES["zh"], "-x", "-q", "--stdin"],
        input=ZH.encode(),
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert "(en)" not in heard
    assert len(re.findall(r"l'i35N", heard)) == 2  # líng, líng


def test_what_was_said_once_is_kept_and_the_oldest_goes_first(tmp_path: Path) -> None:
    speech = Speech(tmp_path, limits=SpeechLimits(kept_bytes=300_000))
    first = asyncio.run(speech.sound("en", EN))
    assert asyncio.run(speech.sound("en", EN)) == first
    assert len(list(tmp_path.iterdir())) == 1
    for window in range(4, 8):
        asyncio.run(speech.sound("en", EN.replace("3", str(window))))
    kept = [path.stat().st_size for path in tmp_path.iterdir()]
    assert 0 < sum(kept) <= 300_000


def test_without_the_program_it_says_what_to_install(tmp_path: Path) -> None:
    speech = Speech(tmp_path, program="there-is-no-such-voice")
    assert not speech.is_installed
    with pytest.raises(SpeechMissing):
        asyncio.run(speech.sound("en", EN))
    assert "espeak-ng" in SpeechMissing.remedy


def test_a_program_that_hangs_is_given_up(tmp_path: Path) -> None:
    hanging = tmp_path / "hangs"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    speech = Speech(tmp_path / "kept", program=str(hanging), limits=SpeechLimits(seconds_at_most=0.2))
    with pytest.raises(SpeechFailed):
        asyncio.run(speech.sound("en", EN))


def test_a_program_that_writes_nothing_has_failed(tmp_path: Path) -> None:
    with pytest.raises(SpeechFailed):
        asyncio.run(Speech(tmp_path, program="true").sound("en", EN))


@pytest.mark.parametrize(
    ("language", "number", "words", "why"),
    [
        ("zh", "A001", "A零零一", "digits one by one, as they are called out"),
        ("en", "A101", "A 1 0 1", "never a hundred and one"),
        ("en", "AB7", "A B 7", "two letters are two letters"),
    ],
)
def test_a_number_is_said_digit_by_digit(language: Language, number: str, words: str, why: str) -> None:
    assert number_words(language, number) == words, why


def test_a_call_names_number_and_window() -> None:
    assert call_words("zh", "A001", 3) == "请A零零一号到3号窗口。"
    assert call_words("en", "A001", 3) == EN


def test_a_code_fits_its_own_sentence_and_language_alone() -> None:
    codes, others = SpokenCodes([b"k" * 32]), SpokenCodes([b"x" * 32])
    code = codes.code("en", EN)
    assert codes.is_ours("en", EN, code)
    assert codes.is_ours("en", f"  {EN}\n", code)  # white space is not heard
    assert not codes.is_ours("zh", EN, code)
    assert not codes.is_ours("en", EN + "!", code)
    assert not others.is_ours("en", EN, code)
    assert not codes.is_ours("en", EN, "é" * 16)
    assert SpokenCodes([b"new" * 11, b"k" * 32]).is_ours("en", EN, code)  # after a change of keys
