"""Keeping what becomes of alerts, and telling recipients: of the nine kinds and of what is technical."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from openhall.access.rights import BOUND_TO_NO_BRANCH
from openhall.app.blocking import Blocking
from openhall.kernel.clock import MINUTE_MS, Clock
from openhall.log import alerts as alerts_log
from openhall.log.alerts import Changed
from openhall.log.outbox import Draft, OutboxFull
from openhall.log.records import Records
from openhall.network.alerts import AlertPolicy, AlertRecipients, MessageChannel
from openhall.network.model import Bank
from openhall.review.alerts import LEVELS, TOLD, Alert, Change, Rule
from openhall.review.technical import TechnicalRule

GOOD_FOR_AT_LEAST_MS: Final = 5 * MINUTE_MS

_log = logging.getLogger(__name__)

Changes = Sequence[tuple[Alert, Changed]]


class Telling:
    """One place for both desks: what is kept with which messages, all or nothing."""

    def __init__(
        self,
        records: Records,
        wall: Clock,
        bank: Callable[[], Bank],
        channels: Callable[[], Sequence[MessageChannel]],
        blocking: Blocking,
    ) -> None:
        self.records = records
        self.blocking = blocking
        self._wall, self._bank, self._channels = wall, bank, channels

    async def keep(self, changed: Changes, told: Iterable[Draft] | None = None) -> None:
        """Keep alerts, their history and the messages about it; `told` are others than for every change."""
        drafts = list(self.drafts(changed) if told is None else told)
        keep = partial(alerts_log.keep, self.records, changed, wall_ms=self._wall.now_ms())
        try:
            await self.blocking.run(keep, drafts)
        except OutboxFull as trouble:
            _log.warning("Alerts are kept and shown, recipients are not told: %s", trouble)
            await self.blocking.run(keep)

    def drafts(self, changed: Changes) -> Iterable[Draft]:
        """The messages that some changes are news for."""
        for alert, line in changed:
            if line.change in TOLD:
                yield from self._drafts(alert)

    def _drafts(self, alert: Alert) -> Iterable[Draft]:
        policy, channels = self._bank().alerts, self._channels()
        repeat_ms = rule_of(policy, alert).repeat_minutes * MINUTE_MS
        for recipients in policy.recipients:
            if not concerns(recipients, alert):
                continue
            for channel in recipients.channels:
                if channel in channels:
                    yield Draft(
                        cause=f"alert {alert.id} {alert.told_count} {recipients.id} {channel}",
                        kind="alert",
                        branch=alert.branch,
                        channel=channel,
                        template=f"alert.{alert.kind}",
                        expires_ms=self._wall.now_ms() + max(repeat_ms, GOOD_FOR_AT_LEAST_MS),
                        recipients=recipients.id,
                        blanks=_blanks(alert),
                    )


def _blanks(alert: Alert) -> dict[str, str | int]:
    if alert.kind == "technical":
        return {"branch": alert.branch, "level": alert.level, "code": alert.code, **alert.detail}
    return {
        "branch": alert.branch,
        "level": alert.level,
        "value": f"{alert.value:.1f}",
        "limit": f"{alert.limit:.1f}",
    }


def rule_of(policy: AlertPolicy, alert: Alert) -> Rule:
    """The rule that an alert lives by."""
    if alert.kind == "technical":
        return TechnicalRule(policy.technical_repeat_minutes)
    return policy.rule(alert.kind, alert.branch)


def line_of(alert: Alert, change: Change, at_ms: int, *, actor: str = "", action: str = "") -> Changed:
    """A line of an alert's history."""
    return Changed(alert.id, at_ms, change, alert.level, alert.value, actor, action)


def concerns(recipients: AlertRecipients, alert: Alert) -> bool:
    """Whether somebody wants to hear of this."""
    if not alert.branch and recipients.roles and not BOUND_TO_NO_BRANCH & set(recipients.roles):
        return False  # The whole installation is not a hall's business: a lobby can do nothing about a disk.
    return (
        (not recipients.branches or alert.branch in recipients.branches)
        and (not recipients.kinds or alert.kind in recipients.kinds)
        and LEVELS.index(alert.level) >= LEVELS.index(recipients.from_level)
    )
