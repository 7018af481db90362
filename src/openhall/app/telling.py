"""What people are told about waits, room and advice, in words that a person would use [C10, C16, D5].

Minutes are rounded: beyond a quarter of an hour to steps of five, as more would be false precision. Above
the bank's limit nothing is promised but that it will be longer.
"""

from __future__ import annotations

from openhall.app.language import say
from openhall.hall.policy import DayRules, Wait
from openhall.hall.told import RoomLeft
from openhall.hall.views_advice import MoveView
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.kernel.text import Language

ROUND_ABOVE_MINUTES = 15
STEP_MINUTES = 5

AGE_SHOWN_ABOVE_MS = 75 * SECOND_MS
"""The twin confirms what it told every minute: an older answer is a sign that it is late."""

SAVED_OF_TEN = 8
"""A saving's range goes from its 10 % to its 90 % point."""


def _rounded(ms: int) -> int:
    minutes = ms / MINUTE_MS
    return round(minutes / STEP_MINUTES) * STEP_MINUTES if minutes > ROUND_ABOVE_MINUTES else round(minutes)


def _at_least(ms: int) -> int:
    """Rounded down, for a promise of "more than"."""
    minutes = ms // MINUTE_MS
    return minutes // STEP_MINUTES * STEP_MINUTES if minutes > ROUND_ABOVE_MINUTES else minutes


def wait_words(language: Language, wait: Wait | None, rules: DayRules) -> str:
    """An interval of minutes as a person says it; empty for somebody who does not wait."""
    if wait is None:
        return ""
    if wait.source == "none":
        return say(language, "No window is open for this yet")
    limit = rules.waits.told_at_most_minutes
    low, high = _rounded(wait.low_ms), _rounded(wait.high_ms)
    if wait.high_ms > limit * MINUTE_MS:
        least = min(limit, _at_least(wait.low_ms))
        if least == 0:
            return say(language, "hard to say: soon, or more than {limit} minutes", limit=limit)
        return say(language, "more than {low} minutes", low=least)
    if high <= 1:
        return say(language, "Your turn is next")
    if low == high:
        return say(language, "about {high} minutes", high=high)
    if low == 0:
        return say(language, "up to {high} minutes", high=high)
    return say(language, "{low} to {high} minutes", low=low, high=high)


def middle_words(language: Language, wait: Wait | None, rules: DayRules) -> str:
    """The middle of the interval, where it says more than the interval; else empty."""
    if wait is None or wait.source == "none" or wait.high_ms > rules.waits.told_at_most_minutes * MINUTE_MS:
        return ""
    low, middle, high = (_rounded(ms) for ms in (wait.low_ms, wait.middle_ms, wait.high_ms))
    if not low < middle < high:
        return ""
    return say(language, "probably about {middle} minutes", middle=middle)


def wait_figures(wait: Wait | None, rules: DayRules) -> str:
    """The interval in figures alone, for columns headed "minutes" and for both languages at once."""
    if wait is None or wait.source == "none":
        return "–"
    limit = rules.waits.told_at_most_minutes
    low, high = _rounded(wait.low_ms), _rounded(wait.high_ms)
    if wait.high_ms > limit * MINUTE_MS:
        return f"> {min(limit, _at_least(wait.low_ms)) or limit}"
    return f"{low}–{high}" if low != high else f"{high}"


def middle_figure(wait: Wait) -> str:
    """The middle of an interval, in figures alone."""
    return str(_rounded(wait.middle_ms))


def one_decimal(ms: int, *, signed: bool = False) -> str:
    """Minutes with one figure after the point, for measured errors."""
    return (f"{ms / MINUTE_MS:+.1f}" if signed else f"{ms / MINUTE_MS:.1f}").replace("-", "−")


def tenths(part: int, whole: int) -> str:
    """A share as so many of ten."""
    return f"{10 * part / whole:.1f}".removesuffix(".0")


def age_words(language: Language, wait: Wait | None) -> str:
    """How old the answer is, once that matters; else empty."""
    if wait is None or wait.source != "twin" or wait.age_ms <= AGE_SHOWN_ABOVE_MS:
        return ""
    return say(language, "as of {n} min ago", n=max(1, round(wait.age_ms / MINUTE_MS)))


def room_words(language: Language, room: RoomLeft | None, rules: DayRules) -> str:
    """How many more can be served today, and how sure that is; empty when there is no count."""
    if room is None:
        return ""
    days = odds_words(language, rules.regime.capacity.sure_percent)
    if room.with_overtime == 0:
        return say(language, "No room left today, overtime included ({days})", days=days)
    if room.by_closing == room.with_overtime:
        return say(language, "Room for about {n} more by closing ({days})", n=room.by_closing, days=days)
    return say(
        language,
        "Room for about {n} more by closing, {m} with overtime ({days})",
        n=room.by_closing,
        m=room.with_overtime,
        days=days,
    )


def odds_words(language: Language, percent: int) -> str:
    """So many days in ten, or in a hundred."""
    of = 10 if percent % 10 == 0 else 100
    return say(language, "{n} days in {of}", n=percent * of // 100, of=of)


def late_minutes(ms: int) -> int:
    """Late time as minutes, to some two figures: what is forecast has no more."""
    minutes = abs(ms) / MINUTE_MS
    step = 10 if minutes >= 100 else 5 if minutes >= 20 else 1
    rounded = round(minutes / step) * step
    return rounded if ms >= 0 else -rounded


def saved_words(language: Language, move: MoveView) -> str:
    """What a move is worth."""
    saved = late_minutes(move.saved_ms)
    if move.kind == "close":
        if saved >= 0:
            return say(language, "costs nobody a late minute")
        return say(language, "costs about {n} late minutes", n=-saved)
    return say(language, "saves about {n} late minutes", n=saved)


def range_words(language: Language, move: MoveView) -> str:
    """The range of that, with how often it holds; empty where it is a point."""
    low, high = sorted((late_minutes(move.saved_low_ms), late_minutes(move.saved_high_ms)))
    if move.kind == "close":
        low, high = max(0, -high), max(0, -low)
    if low == high:
        return ""
    return say(
        language, "{of_ten} times in 10 between {low} and {high}", of_ten=SAVED_OF_TEN, low=low, high=high
    )
