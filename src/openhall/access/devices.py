"""The devices of a hall: what there is, how each is set up, and how it is paired by a code."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec

from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.refusal import Refusal, refusals
from openhall.kernel.text import Language

DeviceKind = Literal["kiosk", "display", "gate", "printer"]

PAIRED_KINDS: Final[frozenset[DeviceKind]] = frozenset({"kiosk", "display", "gate"})
"""Those with a session of their own. A printer is only ever spoken to."""

CODE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters and digits that nobody mistakes for one another when they are read out: no 0, 1, I, O."""
CODE_CHARACTERS: Final = 8
CODE_MS: Final = 15 * MINUTE_MS
DEVICES_PER_BRANCH_AT_MOST: Final = 100
WINDOWS_AT_MOST: Final = 100

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
DeviceName = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]

REFUSALS: Final = refusals(
    device_unknown=("There is no such device.", "Look at the list of devices again."),
    device_revoked=("This device was revoked.", "Add it anew if it is to be used again."),
    device_not_paired_kind=(
        "A printer is not paired: the server calls it.",
        "Give the printer's address in its settings.",
    ),
    device_name_taken=("Another device of this branch has that name.", "Choose another name."),
    devices_full=("A branch has at most {limit} devices.", "Revoke one that is no longer used."),
    device_settings_invalid=("These settings do not fit: {detail}", "Correct the field and save again."),
    pairing_code_wrong=(
        "This code opens nothing; it may have been used, or be older than {minutes} minutes.",
        "Ask for a new code on the Devices page, and type it again.",
    ),
    printer_missing=(
        "No printer is set up for this.",
        "Set one up on the Devices page; the number is valid without paper.",
    ),
    printer_busy=(
        "{waiting} slips are waiting at this printer already.",
        "See on the Devices page what is wrong with it; the number is valid without paper.",
    ),
    gate_clock_wrong=(
        "The gate's clock is {minutes} minutes ahead of the hall's.",
        "Set it by `now_ms` of the server's answers, and send the pass again.",
    ),
    gate_pass_too_old=("This pass is of another day.", "Drop it; its day is over."),
    temperature_not_asked=(
        "No temperature is read under today's rules, so none is taken.",
        "Leave `temperature` out.",
    ),
    device_cannot_test=("This device has nothing to test that way.", "Choose the test that it offers."),
)


class KioskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ticket machine has no settings of its own; which printer it uses, the printer says."""


class GateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gate has no settings of its own; what it checks, the branch's regime says."""


class DisplaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a hall display shows and says."""

    counters: Annotated[tuple[Word, ...], msgspec.Meta(max_length=WINDOWS_AT_MOST)] = ()
    """Windows whose calls it shows, such as those of its floor; empty means all."""
    services: Annotated[tuple[Word, ...], msgspec.Meta(max_length=WINDOWS_AT_MOST)] = ()
    """Services whose lines it shows; empty means all."""
    languages: Annotated[tuple[Language, ...], msgspec.Meta(max_length=2)] = ("zh", "en")
    """Spoken in this order; empty means that it only chimes."""
    volume_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 80
    """0 means that it is silent."""
    repeats: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    """How many times a call is said."""
    quiet_from: TimeOfDay = ""
    quiet_to: TimeOfDay = ""
    """From when to when, by the branch's clock, it shows without sound; both empty: never."""

    def is_quiet(self, time_of_day: str) -> bool:
        """Whether it keeps silent at `HH:MM`; hours may run over midnight."""
        first, last = self.quiet_from, self.quiet_to
        if not first or not last or first == last:
            return False
        return first <= time_of_day < last if first < last else not last <= time_of_day < first


class PrinterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a receipt printer that speaks ESC/POS is reached, and what it can."""

    connection: Literal["network", "usb"] = "network"
    host: Annotated[str, msgspec.Meta(max_length=253, pattern=r"^[A-Za-z0-9.:_-]*$")] = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 9_100
    usb_vendor: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = 0
    usb_product: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = 0
    width_dots: Literal[384, 512, 576] = 576
    """Printable dots across: 576 on 80 mm paper as a rule, 384 on 58 mm."""
    letters: Literal["picture", "gb18030"] = "picture"
    """`gb18030` where the printer has Chinese characters of its own; drawn by the server otherwise."""
    is_status_told: bool = True
    """Whether it answers DLE EOT. Without that, paper and cover cannot be known."""
    kiosks: Annotated[tuple[Word, ...], msgspec.Meta(max_length=20)] = ()
    """Ticket machines, by their ids, whose numbers are printed here as soon as they are given."""
    is_for_lobby: bool = True
    """Whether the lobby prints here."""


DeviceSettings = KioskSettings | GateSettings | DisplaySettings | PrinterSettings
SETTINGS_OF: Final[dict[DeviceKind, type[DeviceSettings]]] = {
    "kiosk": KioskSettings,
    "display": DisplaySettings,
    "gate": GateSettings,
    "printer": PrinterSettings,
}


class Device(msgspec.Struct, frozen=True):
    """A device as it is written down. What it is doing now is its health, and is not written down."""

    id: str
    branch: str
    kind: DeviceKind
    name: str
    settings: DeviceSettings
    made_ms: int
    made_by: str
    paired_ms: int = 0
    """When it was last paired; 0 means never."""
    seen_ms: int = 0
    """When it was last heard of, to the minute; 0 means never."""
    revoked_ms: int = 0
    code_until_ms: int = 0
    """Till when a code waits for it."""

    @property
    def account(self) -> str:
        """The name under which it acts."""
        return f"device-{self.id}"


def read_settings(kind: DeviceKind, given: object) -> DeviceSettings | Refusal:
    """Settings of a kind of device as somebody gave them."""
    try:
        found: DeviceSettings = msgspec.convert(given, SETTINGS_OF[kind])
    except msgspec.ValidationError as error:
        return Refusal("device_settings_invalid", "settings", {"detail": str(error)})
    if isinstance(found, PrinterSettings):
        if found.connection == "network" and not found.host:
            return Refusal("device_settings_invalid", "host", {"detail": "host"})
        if found.connection == "usb" and not (found.usb_vendor and found.usb_product):
            return Refusal("device_settings_invalid", "usb_vendor", {"detail": "usb_vendor, usb_product"})
    if isinstance(found, DisplaySettings) and bool(found.quiet_from) != bool(found.quiet_to):
        return Refusal("device_settings_invalid", "quiet_to", {"detail": "quiet_from, quiet_to"})
    return found


def code_of(random_bytes: bytes) -> str:
    """A pairing code out of as many random bytes as it has characters."""
    return "".join(CODE_ALPHABET[byte % len(CODE_ALPHABET)] for byte in random_bytes[:CODE_CHARACTERS])


def typed_code(text: str) -> str:
    """A code as somebody typed it: small letters, spaces and dashes are all the same."""
    return re.sub(r"[\s-]", "", text).upper()
