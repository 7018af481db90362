"""What the holder of a ticket's page can do: step out, come back, give up, ask for a person, say how it was.

The address is the right [C4, C15]: it cannot be guessed, it reaches one ticket of one day, and no cookie goes
with it, so another site has nothing to misuse. Plain forms, so that they work without scripts. Each form
carries a key made with the page: pressing twice, or again after a failure, is the same command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import Cookie
from litestar.params import URLEncodedBody
from litestar.response import Redirect

from openhall.access import rights
from openhall.app.build import App
from openhall.hall.model import commands as c
from openhall.kernel.event import Command, StreamId
from openhall.kernel.event import Request as CommandRequest
from openhall.kernel.refusal import Refusal
from openhall.web import phone
from openhall.web.guarding import ANYONE
from openhall.web.phone import Own, Token
from openhall.web.problems import Refused, answer, problem_of, wants_page
from openhall.web.reading import language_of

WRITES_PER_MINUTE_AT_MOST = 20
"""At one ticket: nobody steps out and comes back faster."""
WORDS_CHARACTERS_MAX = 500
RATED_SECONDS = 86_400
FEEDBACK = "feedback"
"""The key of the one opinion that a ticket has."""

FormKey = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16,32}$")]


class Press(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A button of the page was pressed."""

    key: FormKey


class Opinion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it was: a score, and words if they like."""

    score: Annotated[int, msgspec.Meta(ge=1, le=5)]
    kind: Literal["rating", "praise", "complaint"] = "rating"
    text: Annotated[str, msgspec.Meta(max_length=WORDS_CHARACTERS_MAX)] = ""
    consent: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """The version of the wording that stood beside the words."""


async def _carry_out(
    request: Request[Any, Any, Any], token: str, made: Callable[[Own], tuple[Command, str]]
) -> Response[Any]:
    """Find the ticket, hold the command to the holder's right, submit it, and lead back to the page."""
    app: App = request.app.state.openhall
    own = phone.own_ticket(request, token)
    if isinstance(own, Response):
        return own
    try:
        if not request.app.state.rates.note(f"write {token}", WRITES_PER_MINUTE_AT_MOST, app.wall.now_ms()):
            raise Refused(Refusal("too_many_requests"))
        command, key = made(own)
        if refusal := rights.refuse_holder(own.ticket.id, command):
            raise Refused(refusal)
        done = await app.submit(CommandRequest(own.stream, f"{own.ticket.id} {key}", rights.HOLDER, command))
        if isinstance(done, Refusal):
            raise Refused(_once(done) if key == FEEDBACK else done)
    except Refused as error:
        return _refused(request, token, error.refusal, own.stream)
    if not wants_page(request):
        return Response({"done": True}, status_code=200)
    return Redirect(f"/t/{token}", status_code=303)


def _refused(
    request: Request[Any, Any, Any], token: str, refusal: Refusal, stream: StreamId
) -> Response[Any]:
    """The page again with what the hall says; for our script, the problem alone."""
    problem = problem_of(refusal, language_of(request), request.app.state.openhall.bank, stream.place)
    if not wants_page(request):
        return answer(request, problem)
    shown = phone.shown(request, token, "phone.html", said=problem)
    shown.status_code = problem.status
    return shown


@post("/t/{token:str}/hold", opt=ANYONE, status_code=200, include_in_schema=False)
async def step_out(
    request: Request[Any, Any, Any], token: Token, data: URLEncodedBody[Press]
) -> Response[Any]:
    """The customer steps out; the place is kept, with a colleague of the hall as the contact."""

    def made(own: Own) -> tuple[Command, str]:
        return c.HoldTicket(own.ticket.id, phone.contact_of(own.state)), f"hold {data.key}"

    return await _carry_out(request, token, made)


@post("/t/{token:str}/resume", opt=ANYONE, status_code=200, include_in_schema=False)
async def come_back(
    request: Request[Any, Any, Any], token: Token, data: URLEncodedBody[Press]
) -> Response[Any]:
    """The customer is back."""
    return await _carry_out(request, token, lambda own: (c.ResumeTicket(own.ticket.id), f"resume {data.key}"))


@post("/t/{token:str}/leave", opt=ANYONE, status_code=200, include_in_schema=False)
async def give_up(
    request: Request[Any, Any, Any], token: Token, data: URLEncodedBody[Press]
) -> Response[Any]:
    """The customer needs the number no more."""
    return await _carry_out(request, token, lambda own: (c.MarkReneged(own.ticket.id), f"leave {data.key}"))


@post("/t/{token:str}/person", opt=ANYONE, status_code=200, include_in_schema=False)
async def ask_for_a_person(
    request: Request[Any, Any, Any], token: Token, data: URLEncodedBody[Press]
) -> Response[Any]:
    """The customer would like a colleague to come."""
    return await _carry_out(
        request,
        token,
        lambda own: (c.RingForColleague("phone", "question", own.ticket.id), f"person {data.key}"),
    )


@post("/t/{token:str}/feedback", opt=ANYONE, status_code=200, include_in_schema=False)
async def say_how_it_was(
    request: Request[Any, Any, Any], token: Token, data: URLEncodedBody[Opinion]
) -> Response[Any]:
    """Once a ticket; the words are sealed first, and the log carries a reference to them."""
    app: App = request.app.state.openhall
    own = phone.own_ticket(request, token)
    if isinstance(own, Response):
        return own
    if not phone.may_be_rated(own.ticket):
        return _refused(request, token, Refusal("feedback_too_early"), own.stream)
    words, ref = data.text.strip(), ""
    if words:
        kept = await asyncio.to_thread(_seal, app, own, data, words)
        if isinstance(kept, Refusal):
            return _refused(request, token, _once(kept), own.stream)
        ref = kept
    command = c.RecordFeedback(data.kind, own.ticket.id, score=data.score, text_ref=ref)
    shown = await _carry_out(request, token, lambda _: (command, FEEDBACK))
    if shown.status_code in {200, 303}:
        shown.set_cookie(_rated(request, token))
    elif ref:
        # The ticket has had its say: words that no event refers to are not kept.
        await asyncio.to_thread(app.personal.erase, ref, rights.HOLDER, "not_recorded")
    return shown


def _seal(app: App, own: Own, said: Opinion, words: str) -> str | Refusal:
    key = f"{own.stream} {own.ticket.id} {said.score} {said.kind}"
    return app.personal.put_once(
        own.stream.place, FEEDBACK, {"text": words}, rights.HOLDER, key=key, consent=said.consent
    )


def _rated(request: Request[Any, Any, Any], token: str) -> Cookie:
    """That this page has had its say; the log itself takes no second one."""
    return Cookie(
        phone.RATED_COOKIE,
        value="1",
        path=f"/t/{token}",
        max_age=RATED_SECONDS,
        samesite="strict",
        httponly=True,
        secure=request.url.scheme == "https",
    )


def _once(refusal: Refusal) -> Refusal:
    """A second opinion on one ticket: the store's word for it is about keys, ours about opinions."""
    return Refusal("feedback_given") if refusal.code == "command_id_reused" else refusal


HANDLERS: list[Any] = [step_out, come_back, give_up, ask_for_a_person, say_how_it_was]
