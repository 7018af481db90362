"""An alert's life: raised, worse, better, repeated, acknowledged, cleared. Pure: figures in, changes out.

A level goes up at once and comes down only after the value stayed a tenth below the threshold for some
minutes, so that a value on the edge does not make an alert flap. Recipients are told when it is raised or
gets worse, and again at the rule's interval only as long as nobody has acknowledged it.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol

import msgspec

from openhall.kernel.clock import MINUTE_MS
from openhall.network.alerts import AlertLevel, AlertTopic

Change = Literal["raised", "worse", "better", "repeated", "acknowledged", "cleared"]
TOLD: Final = frozenset({"raised", "worse", "repeated"})
"""Changes that recipients hear of."""

LEVELS: Final[tuple[AlertLevel, ...]] = ("yellow", "orange", "red")
SLACK: Final = 0.9
"""A level is left when the value is below this share of its threshold."""

Action = Literal[
    "opened_window",
    "asked_for_people",
    "moved_people",
    "spoke_to_customers",
    "break_given",
    "help_called",
    "replaced",
    "looking",
    "no_need",
]
"""What whoever acknowledges an alert does about it: a word from a list, never free text."""


class Rule(Protocol):
    """When something is an alert: a rule of the bank's, or the one of what is technical."""

    @property
    def kind(self) -> AlertTopic:
        """What it is about."""
        ...

    @property
    def yellow(self) -> float:
        """The threshold of the lowest level."""
        ...

    @property
    def orange(self) -> float:
        """Of the middle one."""
        ...

    @property
    def red(self) -> float:
        """Of the highest."""
        ...

    @property
    def is_on(self) -> bool:
        """Whether the bank wants it."""
        ...

    @property
    def repeat_minutes(self) -> int:
        """Until recipients are told again."""
        ...


class Alert(msgspec.Struct, frozen=True):
    """One alert of one hall and kind, from raising to clearing. Times are ms of the hall's clock."""

    id: str
    branch: str
    """Empty is the whole installation: only what is technical."""
    day: str
    kind: AlertTopic
    level: AlertLevel
    value: float
    """The latest."""
    limit: float
    """The threshold of its level."""
    raised_ms: int
    told_ms: int
    """Since when the interval to the next telling runs: the last telling, or the last step down."""
    told_count: int = 1
    calm_since_ms: int = 0
    """Since when the value has been low enough for a lower level."""
    acknowledged_ms: int = 0
    acknowledged_by: str = ""
    action: str = ""
    cleared_ms: int = 0
    part: str = ""
    """Of what is technical: the part of the installation, or `device`."""
    code: str = ""
    """What is the matter with it now."""
    place: str = ""
    """A device's id."""
    detail: dict[str, str | int] = {}
    """The blanks of the sentence that goes with the code."""

    @property
    def is_standing(self) -> bool:
        """Whether it is still the case."""
        return not self.cleared_ms


def level_of(rule: Rule, value: float | None) -> AlertLevel | None:
    """The level that a value reaches: at the threshold or above."""
    if value is None or not rule.is_on:
        return None
    return next((level for level in reversed(LEVELS) if value >= threshold(rule, level)), None)


def threshold(rule: Rule, level: AlertLevel) -> float:
    """What a value must reach for a level."""
    return {"yellow": rule.yellow, "orange": rule.orange, "red": rule.red}[level]


def _is_left(rule: Rule, level: AlertLevel, value: float | None) -> bool:
    """Whether a value is clearly below a level."""
    return value is None or not rule.is_on or value < SLACK * threshold(rule, level)


def step(
    standing: Alert | None,
    rule: Rule,
    value: float | None,
    *,
    now_ms: int,
    calm_ms: int,
    new: tuple[str, str, str],
) -> tuple[Alert | None, Change | None]:
    """The alert after a look at its value, and what changed; `new` is (id, branch, day) of one to be raised.

    Looking twice at the same moment changes nothing the second time.
    """
    reached = level_of(rule, value)
    if standing is None:
        if reached is None or value is None:
            return None, None
        alert = Alert(
            *new,
            kind=rule.kind,
            level=reached,
            value=value,
            limit=threshold(rule, reached),
            raised_ms=now_ms,
            told_ms=now_ms,
        )
        return alert, "raised"
    seen = msgspec.structs.replace(standing, value=standing.value if value is None else value)
    if reached is not None and LEVELS.index(reached) > LEVELS.index(standing.level):
        return _worse(seen, rule, reached, now_ms), "worse"
    if _is_left(rule, standing.level, value):
        return _calmer(seen, rule, value, now_ms=now_ms, calm_ms=calm_ms)
    seen = msgspec.structs.replace(seen, calm_since_ms=0)
    if not seen.acknowledged_ms and now_ms - seen.told_ms >= rule.repeat_minutes * MINUTE_MS:
        return msgspec.structs.replace(seen, told_ms=now_ms, told_count=seen.told_count + 1), "repeated"
    return seen, None


def _worse(seen: Alert, rule: Rule, reached: AlertLevel, now_ms: int) -> Alert:
    """A higher level is news: who acknowledged the lower one has not seen it."""
    return msgspec.structs.replace(
        seen,
        level=reached,
        limit=threshold(rule, reached),
        told_ms=now_ms,
        told_count=seen.told_count + 1,
        calm_since_ms=0,
        acknowledged_ms=0,
        acknowledged_by="",
        action="",
    )


def _calmer(
    seen: Alert, rule: Rule, value: float | None, *, now_ms: int, calm_ms: int
) -> tuple[Alert, Change | None]:
    """Below its level: after long enough it goes to the highest level that the value has not left."""
    if not seen.calm_since_ms:
        seen = msgspec.structs.replace(seen, calm_since_ms=now_ms)
    if now_ms - seen.calm_since_ms < calm_ms:
        return seen, None
    lower = LEVELS[: LEVELS.index(seen.level)]
    level = next((each for each in reversed(lower) if not _is_left(rule, each, value)), None)
    if level is None:
        return msgspec.structs.replace(seen, cleared_ms=now_ms), "cleared"
    limit = threshold(rule, level)
    # Nobody is told of a step down, and nobody is to be told right after it either.
    return msgspec.structs.replace(seen, level=level, limit=limit, calm_since_ms=0, told_ms=now_ms), "better"


def acknowledge(alert: Alert, *, by: str, action: str, now_ms: int) -> Alert:
    """Somebody has taken it on: nobody is told again while it does not get worse."""
    return msgspec.structs.replace(alert, acknowledged_ms=now_ms, acknowledged_by=by, action=action)


def end(alert: Alert, now_ms: int) -> Alert:
    """The hall's day is over, and with it every alert."""
    return msgspec.structs.replace(alert, cleared_ms=now_ms)
