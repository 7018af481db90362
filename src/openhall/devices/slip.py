"""What is to be on a slip of paper, before it is put into a printer's own language."""

from __future__ import annotations

from typing import Literal

import msgspec

Size = Literal["small", "normal", "large", "huge"]


class Line(msgspec.Struct, frozen=True, tag=True):
    """A line of text; a longer one is broken where a reader would."""

    text: str
    size: Size = "normal"
    is_bold: bool = False
    is_centred: bool = True


class Rule(msgspec.Struct, frozen=True, tag=True):
    """A line across the paper."""


class Gap(msgspec.Struct, frozen=True, tag=True):
    """Some empty paper."""


class Code(msgspec.Struct, frozen=True, tag=True):
    """An address as a QR code."""

    address: str


Part = Line | Rule | Gap | Code


class Slip(msgspec.Struct, frozen=True):
    """A slip of paper from top to bottom."""

    parts: tuple[Part, ...]
