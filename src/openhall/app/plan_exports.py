"""Plans to take along: a calendar for each person's phone, a table, a sheet for the wall."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from openhall.app.language import say
from openhall.app.plan_words import clock, day_words, post_words
from openhall.kernel.text import Language
from openhall.network.model import Bank, Branch
from openhall.staffing.plan import DayPlan, Duty, WeekPlan

FONT = "STSong-Light"
"""Built into every PDF reader, so that Chinese names print and no font has to be shipped."""
MARGIN = 36.0
ROW = 17.0
NAME_WIDTH = 150.0
COLUMNS = ("date", "branch", "person_id", "name", "shift", "from", "until", "post", "counter", "from_branch")
TINTS = {
    "window": colors.HexColor("#cfe3f5"),
    "lobby": colors.HexColor("#f6dfb0"),
    "guard": colors.HexColor("#ddd6ee"),
    "remote": colors.HexColor("#cdeadd"),
    "break": colors.HexColor("#efefef"),
    "gap": colors.HexColor("#f8f8f8"),
    "travel": colors.HexColor("#e6d9d0"),
}


def _branch(bank: Bank, plan: WeekPlan) -> Branch:
    found = bank.branch(plan.branch)
    if found is None:
        raise AssertionError(f"Expected a branch of the bank, got {plan.branch}")
    return found


def as_csv(bank: Bank, plan: WeekPlan) -> str:
    """One line a stint, for a spreadsheet; a duty without one has a line of its own."""
    names = {p.id: p.name for p in bank.people}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for day in plan.days:
        for duty in day.duties:
            head = [day.day.isoformat(), plan.branch, duty.person_id, _safe(names.get(duty.person_id, ""))]
            stints: list[tuple[int, int, str, str]] = [
                (s.from_minute, s.until_minute, s.post, s.counter_id) for s in duty.stints
            ]
            for since, until, post, counter in stints or [(duty.from_minute, duty.until_minute, "", "")]:
                tail = [duty.shift_id, clock(since), clock(until), post, counter, duty.from_branch]
                rows.writerow([*head, *tail])
    return text.getvalue()


def _safe(text: str) -> str:
    """A spreadsheet must not take a name for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def as_calendar(
    bank: Bank,
    plan: WeekPlan,
    *,
    person_id: str = "",
    language: Language = "zh",
    made: datetime | None = None,
) -> bytes:
    """One event a duty, in iCalendar (RFC 5545); of everybody, or of one person.

    An event has the same identity in every later plan, so that a calendar replaces it instead of doubling it.
    """
    branch = _branch(bank, plan)
    names = {p.id: p.name for p in bank.people}
    shifts = {s.id: s.name.get(language) for s in bank.shifts}
    calendar = Calendar()
    calendar.add("prodid", "-//openhall//plan//EN")
    calendar.add("version", "2.0")
    for day in plan.days:
        for duty in day.duties:
            if person_id and duty.person_id != person_id:
                continue
            event = Event()
            event.add("uid", f"{day.day.isoformat()}-{duty.person_id}@openhall")
            event.add("dtstamp", made or _at(day.day, 0, branch).astimezone(UTC))
            event.add("dtstart", _at(day.day, duty.from_minute, branch))
            event.add("dtend", _at(day.day, duty.until_minute, branch))
            shift = shifts.get(duty.shift_id, "")
            name = names.get(duty.person_id, duty.person_id)
            event.add("summary", shift or name if person_id else f"{name} {shift}".strip())
            event.add("location", f"{branch.name.get(language)}, {branch.address.get(language)}")
            event.add("description", "\n".join(_lines(duty, branch, language)))
            calendar.add_component(event)
    body: bytes = calendar.to_ical()
    return body


def _lines(duty: Duty, branch: Branch, language: Language) -> list[str]:
    return [
        f"{clock(s.from_minute)}-{clock(s.until_minute)} {post_words(s, branch, language)}"
        for s in duty.stints
    ]


def _at(day: date, minute: int, branch: Branch) -> datetime:
    """By the clock on the wall, in UTC: a calendar needs no time zone table then."""
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(branch.timezone)) + timedelta(
        minutes=minute
    )
    return local.astimezone(UTC)


def as_pdf(bank: Bank, plan: WeekPlan, *, language: Language = "zh") -> bytes:
    """One sheet a day: everybody's line from the first coming to the last going."""
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    branch = _branch(bank, plan)
    body = io.BytesIO()
    canvas = Canvas(body, pagesize=landscape(A4), invariant=1)
    canvas.setTitle(f"{branch.name.get(language)} {plan.first.isoformat()}")
    days = [day for day in plan.days if day.duties]
    for day in days:
        _sheet(canvas, bank, branch, day, language)
        canvas.showPage()
    if not days:
        canvas.setFont(FONT, 14)
        canvas.drawString(MARGIN, landscape(A4)[1] - MARGIN - 14, branch.name.get(language))
        canvas.showPage()
    canvas.save()
    return body.getvalue()


def _sheet(canvas: Canvas, bank: Bank, branch: Branch, day: DayPlan, language: Language) -> None:
    width, height = landscape(A4)
    names = {p.id: p.name for p in bank.people}
    begin = min(d.from_minute for d in day.duties) // 60 * 60
    end = -(-max(d.until_minute for d in day.duties) // 60) * 60
    scale = (width - 2 * MARGIN - NAME_WIDTH) / (end - begin)
    left, top = MARGIN + NAME_WIDTH, height - MARGIN
    canvas.setFont(FONT, 15)
    canvas.drawString(MARGIN, top - 12, f"{branch.name.get(language)}   {day_words(day.day, language)}")
    canvas.setFont(FONT, 9)
    facts = say(
        language,
        "{expected} customers expected, {windows} windows at most, {people} people",
        expected=round(sum(day.expected)),
        windows=max(day.windows, default=0),
        people=len(day.duties),
    )
    canvas.drawRightString(width - MARGIN, top - 12, facts)
    row = min(ROW, (height - 2 * MARGIN - 44) / max(1, len(day.duties)))
    first = top - 40
    canvas.setFont(FONT, 7)
    for minute in range(begin, end + 1, 60):
        x = left + (minute - begin) * scale
        canvas.setStrokeColor(colors.HexColor("#cccccc"))
        canvas.line(x, first + 4, x, first - row * len(day.duties))
        canvas.drawCentredString(x, first + 8, clock(minute))
    for index, duty in enumerate(sorted(day.duties, key=lambda d: (d.from_minute, d.person_id))):
        y = first - row * (index + 1)
        canvas.setFillColor(colors.black)
        canvas.setFont(FONT, min(9.0, row * 0.6))
        canvas.drawString(MARGIN, y + row * 0.3, names.get(duty.person_id, duty.person_id))
        _line(canvas, duty, branch, y=y, row=row, left=left - begin * scale, scale=scale, language=language)


def _line(
    canvas: Canvas,
    duty: Duty,
    branch: Branch,
    *,
    y: float,
    row: float,
    left: float,
    scale: float,
    language: Language,
) -> None:
    canvas.setStrokeColor(colors.HexColor("#888888"))
    canvas.rect(
        left + duty.from_minute * scale, y + 1, (duty.until_minute - duty.from_minute) * scale, row - 3
    )
    canvas.setFont(FONT, min(7.0, row * 0.5))
    for stint in duty.stints:
        x, wide = left + stint.from_minute * scale, (stint.until_minute - stint.from_minute) * scale
        canvas.setFillColor(TINTS[stint.post])
        canvas.rect(x, y + 1, wide, row - 3, fill=1)
        canvas.setFillColor(colors.black)
        words = post_words(stint, branch, language)
        if canvas.stringWidth(words) < wide - 2:
            canvas.drawCentredString(x + wide / 2, y + row * 0.32, words)


def export(kind: str, plan: WeekPlan, bank: Bank, *, language: Language = "zh") -> bytes:
    """A plan as `pdf`, `ics` or `csv`."""
    match kind:
        case "pdf":
            return as_pdf(bank, plan, language=language)
        case "ics":
            return as_calendar(bank, plan, language=language)
        case "csv":
            # A spreadsheet takes the mark at the beginning as a sign that the text is UTF-8.
            return as_csv(bank, plan).encode("utf-8-sig")
    raise ValueError(f"Expected pdf, ics or csv, got {kind}")
