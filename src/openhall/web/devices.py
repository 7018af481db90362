"""The Devices page, and its API: what there is in a branch, how it is, and what can be done about it."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import JSONBody, PathParameter

from openhall.access import rights
from openhall.access.devices import (
    PAIRED_KINDS,
    SETTINGS_OF,
    Device,
    DeviceKind,
    DeviceName,
    PrinterSettings,
    read_settings,
)
from openhall.app.build import App
from openhall.app.device_desk import DeviceHealth
from openhall.app.device_words import STATES
from openhall.app.language import say
from openhall.app.slips import example_slip
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.network.model import Branch
from openhall.web.api import BranchId, Key, actor_of, branch_of, readable_branch
from openhall.web.frame import frame
from openhall.web.guarding import needs_action, needs_command, needs_screen
from openhall.web.problems import RESPONSES, Refused
from openhall.web.reading import language_of
from openhall.web.rendering import page
from openhall.web.signing_in import OpenhallRequest

DeviceParameter = Annotated[str, PathParameter(max_length=64, description="The device's id")]
KIND_WORDS = {
    "kiosk": "ticket machine",
    "display": "hall display",
    "gate": "gate",
    "printer": "printer",
}
KINDS: tuple[DeviceKind, ...] = ("kiosk", "display", "printer", "gate")
GROUP = 4
"""Characters of a code that are read out together."""


class NewDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device to be added."""

    kind: DeviceKind
    name: DeviceName
    settings: dict[str, Any] = {}


class DeviceChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another name, other settings; both as they are to be from now on."""

    name: DeviceName
    settings: dict[str, Any]


class TestBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the device should try: a page, a sound, a number that calls nobody."""

    what: Literal["page", "sound", "number"]


class DeviceBody(msgspec.Struct, frozen=True):
    """A device, and how it is."""

    id: str
    branch: str
    kind: str
    name: str
    settings: Any
    paired_ms: int
    health: DeviceHealth
    says: str
    """Its state as a sentence in the reader's language."""
    remedy: str
    code: str = ""
    """The pairing code, told here once."""
    code_until_ms: int = 0


def body_of(request: OpenhallRequest, device: Device, code: str = "") -> DeviceBody:
    """A device as it is told over the API."""
    app: App = request.app.state.openhall
    health = app.devices.health_of(device)
    says, remedy = said(health, language_of(request))
    return DeviceBody(
        id=device.id,
        branch=device.branch,
        kind=device.kind,
        name=device.name,
        settings=msgspec.to_builtins(device.settings),
        paired_ms=device.paired_ms,
        health=health,
        says=says,
        remedy=remedy,
        code=code,
        code_until_ms=device.code_until_ms if code else 0,
    )


def said(health: DeviceHealth, language: Language) -> tuple[str, str]:
    """A device's state and what to do, in words."""
    text = STATES[health.code]
    return say(language, text.sentence), say(language, text.remedy)


def own_device(app: App, branch_id: str, device_id: str) -> Device:
    """A device of the branch in the address."""
    device = app.devices.records.find(device_id)
    if device is None or device.branch != branch_id:
        raise Refused(Refusal("device_unknown", "device"))
    return device


def settled(result: Device | Refusal) -> Device:
    """The device, or the refusal raised."""
    if isinstance(result, Refusal):
        raise Refused(result)
    return result


def check_places(app: App, branch: Branch, kind: DeviceKind, given: dict[str, Any]) -> Any:
    """Settings of a kind, with windows, services and ticket machines that there are. Raises `Refused`."""
    settings = read_settings(kind, given)
    if isinstance(settings, Refusal):
        raise Refused(settings)
    known = {
        "counters": {counter.id for counter in branch.counters},
        "services": {service.id for service in app.bank.services},
        "kiosks": {device.id for device in app.devices.records.every(branch.id, "kiosk")},
    }
    for field, allowed in known.items():
        for wrong in set(getattr(settings, field, ())) - allowed:
            raise Refused(Refusal("device_settings_invalid", field, {"detail": wrong}))
    return settings


class DeviceController(Controller):
    """The devices of a branch."""

    path = "/api/branches/{branch_id:str}/devices"
    tags = ("devices",)

    @get(summary="The devices", responses=RESPONSES, opt=needs_screen("devices"))
    async def every(self, request: OpenhallRequest, branch_id: BranchId) -> list[DeviceBody]:
        """Every device in use, with its state in words."""
        app: App = request.app.state.openhall
        branch = readable_branch(request, branch_id)
        return [body_of(request, device) for device in app.devices.records.every(branch.id)]

    @post(summary="Add a device", status_code=200, responses=RESPONSES, opt=needs_action("devices.manage"))
    async def make(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        data: JSONBody[NewDevice],
        idempotency_key: Key,
    ) -> DeviceBody:
        """What is paired comes with a code; sent again with the same key it is the same device."""
        app: App = request.app.state.openhall
        branch = branch_of(app, branch_id)
        settings = check_places(app, branch, data.kind, data.settings)
        name = f"{request.user.name}\n{branch.id}\n{idempotency_key}"
        device_id = hashlib.sha256(name.encode()).hexdigest()[:12]
        made = settled(
            await asyncio.to_thread(
                lambda: app.devices.records.make(
                    device_id, branch.id, data.kind, data.name, settings, by=actor_of(request)
                )
            )
        )
        return await _with_code(request, made) if made.kind in PAIRED_KINDS else body_of(request, made)

    @post(
        "/{device_id:str}/change",
        summary="Rename or set up a device",
        status_code=200,
        responses=RESPONSES,
        opt=needs_action("devices.manage"),
    )
    async def change(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        device_id: DeviceParameter,
        data: JSONBody[DeviceChange],
    ) -> DeviceBody:
        """Its name and all of its settings, as they are to be."""
        app: App = request.app.state.openhall
        device = own_device(app, branch_id, device_id)
        settings = check_places(app, branch_of(app, branch_id), device.kind, data.settings)
        changed = settled(await asyncio.to_thread(app.devices.records.change, device_id, data.name, settings))
        await app.devices.run_once()
        return body_of(request, changed)

    @post(
        "/{device_id:str}/code",
        summary="A new pairing code",
        status_code=200,
        responses=RESPONSES,
        opt=needs_action("devices.manage"),
    )
    async def code(
        self, request: OpenhallRequest, branch_id: BranchId, device_id: DeviceParameter
    ) -> DeviceBody:
        """Opens the device's screen once, within fifteen minutes; an earlier code opens nothing any more."""
        return await _with_code(request, own_device(request.app.state.openhall, branch_id, device_id))

    @post(
        "/{device_id:str}/revocation",
        summary="Revoke a device",
        status_code=200,
        responses=RESPONSES,
        opt=needs_action("devices.manage"),
    )
    async def revoke(
        self, request: OpenhallRequest, branch_id: BranchId, device_id: DeviceParameter
    ) -> dict[str, str]:
        """Ends its session and its open streams at once; it cannot come back, only be added anew."""
        app: App = request.app.state.openhall
        own_device(app, branch_id, device_id)
        device = settled(await asyncio.to_thread(app.devices.revoke, device_id))
        app.hub.beat()  # each open stream looks whether its session still stands
        await app.devices.run_once()
        return {"id": device.id}

    @post(
        "/{device_id:str}/test",
        summary="Try a device",
        status_code=200,
        responses=RESPONSES,
        opt=needs_action("devices.manage"),
    )
    async def test(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        device_id: DeviceParameter,
        data: JSONBody[TestBody],
    ) -> dict[str, str]:
        """A page at a printer, a sound or a number at a display."""
        app: App = request.app.state.openhall
        device = own_device(app, branch_id, device_id)
        if device.kind == "printer" and data.what == "page":
            slip = example_slip(branch_of(app, branch_id), device.name, app.clock.now_ms())
            key = app.devices.print_slip(device, f"test {device.id} {app.wall.now_ms()}", slip)
            if isinstance(key, Refusal):
                raise Refused(key)
            return {"key": key}
        if device.kind == "display" and data.what != "page":
            app.devices.ask(device.id, data.what)
            return {"key": ""}
        raise Refused(Refusal("device_cannot_test", "what"))


async def _with_code(request: OpenhallRequest, device: Device) -> DeviceBody:
    app: App = request.app.state.openhall
    found = await asyncio.to_thread(app.devices.records.new_code, device.id)
    if isinstance(found, Refusal):
        raise Refused(found)
    waiting, code = found
    return body_of(request, waiting, f"{code[:GROUP]}-{code[GROUP:]}")


# Pages ---------------------------------------------------------------------------------------------------


def _rows(request: OpenhallRequest, branch: Branch) -> list[dict[str, Any]]:
    app: App = request.app.state.openhall
    language, now_ms = language_of(request), app.wall.now_ms()
    by_id = {device.id: device for device in app.devices.records.every(branch.id)}
    rows = []
    for health in app.devices.health(branch.id):
        says, remedy = said(health, language)
        device = by_id[health.id]
        rows.append(
            {
                "device": device,
                "health": health,
                "says": says,
                "remedy": "" if health.state == "ok" else remedy,
                "kind": say(language, KIND_WORDS[device.kind]),
                "ago": _ago(language, now_ms - health.seen_ms) if health.seen_ms else "",
                "address": _address_words(device),
            }
        )
    return sorted(rows, key=lambda row: KINDS.index(cast(Device, row["device"]).kind))


def _ago(language: Language, ms: int) -> str:
    """How long ago a device was heard of; what is newer than two beats is now."""
    if ms < 15_000:
        return say(language, "just now")
    if ms < 90_000:
        return say(language, "{n} seconds ago", n=ms // 1_000)
    if ms < 5_400_000:
        return say(language, "{n} minutes ago", n=ms // 60_000)
    return say(language, "{n} hours ago", n=ms // 3_600_000)


def _address_words(device: Device) -> str:
    settings = device.settings
    if not isinstance(settings, PrinterSettings):
        return ""
    if settings.connection == "usb":
        return f"USB {settings.usb_vendor:04x}:{settings.usb_product:04x}"
    return f"{settings.host}:{settings.port}"


def _branch_context(request: OpenhallRequest, branch: Branch) -> dict[str, Any]:
    app: App = request.app.state.openhall
    rows = _rows(request, branch)
    language = language_of(request)
    return frame(request, "devices", branch) | {
        "rows": rows,
        "kiosks": [row["device"] for row in rows if row["device"].kind == "kiosk"],
        "services": app.bank.services,
        "kinds": [(kind, say(language, KIND_WORDS[kind])) for kind in KINDS],
        "blank": {kind: SETTINGS_OF[kind]() for kind in KINDS},
        "may_manage": rights.may_act(request.user.role, "devices.manage"),
        "is_voice_installed": app.speech.is_installed,
    }


@get("/b/{branch_id:str}/devices", include_in_schema=False, opt=needs_screen("devices"))
async def devices_page(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """The devices of a branch."""
    branch = readable_branch(request, branch_id)
    return page("devices.html", language_of(request), **_branch_context(request, branch))


@get("/b/{branch_id:str}/devices/live", include_in_schema=False, opt=needs_screen("devices"))
async def devices_live(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """The part of it that changes."""
    branch = readable_branch(request, branch_id)
    return page("devices_live.html", language_of(request), **_branch_context(request, branch))


@get("/b/{branch_id:str}/devices/panel", include_in_schema=False, opt=needs_command("RecordTriage"))
async def devices_panel(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """For the lobby: only what somebody should look at."""
    branch = readable_branch(request, branch_id)
    rows = [row for row in _rows(request, branch) if row["health"].state in {"down", "warning"}]
    return page("devices_panel.html", language_of(request), rows=rows)


def _head_context(request: OpenhallRequest) -> dict[str, Any]:
    app: App = request.app.state.openhall
    own = [b for b in app.bank.branches if rights.reaches(request.user.role, request.user.branch, b.id)]
    return frame(request, "devices") | {
        "listed": [(branch, _rows(request, branch)) for branch in own],
        "is_voice_installed": app.speech.is_installed,
    }


@get("/head/devices", include_in_schema=False, opt=needs_screen("devices"))
async def head_page(request: OpenhallRequest) -> Response[bytes]:
    """The devices of all branches in reach."""
    return page("devices_head.html", language_of(request), **_head_context(request))


@get("/head/devices/live", include_in_schema=False, opt=needs_screen("devices"))
async def head_live(request: OpenhallRequest) -> Response[bytes]:
    """The part of it that changes."""
    return page("devices_head_live.html", language_of(request), **_head_context(request))


HANDLERS: list[Any] = [
    DeviceController,
    devices_page,
    devices_live,
    devices_panel,
    head_page,
    head_live,
]
