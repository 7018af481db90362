"""A printer on a USB bus that is not there: a back end of pyusb, under the real pyusb and python-escpos."""

from __future__ import annotations

import errno
import threading
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from usb.backend import IBackend  # type: ignore[import-untyped]
from usb.core import USBError, USBTimeoutError  # type: ignore[import-untyped]

from tests.unit.devices.printers import FINE

VENDOR, PRODUCT = 0x0416, 0x5011
PRINTER_CLASS, BULK = 7, 2
ANY_NUMBER = 0
DLE_EOT = b"\x10\x04"


@dataclass(eq=False)
class UsbSink(IBackend):  # type: ignore[misc]
    """Takes what is written to its way in, answers DLE EOT on its way out, and can be unplugged."""

    out_address: int = 0x03
    """Neither of the two is what python-escpos takes for granted: makes differ."""
    in_address: int = 0x84
    status: dict[int, int] | None = field(default_factory=lambda: dict(FINE))
    """None: it never answers."""
    is_plugged: bool = True
    unplugs_after_bytes: int = 0
    """The plug is pulled when that many bytes of a slip have come; once."""
    slips: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._data = b""
        self._answers = b""
        self._changed = threading.Condition()

    def wait(self, count: int, seconds: float) -> list[bytes]:
        """The slips, once so many came, whole or not."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.slips) >= count, seconds), len(self.slips)
        return self.slips

    # What is on the bus --------------------------------------------------------------------------------

    def enumerate_devices(self) -> Iterator[str]:
        if self.is_plugged:
            yield "printer"

    def get_device_descriptor(self, *_: object) -> Any:
        names = "bLength bDescriptorType bcdUSB bDeviceClass bDeviceSubClass bDeviceProtocol bMaxPacketSize0"
        more = "bcdDevice iManufacturer iProduct iSerialNumber address bus port_number port_numbers speed"
        numbers = dict.fromkeys(f"{names} {more}".split(), ANY_NUMBER)
        return SimpleNamespace(**numbers, idVendor=VENDOR, idProduct=PRODUCT, bNumConfigurations=1)

    def get_configuration_descriptor(self, *_: object) -> Any:
        names = "bLength bDescriptorType wTotalLength iConfiguration bmAttributes bMaxPower"
        numbers = dict.fromkeys(names.split(), ANY_NUMBER)
        return SimpleNamespace(**numbers, bNumInterfaces=1, bConfigurationValue=1, extra_descriptors=[])

    def get_interface_descriptor(
        self, _device: str, _interface: int, setting: int, _configuration: int
    ) -> Any:
        if setting:
            raise IndexError  # there is one setting alone
        names = "bLength bDescriptorType bInterfaceNumber bAlternateSetting bInterfaceSubClass"
        numbers = dict.fromkeys(f"{names} bInterfaceProtocol iInterface".split(), ANY_NUMBER)
        ends = 2 if self.in_address else 1
        return SimpleNamespace(
            **numbers, bInterfaceClass=PRINTER_CLASS, bNumEndpoints=ends, extra_descriptors=[]
        )

    def get_endpoint_descriptor(self, _device: str, end: int, *_: object) -> Any:
        names = "bLength bDescriptorType bInterval bRefresh bSynchAddress"
        numbers = dict.fromkeys(names.split(), ANY_NUMBER)
        address = (self.out_address, self.in_address)[end]
        return SimpleNamespace(
            **numbers, bEndpointAddress=address, bmAttributes=BULK, wMaxPacketSize=64, extra_descriptors=[]
        )

    # A line to it --------------------------------------------------------------------------------------

    def _there(self, *_: object) -> None:
        if not self.is_plugged:
            raise USBError("No such device (it may have been disconnected)", errno=errno.ENODEV)

    set_configuration = claim_interface = reset_device = _there

    def release_interface(self, *_: object) -> None:
        """Also of what is gone."""

    def open_device(self, dev: str) -> str:
        self._there()
        return dev

    def close_device(self, *_: object) -> None:
        with self._changed:
            if self._data:
                self.slips.append(self._data)
            self._data = self._answers = b""
            self._changed.notify_all()

    def get_configuration(self, *_: object) -> int:
        self._there()
        return 1

    def bulk_write(self, _handle: str, end: int, _interface: int, data: array[int], _timeout: int) -> int:
        self._there()
        assert end == self.out_address
        written = data.tobytes()
        while (at := written.find(DLE_EOT)) >= 0 and len(written) > at + 2:
            if self.status is not None:
                self._answers += bytes([self.status[written[at + 2]]])
            written = written[:at] + written[at + 3 :]
        self._data += written
        if self.unplugs_after_bytes and len(self._data) >= self.unplugs_after_bytes:
            self._data = self._data[: self.unplugs_after_bytes]
            self.unplugs_after_bytes, self.is_plugged = 0, False
            self._there()
        return len(data)

    def bulk_read(self, _handle: str, end: int, _interface: int, buff: array[int], _timeout: int) -> int:
        self._there()
        assert end == self.in_address
        if not self._answers:
            raise USBTimeoutError("Operation timed out", errno=errno.ETIMEDOUT)
        taken, self._answers = self._answers, b""
        for at, byte in enumerate(taken):
            buff[at] = byte
        return len(taken)
