"""One thing that a change of the configuration does, and what the rules that say it have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec

from openhall.kernel.words import Words
from openhall.network.comparing import ORDER, Difference
from openhall.network.labels import names_in
from openhall.network.model import Bank

Counts = Literal["at_once", "next_day"]

OF_THE_DAY: Final = frozenset(
    {
        "appointments", "auto_call", "branches", "call", "classes", "hold", "lessons", "order",
        "pause_reasons", "people", "periods", "regimes", "ring", "services", "triage", "waits",
    }
)  # fmt: skip
"""Keys that a day's rules are made of: a day that is open keeps them, the next one has the new ones."""

WEEKDAYS: Final = (
    Words("Monday"),
    Words("Tuesday"),
    Words("Wednesday"),
    Words("Thursday"),
    Words("Friday"),
    Words("Saturday"),
    Words("Sunday"),
)


class Effect(msgspec.Struct, frozen=True):
    """One thing that a change does.

    Parameters
    ----------
    key : of the bank, under which it is changed.
    branches : where; empty is the whole bank.
    is_warning : it takes something from customers or colleagues, or takes a bound away.
    """

    key: str
    words: Words
    branches: tuple[str, ...] = ()
    is_warning: bool = False

    @property
    def counts(self) -> Counts:
        """From when on."""
        return "next_day" if self.key in OF_THE_DAY else "at_once"


class Both(msgspec.Struct, frozen=True):
    """The two banks, with their names for ids; a removed thing keeps its old name."""

    before: Bank
    after: Bank
    names: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, before: Bank, after: Bank) -> Both:
        """Two banks side by side."""
        old, new = names_in(before), names_in(after)
        return cls(before, after, {key: {**old[key], **new[key]} for key in old})

    def name(self, refers: str, id_: str) -> Any:
        """What an id is called."""
        return self.names[refers].get(id_, id_)

    def words(self, refers: str, ids: Sequence[str], at_most: int = 1_000) -> tuple[Any, ...]:
        """Names of ids; a long list is cut."""
        found = tuple(self.name(refers, each) for each in ids[:at_most])
        more = len(ids) - at_most
        return (*found, Words("{count} more", count=more)) if more > 0 else found


Pattern = tuple[str, ...]
ANY: Final = "*"
"""In a pattern: the id of some item."""
Each = Callable[[Both, Difference], Iterator[Effect]]
Together = Callable[[Both, list[Difference]], Iterator[Effect]]

EACH: Final[dict[Pattern, Each]] = {}
TOGETHER: Final[dict[Pattern, Together]] = {}


def each(*pattern: str) -> Callable[[Each], Each]:
    """Whoever says what a difference at such a path means."""

    def note(rule: Each) -> Each:
        EACH[pattern] = rule
        return rule

    return note


def together(*pattern: str) -> Callable[[Together], Together]:
    """Whoever says what all differences at such paths mean, those that are alike in one sentence."""

    def note(rule: Together) -> Together:
        TOGETHER[pattern] = rule
        return rule

    return note


def is_at(difference: Difference, pattern: Pattern) -> bool:
    """Does a difference stand at such a path? The order of a list is no item of it."""
    path = difference.path
    return len(path) == len(pattern) and all(
        step == wanted or (wanted == ANY and step != ORDER)
        for step, wanted in zip(path, pattern, strict=True)
    )
