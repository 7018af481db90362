"""A slip as the bytes of an ESC/POS printer, through python-escpos.

A printer without Chinese characters of its own gets every line as a picture, drawn here with a font of this
machine: what cannot be drawn is a trouble with a remedy, never a row of question marks. A printer that has
GB18030 gets text, which it prints faster.

python-escpos, Pillow and segno are loaded by the thread that prints, not by the server's start.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from openhall.access.devices import PrinterSettings
from openhall.devices.slip import Code, Gap, Line, Part, Rule, Size, Slip
from openhall.kernel.trouble import Trouble

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

FONT_DOTS: dict[Size, int] = {"small": 22, "normal": 28, "large": 40, "huge": 120}
"""At 8 dots a millimetre: 3 to 15 mm high. `small` is what eyes of seventy years read at arm's length."""
TEXT_SIZES: dict[Size, int] = {"small": 1, "normal": 1, "large": 2, "huge": 4}
COLUMN_DOTS = 12
"""Width of a letter in the printer's own font A; a Chinese character takes two."""
LEADING = 1.3
GAP_DOTS = 20
RULE_DOTS = 2
CODE_DOT_SHARE = 0.5
"""Of the paper's width: what a phone reads from a hand's breadth."""
FS_CHINESE_ON, FS_CHINESE_OFF = b"\x1c&", b"\x1c."
BREAK_AFTER = " ，。、；：！？）》」-"
NOT_FIRST = "，。、；：！？）》」,.;:!?)"


class FontMissing(Trouble):
    """The server has no font with Chinese characters to draw tickets with."""

    code = "font_missing"
    remedy = "Install fonts-noto-cjk on the server, or name a font under [devices] in openhall.toml."


def bytes_of(slip: Slip, settings: PrinterSettings, font: str) -> bytes:
    """The slip for a printer. Raises `FontMissing`."""
    from escpos.printer import Dummy

    printer = Dummy()
    # Without a width of its own the library complains on the server's output with each picture.
    width = {"width": {"pixels": settings.width_dots, "mm": "Unknown"}}
    printer.profile.profile_data = {**printer.profile.profile_data, "media": width}
    printer.hw("INIT")
    parts = _pictures(slip, settings, font) if settings.letters == "picture" else slip.parts
    for part in parts:
        if isinstance(part, Line):
            _write(printer, part, settings.width_dots)
        elif isinstance(part, Rule):
            printer.set(align="left", custom_size=True, width=1, height=1)
            printer._raw(b"-" * (settings.width_dots // COLUMN_DOTS) + b"\n")
        elif isinstance(part, Gap):
            printer._raw(b"\n")
        else:
            drawn = code_picture(part.address, settings.width_dots) if isinstance(part, Code) else part
            printer.set(align="left")
            printer.image(drawn, impl="bitImageRaster")
    printer.cut()
    output: bytes = printer.output
    return output


# A printer with letters of its own -----------------------------------------------------------------------


def _write(printer: Any, line: Line, width_dots: int) -> None:
    size = TEXT_SIZES[line.size]
    printer.set(
        align="center" if line.is_centred else "left",
        bold=line.is_bold,
        custom_size=True,
        width=size,
        height=size,
    )
    columns = width_dots // (COLUMN_DOTS * size)
    for text in broken(line.text, columns, columns_of):
        printer._raw(FS_CHINESE_ON + text.encode("gb18030") + FS_CHINESE_OFF + b"\n")


def columns_of(text: str) -> int:
    """How many columns a printer's own letters take."""
    return sum(1 if character.isascii() else 2 for character in text)


# A printer that gets pictures ----------------------------------------------------------------------------


def _pictures(slip: Slip, settings: PrinterSettings, font: str) -> Iterator[Part | Image]:
    """Neighbouring lines, rules and gaps as one picture each; codes stay as they are."""
    together: list[Part] = []
    for part in slip.parts:
        if isinstance(part, Code):
            if together:
                yield picture_of(together, settings.width_dots, font)
            together = []
            yield part
        else:
            together.append(part)
    if together:
        yield picture_of(together, settings.width_dots, font)


def picture_of(parts: list[Part], width_dots: int, font: str) -> Image:
    """Lines, rules and gaps drawn one below the other, black on white."""
    from PIL import Image, ImageDraw

    rows: list[tuple[str, Size, Line | None, int]] = []
    for part in parts:
        if isinstance(part, Line):
            letters = font_of(font, FONT_DOTS[part.size])
            height = round(FONT_DOTS[part.size] * LEADING)
            rows += [
                (text, part.size, part, height)
                for text in broken(part.text, width_dots, lambda t, f=letters: round(f.getlength(t)))
            ]
        else:
            rows.append(("", "normal", None, GAP_DOTS if isinstance(part, Gap) else -GAP_DOTS))
    drawn = Image.new("1", (width_dots, sum(abs(height) for *_, height in rows) or 1), 1)
    pen, top = ImageDraw.Draw(drawn), 0
    pen.fontmode = "1"  # no grey edges: a thermal head has no grey
    for text, size, line, height in rows:
        if line is not None:
            letters = font_of(font, FONT_DOTS[size])
            left = (width_dots - round(letters.getlength(text))) // 2 if line.is_centred else 0
            weight = max(1, FONT_DOTS[size] // 28) if line.is_bold else 0
            middle = top + height // 2
            pen.text((max(0, left), middle), text, fill=0, font=letters, anchor="lm", stroke_width=weight)
        elif height < 0:
            middle = top - height // 2
            pen.rectangle((0, middle, width_dots, middle + RULE_DOTS - 1), fill=0)
        top += abs(height)
    return drawn


def code_picture(address: str, width_dots: int) -> Image:
    """A QR code in the middle of the paper, each of its dots a square of the printer's."""
    import segno
    from PIL import Image

    rows = [bytes(row) for row in segno.make(address, error="m", micro=False).matrix_iter(border=2)]
    scale = max(2, round(width_dots * CODE_DOT_SHARE / len(rows)))
    code = Image.new("1", (len(rows), len(rows)), 1)
    for y, row in enumerate(rows):
        for x, is_dark in enumerate(row):
            if is_dark:
                code.putpixel((x, y), 0)
    large = code.resize((len(rows) * scale,) * 2)
    drawn = Image.new("1", (width_dots, large.height), 1)
    drawn.paste(large, ((width_dots - large.width) // 2, 0))
    return drawn


@lru_cache(16)
def font_of(font: str, dots: int) -> FreeTypeFont:
    """A font in a size. Raises `FontMissing`."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype(font, dots)
    except OSError as error:
        raise FontMissing(f"No font {font}", place=font) from error


# Both ----------------------------------------------------------------------------------------------------


def broken(text: str, width: int, measure: Any) -> list[str]:
    """A text in lines that fit: English between words, Chinese between any two characters but not before a
    comma; a word that fits no line is cut."""
    lines, line = [], ""
    for piece in _pieces(text):
        while measure(piece.rstrip()) > width and len(piece) > 1:
            if line.strip():
                lines.append(line.rstrip())
                line = ""
            fits = next(n for n in range(len(piece) - 1, 0, -1) if n == 1 or measure(piece[:n]) <= width)
            lines.append(piece[:fits])
            piece = piece[fits:]
        if line and measure((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str) -> Iterator[str]:
    """What a line may be broken after."""
    piece = ""
    for n, character in enumerate(text):
        piece += character
        follows = text[n + 1 : n + 2]
        may_break = (
            character in BREAK_AFTER or not character.isascii() or not (follows.isascii() or not follows)
        )
        if may_break and follows not in NOT_FIRST:
            yield piece
            piece = ""
    if piece:
        yield piece
