"""The pages of sealed records: today's, all that is kept of one person, the evidence, and who has seen what.

A branch's page goes over what that branch keeps; head office's, for the privacy officer, over the whole bank.

A number or an address is only ever in the body of a request, never in an address: addresses are kept by
browsers, proxies and logs.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import URLEncodedBody

from openhall.access import rights
from openhall.app.build import App
from openhall.app.language import say
from openhall.kernel.refusal import Refusal
from openhall.log.contacts import normal
from openhall.log.personal import RECORDS_OF_ONE_AT_MOST, Access, Export
from openhall.network.model import Branch
from openhall.web import personal
from openhall.web.api import BranchId, actor_of, branch_of
from openhall.web.frame import frame
from openhall.web.guarding import needs_action, needs_screen
from openhall.web.problems import Refused
from openhall.web.reading import language_of
from openhall.web.rendering import REASONS_TO_LOOK, moment_words, page
from openhall.web.signing_in import OpenhallRequest

CLEAN_UPS_SHOWN: Final = 24
ACCESSES_SHOWN: Final = 200
OF_ONE_PERSON: Final = needs_action("personal.export")

ACTION_WORDS: Final = {
    "written": "kept",
    "read": "looked at",
    "found": "found in a search",
    "exported": "handed out",
    "erased": "erased",
    "expired": "erased by time",
    "prolonged": "kept longer",
}
REASON_WORDS: Final = REASONS_TO_LOOK | {
    "keep_days": "its time was over",
    "not_recorded": "nothing came of it",
    "appointment_moved": "the appointment was moved",
    "appointment_given_up": "the appointment was cancelled",
    "send_appointment": "to send a reminder",
    "send_notice": "to send a message",
    "visit_ended": "the visit was over",
}

Deed = Literal["find", "print", "data", "erase"]


class OnePerson(msgspec.Struct, frozen=True):
    """What is to be done with all that is kept of somebody."""

    contact: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    reason: Literal["customer_request", "complaint"]
    deed: Deed


class Wanted(msgspec.Struct, frozen=True):
    """Which lines of the access list."""

    actor: Annotated[str, msgspec.Meta(max_length=64)] = ""
    action: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{0,10}$")] = ""
    ref: Annotated[str, msgspec.Meta(max_length=32)] = ""


def _frame(request: OpenhallRequest, branch: Branch | None) -> dict[str, Any]:
    language = language_of(request)
    bank = request.app.state.openhall.bank
    base = f"/b/{branch.id}/personal" if branch is not None else "/head/personal"
    zone = (branch or bank.branches[0]).timezone
    return frame(request, "personal", branch) | {
        "base": base,
        # Where the other language is chosen, a question that was asked is not asked again.
        "path": base,
        "moment": partial(_moment, language, zone),
        "reasons": REASONS_TO_LOOK.items(),
        "action_words": {code: say(language, word) for code, word in ACTION_WORDS.items()},
        "reason_words": {code: say(language, word) for code, word in REASON_WORDS.items()},
        "branch_names": {each.id: each.name.get(language) for each in bank.branches},
        "may_export": rights.may_act(request.user.role, "personal.export"),
    }


def _moment(language: Any, zone: str, at_ms: int) -> str:
    return moment_words(language, at_ms, zone)


async def _page(request: OpenhallRequest, branch: Branch | None, **more: Any) -> Response[bytes]:
    app: App = request.app.state.openhall
    context = _frame(request, branch) | {
        "sealed": await _today(app, branch) if branch is not None else None,
        "clean_ups": await asyncio.to_thread(app.personal.clean_ups, CLEAN_UPS_SHOWN),
        "found": None,
        "found_at_most": RECORDS_OF_ONE_AT_MOST,
        "erased_count": None,
        "asked": None,
    }
    return page("personal.html", language_of(request), **(context | more))


async def _today(app: App, branch: Branch) -> list[dict[str, Any]]:
    """What is sealed and has to do with today, latest first, by the number that the customer has."""
    state = app.hall(app.today(branch))
    numbers = {} if state is None else {ticket.id: ticket.number for ticket in state.tickets.values()}
    kept = await personal.sealed_today(app, branch)
    return [
        {
            "ref": item.ref,
            "kind": item.kind,
            "at_ms": item.at_ms,
            "number": numbers.get(item.ticket_id) or item.code,
        }
        for item in reversed(kept)
    ]


@get("/b/{branch_id:str}/personal", include_in_schema=False, opt=needs_screen("personal"))
async def personal_page(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """What customers left with the branch today, sealed; and the evidence of what was erased."""
    return await _page(request, branch_of(request.app.state.openhall, branch_id))


@get("/head/personal", include_in_schema=False, opt=needs_screen("personal"))
async def head_personal_page(request: OpenhallRequest) -> Response[bytes]:
    """All that the whole bank keeps of one person, and the evidence of what was erased."""
    return await _page(request, None)


@post("/b/{branch_id:str}/personal/person", include_in_schema=False, status_code=200, opt=OF_ONE_PERSON)
async def one_person(
    request: OpenhallRequest, branch_id: BranchId, data: URLEncodedBody[OnePerson]
) -> Response[Any]:
    """All that the branch keeps of somebody: found, handed out on paper or as data, erased."""
    return await _do(request, branch_of(request.app.state.openhall, branch_id), data)


@post("/head/personal/person", include_in_schema=False, status_code=200, opt=OF_ONE_PERSON)
async def one_person_anywhere(request: OpenhallRequest, data: URLEncodedBody[OnePerson]) -> Response[Any]:
    """All that any branch keeps of somebody."""
    return await _do(request, None, data)


async def _do(request: OpenhallRequest, branch: Branch | None, data: OnePerson) -> Response[Any]:
    app: App = request.app.state.openhall
    if normal(data.contact) is None:
        raise Refused(Refusal("contact_unreadable", "contact"))
    about = (data.contact, branch.id if branch is not None else None, actor_of(request), data.reason)
    if data.deed == "find":
        found = await asyncio.to_thread(app.personal.find, *about)
        return await _page(request, branch, found=found, asked=data)
    if data.deed == "erase":
        count = await asyncio.to_thread(app.personal.erase_all, *about)
        return await _page(request, branch, erased_count=count)
    exports = await asyncio.to_thread(app.personal.export_all, *about)
    if data.deed == "print":
        context = _frame(request, branch) | {"exports": exports}
        return page("personal_export.html", language_of(request), **context)
    return Response(
        msgspec.json.format(msgspec.json.encode(handed_out(exports, app)), indent=2),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="personal-data.json"'},
    )


def handed_out(exports: list[Export], app: App) -> dict[str, Any]:
    """What the person is given as data: with whose it is, and when it was made."""
    kept_by = {export.branch for export in exports}
    return {
        "bank": app.bank.name,
        "branches": {branch.id: branch.name for branch in app.bank.branches if branch.id in kept_by},
        "made_ms": app.wall.now_ms(),
        "keep_days": app.bank.privacy.keep_days,
        "records": exports,
    }


async def _access_list(request: OpenhallRequest, branch: Branch | None, wanted: Wanted) -> Response[bytes]:
    app: App = request.app.state.openhall
    listed: list[Access] = await asyncio.to_thread(
        partial(
            app.personal.access_list,
            branch.id if branch is not None else None,
            actor=wanted.actor.strip(),
            action=wanted.action,
            ref=wanted.ref.strip(),
            limit=ACCESSES_SHOWN,
        )
    )
    context = _frame(request, branch) | {
        "listed": listed,
        "wanted": wanted,
        "shown_at_most": ACCESSES_SHOWN,
        # Of the whole bank there are too many to choose from: whoever is looked for is named.
        "colleagues": {p.id: p.name for p in app.bank.people if branch is not None and p.branch == branch.id},
    }
    return page("personal_access.html", language_of(request), **context)


@get("/b/{branch_id:str}/personal/access", include_in_schema=False, opt=OF_ONE_PERSON)
async def access_list(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """Who has done what to the branch's records, latest first."""
    return await _access_list(request, branch_of(request.app.state.openhall, branch_id), Wanted())


@post("/b/{branch_id:str}/personal/access", include_in_schema=False, status_code=200, opt=OF_ONE_PERSON)
async def filtered_access_list(
    request: OpenhallRequest, branch_id: BranchId, data: URLEncodedBody[Wanted]
) -> Response[bytes]:
    """The lines of one colleague, one kind of deed, one record."""
    return await _access_list(request, branch_of(request.app.state.openhall, branch_id), data)


@get("/head/personal/access", include_in_schema=False, opt=OF_ONE_PERSON)
async def head_access_list(request: OpenhallRequest) -> Response[bytes]:
    """Who has done what to the records of every branch, latest first."""
    return await _access_list(request, None, Wanted())


@post("/head/personal/access", include_in_schema=False, status_code=200, opt=OF_ONE_PERSON)
async def filtered_head_access_list(
    request: OpenhallRequest, data: URLEncodedBody[Wanted]
) -> Response[bytes]:
    """The lines of one colleague, one kind of deed, one record, over the whole bank."""
    return await _access_list(request, None, data)


HANDLERS: list[Any] = [
    personal_page,
    head_personal_page,
    one_person,
    one_person_anywhere,
    access_list,
    filtered_access_list,
    head_access_list,
    filtered_head_access_list,
]
