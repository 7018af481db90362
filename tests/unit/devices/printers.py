"""A printer to print on: takes ESC/POS over TCP, answers DLE EOT, dies when told, and draws what it got."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

FINE = {1: 0x16, 2: 0x12, 4: 0x12}
"""Answers to DLE EOT 1, 2 and 4 of a printer that is well."""
PAPER_LOW = {1: 0x16, 2: 0x12, 4: 0x1E}
PAPER_OUT = {1: 0x1E, 2: 0x32, 4: 0x72}
COVER_OPEN = {1: 0x1E, 2: 0x16, 4: 0x12}
CUTTER_STUCK = {1: 0x1E, 2: 0x52, 4: 0x12}
OFFLINE = {1: 0x1E, 2: 0x12, 4: 0x12}
LINE_DOTS = 30
FONT = "NotoSansCJK-Regular.ttc"


@dataclass
class Sink:
    """A network printer on a port of this machine."""

    status: dict[int, int] | None = field(default_factory=lambda: dict(FINE))
    """None: it never answers."""
    dies_after_bytes: int = 0
    """Cuts the line when that many bytes of slips have come; once."""
    slips: list[bytes] = field(default_factory=list)
    connection_count: int = 0

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def wait(self, count: int, seconds: float) -> list[bytes]:
        """The slips, once so many came whole."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.slips) >= count, seconds), len(self.slips)
        return self.slips

    def close(self) -> None:
        """Pull the plug."""
        # A thread that waits for a connection is not woken by closing what it waits at.
        self._is_closed = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join(5)
        self._server.close()

    _is_closed = False

    def _serve(self) -> None:
        while True:
            line, _ = self._server.accept()
            with line:
                if self._is_closed:
                    return
                self.connection_count += 1
                data = self._hear(line)
            if data:
                with self._changed:
                    self.slips.append(data)
                    self._changed.notify_all()

    def _hear(self, line: socket.socket) -> bytes:
        data = b""
        while chunk := _received(line):
            # A real one answers while it prints: DLE EOT is taken out of whatever is under way.
            while (at := chunk.find(b"\x10\x04")) >= 0 and len(chunk) > at + 2:
                if self.status is not None:
                    line.sendall(bytes([self.status[chunk[at + 2]]]))
                chunk = chunk[:at] + chunk[at + 3 :]
            data += chunk
            if self.dies_after_bytes and len(data) >= self.dies_after_bytes:
                self.dies_after_bytes = 0
                # Unread bytes make the close a reset, as a plug that is pulled does.
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return data
        return data


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(1024)
    except OSError:
        return b""


class Paper:
    """What a printer makes of bytes: enough of ESC/POS to look at a slip."""

    def __init__(self, data: bytes, width_dots: int = 576) -> None:
        self.width_dots = width_dots
        self.image = Image.new("1", (width_dots, 4_000), 1)
        self.text: list[str] = []
        self.is_cut = False
        self.top = 0
        self._size = self._is_bold = 0
        self._align = 0
        self._print(data)
        self.image = self.image.crop((0, 0, width_dots, max(1, self.top)))

    def _print(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            at = self._command(data, at)

    def _command(self, data: bytes, at: int) -> int:
        two = data[at : at + 2]
        if two == b"\x1b@":
            return at + 2
        if two in (b"\x1c&", b"\x1c."):  # Chinese on and off
            return at + 2
        if two == b"\x1ba":
            self._align = data[at + 2] & 3
            return at + 3
        if two == b"\x1bE":
            self._is_bold = data[at + 2]
            return at + 3
        if two == b"\x1d!":
            self._size = data[at + 2]
            return at + 3
        if two == b"\x1bd":
            self.top += data[at + 2] * LINE_DOTS
            return at + 3
        if two == b"\x1dV":
            self.is_cut = True
            return at + (4 if data[at + 2] in (65, 66) else 3)
        if data[at : at + 3] == b"\x1dv0":
            return self._raster(data, at)
        if data[at] < 0x20 and data[at] != 0x0A:
            raise ValueError(f"Expected a command that the tests know, got {data[at : at + 8]!r}")
        end = data.index(b"\n", at)
        stop = data.find(b"\x1c.", at, end)
        self._line(data[at : stop if stop >= 0 else end].decode("gb18030"))
        return end + 1

    def _raster(self, data: bytes, at: int) -> int:
        assert data[at + 3] == 0
        width, height = data[at + 4] + 256 * data[at + 5], data[at + 6] + 256 * data[at + 7]
        size = width * height
        picture = Image.frombytes(
            "1", (width * 8, height), bytes(b ^ 0xFF for b in data[at + 8 : at + 8 + size])
        )
        assert picture.width <= self.width_dots, "wider than the paper"
        self.image.paste(picture, (0, self.top))
        self.top += height
        return at + 8 + size

    def _line(self, text: str) -> None:
        scale = (self._size & 7) + 1
        self.text.append(text)
        columns = sum(1 if c.isascii() else 2 for c in text) * scale
        assert columns * 12 <= self.width_dots, f"{text!r} runs over the edge"
        font = ImageFont.truetype(FONT, 22 * scale)
        left = (self.width_dots - columns * 12) // 2 if self._align == 1 else 0
        pen = ImageDraw.Draw(self.image)
        pen.text((left, self.top), text, fill=0, font=font, stroke_width=1 if self._is_bold else 0)
        self.top += LINE_DOTS * scale

    @property
    def dark_share(self) -> float:
        """How much of the paper is black."""
        return self.image.histogram()[0] / (self.image.width * self.image.height)
