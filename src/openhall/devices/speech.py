"""Prepared sound: a sentence in, a WAV file out, spoken by espeak-ng on this machine, without the internet.

What was spoken once is kept in a folder that may be thrown away at any time; it is bounded, and the sound
that was asked for longest ago goes first. Nothing here decides who may have what said: see `app.spoken`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from openhall.kernel.text import Language
from openhall.kernel.trouble import Trouble

VOICES: dict[Language, str] = {
    # The plain `cmn` reads every syllable it looks up as an English word with a number behind it.
    "zh": "cmn-latn-pinyin",
    "en": "en-gb",
}
WORDS_PER_MINUTE: dict[Language, int] = {"zh": 140, "en": 135}
"""Slower than espeak-ng's usual 175: a hall echoes, and many who listen are old."""
GAP_TENTHS_MS = 1
"""Pause between words, in tens of milliseconds."""
TEXT_CHARACTERS_MAX = 400


class SpeechMissing(Trouble):
    """The program that speaks where a browser has no voice is not installed."""

    code = "speech_missing"
    remedy = "Install espeak-ng on the server (apt install espeak-ng). Everything else works without it."


class SpeechFailed(Trouble):
    """The program that speaks gave no sound."""

    code = "speech_failed"
    remedy = "Try again; if it stays, run espeak-ng by hand on the server and read what it says."


@dataclass(frozen=True)
class SpeechLimits:
    """How much sound is made at once, how long it may take, and how much of it is kept."""

    seconds_at_most: float = 8.0
    at_once: int = 2
    kept_bytes: int = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        if self.seconds_at_most <= 0 or self.at_once < 1 or self.kept_bytes < 1:
            raise ValueError("Expected limits above 0")


class Speech:
    """The voice of one installation. Asked from the event loop; it works in threads and another process."""

    def __init__(
        self, folder: Path, program: str = "espeak-ng", limits: SpeechLimits = SpeechLimits()
    ) -> None:
        self._folder = folder
        self._program = program
        self._limits = limits
        self._turns = threading.BoundedSemaphore(limits.at_once)
        self._tidying = threading.Lock()

    @property
    def is_installed(self) -> bool:
        """Whether there is a program to speak with."""
        return shutil.which(self._program) is not None

    async def sound(self, language: Language, text: str) -> bytes:
        """The text as a WAV file. Raises `SpeechMissing` or `SpeechFailed`."""
        return await asyncio.to_thread(self._sound, language, text)

    def _sound(self, language: Language, text: str) -> bytes:
        if not 0 < len(text) <= TEXT_CHARACTERS_MAX:
            raise ValueError(f"Expected 1 to {TEXT_CHARACTERS_MAX} characters, got {len(text)}")
        name = hashlib.sha256(f"{VOICES[language]} {WORDS_PER_MINUTE[language]} {text}".encode()).hexdigest()
        kept = self._folder / f"{name}.wav"
        with suppress(OSError):
            sound = kept.read_bytes()
            os.utime(kept)
            return sound
        with self._turns:
            sound = self._speak(language, text)
        self._keep(kept, sound)
        return sound

    def _speak(self, language: Language, text: str) -> bytes:
        arguments = [self._program, "-v", VOICES[language], "-s", str(WORDS_PER_MINUTE[language])]
        # Into a file: on standard output the length in its head is made up. The text never is an argument.
        with tempfile.TemporaryDirectory(prefix="openhall-speech-") as beside:
            path = Path(beside) / "said.wav"
            arguments += ["-g", str(GAP_TENTHS_MS), "-w", str(path), "--stdin"]
            try:
                subprocess.run(  # noqa: S603 - a program from the settings, its arguments ours
                    arguments,
                    input=text.encode(),
                    capture_output=True,
                    timeout=self._limits.seconds_at_most,
                    check=True,
                )
                return path.read_bytes()
            except FileNotFoundError as error:
                if error.filename != str(path):
                    raise SpeechMissing(f"{self._program} is not there", place=self._program) from error
                raise SpeechFailed("No sound was written", place=self._program) from error
            except (OSError, subprocess.SubprocessError) as error:
                raise SpeechFailed(type(error).__name__, place=self._program) from error

    def _keep(self, path: Path, sound: bytes) -> None:
        """Keep it for the next time. A full disk only costs the time of speaking again."""
        with self._tidying, suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".new")
            beside.write_bytes(sound)
            beside.replace(path)
            self._tidy()

    def _tidy(self) -> None:
        files = sorted(self._folder.glob("*.wav"), key=lambda p: p.stat().st_mtime)
        total = sum(p.stat().st_size for p in files)
        while files and total > self._limits.kept_bytes:
            oldest = files.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink()
