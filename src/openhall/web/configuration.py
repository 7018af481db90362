"""The configuration over HTTP: drafts, changes at their places, previews, proposals, versions, files."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from openhall.app import configuration_preview
from openhall.app.build import App
from openhall.app.configuration import checked
from openhall.app.configuration_preview import Preview, preview
from openhall.app.language import say, tell, tell_blanks, tell_mistake
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.kernel.words import Words
from openhall.log.configuration import Draft, Files, Origin, Version
from openhall.network import editing, schema
from openhall.network.effects import Effect
from openhall.network.labels import choice, label
from openhall.network.mistakes import Mistake
from openhall.network.reading import ROW_TYPES
from openhall.rehearsal import change_study
from openhall.rehearsal.change_study import BranchEffect
from openhall.web.api import Key, actor_of, branch_of
from openhall.web.guarding import needs_action, needs_screen
from openhall.web.problems import RESPONSES, Refused
from openhall.web.reading import language_of
from openhall.web.signing_in import OpenhallRequest

BODY_BYTES_MAX = 24 * 1024 * 1024
"""Files of a bank of ten thousand people, as text within JSON."""
SIMULATION_SECONDS = 60.0

DraftId = Annotated[str, PathParameter(max_length=64, description="Id of a draft")]
Number = Annotated[int, PathParameter(description="Number of a version")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=r"\S")]
BranchText = Annotated[str, msgspec.Meta(max_length=64)]
Reason = Annotated[str, msgspec.Meta(max_length=500)]
Seen = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
FileText = Annotated[str, msgspec.Meta(max_length=editing.FILE_CHARACTERS_MAX)]

LOOKS = needs_screen("configuration")
PROPOSES = needs_action("configuration.propose")


class NewDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft to begin; with `files` all files of a configuration, by name."""

    name: Name
    branch: BranchText = ""
    files: Annotated[dict[editing.FileName, FileText], msgspec.Meta(max_length=50)] | None = None


class ChangesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes that are made together or not at all. `seen` is the revision that they were made on."""

    seen: Seen
    changes: Annotated[tuple[editing.Change, ...], msgspec.Meta(min_length=1, max_length=200)]


class SeenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which revision of the draft is meant."""

    seen: Seen


class ProposeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which revision is proposed, and why."""

    seen: Seen
    reason: Reason = ""


class PasteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of a list as they were copied from a spreadsheet, in the place of all of its rows."""

    seen: Seen
    list: Annotated[str, msgspec.Meta(pattern="^[a-z_]{1,40}$")]
    text: FileText


class RestoreBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name for the draft that goes back."""

    name: Name


class MistakeBody(msgspec.Struct, frozen=True):
    """A mistake at its place, in the reader's language."""

    code: str
    file: str
    path: str
    line: int | None
    sentence: str
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
    """Each file that differs, as a unified diff."""


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


def mistakes_told(found: tuple[Mistake, ...], language: Language) -> tuple[MistakeBody, ...]:
    """Mistakes in a language."""
    return tuple(
        MistakeBody(
            code=m.code,
            file=m.place.file,
            path=m.place.path,
            line=m.place.line,
            sentence=tell_mistake(language, m),
            words=_beside(m, language),
            remedy=say(language, m.remedy),
            suggestion=m.suggestion,
        )
        for m in found
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


def preview_told(app: App, draft: Draft, found: Preview, language: Language) -> PreviewBody:
    """A preview in a language."""
    before, after = app.configuration.files(), app.configuration.files_with(draft)
    return PreviewBody(
        draft=draft_told(draft, mistakes_told(found.mistakes, language)),
        is_stale=found.is_stale,
        effects=effects_told(found.effects, language),
        besides=effects_told(found.besides, language),
        files={name: tuple(lines) for name, lines in configuration_preview.text_diff(before, after)},
    )


class ConfigurationController(Controller):
    """What is in force, and its history."""

    path = "/api/configuration"
    tags = ("configuration",)

    @get(summary="What is in force, and the drafts", responses=RESPONSES, opt=LOOKS)
    async def state(self, request: OpenhallRequest) -> ConfigurationBody:
        """Drafts of one's own branch; head office sees all."""
        app: App = request.app.state.openhall
        desk = app.configuration

        def look() -> ConfigurationBody:
            drafts = tuple(draft_told(each) for each in desk.drafts(request.user))
            return ConfigurationBody(desk.head(), drafts, desk.changed_by_hand(), desk.is_single_operator)

        return await asyncio.to_thread(look)

    @get("/schema", summary="Every key that can be changed", responses=RESPONSES, opt=LOOKS)
    async def keys(self, request: OpenhallRequest) -> dict[str, list[KeyBody]]:
        """By table, the bank's own keys under `Bank`."""
        language = language_of(request)
        return {
            table.__name__: [key_told(key, language) for key in schema.keys_of(table)]
            for table in schema.tables()
        }

    @get("/versions", summary="The history", responses=RESPONSES, opt=LOOKS)
    async def versions(self, request: OpenhallRequest) -> list[Version]:
        """Every version that was ever in force, the latest first."""
        app: App = request.app.state.openhall
        return await asyncio.to_thread(app.configuration.versions)

    @get("/versions/{number:int}/files", summary="The files of a version", responses=RESPONSES, opt=LOOKS)
    async def version_files(self, request: OpenhallRequest, number: Number) -> dict[str, str]:
        """As text by name."""
        app: App = request.app.state.openhall
        known = {v.number for v in await asyncio.to_thread(app.configuration.versions)}
        if number not in known:
            raise Refused(Refusal("configuration_version_unknown", "number"))
        return as_text(await asyncio.to_thread(app.configuration.files, number))

    @post(
        "/versions/{number:int}/restore",
        summary="Begin a draft that goes back to a version",
        status_code=201,
        responses=RESPONSES,
        opt=needs_action("configuration.change"),
    )
    async def restore(
        self, request: OpenhallRequest, number: Number, data: JSONBody[RestoreBody], idempotency_key: Key
    ) -> DraftBody:
        """To go back is a change like any other: it is looked at, proposed and approved."""
        app: App = request.app.state.openhall
        made = await asyncio.to_thread(
            app.configuration.restore,
            number,
            request.user,
            name=data.name,
            by=actor_of(request),
            key=idempotency_key,
        )
        return draft_told(allowed(made))

    @post(
        "/folder/restore",
        summary="Let the folder show what is in force again",
        status_code=200,
        responses=RESPONSES,
        opt=needs_action("configuration.change"),
    )
    async def put_back(self, request: OpenhallRequest) -> ConfigurationBody:
        """Files that were changed by hand stay as a draft."""
        app: App = request.app.state.openhall
        await asyncio.to_thread(app.configuration.put_files_back)
        return await self.state.fn(self, request)  # type: ignore[no-any-return]


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


class DraftController(Controller):
    """Drafts of the next configuration."""

    path = "/api/configuration/drafts"
    tags = ("configuration",)
    request_max_body_size = BODY_BYTES_MAX

    @post(summary="Begin a draft", status_code=201, responses=RESPONSES, opt=PROPOSES)
    async def begin(
        self, request: OpenhallRequest, data: JSONBody[NewDraft], idempotency_key: Key
    ) -> DraftBody:
        """Of the version in force, or with all files of another. A branch's own people name their branch."""
        app: App = request.app.state.openhall
        if data.branch:
            branch_of(app, data.branch)
        files = {n: t.encode() for n, t in data.files.items()} if data.files is not None else None
        made = await asyncio.to_thread(
            app.configuration.begin,
            request.user,
            name=data.name,
            branch=data.branch,
            by=actor_of(request),
            key=idempotency_key,
            files=files,
            origin=Origin.PAGE if files is None else Origin.FILES,
        )
        return draft_told(allowed(made))

    @get("/{draft_id:str}", summary="A draft and what it does", responses=RESPONSES, opt=LOOKS)
    async def look(self, request: OpenhallRequest, draft_id: DraftId) -> PreviewBody:
        """Its mistakes; without any, its effects, and the files that differ."""
        app: App = request.app.state.openhall

        def work() -> PreviewBody:
            draft = allowed(app.configuration.find(draft_id, request.user))
            return preview_told(app, draft, preview(app, draft), language_of(request))

        return await asyncio.to_thread(work)

    @get("/{draft_id:str}/files", summary="The files of a draft", responses=RESPONSES, opt=LOOKS)
    async def files(self, request: OpenhallRequest, draft_id: DraftId) -> dict[str, str]:
        """As text by name."""
        app: App = request.app.state.openhall

        def work() -> dict[str, str]:
            draft = allowed(app.configuration.find(draft_id, request.user))
            return as_text(app.configuration.files_with(draft))

        return await asyncio.to_thread(work)

    @post(
        "/{draft_id:str}/changes",
        summary="Change a draft",
        status_code=200,
        responses=RESPONSES,
        opt=PROPOSES,
    )
    async def change(
        self, request: OpenhallRequest, draft_id: DraftId, data: JSONBody[ChangesBody], idempotency_key: Key
    ) -> DraftBody:
        """Values and items at their places, or whole files. Answers with every mistake that is in it now."""
        return await self._changed(request, draft_id, data.changes, data.seen, idempotency_key)

    @post(
        "/{draft_id:str}/rows",
        summary="Put rows from a spreadsheet in the place of a list",
        status_code=200,
        responses=RESPONSES,
        opt=PROPOSES,
    )
    async def paste(
        self, request: OpenhallRequest, draft_id: DraftId, data: JSONBody[PasteBody], idempotency_key: Key
    ) -> DraftBody:
        """Cells between tabs, or CSV; the list's file is written anew."""
        if data.list not in ROW_TYPES:
            raise Refused(Refusal("configuration_place_unknown", "list", {"place": data.list}))
        text = editing.from_spreadsheet(data.text, data.list)
        change = editing.PutFile(f"{data.list}.csv", text)
        return await self._changed(request, draft_id, (change,), data.seen, idempotency_key)

    async def _changed(
        self,
        request: OpenhallRequest,
        draft_id: str,
        changes: tuple[editing.Change, ...],
        seen: int,
        key: str,
    ) -> DraftBody:
        app: App = request.app.state.openhall
        by = actor_of(request)

        def work() -> DraftBody:
            desk = app.configuration
            draft = allowed(desk.change(draft_id, changes, request.user, seen=seen, by=by, key=key))
            return draft_told(
                draft, mistakes_told(checked(desk.files_with(draft)).mistakes, language_of(request))
            )

        return await asyncio.to_thread(work)

    @post(
        "/{draft_id:str}/update",
        summary="Bring a draft up to date",
        status_code=200,
        responses=RESPONSES,
        opt=PROPOSES,
    )
    async def update(
        self, request: OpenhallRequest, draft_id: DraftId, data: JSONBody[SeenBody]
    ) -> DraftBody:
        """Its changes are made to the version in force, where nobody else changed the same lines."""
        app: App = request.app.state.openhall
        found = await asyncio.to_thread(
            app.configuration.bring_up_to_date,
            draft_id,
            request.user,
            seen=data.seen,
            by=actor_of(request),
        )
        return draft_told(allowed(found))

    @post(
        "/{draft_id:str}/proposal",
        summary="Propose a draft",
        status_code=200,
        responses=RESPONSES,
        opt=PROPOSES,
    )
    async def propose(
        self, request: OpenhallRequest, draft_id: DraftId, data: JSONBody[ProposeBody], idempotency_key: Key
    ) -> DraftBody:
        """A second person at head office decides. Where one person may do both, it is published at once."""
        app: App = request.app.state.openhall
        found = await app.configuration.propose(
            draft_id, request.user, seen=data.seen, reason=data.reason, key=idempotency_key
        )
        return draft_told(allowed(found))

    @delete("/{draft_id:str}", summary="Give a draft up", status_code=200, responses=RESPONSES, opt=PROPOSES)
    async def drop(self, request: OpenhallRequest, draft_id: DraftId) -> DraftBody:
        """It stays in the records."""
        app: App = request.app.state.openhall
        return draft_told(allowed(await asyncio.to_thread(app.configuration.drop, draft_id, request.user)))

    @get(
        "/{draft_id:str}/simulation",
        summary="A branch's typical day before and after",
        responses=RESPONSES,
        opt=LOOKS,
    )
    async def simulate(
        self,
        request: OpenhallRequest,
        draft_id: DraftId,
        branch: Annotated[str, QueryParameter(max_length=64, description="The branch")],
    ) -> BranchEffect:
        """The same invented customers under both configurations, by class. Takes seconds, in a worker."""
        app: App = request.app.state.openhall
        place = branch_of(app, branch)
        draft = allowed(await asyncio.to_thread(app.configuration.find, draft_id, request.user))
        files = await asyncio.to_thread(app.configuration.files_with, draft)
        after = (await asyncio.to_thread(checked, files)).bank
        if after is None:
            raise Refused(Refusal("configuration_has_mistakes", "draft_id", {"count": 1}))
        question = change_study.asked(app.bank, after, place.id, app.local_day(place))
        if isinstance(question, Refusal):
            raise Refused(question)
        return await app.work(change_study.compare, question, seconds=SIMULATION_SECONDS)


HANDLERS: list[Any] = [ConfigurationController, DraftController]
