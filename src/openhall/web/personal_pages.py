"""The page of sealed records: today's, all that is kept of one person, the evidence, and who has seen what.

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
from openhall.log.personal import Access, Export
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


def _frame(request: OpenhallRequest, branch: Branch) -> dict[str, Any]:
    language = language_of(request)
    return frame(request, "personal", branch) | {
        # Where the other language is chosen, a question that was asked is not asked again.
        "path": f"/b/{branch.id}/personal",
        "moment": partial(_moment, language, branch.timezone),
        "reasons": REASONS_TO_LOOK.items(),
        "action_words": {code: say(language, word) for code, word in ACTION_WORDS.items()},
        "reason_words": {code: say(language, word) for code, word in REASON_WORDS.items()},
        "may_export": rights.may_act(request.user.role, "personal.export"),
    }


def _moment(language: Any, zone: str, at_ms: int) -> str:
    return moment_words(language, at_ms, zone)


async def _page(request: OpenhallRequest, branch: Branch, **more: Any) -> Response[bytes]:
    app: App = request.app.state.openhall
    stream = app.today(branch)
    state = app.hall(stream)
    kept = await personal.sealed_today(app, stream) if state is not None else []
    context = _frame(request, branch) | {
        "sealed": [
            {
                "ref": item.ref,
                "kind": item.kind,
                "at_ms": item.at_ms,
                "number": state.tickets[item.ticket_id].number
                if state is not None and item.ticket_id in state.tickets
                else "",
            }
            for item in reversed(kept)
        ],
        "clean_ups": await asyncio.to_thread(app.personal.clean_ups, CLEAN_UPS_SHOWN),
        "found": None,
        "erased_count": None,
        "asked": None,
    }
    return page("personal.html", language_of(request), **(context | more))


@get("/b/{branch_id:str}/personal", include_in_schema=False, opt=needs_screen("personal"))
async def personal_page(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """What customers left with the branch today, sealed; and the evidence of what was erased."""
    return await _page(request, branch_of(request.app.state.openhall, branch_id))


@post("/b/{branch_id:str}/personal/person", include_in_schema=False, status_code=200, opt=OF_ONE_PERSON)
async def one_person(
    request: OpenhallRequest, branch_id: BranchId, data: URLEncodedBody[OnePerson]
) -> Response[Any]:
    """All that the branch keeps of somebody: found, handed out on paper or as data, erased."""
    app: App = request.app.state.openhall
    branch, actor = branch_of(app, branch_id), actor_of(request)
    if normal(data.contact) is None:
        raise Refused(Refusal("contact_unreadable", "contact"))
    about = (data.contact, branch.id, actor, data.reason)
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
        msgspec.json.format(msgspec.json.encode(handed_out(exports, app, branch)), indent=2),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="personal-data.json"'},
    )


def handed_out(exports: list[Export], app: App, branch: Branch) -> dict[str, Any]:
    """What the person is given as data: with whose it is, and when it was made."""
    return {
        "bank": app.bank.name,
        "branch": branch.name,
        "made_ms": app.wall.now_ms(),
        "keep_days": app.bank.privacy.keep_days,
        "records": exports,
    }


async def _access_list(request: OpenhallRequest, branch_id: str, wanted: Wanted) -> Response[bytes]:
    app: App = request.app.state.openhall
    branch = branch_of(app, branch_id)
    listed: list[Access] = await asyncio.to_thread(
        partial(
            app.personal.access_list,
            branch.id,
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
        "colleagues": {p.id: p.name for p in app.bank.people if p.branch == branch.id},
    }
    return page("personal_access.html", language_of(request), **context)


@get("/b/{branch_id:str}/personal/access", include_in_schema=False, opt=OF_ONE_PERSON)
async def access_list(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """Who has done what to the branch's records, latest first."""
    return await _access_list(request, branch_id, Wanted())


@post("/b/{branch_id:str}/personal/access", include_in_schema=False, status_code=200, opt=OF_ONE_PERSON)
async def filtered_access_list(
    request: OpenhallRequest, branch_id: BranchId, data: URLEncodedBody[Wanted]
) -> Response[bytes]:
    """The lines of one colleague, one kind of deed, one record."""
    return await _access_list(request, branch_id, data)


HANDLERS: list[Any] = [personal_page, one_person, access_list, filtered_access_list]
