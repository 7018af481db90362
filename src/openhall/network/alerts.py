"""When a hall is in trouble and who is told; when a customer is told by message. Read by `network.loading`.

No norm that binds a bank in China names minutes: the thresholds here are a start, the bank's own rules count.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from openhall.kernel.text import Text

AlertKind = Literal[
    "wait_over_limit",
    "over_limit_share",
    "counter_saturation",
    "hall_saturation",
    "late_completion",
    "late_services",
    "abandonment",
    "bad_ratings",
    "long_work",
]
"""What exactly each counts, and over which time, is fixed in `review.alert_kinds`."""

AlertTopic = Literal[AlertKind, "technical"]
"""The nine kinds, and what of ours is broken: a device, the disk, the log. That has no thresholds."""

AlertLevel = Literal["yellow", "orange", "red"]
MessageChannel = Literal["sms", "email", "app", "staff"]
"""How a message leaves the house. `app` is the bank's own app, `staff` its people's messenger."""
MESSAGE_CHANNELS: tuple[MessageChannel, ...] = ("sms", "email", "app", "staff")
StaffChannel = Literal["staff", "email"]
AlertRole = Literal["guard", "teller", "lobby", "manager", "operations", "administrator"]

AlertUnit = Literal["minutes", "percent", "count"]
UNITS: dict[AlertKind, AlertUnit] = {
    "wait_over_limit": "minutes",
    "over_limit_share": "percent",
    "counter_saturation": "percent",
    "hall_saturation": "percent",
    "late_completion": "percent",
    "late_services": "count",
    "abandonment": "percent",
    "bad_ratings": "count",
    "long_work": "minutes",
}
"""What a kind's thresholds are numbers of."""


class AlertRule(msgspec.Struct, frozen=True):
    """The three thresholds of one kind: of the whole bank, or of the branches that it names."""

    kind: AlertKind
    yellow: float
    orange: float
    red: float
    branches: tuple[str, ...] = ()
    """Empty is every branch that no other rule of the kind names."""
    is_on: bool = True
    repeat_minutes: int = 15
    """Recipients are told again after so long, while nobody has acknowledged it."""
    message: Text | None = None
    """What recipients read, with blanks {branch}, {value}, {limit}, {level}; else a sentence of ours."""


class AlertRecipients(msgspec.Struct, frozen=True):
    """Who is told, how, of what. Addresses are mailboxes of a post, never of a person."""

    id: str
    channels: tuple[StaffChannel, ...]
    """`staff` is the bank's own messenger behind a webhook, `email` the mailboxes below."""
    roles: tuple[AlertRole, ...] = ()
    people: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    """Empty is every branch."""
    kinds: tuple[AlertTopic, ...] = ()
    """Empty is every kind, and what is technical."""
    from_level: AlertLevel = "yellow"


DEFAULT_RULES: tuple[AlertRule, ...] = (
    AlertRule("wait_over_limit", 15, 20, 30),
    AlertRule("over_limit_share", 10, 20, 30),
    AlertRule("counter_saturation", 100, 120, 150),
    AlertRule("hall_saturation", 80, 90, 100),
    AlertRule("late_completion", 15, 25, 35),
    AlertRule("late_services", 1, 2, 3),
    AlertRule("abandonment", 5, 10, 15),
    AlertRule("bad_ratings", 1, 2, 3),
    AlertRule("long_work", 120, 180, 240),
)
"""What holds of a kind that the bank's files say nothing about."""


class AlertPolicy(msgspec.Struct, frozen=True):
    """The nine kinds of alert over a hall, and who hears of them."""

    window_minutes: int = 60
    """Shares and counts look back so far."""
    judged_at_least: int = 10
    """A share of fewer people or services than this says nothing yet."""
    late_service_factor: float = 2.0
    """A service is late when it takes that many times the usual minutes of its kind."""
    bad_score_at_most: int = 2
    """Ratings go from 1 to 5."""
    calm_minutes: int = 5
    """So long a value stays below a threshold before its level goes down."""
    technical_repeat_minutes: int = 60
    """Recipients are told again of something broken after so long, while nobody has acknowledged it."""
    rules: tuple[AlertRule, ...] = ()
    recipients: tuple[AlertRecipients, ...] = ()

    def rule(self, kind: AlertKind, branch: str) -> AlertRule:
        """What holds in a branch: the rule that names it, else the bank's, else the default."""
        own = [rule for rule in self.rules if rule.kind == kind]
        named = next((rule for rule in own if branch in rule.branches), None)
        general = next((rule for rule in own if not rule.branches), None)
        return named or general or next(rule for rule in DEFAULT_RULES if rule.kind == kind)


class NoticePolicy(msgspec.Struct, frozen=True):
    """Messages to customers who left a number or an address with their ticket."""

    is_offered: bool = True
    people_ahead: int = 5
    """Told when so many are ahead, unless the customer chooses another number."""
    hold_ends_minutes: int = 5
    """Told so long before the time for coming back ends."""
    wait_changed_minutes: int = 15
    """Told once when the likely wait has changed by more than this."""
