"""Printing: exact bytes on the wire, legible on paper, and a dead printer that holds up nobody."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import ImageChops

from openhall.access.devices import PrinterSettings
from openhall.devices.links import Link, PrinterSilent, PrinterState, PrinterUnreachable, open_link
from openhall.devices.paper import FontMissing, broken, bytes_of, code_picture, columns_of, picture_of
from openhall.devices.printing import Printer, PrintLimits
from openhall.devices.slip import Code, Gap, Line, Rule, Slip
from tests.unit.devices import printers
from tests.unit.devices.printers import FONT, Paper, Sink
from tests.unit.devices.usb_printers import PRODUCT, VENDOR, UsbSink

SLIP = Slip(
    (
        Line("梧桐路支行", is_bold=True),
        Line("A001", size="huge", is_bold=True),
        Rule(),
        Line("前面还有 4 人 · 4 people ahead", is_centred=False),
        Gap(),
        Code("https://hall.example.cn/t/wutong.20261124.t1.AAAAAAAAAAAAAAAAAAAAAA"),
    )
)
QUICK = PrintLimits(give_up_seconds=20, pause_seconds=0.02, look_seconds=0.05)
PATIENT_SECONDS = 15


@pytest.fixture
def sink() -> Iterator[Sink]:
    printer = Sink()
    yield printer
    printer.close()


def settings(port: int, **more: object) -> PrinterSettings:
    return PrinterSettings(host="127.0.0.1", port=port, **more)  # type: ignore[arg-type]


@pytest.fixture
def printer(sink: Sink) -> Iterator[Printer]:
    made = Printer("p", settings(sink.port), FONT, QUICK)
    yield made
    made.stop()
    assert made.join(PATIENT_SECONDS)


def until(printer: Printer, state: PrinterState) -> None:
    assert printer.wait(lambda: printer.state == state, PATIENT_SECONDS), printer.state


# --- bytes and paper -------------------------------------------------------------------------------------


def test_a_printer_with_chinese_letters_gets_these_bytes() -> None:
    slip = Slip((Line("请到3号窗口", size="large", is_bold=True), Line("window 3", is_centred=False)))
    assert bytes_of(slip, PrinterSettings(host="p", letters="gb18030"), FONT) == (
        b"\x1b@"
        b"\x1d!\x11\x1bE\x01\x1ba\x01\x1c&\xc7\xeb\xb5\xbd3\xba\xc5\xb4\xb0\xbf\xda\x1c.\n"
        b"\x1d!\x00\x1bE\x00\x1ba\x00\x1c&window 3\x1c.\n"
        b"\x1bd\x06\x1dV\x00"
    )


def test_the_sink_gets_exactly_the_slip(printer: Printer, sink: Sink) -> None:
    assert printer.put("t1", SLIP)
    assert printer.wait(lambda: printer.job("t1") == "printed", PATIENT_SECONDS)
    printer.stop()
    assert printer.join(PATIENT_SECONDS)
    assert sink.wait(1, PATIENT_SECONDS) == [bytes_of(SLIP, printer.settings, FONT)]


@pytest.mark.parametrize("letters", ["picture", "gb18030"])
@pytest.mark.parametrize("width_dots", [384, 512, 576])
def test_on_paper_everything_is_inside_the_edges_and_cut_off(letters: str, width_dots: int) -> None:
    own = PrinterSettings(host="p", letters=letters, width_dots=width_dots)  # type: ignore[arg-type]
    paper = Paper(bytes_of(SLIP, own, FONT), width_dots)
    assert paper.is_cut
    assert 0.02 < paper.dark_share < 0.5
    assert (paper.text == []) == (letters == "picture")
    assert not any("?" in line for line in paper.text)


def test_a_chinese_character_is_drawn_and_is_not_the_box_of_a_missing_one() -> None:
    drawn = [picture_of([Line(text)], 576, FONT) for text in ("请", "窗", "\U0010fffd")]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert ImageChops.logical_xor(drawn[one], drawn[other]).getbbox() is not None


def test_without_a_font_there_is_a_trouble_and_no_question_marks() -> None:
    with pytest.raises(FontMissing):
        bytes_of(SLIP, PrinterSettings(host="p"), "no-such-font.ttc")


def test_the_code_is_the_address_to_the_last_dot() -> None:
    import segno

    address = SLIP.parts[-1].address  # type: ignore[union-attr]
    drawn = code_picture(address, 576)
    rows = list(segno.make(address, error="m", micro=False).matrix_iter(border=2))
    scale = drawn.height // len(rows)
    assert scale >= 4, "half a millimetre a dot: what a telephone reads"
    left = (576 - len(rows) * scale) // 2
    middle = scale // 2
    seen = [
        [drawn.getpixel((left + x * scale + middle, y * scale + middle)) == 0 for x in range(len(rows))]
        for y in range(len(rows))
    ]
    assert seen == [[bool(dot) for dot in row] for row in rows]


@pytest.mark.parametrize(
    ("text", "lines", "why"),
    [
        ("window 3", ["window 3"], "it fits"),
        ("please go to the window", ["please go", "to the", "window"], "between words"),
        ("请到三号窗口办理", ["请到三号窗", "口办理"], "between any two characters"),
        ("请您现在去，谢谢", ["请您现在", "去，谢谢"], "a comma never begins a line"),
        ("abcdefghijklmno", ["abcdefghij", "klmno"], "a word longer than the paper is cut"),
        ("", [""], "an empty line is a line"),
    ],
)
def test_long_lines_are_broken_where_a_reader_would(text: str, lines: list[str], why: str) -> None:
    assert broken(text, 10, columns_of) == lines, why


# --- a printer with troubles -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (printers.FINE, "ok"),
        (printers.PAPER_LOW, "paper_low"),
        (printers.PAPER_OUT, "paper_out"),
        (printers.COVER_OPEN, "cover_open"),
        (printers.CUTTER_STUCK, "printer_error"),
        (printers.OFFLINE, "offline"),
    ],
)
def test_what_the_printer_says_about_itself_is_known_before_anybody_prints(
    printer: Printer, sink: Sink, status: dict[int, int], state: PrinterState
) -> None:
    sink.status = dict(status)
    until(printer, state)
    sink.status = dict(printers.FINE)
    until(printer, "ok")


def test_a_slip_waits_for_paper_and_is_then_printed(printer: Printer, sink: Sink) -> None:
    sink.status = dict(printers.PAPER_OUT)
    until(printer, "paper_out")
    assert printer.put("t1", SLIP)
    assert printer.job("t1") == "waiting"
    sink.status = dict(printers.FINE)
    assert printer.wait(lambda: printer.job("t1") == "printed", PATIENT_SECONDS)


def test_a_printer_that_dies_in_the_middle_prints_the_slip_again(printer: Printer, sink: Sink) -> None:
    whole = bytes_of(SLIP, printer.settings, FONT)
    sink.dies_after_bytes = len(whole) // 2
    assert printer.put("t1", SLIP)
    assert printer.wait(lambda: printer.job("t1") == "printed", PATIENT_SECONDS)
    printer.stop()
    assert printer.join(PATIENT_SECONDS)
    first, second = sink.wait(2, PATIENT_SECONDS)
    assert len(first) < len(whole)
    assert whole.startswith(first)
    assert second == whole


def test_one_that_says_nothing_is_noticed_unless_it_never_does(sink: Sink) -> None:
    sink.status = None
    link = open_link(settings(sink.port))
    with pytest.raises(Exception, match="DLE EOT"):
        link.state()
    link.close()
    mute = Printer("mute", settings(sink.port, is_status_told=False), FONT, QUICK)
    assert mute.put("t1", SLIP)
    assert mute.wait(lambda: mute.job("t1") == "printed", PATIENT_SECONDS)
    mute.stop()
    assert mute.join(PATIENT_SECONDS)


def test_where_nobody_listens_the_slip_is_given_up_and_counted() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound and not listening: whoever connects is refused
        own = settings(probe.getsockname()[1])
        with pytest.raises(PrinterUnreachable):
            open_link(own)
        limits = PrintLimits(give_up_seconds=0.05, pause_seconds=0.02, look_seconds=0.05)
        printer = Printer("dead", own, FONT, limits)
        assert printer.put("t1", SLIP)
        assert printer.wait(lambda: printer.job("t1") == "failed", PATIENT_SECONDS)
        until(printer, "unreachable")
        assert (printer.failed_count, printer.waiting_count) == (1, 0)
        printer.stop()
        assert printer.join(PATIENT_SECONDS)


def test_a_usb_printer_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(PrinterUnreachable):
        open_link(PrinterSettings(connection="usb", usb_vendor=0x0416, usb_product=0x5011))


# --- by USB ----------------------------------------------------------------------------------------------

USB = PrinterSettings(connection="usb", usb_vendor=VENDOR, usb_product=PRODUCT)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> UsbSink:
    """A bus with a printer on it, where pyusb finds one."""
    sink = UsbSink()
    monkeypatch.setattr("usb.backend.libusb1.get_backend", lambda: sink)
    return sink


@pytest.fixture
def usb_printer(bus: UsbSink) -> Iterator[Printer]:
    assert bus.is_plugged
    made = Printer("usb", USB, FONT, QUICK)
    yield made
    made.stop()
    assert made.join(PATIENT_SECONDS)


def test_a_usb_printer_gets_exactly_the_slip_at_its_own_address(usb_printer: Printer, bus: UsbSink) -> None:
    assert usb_printer.put("t1", SLIP)
    assert usb_printer.wait(lambda: usb_printer.job("t1") == "printed", PATIENT_SECONDS)
    assert bus.wait(1, PATIENT_SECONDS) == [bytes_of(SLIP, USB, FONT)]
    assert usb_printer.state == "ok"


@pytest.mark.parametrize(
    ("status", "state"), [(printers.PAPER_LOW, "paper_low"), (printers.COVER_OPEN, "cover_open")]
)
def test_a_usb_printer_says_how_it_is(
    usb_printer: Printer, bus: UsbSink, status: dict[int, int], state: PrinterState
) -> None:
    bus.status = dict(status)
    until(usb_printer, state)
    bus.status = dict(printers.FINE)
    until(usb_printer, "ok")


def test_unplugged_in_the_middle_and_plugged_in_again_it_prints_the_slip_whole(
    usb_printer: Printer, bus: UsbSink
) -> None:
    whole = bytes_of(SLIP, USB, FONT)
    bus.unplugs_after_bytes = len(whole) // 2
    assert usb_printer.put("t1", SLIP)
    until(usb_printer, "unreachable")
    assert usb_printer.job("t1") == "waiting"
    assert usb_printer.put("t2", SLIP), "who takes a number meanwhile does not wait"
    bus.is_plugged = True
    assert usb_printer.wait(lambda: usb_printer.job("t2") == "printed", PATIENT_SECONDS)
    assert usb_printer.job("t1") == "printed"
    assert bus.wait(3, PATIENT_SECONDS) == [whole[: len(whole) // 2], whole, whole]
    assert (usb_printer.state, usb_printer.failed_count) == ("ok", 0)


@pytest.mark.parametrize(
    ("bus_as", "why"),
    [({"status": None}, "it never answers"), ({"in_address": 0}, "it has no way to answer")],
)
def test_a_usb_printer_that_says_nothing_prints_where_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, bus_as: dict[str, Any], why: str
) -> None:
    sink = UsbSink(**bus_as)
    monkeypatch.setattr("usb.backend.libusb1.get_backend", lambda: sink)
    link = open_link(USB)
    with pytest.raises(PrinterSilent):
        link.state()
    link.close()
    mute = Printer("mute", replace(USB, is_status_told=False), FONT, QUICK)
    assert mute.put("t1", SLIP)
    assert mute.wait(lambda: mute.job("t1") == "printed", PATIENT_SECONDS), why
    mute.stop()
    assert mute.join(PATIENT_SECONDS)
    assert sink.slips[-1] == bytes_of(SLIP, USB, FONT)


def test_a_device_that_takes_no_bytes_is_no_printer(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = UsbSink(out_address=0x81)
    monkeypatch.setattr("usb.backend.libusb1.get_backend", lambda: sink)
    with pytest.raises(PrinterUnreachable, match="takes no bytes"):
        open_link(USB)


# --- many slips, odd slips -------------------------------------------------------------------------------


def test_the_queue_has_an_end_and_whoever_asks_does_not_wait(printer: Printer, sink: Sink) -> None:
    sink.status = dict(printers.PAPER_OUT)
    until(printer, "paper_out")
    taken = [printer.put(f"t{n}", SLIP) for n in range(40)]
    assert taken.count(True) in {20, 21}, "twenty wait, and one is in the thread's hand"
    assert not taken[-1]
    assert printer.job("t39") == "failed"


def test_a_driver_that_fails_in_its_own_way_does_not_end_the_thread(sink: Sink) -> None:
    """What a library for USB raises is not always what it says it raises."""
    faults = [RuntimeError("no backend"), RuntimeError("no backend")]

    def connect(asked: PrinterSettings) -> Link:
        if faults:
            raise faults.pop()
        return open_link(asked)

    printer = Printer("p", settings(sink.port), FONT, QUICK, connect)
    until(printer, "unreachable")
    until(printer, "ok")
    assert printer.put("a", SLIP)
    assert printer.wait(lambda: printer.job("a") == "printed", PATIENT_SECONDS)
    printer.stop()
    assert printer.join(PATIENT_SECONDS)


def test_a_slip_that_cannot_be_made_ends_itself_alone(printer: Printer) -> None:
    assert printer.put("bad", Slip((Code("x" * 5_000),)))  # more than any QR code holds
    assert printer.put("good", SLIP)
    assert printer.wait(lambda: printer.job("good") == "printed", PATIENT_SECONDS)
    assert printer.job("bad") == "failed"
