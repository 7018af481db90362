"""The line and the open counters over a day, drawn with matplotlib; two days overlaid for comparison."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from openhall.kernel.clock import to_datetime

CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
)
"""Fonts with Chinese letters, the first that the machine has is used."""

COLOURS = ("#0b5cad", "#c2410c", "#15803d", "#7e22ce")
"""Blue and orange first: they differ for colour-blind readers too."""

LINES_MAX = len(COLOURS)

LABELS = {
    "en": {
        "title": "People waiting and open counters",
        "waiting": "people waiting",
        "counters": "open counters",
        "time": "time of day",
    },
    "zh": {
        "title": "等候人数与开放窗口",
        "waiting": "等候人数",
        "counters": "开放窗口",
        "time": "时间",
    },
}


class Chart(msgspec.Struct, frozen=True):
    """How a chart looks.

    Parameters
    ----------
    language : `en`, `zh`, or `both` (Chinese above English). Without a Chinese font everything is in English.
    timezone : in which the time of day is shown.
    title : instead of the built-in one.
    width_inches, height_inches, dots_per_inch : the size; dots matter for PNG only.
    """

    language: Literal["en", "zh", "both"] = "en"
    timezone: str = "UTC"
    title: str = ""
    width_inches: float = 9.0
    height_inches: float = 5.0
    dots_per_inch: int = 120

    def __post_init__(self) -> None:
        for name in ("width_inches", "height_inches"):
            if not 1 <= getattr(self, name) <= 50:
                raise ValueError(f"Expected {name} between 1 and 50, got {getattr(self, name)}")
        if not 30 <= self.dots_per_inch <= 600:
            raise ValueError(f"Expected dots_per_inch between 30 and 600, got {self.dots_per_inch}")


class Line(msgspec.Struct, frozen=True):
    """One day: columns of equal length. An empty column of counters is not drawn."""

    name: str
    minutes_ms: tuple[int, ...]
    waiting: tuple[int, ...]
    open_counters: tuple[int, ...]


def draw(lines: Sequence[Line], path: Path, chart: Chart | None = None) -> None:
    """Draw one day, or several overlaid, to an SVG or PNG file, as the path's suffix says."""
    if not 1 <= len(lines) <= LINES_MAX:
        raise ValueError(f"Expected 1 to {LINES_MAX} lines, got {len(lines)}")
    if path.suffix not in (".svg", ".png"):
        raise ValueError(f"Expected a path that ends in .svg or .png, got {path.name!r}")
    chart = chart or Chart()
    # Imported here: half a second that only a drawing should cost.
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, DateFormatter
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    font = cjk_font()
    labels = _labels(chart.language if font else "en")
    # A fixed salt makes equal charts equal files; letters stay letters, so that the SVG can be searched.
    settings: dict[Any, Any] = {
        "svg.hashsalt": "openhall",
        "svg.fonttype": "none",
        "axes.unicode_minus": False,
    }
    with rc_context(settings | ({"font.family": [font, "DejaVu Sans"]} if font else {})):
        zone = ZoneInfo(chart.timezone)
        figure = Figure(figsize=(chart.width_inches, chart.height_inches), layout="constrained")
        FigureCanvasAgg(figure)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        upper.set_title(chart.title or labels["title"])
        for line, colour in zip(lines, COLOURS, strict=False):
            times = _times(line, zone)
            upper.plot(times, line.waiting, color=colour, label=line.name or None, linewidth=1.6)
            if line.open_counters:
                lower.step(times, line.open_counters, color=colour, where="post", linewidth=1.6)
        upper.set_ylabel(labels["waiting"])
        lower.set_ylabel(labels["counters"])
        lower.yaxis.set_major_locator(MaxNLocator(integer=True))
        lower.set_xlabel(labels["time"])
        lower.xaxis.set_major_locator(AutoDateLocator(tz=zone))  # type: ignore[no-untyped-call]
        lower.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=zone))  # type: ignore[no-untyped-call]
        for axes in (upper, lower):
            axes.set_ylim(bottom=0)
            axes.grid(visible=True, alpha=0.3)
        if any(line.name for line in lines):
            upper.legend()
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=chart.dots_per_inch, metadata=metadata)


def cjk_font() -> str | None:
    """The first font of this machine that has Chinese letters; None when there is none."""
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return next((name for name in CJK_FONTS if name in known), None)


def _labels(language: str) -> dict[str, str]:
    if language != "both":
        return LABELS[language]
    return {key: f"{text}\n{LABELS['en'][key]}" for key, text in LABELS["zh"].items()}


def _times(line: Line, zone: ZoneInfo) -> list[datetime]:
    return [to_datetime(minute_ms, zone) for minute_ms in line.minutes_ms]
