"""Forms of a configuration, from the schema and the files as they are written: each field at its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from openhall.app.language import say
from openhall.kernel.text import Language
from openhall.network import schema
from openhall.network.labels import choice
from openhall.network.mistakes import Place
from openhall.network.outline import Item, Outline, parts
from openhall.network.reading import DAYS, ROW_TYPES
from openhall.network.rows import IDENTITY
from openhall.network.schema import Key
from openhall.web.configuration_bodies import MistakeBody
from openhall.web.configuration_places import Places

BOXES_AT_MOST: Final = 12
"""More choices than that are typed, with suggestions."""
AS_TABLE: Final = frozenset(
    {
        "people", "counters", "exceptions", "leaves", "wishes", "periods", "neighbours", "pension_days",
        "reopenings",
    }
)  # fmt: skip
"""Lists whose items are rows; others are cards."""
ORDERED: Final = frozenset(
    {
        "choices", "classes", "contracts", "counters", "guides", "lessons", "needs", "people", "regimes",
        "services", "shifts", "steps", "triage",
    }
)  # fmt: skip
"""Lists in which people meet the items in this order, or whose first item is the usual one."""
OF_A_BRANCH: Final = frozenset({"counters", "people"})
"""Of these an item changes places with another of its branch: on that branch's page."""
CALENDAR_DAYS: Final = 366
CALENDAR_WIDTH: Final = 1_098
CALENDAR_MARGIN: Final = 170
"""For the names of the branches."""
ROW_HEIGHT: Final = 30


@dataclass
class Field:
    """One field: where its value stands, and how it is asked for."""

    key: Key
    label: str
    help: str
    file: str
    path: str
    line: int | None
    value: Any
    options: list[tuple[str, str]] = field(default_factory=list)
    mistakes: list[MistakeBody] = field(default_factory=list)

    @property
    def id(self) -> str:
        """For the label, and for a link from a mistake."""
        return place_id(self.file, self.path, self.line)

    @property
    def is_boxes(self) -> bool:
        """A list with so few choices that each has a box."""
        return self.key.is_list and bool(self.options) and len(self.options) <= BOXES_AT_MOST

    @property
    def is_given(self) -> bool:
        """Does a file say it? Otherwise the default holds."""
        return self.value is not None

    @property
    def text(self) -> str:
        """The value as it is typed."""
        value = self.key.default if self.value is None else self.value
        if isinstance(value, list):
            return " ".join(str(each) for each in value)
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else str(value)

    @property
    def chosen(self) -> list[str]:
        """The ids or codes of a list."""
        value = self.key.default if self.value is None else self.value
        if isinstance(value, str):
            return value.split()
        return [str(each) for each in value] if isinstance(value, list) else []

    @property
    def is_date(self) -> bool:
        """A date, or none yet: what is no date is shown as it is written."""
        return self.key.kind == "date" and (not self.text or _date(self.text) is not None)

    @property
    def is_open_question(self) -> bool:
        """Yes, no, or left out: then something else decides."""
        is_truth = self.key.kind == "truth" and not self.key.is_list
        return is_truth and self.key.default is None and not self.key.is_required

    @property
    def is_true(self) -> bool:
        """Is a box ticked?"""
        return self.text in ("true", "yes")

    def language_text(self, language: str) -> str:
        """One language of a text in both; of a list a line for each."""
        value = self.key.default if self.value is None else self.value
        if isinstance(value, list):
            return "\n".join(str(each.get(language, "")) for each in value if isinstance(each, dict))
        return str(value.get(language, "")) if isinstance(value, dict) else ""

    def language_path(self, language: str) -> str:
        """Where one language stands: a key of its own, in a CSV file a column."""
        return f"{self.path}_{language}" if self.line is not None else f"{self.path}.{language}"

    @property
    def week(self) -> list[tuple[str, str, str]] | None:
        """(day, opens, closes) of seven days; None for a text that is no week."""
        return week_of(self.text)


def week_of(text: str) -> list[tuple[str, str, str]] | None:
    """(day, opens, closes) of seven days, from `mon-fri 09:00-17:00; sat 09:30-16:00`; None for no week."""
    found = dict.fromkeys(DAYS, ("", ""))
    for part in text.split(";"):
        match = re.fullmatch(r"\s*(\w{3})(?:-(\w{3}))?\s+(\d{1,2}:\d\d)\s*-\s*(\d{1,2}:\d\d)\s*", part)
        if match is None or match[1] not in DAYS or (match[2] or match[1]) not in DAYS:
            return None
        for day in range(DAYS.index(match[1]), DAYS.index(match[2] or match[1]) + 1):
            found[DAYS[day]] = (match[3].zfill(5), match[4].zfill(5))
    return [(day, *hours) for day, hours in found.items()]


def week_runs(text: str) -> list[tuple[list[str], str]] | None:
    """The first and last day of each run of days with the same hours; None for a text that is no week."""
    runs: list[tuple[list[str], str]] = []
    for day, opens, closes in week_of(text) or ():
        hours = f"{opens}–{closes}" if opens else ""
        if runs and runs[-1][1] == hours:
            runs[-1][0][1:] = [day]
        else:
            runs.append(([day], hours))
    return [run for run in runs if run[1]] or None


@dataclass
class Group:
    """A table with its fields, and the tables inside it."""

    key: str
    title: str
    file: str
    path: str
    line: int | None
    fields: list[Field]
    inner: list[Group] = field(default_factory=list)
    lists: list[ListOf] = field(default_factory=list)
    is_movable: bool = False
    id: str = ""
    branch: str = ""
    mistakes: list[MistakeBody] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """For a link from a mistake."""
        return place_id(self.file, self.path, self.line)


@dataclass
class ListOf:
    """A list of tables, and what is asked for a new one."""

    key: str
    title: str
    groups: list[Group]
    columns: list[Key]
    new: list[Field]
    file: str
    path: str
    fixed: dict[str, str] = field(default_factory=dict)
    """What a new item has without asking: the branch that it is for."""
    branch: str = ""
    """Whose part of the list it is."""

    @property
    def is_table(self) -> bool:
        """Rows in place of cards?"""
        return self.key in AS_TABLE

    @property
    def is_rows(self) -> bool:
        """Can all of it be taken from a spreadsheet?"""
        return self.key in IDENTITY and self.key != "branches"


def place_id(file: str, path: str, line: int | None) -> str:
    """A place as the id of an element."""
    return "at-" + re.sub(r"[^A-Za-z0-9]+", "-", f"{file} {line or ''} {path}").strip("-")


class Forms:
    """Builds the forms of one draft, or of what is in force, in one language."""

    def __init__(
        self,
        outline: Outline,
        names: Sequence[str],
        language: Language,
        mistakes: Sequence[MistakeBody] = (),
    ) -> None:
        self.outline = outline
        self._files = set(names)
        self._language = language
        self._mistakes = mistakes
        self.places = Places(outline, language)

    def long_lists(self) -> dict[str, list[tuple[str, str]]]:
        """Ids to suggest where there are too many for boxes."""
        return {key: found for key, found in self.places.options.items() if len(found) > BOXES_AT_MOST}

    # -- one table ----------------------------------------------------------------------------------------

    def group(self, item: Item, *, without: frozenset[str] = frozenset()) -> Group:
        """An item of a list with everything in it."""
        return self._group(
            item.key,
            self.places.title_of(item),
            schema.keys_of(item.type),
            item.place,
            item.value,
            item=item,
            without=without,
        )

    def single(self, name: str) -> Group:
        """A key of the whole bank that is no list: a policy with its keys, or a single value."""
        key = schema.top_key(name)
        assert key is not None
        raws = self.outline.single.get(name)
        place = raws[0].place if raws else Place("bank.toml", name)
        value = raws[0].value if raws else None
        title = self.places.label(name)
        if key.kind != "table":
            return Group(name, title, place.file, name, None, [self._field(key, place, value)])
        assert key.table is not None
        values = value if isinstance(value, dict) else {}
        return self._group(name, title, schema.keys_of(key.table), place, values)

    def _group(
        self,
        key: str,
        title: str,
        keys: Sequence[Key],
        place: Place,
        values: Any,
        *,
        item: Item | None = None,
        without: frozenset[str] = frozenset(),
    ) -> Group:
        found = Group(key, title, place.file, place.path, place.line, [])
        found.id, found.branch = (item.id, item.branch) if item else ("", "")
        found.is_movable = key in ORDERED
        found.mistakes = [m for m in self._mistakes if _is_at(m, place, exact=True)]
        for each in keys:
            if each.name in without:
                continue
            inner = place.key(each.name)
            if each.kind != "table":
                found.fields.append(self._field(each, inner, values.get(each.name)))
            elif each.is_list:
                if place.line is None and item is not None:
                    found.lists.append(self.nested(item, each.name))
                elif place.line is None:
                    found.lists.append(self._list_in(each, inner, values.get(each.name)))
            else:
                assert each.table is not None
                below = values.get(each.name)
                values_below = below if isinstance(below, dict) else {}
                if place.line is None:
                    found.inner.append(
                        self._group(
                            each.name,
                            self.places.label(each.name),
                            schema.keys_of(each.table),
                            inner,
                            values_below,
                        )
                    )
        return found

    def _field(self, key: Key, place: Place, value: Any) -> Field:
        options: list[tuple[str, str]] = []
        if key.kind == "choice":
            options = [(code, say(self._language, choice(code))) for code in key.choices]
        elif key.kind == "reference":
            options = self.places.options.get(key.refers, [])
        return Field(
            key=key,
            label=self.places.label(key.name),
            help=self._help(key),
            file=place.file,
            path=place.path,
            line=place.line,
            value=value,
            options=options,
            mistakes=[m for m in self._mistakes if _is_at(m, place)],
        )

    def _help(self, key: Key) -> str:
        if key.kind == "week":
            return say(self._language, "A day without hours is closed.")
        if key.name in schema.IDENTITIES:
            return say(self._language, "Letters, digits, “-” and “_”; it stays for good.")
        bounds = ""
        if key.lowest is not None and key.highest is not None:
            bounds = say(
                self._language,
                "{lowest} to {highest}",
                lowest=f"{key.lowest:g}",
                highest=f"{key.highest:g}",
            )
        words = say(self._language, key.help) if key.help else ""
        return " · ".join(part for part in (bounds, words) if part)

    # -- lists --------------------------------------------------------------------------------------------

    def list_of(self, name: str, *, branch: str = "", only: Sequence[Item] | None = None) -> ListOf:
        """A list of the whole bank, or the part of it that belongs to a branch."""
        key = schema.top_key(name)
        assert key is not None and key.table is not None  # noqa: PT018 - both say that it is a list
        items = self.outline.items(name, branch) if only is None else list(only)
        without = frozenset({"branch"}) if branch else frozenset()
        groups = [self.group(item, without=without) for item in items]
        for each in groups:
            each.is_movable = each.is_movable and (bool(branch) or name not in OF_A_BRANCH)
        file, path = self._home(name, branch)
        keys = [k for k in schema.keys_of(key.table) if k.name not in without]
        return ListOf(
            key=name,
            title=self.places.label(name),
            groups=groups,
            columns=[k for k in keys if k.kind != "table"],
            new=self._new(keys, file),
            file=file,
            path=path,
            fixed={"branch": branch} if branch and file.endswith(".csv") else {},
            branch=branch,
        )

    def nested(self, item: Item, name: str) -> ListOf:
        """A list inside an item, such as the needs of a service."""
        key = next(k for k in schema.keys_of(item.type) if k.name == name)
        place = item.place.key(name)
        assert key.table is not None
        return ListOf(
            key=name,
            title=self.places.label(name),
            groups=[self.group(part) for part in parts(item, name)],
            columns=[k for k in schema.keys_of(key.table) if k.kind != "table"],
            new=self._new(schema.keys_of(key.table), place.file),
            file=place.file,
            path=place.path,
        )

    def _list_in(self, key: Key, place: Place, values: Any) -> ListOf:
        """A list inside a policy, such as the promises of the staffing policy."""
        assert key.table is not None
        found = values if isinstance(values, list) else []
        items = [
            Item(key.name, key.table, place.item(index), value)
            for index, value in enumerate(found)
            if isinstance(value, dict)
        ]
        return ListOf(
            key=key.name,
            title=self.places.label(key.name),
            groups=[self.group(item) for item in items],
            columns=[k for k in schema.keys_of(key.table) if k.kind != "table"],
            new=self._new(schema.keys_of(key.table), place.file),
            file=place.file,
            path=place.path,
        )

    def _home(self, name: str, branch: str) -> tuple[str, str]:
        """Where a new item goes: beside the others; without any, into the file that is usual."""
        if name in ROW_TYPES and f"{name}.csv" in self._files:
            return f"{name}.csv", ""
        if branch and name in ("counters", "exceptions"):
            item = self.outline.find("branches", branch)
            if item is not None and item.place.line is None:
                return item.place.file, item.place.key(name).path
            return f"{name}.csv", ""
        present = self.outline.items(name)
        file = next((item.place.file for item in present if item.place.line is None), "bank.toml")
        if not present and name in ("leaves", "wishes"):
            return f"{name}.csv", ""
        return file, name

    def _new(self, keys: Sequence[Key], file: str) -> list[Field]:
        """What must be said of a new item; the rest has defaults."""
        asked = [k for k in keys if k.is_required and k.kind != "table"]
        return [self._field(k, Place(file, k.name, 0), None) for k in asked]

    # -- the calendar of regimes ----------------------------------------------------------------------------

    def calendar(self, today: date) -> dict[str, Any]:
        """The regimes of a year from today as bars: the whole bank's, then each branch's own."""
        names = dict(self.places.options["regimes"])
        rows: dict[str, list[dict[str, Any]]] = {"": []}
        for item in self.outline.items("periods"):
            first, last = (_date(item.value.get(k)) for k in ("first", "last"))
            if first is None or last is None or last < today or first > last:
                continue
            start = max(0, (first - today).days)
            end = min(CALENDAR_DAYS, (last - today).days + 1)
            if start >= CALENDAR_DAYS:
                continue
            bar = {
                "x": CALENDAR_MARGIN + start * CALENDAR_WIDTH // CALENDAR_DAYS,
                "width": max(3, (end - start) * CALENDAR_WIDTH // CALENDAR_DAYS),
                "name": names.get(str(item.value.get("regime")), str(item.value.get("regime"))),
                "words": f"{first.isoformat()} – {last.isoformat()}",
            }
            branches = item.value.get("branches") or [""]
            for branch in branches if isinstance(branches, list) else str(branches).split():
                rows.setdefault(branch, []).append(bar)
        known = dict(self.places.options["branches"])
        months = [
            today + timedelta(days=n) for n in range(CALENDAR_DAYS) if (today + timedelta(days=n)).day == 1
        ]
        return {
            "width": CALENDAR_MARGIN + CALENDAR_WIDTH,
            "height": ROW_HEIGHT * (len(rows) + 1),
            "months": [
                {
                    "x": CALENDAR_MARGIN + (m - today).days * CALENDAR_WIDTH // CALENDAR_DAYS,
                    "words": m.strftime("%Y-%m"),
                }
                for m in months
            ],
            "rows": [
                {"y": ROW_HEIGHT * (n + 1), "branch": known.get(b, b), "bars": bars}
                for n, (b, bars) in enumerate(rows.items())
            ],
        }


def _date(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _is_at(mistake: MistakeBody, place: Place, *, exact: bool = False) -> bool:
    """Is a mistake at this place? Of a list or a text also at one of its parts."""
    if (mistake.file, mistake.line) != (place.file, place.line):
        return False
    if exact:
        return mistake.path == place.path
    rest = mistake.path.removeprefix(place.path)
    return (mistake.path.startswith(place.path) and (not rest or rest[0] in "[.")) or (
        place.line is not None and re.fullmatch(rf"{re.escape(place.path)}_(en|zh)", mistake.path) is not None
    )
