"""Reads a scenario: stories of one action a line, with what must come of it after the arrow."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent


class ScriptError(Exception):
    """A line that the runner cannot read."""

    def __init__(self, line: Line, message: str) -> None:
        super().__init__(f"line {line.number}: {line.text!r}: {message}")


@dataclass(frozen=True)
class Line:
    """`verb word word key=value -> expected expected`."""

    number: int
    text: str
    verb: str
    words: tuple[str, ...]
    expected: tuple[str, ...]


@dataclass
class Story:
    """A day, or as much of one as shows a rule."""

    title: str
    lines: list[Line] = field(default_factory=list)


@dataclass
class Words:
    """The words of a line, taken one by one; `end` says when some were not understood."""

    line: Line
    plain: list[str] = field(init=False)
    named: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.plain = [word for word in self.line.words if "=" not in word]
        self.named = dict(word.split("=", 1) for word in self.line.words if "=" in word)

    def take(self, what: str) -> str:
        """The next word, which must be there."""
        if not self.plain:
            raise ScriptError(self.line, f"expected {what}")
        return self.plain.pop(0)

    def take_or(self, default: str) -> str:
        """The next word, if there is one."""
        return self.plain.pop(0) if self.plain else default

    def has(self, flag: str) -> bool:
        """Whether this very word is among those left; it is taken."""
        if flag not in self.plain:
            return False
        self.plain.remove(flag)
        return True

    def get(self, key: str, default: str = "") -> str:
        """The value of `key=value`."""
        return self.named.pop(key, default)

    def rest(self) -> dict[str, str]:
        """Every `key=value` that is left."""
        rest, self.named = self.named, {}
        return rest

    def end(self) -> None:
        """Nothing may be left over."""
        left = [*self.plain, *self.named]
        if left:
            raise ScriptError(self.line, f"did not understand {' '.join(left)}")


def read_line(number: int, text: str) -> Line | None:
    """A line; None where there is only a comment."""
    body = text.split("#", 1)[0].strip()
    if not body:
        return None
    action, _, expected = body.partition("->")
    verb, *words = action.split()
    return Line(number, body, verb, tuple(words), tuple(expected.split()))


def read_stories(text: str) -> list[Story]:
    """The stories of a script; each begins with a line `story <title>`."""
    stories: list[Story] = []
    for number, row in enumerate(text.splitlines(), start=1):
        line = read_line(number, row)
        if line is None:
            continue
        if line.verb == "story":
            stories.append(Story(" ".join(line.words)))
        elif not stories:
            raise ScriptError(line, "expected `story <title>` first")
        else:
            stories[-1].lines.append(line)
    return stories


def scripts() -> dict[str, list[Story]]:
    """Every script of this folder by name."""
    return {path.stem: read_stories(path.read_text()) for path in sorted(HERE.glob("*.txt"))}


_SPAN = re.compile(r"(\d+)(s|m|h)")


def span_ms(words: Words, text: str) -> int:
    """`61s`, `20m` or `1h` in milliseconds."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ScriptError(words.line, f"expected a time such as 61s, 20m or 1h, got {text}")
    return int(match[1]) * {"s": 1_000, "m": 60_000, "h": 3_600_000}[match[2]]


def minute_of_day(words: Words, text: str) -> tuple[int, int]:
    """`09:30` as hours and minutes."""
    match = re.fullmatch(r"(\d\d):(\d\d)", text)
    if match is None:
        raise ScriptError(words.line, f"expected a time of day such as 09:30, got {text}")
    return int(match[1]), int(match[2])
