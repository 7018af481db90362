"""What of ours is broken: found in health and among the devices, kept and told like an alert of a hall.

The faults are the findings of `health`, and the devices in trouble while their branch is open. A fault of
the disk may be the one that keeps anything from being written: it is shown from memory whatever the disk
does, and told without the outbox when the outbox takes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from openhall.app import machine
from openhall.app.alert_telling import Telling, line_of
from openhall.app.findings import Finding
from openhall.app.messages import MessageDesk
from openhall.hall.model.state import HallState
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log import alerts as alerts_log
from openhall.log.alerts import Changed
from openhall.review.alerts import LEVELS, Alert, acknowledge, step
from openhall.review.technical import (
    CALM_MS,
    DEVICE_LEVEL,
    HALLS_FEEL,
    LASTS_MS,
    Fault,
    TechnicalRule,
    level_of,
)

if TYPE_CHECKING:
    from openhall.app.build import App

TURN_SECONDS: Final = 5.0
DEVICE: Final = "device"
RED: Final = LEVELS[-1]

Key = tuple[str, str, str]
"""Branch, part, device: what one alert is about."""

_log = logging.getLogger(__name__)


class TechnicalDesk:
    """What is broken, from the fault to the one who mends it. Times are of the halls' clock."""

    def __init__(self, app: App, telling: Telling, messages: MessageDesk) -> None:
        self._app, self._telling, self._messages = app, telling, messages
        kept = [alert for alert in alerts_log.standing(telling.records) if alert.kind == "technical"]
        self._standing: dict[Key, Alert] = {_key(alert): alert for alert in kept}
        self._since: dict[Key, int] = {}
        """When a fault that is no alert yet was seen first."""
        self._unkept: list[tuple[Alert, Changed]] = []
        """What the disk did not take, in order."""
        self._told: set[str] = set()
        """Causes of messages that went out although they could not be kept."""
        self._lock = asyncio.Lock()
        self.findings: list[Finding] = []
        """Of the last look, for `/metrics`."""

    # -- looking --------------------------------------------------------------------------------------

    async def run_once(self) -> None:
        """Look at everything, now."""
        self.findings = await self._app.health.findings()
        await self.look([*self._of_installation(self.findings), *self._of_devices()])

    def _of_installation(self, findings: Iterable[Finding]) -> Iterable[Fault]:
        for found in findings:
            if found.code == "backup_none" and self._is_new():
                continue  # Nobody can have missed a nightly backup yet.
            level = level_of(found.code, is_failed=found.state == "failed")
            if found.state != "ok" and level is not None:
                yield Fault(found.part, found.code, level, detail=found.detail)

    def _is_new(self) -> bool:
        app = self._app
        return machine.is_new(app.folder.key, app.settings, app.wall.now_ms())

    def _of_devices(self) -> Iterable[Fault]:
        """Only where somebody needs them: a display that is switched off at night is no fault."""
        now_ms, halls = self._app.clock.now_ms(), self._app.open_halls()
        for found in self._app.devices.troubles():
            hall = halls.get(found.branch)
            if hall is not None and _is_at_work(hall, now_ms):
                yield Fault(
                    DEVICE,
                    found.code,
                    DEVICE_LEVEL[found.state],
                    branch=found.branch,
                    place=found.id,
                    detail={"device": found.name, "device_kind": found.kind},
                )

    async def look(self, faults: Iterable[Fault]) -> None:
        """Go by these faults, and by no others."""
        now_ms = self._app.clock.now_ms()
        async with self._lock:
            present = {fault.key: fault for fault in faults}
            self._since = {key: self._since.get(key, now_ms) for key in present if key not in self._standing}
            keys = [*self._standing, *self._since]
            changed = [line for key in keys if (line := self._step(key, present.get(key), now_ms))]
            if changed or self._unkept:
                await self._keep(changed)

    def _step(self, key: Key, fault: Fault | None, now_ms: int) -> tuple[Alert, Changed] | None:
        """One alert as the fault is now; what changed, if that is for the history."""
        standing = self._standing.get(key)
        if standing is None and fault is not None and not self._has_lasted(key, fault, now_ms):
            return None
        alert, change = step(
            standing,
            TechnicalRule(self._app.bank.alerts.technical_repeat_minutes),
            fault.value if fault is not None else None,
            now_ms=now_ms,
            calm_ms=CALM_MS,
            new=(f"technical-{'-'.join(filter(None, key))}-{now_ms}", key[0], self._day(key[0])),
        )
        if alert is None:
            return None
        if fault is not None:
            alert = msgspec.structs.replace(
                alert, part=fault.part, code=fault.code, place=fault.place, detail=fault.detail
            )
        self._since.pop(key, None)
        if alert.is_standing:
            self._standing[key] = alert
        else:
            self._standing.pop(key, None)
        return (alert, line_of(alert, change, now_ms)) if change is not None else None

    def _has_lasted(self, key: Key, fault: Fault, now_ms: int) -> bool:
        return fault.level == RED or now_ms - self._since[key] >= LASTS_MS

    def _day(self, branch_id: str) -> str:
        branch = self._app.bank.branch(branch_id)
        days = (self._app.local_day(each) for each in ([branch] if branch else self._app.bank.branches))
        return max(days).isoformat()

    # -- keeping and telling ----------------------------------------------------------------------------

    async def _keep(self, changed: Sequence[tuple[Alert, Changed]]) -> None:
        """On the disk with its messages, as any alert; when that takes nothing, told all the same."""
        self._unkept += changed
        still = [pair for pair in self._unkept if pair[0].id in {a.id for a in self._standing.values()}]
        drafts = [draft for draft in self._telling.drafts(still) if draft.cause not in self._told]
        try:
            await self._telling.keep(self._unkept, drafts)
        except Trouble as trouble:
            _log.warning("Technical alerts are shown and not kept: %s", trouble.code)
            sent = await asyncio.gather(*(self._messages.send_unkept(draft) for draft in drafts))
            self._told |= {draft.cause for draft, is_sent in zip(drafts, sent, strict=True) if is_sent}
        else:
            self._unkept.clear()
            self._told.clear()

    # -- what screens show ------------------------------------------------------------------------------

    def standing(self, branch: str = "") -> list[Alert]:
        """What is broken now, the worst first: everything, or what the hall of a branch feels."""
        found = [
            alert
            for alert in self._standing.values()
            if not branch or alert.branch == branch or (not alert.branch and alert.part in HALLS_FEEL)
        ]
        return sorted(
            found, key=lambda a: (bool(a.acknowledged_ms), -LEVELS.index(a.level), a.raised_ms, a.id)
        )

    async def acknowledge(self, alert_id: str, *, branch: str = "", by: str, action: str) -> Alert | Refusal:
        """Somebody takes it on, in a branch or for all of them; the same person again: the same answer."""
        async with self._lock:
            alert = next((a for a in self._standing.values() if a.id == alert_id), None)
            if alert is None or branch not in {"", alert.branch}:
                return Refusal("alert_unknown", "alert_id")
            if alert.acknowledged_ms:
                if alert.acknowledged_by == by:
                    return alert
                return Refusal("alert_acknowledged", "alert_id", {"person": alert.acknowledged_by})
            now_ms = self._app.clock.now_ms()
            taken = acknowledge(alert, by=by, action=action, now_ms=now_ms)
            self._standing[_key(taken)] = taken
            await self._keep([(taken, line_of(taken, "acknowledged", now_ms, actor=by, action=action))])
            return taken


def _key(alert: Alert) -> Key:
    return alert.branch, alert.part, alert.place


def _is_at_work(hall: HallState, now_ms: int) -> bool:
    """From the check-in before the doors to the end of the day."""
    return now_ms >= hall.day_rules.checkin_opens_ms
