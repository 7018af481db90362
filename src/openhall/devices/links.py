"""The line to a printer, through python-escpos: what is sent, and what the printer says about itself."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import Any, Literal, Protocol

from openhall.access.devices import PrinterSettings
from openhall.kernel.trouble import Trouble

ANSWER_SECONDS = 2.0
"""A printer that has not said how it is by then does not."""
SEND_SECONDS = 8.0
"""A slip takes about two; a printer whose paper is out stops taking bytes for ever."""

PrinterState = Literal[
    "unknown",
    "ok",
    "paper_low",
    "paper_out",
    "cover_open",
    "printer_error",
    "offline",
    "unreachable",
    "status_silent",
    "font_missing",
]
"""What is known of a printer. With the first three it prints."""

PRINTS: frozenset[PrinterState] = frozenset({"unknown", "ok", "paper_low"})

DLE_EOT_PRINTER, DLE_EOT_CAUSE, DLE_EOT_PAPER = b"\x10\x04\x01", b"\x10\x04\x02", b"\x10\x04\x04"
PRINTER_CLASS, BULK, INWARD = 7, 2, 0x80
"""USB: the class of printers, the kind of endpoint, and the bit of an address that answers are read from."""
_FIXED_BITS, _FIXED = 0b1001_0011, 0b0001_0010
"""Every answer to DLE EOT has these bits so; anything else on the line is none."""


class PrinterUnreachable(Trouble):
    """The printer does not answer."""

    code = "unreachable"
    remedy = "See that the printer is switched on and its cable plugged in; then check its address."


class PrinterSilent(Trouble):
    """The printer takes bytes and says nothing about itself."""

    code = "status_silent"
    remedy = "If this model never tells its state, switch that off in its settings; else restart it."


class Link(Protocol):
    """An open line to a printer."""

    def send(self, data: bytes) -> None:
        """Send bytes. Raises `PrinterUnreachable`."""
        ...

    def state(self) -> PrinterState:
        """What the printer says about itself. Raises `PrinterUnreachable` or `PrinterSilent`."""
        ...

    def close(self) -> None:
        """Let the line go, so that others can use the printer."""
        ...


def open_link(settings: PrinterSettings) -> Link:
    """Connect. Raises `PrinterUnreachable`."""
    return EscposLink(_network(settings) if settings.connection == "network" else _usb(settings))


def _network(settings: PrinterSettings) -> Any:
    from escpos.printer import Network

    place = f"{settings.host}:{settings.port}"
    try:
        line = socket.create_connection((settings.host, settings.port), ANSWER_SECONDS)
    except OSError as error:
        raise PrinterUnreachable(str(error), place=place) from error
    # Connected here: the library leaves the socket of a failed attempt open.
    printer = Network(settings.host, settings.port, timeout=ANSWER_SECONDS)
    printer.device = line
    return printer


def _usb(settings: PrinterSettings) -> Any:
    from escpos.exceptions import Error
    from escpos.printer import Usb

    place = f"{settings.usb_vendor:04x}:{settings.usb_product:04x}"
    printer = Usb(settings.usb_vendor, settings.usb_product, timeout=round(SEND_SECONDS * 1_000))
    try:
        printer.open()
        printer.out_ep, printer.in_ep = _endpoints(printer.device)
    except (Error, OSError, ValueError) as error:  # pyusb: no device, no right to it, no library
        with suppress(OSError):
            printer.close()
        raise PrinterUnreachable(str(error), place=place) from error
    return printer


def _endpoints(device: Any) -> tuple[int, int]:
    """Where a USB printer is written to, and where it answers, or 0 where it never does.

    The library takes the addresses of one make for granted; the device itself tells its own.
    """
    interfaces = sorted(device.get_active_configuration(), key=lambda i: i.bInterfaceClass != PRINTER_CLASS)
    for interface in interfaces:
        bulk = [end.bEndpointAddress for end in interface if end.bmAttributes & 0b11 == BULK]
        outward = [address for address in bulk if not address & INWARD]
        if outward:
            return outward[0], next((address for address in bulk if address & INWARD), 0)
    raise ValueError("Expected a printer, found a device that takes no bytes")


class EscposLink:
    """A line over one of python-escpos' printers."""

    def __init__(self, printer: Any) -> None:
        self._printer = printer

    def send(self, data: bytes) -> None:
        """Send bytes, all of them."""
        self._wait(SEND_SECONDS)
        try:
            self._printer._raw(data)
        except OSError as error:
            raise PrinterUnreachable(str(error)) from error

    def state(self) -> PrinterState:
        """Ask three times: is it on line, if not why, and how the paper is."""
        self._wait(ANSWER_SECONDS)
        paper = self._ask(DLE_EOT_PAPER)
        if paper & 0x60:
            return "paper_out"
        if self._ask(DLE_EOT_PRINTER) & 0x08:
            cause = self._ask(DLE_EOT_CAUSE)
            if cause & 0x20:
                return "paper_out"
            if cause & 0x04:
                return "cover_open"
            return "printer_error" if cause & 0x40 else "offline"
        return "paper_low" if paper & 0x0C else "ok"

    def close(self) -> None:
        """Let the line go."""
        with suppress(OSError):
            self._printer.close()

    def _wait(self, seconds: float) -> None:
        if isinstance(self._printer.device, socket.socket):
            self._printer.device.settimeout(seconds)

    def _ask(self, question: bytes) -> int:
        try:
            answer = bytes(self._printer.query_status(question))
        except TimeoutError as error:
            raise PrinterSilent("No answer to DLE EOT") from error
        except OSError as error:
            if error.errno == errno.ETIMEDOUT:  # pyusb's time-out
                raise PrinterSilent("No answer to DLE EOT") from error
            raise PrinterUnreachable(str(error)) from error
        except ValueError as error:
            raise PrinterSilent("A USB printer with no way to answer") from error
        if not answer:
            raise PrinterUnreachable("The printer closed the line")
        if answer[-1] & _FIXED_BITS != _FIXED:
            raise PrinterSilent("An answer that is none to DLE EOT")
        return answer[-1]
