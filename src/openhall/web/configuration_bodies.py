"""What the configuration's interface answers: drafts, mistakes, effects and rows in the reader's language."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from openhall.app.build import App
from openhall.app.configuration import Checked
from openhall.app.configuration_preview import DayPreview, Preview, text_diff
from openhall.app.language import say, tell, tell_blanks, tell_mistake
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.kernel.words import Words
from openhall.log.configuration import Draft, Files, Version
from openhall.network import schema
from openhall.network.effect import Effect
from openhall.network.labels import choice, label
from openhall.network.mistakes import Mistake
from openhall.network.outline import outline_of
from openhall.web.configuration_places import Places
from openhall.web.problems import Refused


class MistakeBody(msgspec.Struct, frozen=True):
    """A mistake at its place, in the reader's language."""

    code: str
    file: str
    path: str
    line: int | None
    sentence: str
    where: str
    """The place as people call it: the item and the field."""
    words: str
    """The same without the place, for beside the field."""
    remedy: str
    suggestion: str


class EffectBody(msgspec.Struct, frozen=True):
    """One thing that the change does. `counts`: at once, or from each branch's next day."""

    sentence: str
    branches: tuple[str, ...]
    is_warning: bool
    counts: str


class DraftBody(msgspec.Struct, frozen=True):
    """A draft without its files."""

    id: str
    name: str
    branch: str
    origin: str
    base: int
    revision: int
    state: str
    proposal: str
    created_ms: int
    created_by: str
    changed_ms: int
    changed_by: str
    files: tuple[str, ...]
    mistakes: tuple[MistakeBody, ...] = ()


class PreviewBody(msgspec.Struct, frozen=True):
    """What a draft does."""

    draft: DraftBody
    is_stale: bool
    effects: tuple[EffectBody, ...]
    besides: tuple[EffectBody, ...]
    files: dict[str, tuple[str, ...]]
    """Each file that differs, as a unified diff; a branch's people get their branch's lines alone."""


class DayBody(msgspec.Struct, frozen=True):
    """What is another on one day, and all days on which anything is: runs of first and last."""

    day: date
    effects: tuple[EffectBody, ...]
    differs: tuple[tuple[date, date], ...]
    looked_to: date


class ConfigurationBody(msgspec.Struct, frozen=True):
    """What is in force, what is worked on, and whether the folder says the same."""

    head: Version
    drafts: tuple[DraftBody, ...]
    is_changed_by_hand: bool
    is_single_operator: bool


class KeyBody(msgspec.Struct, frozen=True):
    """One key of a table, with its name in the reader's language."""

    name: str
    label: str
    kind: str
    is_list: bool
    is_required: bool
    default: Any
    lowest: float | None
    highest: float | None
    pattern: str
    choices: dict[str, str]
    refers: str
    table: str
    help: str


def mistakes_told(found: Checked, language: Language, branch: str | None = None) -> tuple[MistakeBody, ...]:
    """The mistakes of files in a language, for a reader of one branch or of all."""
    if not found.mistakes:
        return ()
    places = Places(outline_of(found.files), language, branch)
    return tuple(
        MistakeBody(
            code=m.code,
            file=m.place.file,
            path=m.place.path,
            line=m.place.line,
            sentence=tell_mistake(language, m),
            where=places.where(m.place),
            words=_beside(m, language),
            remedy=say(language, m.remedy),
            suggestion=m.suggestion,
        )
        for m in found.mistakes
    )


def _beside(mistake: Mistake, language: Language) -> str:
    blanks = {"expected": mistake.expected, "found": mistake.found}
    if mistake.suggestion:
        words = Words(
            "Expected {expected}, found {found}. Perhaps {suggestion!r}?",
            **blanks,
            suggestion=mistake.suggestion,
        )
    else:
        words = Words("Expected {expected}, found {found}.", **blanks)
    return tell_blanks(language, words)


def effects_told(found: tuple[Effect, ...], language: Language) -> tuple[EffectBody, ...]:
    """Effects in a language."""
    return tuple(EffectBody(tell(language, e.words), e.branches, e.is_warning, e.counts) for e in found)


def draft_told(draft: Draft, mistakes: tuple[MistakeBody, ...] = ()) -> DraftBody:
    """A draft for a reader."""
    values = {name: getattr(draft, name) for name in DraftBody.__struct_fields__[:12]}
    values |= {"origin": draft.origin.value, "state": draft.state.value}
    return DraftBody(**values, files=tuple(draft.changes), mistakes=mistakes)


def allowed(found: Draft | Refusal) -> Draft:
    """A draft, or the refusal as an answer."""
    if isinstance(found, Refusal):
        raise Refused(found)
    return found


def preview_told(
    app: App, draft: Draft, found: Preview, language: Language, branch: str | None = None
) -> PreviewBody:
    """A preview in a language, for a reader of one branch or of all."""
    before, after = app.configuration.files_before(draft), app.configuration.files_with(draft)
    return PreviewBody(
        draft=draft_told(draft, mistakes_told(Checked(after, found.bank, found.mistakes), language, branch)),
        is_stale=found.is_stale,
        effects=effects_told(found.effects, language),
        besides=effects_told(found.besides, language),
        files={name: tuple(lines) for name, lines in text_diff(before, after, branch)},
    )


def day_told(found: DayPreview, language: Language) -> DayBody:
    """One day in a language."""
    return DayBody(found.day, effects_told(found.effects, language), found.differs, found.looked_to)


def as_text(files: Files) -> dict[str, str]:
    """Files for reading; what is no UTF-8 shows marks in its place."""
    return {name: body.decode("utf-8", errors="replace") for name, body in files.items()}


def key_told(key: schema.Key, language: Language) -> KeyBody:
    """A key in a language."""
    return KeyBody(
        name=key.name,
        label=say(language, label(key.name)),
        kind=key.kind,
        is_list=key.is_list,
        is_required=key.is_required,
        default=key.default,
        lowest=key.lowest,
        highest=key.highest,
        pattern=key.pattern,
        choices={code: say(language, choice(code)) for code in key.choices},
        refers=key.refers,
        table=key.table.__name__ if key.table else "",
        help=say(language, key.help) if key.help else "",
    )
