"""The indicators of a day's report in words: the same on the page, in a file's heading and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openhall.app.language import say
from openhall.kernel.text import Language
from openhall.network.model import Bank, Branch
from openhall.review.indicators import Group, Indicator, Unit

NOTHING: Final = "–"
BETWEEN: Final = " · "
EARLIER: Final = "Small: {before} · {weekday}"
"""What the small figures under a value are of."""

WORDS: Final[dict[str, str]] = {
    "joined": "customers",
    "called": "called",
    "served": "served at a window",
    "elsewhere": "served elsewhere",
    "no_show": "absent when called",
    "reneged": "left the line",
    "lapsed": "stepped out and did not return",
    "unserved": "not served: the day was ended by force",
    "pending": "still to be served",
    "wait_mean": "wait, average",
    "wait_median": "wait, half of all within",
    "wait_p90": "wait, nine of ten within",
    "wait_longest": "wait, longest",
    "wait_mean_with_holds": "average with the time stepped out",
    "wait_longest_with_holds": "longest with the time stepped out",
    "waiting_longest": "waiting now, longest so far",
    "no_show_rate": "absent, of those called",
    "renege_rate": "left, of all who came",
    "abandon_rate": "absent, left or not returned, of all who came",
    "off_counter_rate": "done away from the windows, of all that was done",
    "service_mean": "time at the window, average",
    "utilisation": "with a customer, of the time open",
    "open_rate": "windows open, of all there are",
    "late_opening": "opened later than stated",
    "baulked": "turned round before taking a number",
    "referred": "shown another way at the door",
    "in_line_at_closing": "in line when the doors closed",
    "overtime": "served after closing, until",
    "bound": "most by which anybody may be passed",
    "passed": "ordinary customers passed by the green channel",
    "passed_most": "by how much at most",
    "bound_broken": "calls against the order",
    "ordinary_longest": "longest ordinary wait beside the green channel",
    "diversion_arrivals": "customers who count (the elderly do not)",
    "diversion_rate": "helped elsewhere, of those who count",
    "diversion_success_rate": "it worked, of those who went",
    "uncounted_offered": "offers to elderly customers, not counted",
    "uncounted_completed": "elderly helped elsewhere at their wish, not counted",
    "rated": "ratings",
    "score_mean": "average rating (1 to 5)",
    "bad_share": "rated 1 or 2",
    "praise": "praise",
    "complaints": "complaints",
    "complaints_per_10000": "complaints for 10,000 visits",
    "open": "open",
    "paused": "paused",
    "serving": "with a customer",
    "offered": "offered",
    "accepted": "accepted",
    "declined": "declined",
    "completed": "completed",
    "failed": "came back to the line",
}
CHANNEL_WORDS: Final = {
    "atm": "cash machine",
    "mobile": "phone app",
    "cloud": "video teller",
    "phone": "phone line",
    "branch": "another branch",
    "another_day": "another day",
}
WITHIN: Final = "called within {n} minutes"

SECTIONS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "Customers",
        ("joined", "called", "served", "elsewhere", "no_show", "reneged", "lapsed", "unserved", "pending"),
    ),
    ("How long people waited", ("wait_", "within_", "waiting_longest")),
    ("Lost on the way", ("no_show_rate", "renege_rate", "abandon_rate", "baulked", "referred")),
    ("Windows", ("utilisation", "open_rate", "service_mean", "off_counter_rate")),
    (
        "The green channel and everybody else",
        ("bound", "passed", "passed_most", "bound_broken", "ordinary_longest"),
    ),
    ("Help elsewhere, by choice", ("diversion_", "uncounted_")),
    (
        "What customers said",
        ("rated", "score_mean", "bad_share", "praise", "complaints", "complaints_per_10000"),
    ),
    ("Opening and closing", ("late_opening", "in_line_at_closing", "overtime")),
)
"""How the day's own values are put together: by name, or by how a name begins (with `_` at its end)."""


def words_of(name: str, language: Language) -> str:
    """An indicator's name for a person."""
    if name.startswith("within_"):
        return say(language, WITHIN, n=name.removeprefix("within_"))
    return say(language, WORDS[name])


def value_words(value: float | None, unit: Unit, language: Language) -> str:
    """A value with its unit; a dash where there was nothing to measure."""
    if value is None:
        return NOTHING
    match unit:
        case "count":
            return f"{value:,.0f}"
        case "share":
            return f"{value * 100:.1f} %"
        case "seconds":
            return say(language, "{n} min", n=f"{value / 60:.1f}")
        case "minutes":
            return say(language, "{n} min", n=f"{value:.0f}")
        case "score" | "per_10000":
            return f"{value:.1f}"


def code_words(group: Group, code: str, bank: Bank, branch: Branch, language: Language) -> str:
    """The name of a class, service or channel; the number of a window. A code that is no more is itself."""
    match group:
        case "class":
            names = {k.code: k.name.get(language) for k in bank.classes}
        case "service":
            names = {s.id: f"{s.letter} {s.name.get(language)}" for s in bank.services}
        case "window":
            names = {k.id: say(language, "Window {n}", n=k.number) for k in branch.counters}
        case _:
            names = {channel: say(language, words) for channel, words in CHANNEL_WORDS.items()}
    return names.get(code, code)


@dataclass(frozen=True)
class Line:
    """One indicator and its values in words, a column a day or a column a class."""

    label: str
    values: tuple[str, ...]
    earlier: tuple[str, ...] = ()
    """For each column what it was on the day before and on the same weekday; empty where neither was."""


@dataclass(frozen=True)
class Section:
    """Some lines under a heading."""

    title: str
    lines: tuple[Line, ...]


def sections(days: Sequence[Sequence[Indicator]], language: Language) -> list[Section]:
    """The branch as a whole: a column a day, the first one's indicators; what another day lacks is a dash."""
    columns = [{each.name: each for each in day if each.group in {"all", "day"}} for day in days]
    found = []
    for title, wanted in SECTIONS:
        names = [name for name in columns[0] if any(_is_meant(name, each) for each in wanted)]
        if names:
            lines = tuple(_line(name, columns, language) for name in names)
            found.append(Section(say(language, title), lines))
    return found


def table(
    days: Sequence[Sequence[Indicator]], group: Group, language: Language
) -> tuple[list[str], list[Line]]:
    """(codes, lines) of one group: a column a class, a service, a window or a channel.

    `days` are the day itself and those that it is held against.
    """
    codes = list(dict.fromkeys(each.code for each in days[0] if each.group == group))
    columns, *others = (_columns(day, group, codes) for day in days)
    names = list(dict.fromkeys(name for column in columns for name in column))
    return codes, [_compared_line(name, columns, others, language) for name in names]


def _columns(day: Sequence[Indicator], group: Group, codes: Sequence[str]) -> list[dict[str, Indicator]]:
    own = [each for each in day if each.group == group]
    return [{each.name: each for each in own if each.code == code} for code in codes]


def _compared_line(
    name: str,
    columns: Sequence[dict[str, Indicator]],
    others: Sequence[Sequence[dict[str, Indicator]]],
    language: Language,
) -> Line:
    """A line with what each of its values was on other days."""
    line = _line(name, columns, language)
    earlier = []
    for place in range(len(columns)):
        then = [day[place].get(name) for day in others]
        words = [value_words(each.value, each.unit, language) if each else NOTHING for each in then]
        earlier.append(BETWEEN.join(words) if any(then) else "")
    return Line(line.label, line.values, tuple(earlier))


def _line(name: str, columns: Sequence[dict[str, Indicator]], language: Language) -> Line:
    unit = next(column[name].unit for column in columns if name in column)
    values = (column[name].value if name in column else None for column in columns)
    return Line(words_of(name, language), tuple(value_words(value, unit, language) for value in values))


def _is_meant(name: str, wanted: str) -> bool:
    return name == wanted or (wanted.endswith("_") and name.startswith(wanted))
