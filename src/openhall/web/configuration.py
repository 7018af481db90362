"""The configuration over HTTP: drafts, changes at their places, previews, proposals, versions, files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Final

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from openhall.app.build import App
from openhall.app.configuration import ConfigurationDesk, checked
from openhall.app.configuration_preview import on_a_day, preview
from openhall.kernel.refusal import Refusal
from openhall.log.configuration import Draft, Origin, Version
from openhall.network import editing, rows, schema
from openhall.network.model import Bank
from openhall.rehearsal import change_study
from openhall.rehearsal.change_study import BranchEffect
from openhall.web.api import Key, actor_of, branch_of
from openhall.web.configuration_bodies import (
    ConfigurationBody,
    DayBody,
    DraftBody,
    KeyBody,
    PreviewBody,
    allowed,
    as_text,
    day_told,
    draft_told,
    key_told,
    mistakes_told,
    preview_told,
)
from openhall.web.configuration_rows import RowsBody, rows_told
from openhall.web.guarding import needs_action, needs_screen
from openhall.web.problems import RESPONSES, Refused
from openhall.web.reading import language_of
from openhall.web.signing_in import OpenhallRequest

BODY_BYTES_MAX: Final = 24 * 1024 * 1024
"""Files of a bank of ten thousand people, as text within JSON."""
SIMULATION_SECONDS: Final = 60.0

DraftId = Annotated[str, PathParameter(max_length=64, description="Id of a draft")]
Number = Annotated[int, PathParameter(description="Number of a version")]
Day = Annotated[date | None, QueryParameter(description="A day such as 2027-03-31")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=r"\S")]
BranchText = Annotated[str, msgspec.Meta(max_length=64)]
Reason = Annotated[str, msgspec.Meta(max_length=500)]
Seen = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
FileText = Annotated[str, msgspec.Meta(max_length=editing.FILE_CHARACTERS_MAX)]
FilesByName = Annotated[dict[editing.FileName, FileText], msgspec.Meta(max_length=50)]

LOOKS: Final = needs_screen("configuration")
PROPOSES: Final = needs_action("configuration.propose")
CHANGES: Final = needs_action("configuration.change")


class NewDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft to begin; with `files` all files of a configuration, by name."""

    name: Name
    branch: BranchText = ""
    files: FilesByName | None = None


class FilesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All files of a configuration, by name."""

    files: FilesByName


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


class RestoreBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name for the draft that goes back."""

    name: Name


class ListBody(msgspec.Struct, frozen=True):
    """A list as CSV."""

    text: str


def app_of(request: OpenhallRequest) -> App:
    """The running installation."""
    app: App = request.app.state.openhall
    return app


def desk_of(request: OpenhallRequest) -> ConfigurationDesk:
    """Where drafts are kept and published."""
    return app_of(request).configuration


async def answered(work: Callable[..., Draft | Refusal], *about: Any, **more: Any) -> DraftBody:
    """A draft after something was done to it, in a thread; or the refusal."""
    return draft_told(allowed(await asyncio.to_thread(work, *about, **more)))


class ConfigurationController(Controller):
    """What is in force, and its history."""

    path = "/api/configuration"
    tags = ("configuration",)
    request_max_body_size = BODY_BYTES_MAX

    @get(summary="What is in force, and the drafts", responses=RESPONSES, opt=LOOKS)
    async def state(self, request: OpenhallRequest) -> ConfigurationBody:
        """Drafts of one's own branch; head office sees all."""
        desk = desk_of(request)

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
        return await asyncio.to_thread(desk_of(request).versions)

    @get("/versions/{number:int}/files", summary="The files of a version", responses=RESPONSES, opt=CHANGES)
    async def version_files(self, request: OpenhallRequest, number: Number) -> dict[str, str]:
        """As text by name; for head office alone."""
        desk = desk_of(request)
        known = {v.number for v in await asyncio.to_thread(desk.versions)}
        if number not in known:
            raise Refused(Refusal("configuration_version_unknown", "number"))
        return as_text(await asyncio.to_thread(desk.files, number))

    @post(
        "/versions/{number:int}/restore",
        summary="Begin a draft that goes back to a version",
        status_code=201,
        responses=RESPONSES,
        opt=CHANGES,
    )
    async def restore(
        self, request: OpenhallRequest, number: Number, data: JSONBody[RestoreBody], idempotency_key: Key
    ) -> DraftBody:
        """To go back is a change like any other: it is looked at, proposed and approved."""
        by, key = actor_of(request), idempotency_key
        return await answered(desk_of(request).restore, number, request.user, name=data.name, by=by, key=key)

    @post(
        "/folder/restore",
        summary="Let the folder show what is in force again",
        status_code=200,
        responses=RESPONSES,
        opt=CHANGES,
    )
    async def put_back(self, request: OpenhallRequest) -> ConfigurationBody:
        """Files that were changed by hand stay as a draft."""
        await asyncio.to_thread(desk_of(request).put_files_back)
        return await self.state.fn(self, request)  # type: ignore[no-any-return]

    @post("/preview", summary="What files would do", status_code=200, responses=RESPONSES, opt=CHANGES)
    async def would(self, request: OpenhallRequest, data: JSONBody[FilesBody]) -> PreviewBody:
        """As of a draft with all of these files; nothing is kept."""
        app = app_of(request)
        files = {name: text.encode() for name, text in data.files.items()}

        def work() -> PreviewBody:
            draft = app.configuration.looked_at(files, "preview")
            return preview_told(app, draft, preview(app, draft), language_of(request))

        return await asyncio.to_thread(work)


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
        if data.branch:
            branch_of(app_of(request), data.branch)
        files = {n: t.encode() for n, t in data.files.items()} if data.files is not None else None
        return await answered(
            desk_of(request).begin,
            request.user,
            name=data.name,
            branch=data.branch,
            by=actor_of(request),
            key=idempotency_key,
            files=files,
            origin=Origin.PAGE if files is None else Origin.FILES,
        )

    @get("/{draft_id:str}", summary="A draft and what it does", responses=RESPONSES, opt=LOOKS)
    async def look(self, request: OpenhallRequest, draft_id: DraftId) -> PreviewBody:
        """Its mistakes; without any, its effects, and the files that differ."""
        app = app_of(request)

        def work() -> PreviewBody:
            draft = allowed(app.configuration.find(draft_id, request.user))
            return preview_told(app, draft, preview(app, draft), language_of(request), request.user.branch)

        return await asyncio.to_thread(work)

    @get("/{draft_id:str}/files", summary="The files of a draft", responses=RESPONSES, opt=CHANGES)
    async def files(self, request: OpenhallRequest, draft_id: DraftId) -> dict[str, str]:
        """As text by name; for head office alone."""
        return as_text(await asyncio.to_thread(files_of, request, draft_id))

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
        """Values and items at their places, rows of a list, or whole files. Answers with every mistake that
        is in it now."""
        desk, by, key = desk_of(request), actor_of(request), idempotency_key

        def work() -> DraftBody:
            found = desk.change(draft_id, data.changes, request.user, seen=data.seen, by=by, key=key)
            draft = allowed(found)
            mistakes = mistakes_told(
                checked(desk.files_with(draft)), language_of(request), request.user.branch
            )
            return draft_told(draft, mistakes)

        return await asyncio.to_thread(work)

    @get("/{draft_id:str}/rows", summary="A list as rows", responses=RESPONSES, opt=LOOKS)
    async def rows(
        self,
        request: OpenhallRequest,
        draft_id: DraftId,
        of: Annotated[str, QueryParameter(pattern="^[a-z_]{1,40}$", description="The list")],
        branch: Annotated[str, QueryParameter(max_length=64, description="Of one branch")] = "",
    ) -> ListBody:
        """As CSV under its usual columns, to go on with in a spreadsheet."""
        refuse_other_branches(request, branch)
        if of not in rows.IDENTITY:
            raise Refused(Refusal("configuration_place_unknown", "of", {"place": of}))
        files = await asyncio.to_thread(files_of, request, draft_id)
        return ListBody(await asyncio.to_thread(rows.text_of, files, of, branch))

    @post(
        "/{draft_id:str}/rows",
        summary="What would become of rows from a spreadsheet",
        status_code=200,
        responses=RESPONSES,
        opt=PROPOSES,
    )
    async def would_take(
        self, request: OpenhallRequest, draft_id: DraftId, data: JSONBody[editing.TakeRows]
    ) -> RowsBody:
        """New, another than before, the same, gone, or a mistake; nothing is changed. The same body is then
        the change that takes them."""
        refuse_other_branches(request, data.branch)

        def work() -> RowsBody:
            files = files_of(request, draft_id)
            found = rows.take(files, data.list, data.text, data.branch)
            if isinstance(found, Refusal):
                raise Refused(found)
            return rows_told(found, data.list, language_of(request), request.user.branch)

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
        by = actor_of(request)
        return await answered(
            desk_of(request).bring_up_to_date, draft_id, request.user, seen=data.seen, by=by
        )

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
        found = await desk_of(request).propose(
            draft_id, request.user, seen=data.seen, reason=data.reason, key=idempotency_key
        )
        return draft_told(allowed(found))

    @delete("/{draft_id:str}", summary="Give a draft up", status_code=200, responses=RESPONSES, opt=PROPOSES)
    async def drop(self, request: OpenhallRequest, draft_id: DraftId) -> DraftBody:
        """It stays in the records."""
        return await answered(desk_of(request).drop, draft_id, request.user)

    @get("/{draft_id:str}/day", summary="What a draft does on a day", responses=RESPONSES, opt=LOOKS)
    async def day(self, request: OpenhallRequest, draft_id: DraftId, on: Day = None) -> DayBody:
        """Hours, regimes and their rules, pensions, leave. Without a day the first on which anything is
        another."""

        def work() -> DayBody:
            draft = allowed(desk_of(request).find(draft_id, request.user))
            after = bank_of(request, draft_id)
            return day_told(on_a_day(app_of(request), draft, after, on), language_of(request))

        return await asyncio.to_thread(work)

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
        on: Day = None,
    ) -> BranchEffect:
        """The same customers under both configurations, by class: as the branch's own days have shown, or
        assumed where it has none. Takes seconds, in a worker."""
        app = app_of(request)
        place = branch_of(app, branch)
        refuse_other_branches(request, place.id)
        after = await asyncio.to_thread(bank_of, request, draft_id)
        question = change_study.asked(
            app.bank, after, place.id, app.local_day(place), believed=app.believed(place.id), day=on
        )
        if isinstance(question, Refusal):
            raise Refused(question)
        return await app.work(change_study.compare, question, seconds=SIMULATION_SECONDS)


def refuse_other_branches(request: OpenhallRequest, branch: str) -> None:
    """Raise `Refused` where somebody who belongs to a branch asks for another, or for all of them."""
    if request.user.branch not in (None, branch):
        raise Refused(Refusal("draft_not_yours", "branch", {"branch": branch or "-"}))


def files_of(request: OpenhallRequest, draft_id: str) -> dict[str, bytes]:
    """The files of a draft that the reader may look at. For a thread."""
    desk = desk_of(request)
    return desk.files_with(allowed(desk.find(draft_id, request.user)))


def bank_of(request: OpenhallRequest, draft_id: str) -> Bank:
    """The bank that a draft makes; refused while it has mistakes. For a thread."""
    found = checked(files_of(request, draft_id))
    if found.bank is None:
        count = len(found.mistakes)
        raise Refused(Refusal("configuration_has_mistakes", "draft_id", {"count": count}))
    return found.bank


HANDLERS: list[Any] = [ConfigurationController, DraftController]
