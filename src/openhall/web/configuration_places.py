"""Places of a configuration as people call them: the window and its number, not the file and the line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from openhall.app.language import say
from openhall.kernel.text import Language
from openhall.network import schema
from openhall.network.comparing import NAMING
from openhall.network.labels import choice, label
from openhall.network.mistakes import Place
from openhall.network.others import items_of_others
from openhall.network.outline import Item, Outline, parts
from openhall.network.toml_places import steps_of

LANGUAGES: Final = {"en": "English", "zh": "中文"}
BETWEEN: Final = " › "


class Places:
    """Names and labels in one language, of the files as they are written. To a reader of one branch a place
    in another is that branch and no more."""

    def __init__(self, outline: Outline, language: Language, reader: str | None = None) -> None:
        self._outline = outline
        self._language = language
        self._others = {item.place for item in items_of_others(outline, reader)} if reader else set()
        self._rows = {
            (item.place.file, item.place.line): item
            for items in outline.lists.values()
            for item in items
            if item.place.line is not None
        }
        self.options = {key: self._options_of(key) for key in sorted({*schema.REFERS.values()})}
        """(id, name) of everything that can be referred to, by list."""

    def _options_of(self, key: str) -> list[tuple[str, str]]:
        items: Iterable[Item] = self._outline.items(key)
        if key == "needs":
            items = [need for service in self._outline.items("services") for need in parts(service, "needs")]
        return [(item.id, self.name_of(item)) for item in items if item.id]

    def label(self, name: str) -> str:
        """What a key is called."""
        return say(self._language, label(name))

    def column(self, name: str) -> str:
        """What a column of a list is called: `name_zh` is one language of a name."""
        base, _, language = name.rpartition("_")
        return f"{self.label(base)} · {LANGUAGES[language]}" if language in LANGUAGES else self.label(name)

    def names(self, refers: str) -> dict[str, str]:
        """What the items of a list are called, by id."""
        return dict(self.options.get(refers, ()))

    def name_of(self, item: Item) -> str:
        """What an item is called; its id where it has no name, nothing where it has neither."""
        name = item.value.get("name")
        if isinstance(name, dict):
            found = name.get(self._language) or name.get("en") or ""
            return str(found) or item.id
        if isinstance(name, str) and name:
            return name
        number = item.value.get("number")
        return say(self._language, "Window {n}", n=str(number)) if number is not None else item.id

    def title_of(self, item: Item) -> str:
        """What tells an item from the others: its name, else its class, its kind, its place in the list."""
        return self.name_of(item) or self._told_by(item) or item.place.path

    def _told_by(self, item: Item) -> str:
        known = {code: words for options in self.options.values() for code, words in options}
        words = []
        for key in schema.keys_of(item.type):
            value = item.value.get(key.name)
            if key.name in NAMING and isinstance(value, str):
                chosen = say(self._language, choice(value)) if key.choices else value
                words.append(known.get(value, chosen))
        return " · ".join(words)

    def where(self, place: Place) -> str:
        """A place as the item and the field; the file and the line where it is neither."""
        if place.line is not None:
            row = self._rows.get((place.file, place.line))
            way = self._way_to(row) if row else [str(Place(place.file, "", place.line))]
            return BETWEEN.join([*way, *([self.column(place.path)] if place.path else [])])
        item = self._around(place)
        if item is None:
            return BETWEEN.join(self._labels(place.path)) or str(place)
        rest = place.path[len(item.place.path) :].lstrip(".")
        return BETWEEN.join([*self._way_to(item), *self._labels(rest)])

    def _around(self, place: Place) -> Item | None:
        """The innermost item of a list of the bank that holds a place."""
        found: Item | None = None
        for items in self._outline.lists.values():
            for item in items:
                is_in = item.place.file == place.file and place.path.startswith(item.place.path)
                if is_in and (found is None or len(item.place.path) > len(found.place.path)):
                    found = item if place.path[len(item.place.path) :][:1] in ("", ".") else found
        return found

    def _way_to(self, item: Item) -> list[str]:
        """The branch that an item belongs to, and the item."""
        branch = self.names("branches").get(item.branch, item.branch)
        if item.place in self._others:
            return [branch or self.label(item.key)]
        own = self.title_of(item)
        return [own] if item.key == "branches" or not branch else [branch, own]

    def _labels(self, path: str) -> list[str]:
        """`needs[1].name.zh` in words."""
        found: list[str] = []
        for step in steps_of(path) if path else ():
            if isinstance(step, int):
                found[-1] += f" {step + 1}"
            else:
                found.append(LANGUAGES.get(step) or self.label(step))
        return found
