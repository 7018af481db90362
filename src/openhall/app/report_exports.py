"""A day's report to take along: a table for a spreadsheet, a file for analysis, a sheet of paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from openhall.app.language import say
from openhall.app.plan_exports import FONT
from openhall.app.plan_words import day_words
from openhall.app.report_words import EARLIER, Line, code_words, sections, table
from openhall.app.reports import Compared
from openhall.kernel.text import Language
from openhall.network.model import Bank, Branch
from openhall.review.indicators import Group, indicators
from openhall.review.report import DayReport

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

COLUMNS: Final = (
    "day",
    "branch",
    "is_ended",
    "group",
    "code",
    "indicator",
    "value",
    "unit",
    "before_day",
    "before_value",
    "weekday_day",
    "weekday_value",
)
"""One value a line: a spreadsheet turns it into any table, and a new indicator changes no column."""
TABLES: Final[tuple[tuple[Group, str], ...]] = (
    ("class", "By class"),
    ("service", "By service"),
    ("window", "By window"),
    ("channel", "By channel"),
)
MARGIN: Final = 40.0
INK: Final = "#17211e"
RULE: Final = "#d9dbd2"


def rows(found: Sequence[Compared], within_minutes: Sequence[int]) -> list[tuple[Any, ...]]:
    """Every indicator of some days beside the days they are held against, one a line, as `COLUMNS` says."""
    return [row for each in found for row in _rows(each, within_minutes)]


def _rows(found: Compared, within: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    report = found.report
    others = [(day, _values(day, within)) for day in (found.before, found.same_weekday)]
    for each in indicators(report, within):
        key = (each.group, each.code, each.name)
        then = [cell for day, values in others for cell in (day.day if day else None, values.get(key))]
        yield (report.day, report.branch, report.is_ended, *key, each.value, each.unit, *then)


def _values(day: DayReport | None, within: Sequence[int]) -> dict[tuple[str, str, str], float | None]:
    listed = indicators(day, within) if day else []
    return {(each.group, each.code, each.name): each.value for each in listed}


def as_csv(found: Sequence[Compared], within_minutes: Sequence[int]) -> bytes:
    """A table for a spreadsheet; the mark at its beginning says that it is UTF-8."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    lines.writerows(map(_cell, row) for row in rows(found, within_minutes))
    return text.getvalue().encode("utf-8-sig")


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return int(value)
        case float():
            return f"{value:.6g}"
        case date():
            return value.isoformat()
        case _:
            return value


def as_parquet(found: Sequence[Compared], within_minutes: Sequence[int]) -> bytes:
    """The same as a column file, with types: dates are dates, a missing value is null."""
    import polars as pl  # not needed to serve a hall

    texts = (pl.String, pl.String, pl.String)
    types = (pl.Date, pl.String, pl.Boolean, *texts, pl.Float64, pl.String, *(pl.Date, pl.Float64) * 2)
    schema = dict(zip(COLUMNS, types, strict=True))
    frame = pl.DataFrame(rows(found, within_minutes), schema=schema, orient="row")
    body = io.BytesIO()
    frame.write_parquet(body)
    return body.getvalue()


def as_pdf(found: Compared, bank: Bank, branch: Branch, language: Language) -> bytes:
    """A few sheets of paper: the day beside two earlier ones, then by class, service, window and channel."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import SimpleDocTemplate, Spacer

    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    report, within = found.report, bank.report.within_minutes
    body = io.BytesIO()
    title = f"{branch.name.get(language)}   {day_words(report.day, language)}"
    document = SimpleDocTemplate(
        body, pagesize=A4, margins=MARGIN, title=title, author=bank.name.get(language), invariant=1
    )
    document.leftMargin = document.rightMargin = document.topMargin = document.bottomMargin = MARGIN
    flow: list[Flowable] = [_text(f"{bank.name.get(language)}   {title}", 15)]
    if not report.is_ended:
        flow.append(_text(say(language, "The day goes on: these are the figures so far."), 9))
    days = [indicators(day, within) if day else [] for day in found.days]
    heads = [head_words(day, language) for day in found.days]
    for section in sections(days, language):
        flow += [Spacer(0, 8), _grid(section.title, heads, section.lines)]
    for group, heading in TABLES:
        codes, lines = table(days, group, language)
        if codes:
            names = [code_words(group, code, bank, branch, language) for code in codes]
            flow += [Spacer(0, 12), _grid(say(language, heading), names, lines)]
    if any(found.days[1:]):
        flow.append(_text(earlier_words(found, language), 9))
    document.build(flow)
    return body.getvalue()


def earlier_words(found: Compared, language: Language) -> str:
    """What the small figures are of."""
    before, weekday = (head_words(day, language) for day in found.days[1:])
    return say(language, EARLIER, before=before, weekday=weekday)


def head_words(day: DayReport | None, language: Language) -> str:
    """What stands above a day's column."""
    return day_words(day.day, language) if day else say(language, "none to compare")


def _text(words: str, size: float, *, is_right: bool = False) -> Flowable:
    from xml.sax.saxutils import escape

    from reportlab.lib.enums import TA_LEFT, TA_RIGHT
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    alignment = TA_RIGHT if is_right else TA_LEFT
    style = ParagraphStyle(
        "plain", fontName=FONT, fontSize=size, leading=size * 1.35, wordWrap="CJK", alignment=alignment
    )
    return Paragraph(escape(words).replace("\n", "<br/>"), style)


def _cells_of(line: Line) -> list[str]:
    """Each value; under it what it was on the days that this one is held against."""
    earlier = line.earlier or ("",) * len(line.values)
    return [f"{now}\n({then})" if then else now for now, then in zip(line.values, earlier, strict=True)]


def _grid(title: str, heads: Sequence[str], lines: Sequence[Line]) -> Flowable:
    """A heading row, then a line an indicator; columns share what the labels leave."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import Table, TableStyle

    width = A4[0] - 2 * MARGIN
    label = width * (0.46 if len(heads) <= 4 else 0.28)
    size = 8.5 if len(heads) <= 5 else 7
    cells = [[_text(title, size + 1), *(_text(head, size, is_right=True) for head in heads)]]
    cells += [
        [_text(line.label, size), *(_text(value, size, is_right=True) for value in _cells_of(line))]
        for line in lines
    ]
    grid = Table(cells, colWidths=[label, *[(width - label) / len(heads)] * len(heads)], repeatRows=1)
    grid.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.HexColor(INK)),
                ("LINEBELOW", (0, 1), (-1, -1), 0.4, colors.HexColor(RULE)),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
                ("LEFTPADDING", (0, 0), (-1, -1), 2),
                ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ]
        )
    )
    return grid
