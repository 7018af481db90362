"""The devices of one installation, and the codes that pair them.

All of them are held in memory, bounded by branch, so that asking about one costs no disk; the table exists so
that a restart forgets none. What writes belongs in a thread.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from openhall.access import devices as rules
from openhall.access.devices import Device, DeviceKind, DeviceSettings
from openhall.kernel.clock import MINUTE_MS, Clock
from openhall.kernel.refusal import Refusal
from openhall.log.records import Records
from openhall.log.schema import devices as table

SEEN_KEPT_EACH_MS = MINUTE_MS
"""How exactly a restart remembers when a device was last heard of."""


class Devices:
    """What devices there are."""

    def __init__(self, records: Records, clock: Clock, random_bytes: Callable[[int], bytes]) -> None:
        self._records = records
        self._clock = clock
        self._random_bytes = random_bytes
        self._lock = threading.Lock()
        self._known: dict[str, Device] = {}
        self._codes: dict[bytes, str] = {}
        self._load()

    # Looking -------------------------------------------------------------------------------------------

    def find(self, device_id: str) -> Device | None:
        """A device, revoked ones too."""
        return self._known.get(device_id)

    def of_account(self, account: str) -> Device | None:
        """The device that acts under the name of an account."""
        return self._known.get(account.removeprefix("device-")) if account.startswith("device-") else None

    def every(self, branch: str = "", kind: DeviceKind | None = None) -> list[Device]:
        """Devices in use, by branch, kind and name."""
        found = [
            device
            for device in list(self._known.values())
            if not device.revoked_ms
            and (not branch or device.branch == branch)
            and kind in (None, device.kind)
        ]
        return sorted(found, key=lambda device: (device.branch, device.kind, device.name, device.id))

    # Changing ------------------------------------------------------------------------------------------

    def make(
        self, device_id: str, branch: str, kind: DeviceKind, name: str, settings: DeviceSettings, *, by: str
    ) -> Device | Refusal:
        """Write a new device down; one that has this id already is what an earlier attempt made."""
        with self._lock:
            if (before := self._known.get(device_id)) is not None:
                return before
            own = self.every(branch)
            if len(own) >= rules.DEVICES_PER_BRANCH_AT_MOST:
                limit = rules.DEVICES_PER_BRANCH_AT_MOST
                return Refusal("devices_full", "branch_id", {"limit": limit})
            if any(device.name == name for device in own):
                return Refusal("device_name_taken", "name")
            device = Device(
                id=device_id,
                branch=branch,
                kind=kind,
                name=name,
                settings=settings,
                made_ms=self._clock.now_ms(),
                made_by=by,
            )
            with self._records.transaction() as connection:
                connection.execute(insert(table).values(_row(device)))
            self._known[device.id] = device
        return device

    def change(self, device_id: str, name: str, settings: DeviceSettings) -> Device | Refusal:
        """Give a device another name and other settings."""
        with self._lock:
            device = self._in_use(device_id)
            if isinstance(device, Refusal):
                return device
            if any(other.name == name and other.id != device_id for other in self.every(device.branch)):
                return Refusal("device_name_taken", "name")
            return self._keep(msgspec.structs.replace(device, name=name, settings=settings))

    def new_code(self, device_id: str) -> tuple[Device, str] | Refusal:
        """A code that pairs the device once; an earlier one opens nothing any more."""
        with self._lock:
            device = self._in_use(device_id)
            if isinstance(device, Refusal):
                return device
            if device.kind not in rules.PAIRED_KINDS:
                return Refusal("device_not_paired_kind", "device")
            code = rules.code_of(self._random_bytes(rules.CODE_CHARACTERS))
            self._forget_code(device_id)
            until_ms = self._clock.now_ms() + rules.CODE_MS
            changed = msgspec.structs.replace(device, code_until_ms=until_ms)
            self._keep(changed, code_hash=_hash(code))
            self._codes[_hash(code)] = device_id
            return changed, code

    def use_code(self, typed: str) -> Device | Refusal:
        """The device that a code stands for; the code is spent by it."""
        wrong = Refusal("pairing_code_wrong", "code", {"minutes": rules.CODE_MS // MINUTE_MS})
        with self._lock:
            device_id = self._codes.get(_hash(rules.typed_code(typed)))
            device = self._in_use(device_id) if device_id else wrong
            if isinstance(device, Refusal):
                return wrong
            now_ms = self._clock.now_ms()
            self._forget_code(device.id)
            if device.code_until_ms <= now_ms:
                return wrong
            return self._keep(
                msgspec.structs.replace(device, code_until_ms=0, paired_ms=now_ms, seen_ms=now_ms),
                code_hash=None,
            )

    def revoke(self, device_id: str) -> Device | Refusal:
        """Let a device be used no more. The caller ends its sessions."""
        with self._lock:
            device = self._in_use(device_id)
            if isinstance(device, Refusal):
                return device
            self._forget_code(device_id)
            now_ms = self._clock.now_ms()
            return self._keep(
                msgspec.structs.replace(device, revoked_ms=now_ms, code_until_ms=0), code_hash=None
            )

    def keep_seen(self, seen_ms: dict[str, int]) -> None:
        """Write down when devices were last heard of: all in one transaction, since every screen of every
        hall is due at the same time."""
        with self._lock:
            due = [
                msgspec.structs.replace(device, seen_ms=at_ms)
                for device_id, at_ms in seen_ms.items()
                if (device := self._known.get(device_id)) is not None
                and at_ms - device.seen_ms >= SEEN_KEPT_EACH_MS
            ]
            if due:
                with self._records.transaction() as connection:
                    for device in due:
                        _save(connection, device)
                self._known |= {device.id: device for device in due}

    # Inside --------------------------------------------------------------------------------------------

    def _in_use(self, device_id: str) -> Device | Refusal:
        device = self._known.get(device_id)
        if device is None:
            return Refusal("device_unknown", "device")
        return Refusal("device_revoked", "device") if device.revoked_ms else device

    def _forget_code(self, device_id: str) -> None:
        for key in [key for key, of in self._codes.items() if of == device_id]:
            del self._codes[key]

    def _keep(self, device: Device, **more: bytes | None) -> Device:
        with self._records.transaction() as connection:
            _save(connection, device, **more)
        self._known[device.id] = device
        return device

    def _load(self) -> None:
        with self._records.reading() as connection:
            for row in connection.execute(select(table)):
                device = _device(row)
                self._known[device.id] = device
                if row.code_hash is not None:
                    self._codes[row.code_hash] = device.id


def _save(connection: Connection, device: Device, **more: bytes | None) -> None:
    connection.execute(update(table).where(table.c.id == device.id).values(_row(device) | more))


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def _row(device: Device) -> dict[str, Any]:
    fields: dict[str, Any] = {name: getattr(device, name) for name in device.__struct_fields__}
    return fields | {"settings": msgspec.json.encode(device.settings)}


def _device(row: Any) -> Device:
    fields = {name: getattr(row, name) for name in Device.__struct_fields__}
    settings: DeviceSettings = msgspec.json.decode(row.settings, type=rules.SETTINGS_OF[row.kind])
    return Device(**(fields | {"settings": settings}))
