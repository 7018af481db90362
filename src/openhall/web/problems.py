"""Errors as RFC 9457 problem details, in the reader's language, each with a code and a remedy."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Redirect

from openhall.access import rights
from openhall.app import identity
from openhall.app.build import refusal_texts
from openhall.app.language import explain, say
from openhall.kernel.refusal import Refusal, RefusalText, refusals
from openhall.kernel.text import Language
from openhall.kernel.trouble import Trouble
from openhall.network.model import Bank
from openhall.rehearsal import change_study
from openhall.web.observing import request_id_of
from openhall.web.reading import language_of
from openhall.web.rendering import WORDS, first_paragraph, page

MEDIA_TYPE = "application/problem+json"
KEY_HEADER = "Idempotency-Key"

REFUSALS = refusals(
    sign_in_required=("Please sign in first.", "Sign in with an account of this branch."),
    not_found=("There is nothing at this address.", "Check the address."),
    method_not_allowed=("This address does not take that method.", "See the API's description."),
    input_invalid=("Something in the request is not as expected: {detail}", "Correct it and send it again."),
    idempotency_key_missing=(
        "A write needs an Idempotency-Key header.",
        "Send a new random key with each new command, and the same key when you retry.",
    ),
    branch_unknown=("There is no branch {branch}.", "Choose one of: {known}."),
    guide_unknown=("There is no such guide.", "Choose one of: {known}."),
    message_unknown=("There is no such message to act on.", "Look at the list as it is now."),
    contact_invalid=(
        "That is not a number or an address that messages can be sent to.",
        "Check it, and try again.",
    ),
    record_unknown=(
        "There is no such record; it may have been erased or have expired.",
        "Nothing needs to be done.",
    ),
    report_unknown=(
        "There is no report of this day.",
        "Choose a day on which the branch was open; a table of all branches has no PDF.",
    ),
    contact_unreadable=(
        "This is neither a telephone number nor a mail address.",
        "Write it as the customer left it: 139 0000 0000, or name@example.cn.",
    ),
    other_site=(
        "A page of another site asked for this; nothing was done.",
        "Open openhall at its own address, and do it there.",
    ),
    json_expected=("The body has to be JSON.", "Send it with the header Content-Type: application/json."),
    too_large=("The request is too large.", "Send less at once."),
    too_many_requests=("Too many attempts in a short time.", "Wait a minute and try again."),
    sentence_not_ours=(
        "Only sentences of this system are said aloud.",
        "Load the page again and press once more.",
    ),
    kiosk_too_fast=(
        "This machine gives at most {limit} tickets a minute.",
        "Wait a moment, or ask a colleague for a number.",
    ),
    http_error=("The request could not be served.", "See the detail."),
    feedback_given=(
        "You have told us already how it was. Thank you.",
        "If something is left to say, speak to a colleague in the hall.",
    ),
    feedback_too_early=("You can say how it was once you have been served.", "Please look again afterwards."),
    internal_error=(
        "Something went wrong inside openhall; nothing was changed by it.",
        "Try again. If it stays, show the server's log to your administrator.",
    ),
)

STATUS = {
    "sign_in_failed": 401,
    "sign_in_required": 401,
    "sign_in_paused": 429,
    "approval_own": 403,
    "approval_not_yours": 403,
    "account_own": 403,
    "account_above": 403,
    "role_may_not": 403,
    "sentence_not_ours": 403,
    "branch_not_yours": 403,
    "other_site": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "idempotency_key_missing": 400,
    "input_invalid": 400,
    "contact_unreadable": 400,
    "contact_invalid": 400,
    "too_large": 413,
    "json_expected": 415,
    "too_many_requests": 429,
    "kiosk_too_fast": 429,
    "command_id_reused": 422,
    "internal_error": 500,
    "line_full": 503,
}
"""HTTP status of a code where it is not 404 (`..._unknown`) or 409 (a rule of the hall says no)."""

_log = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457. `code` is stable; `title` and `remedy` are in the reader's language."""

    type: str
    title: str
    status: int
    code: str
    remedy: str
    place: str = ""
    detail: dict[str, str | int] = {}


PROBLEM = ResponseSpec(
    Problem,
    description="Why not, with a code and a remedy",
    media_type=MEDIA_TYPE,
    generate_examples=False,  # they are made up at random, other ones at each start
)
RESPONSES = dict.fromkeys((400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503), PROBLEM)
"""What any operation may answer besides success."""


class Refused(Exception):
    """Carries a refusal to the handler below."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def status_of(code: str) -> int:
    """The HTTP status for a code."""
    return STATUS.get(code) or (404 if code.endswith("_unknown") else 409)


def all_texts() -> dict[str, RefusalText]:
    """Every code that a door can answer with: the rooms', the rights', and its own."""
    return {
        **refusal_texts(),
        **rights.REFUSALS,
        **identity.REFUSALS,
        **change_study.REFUSALS,
        **REFUSALS,
    }


def problem_of(refusal: Refusal, language: Language, bank: Bank | None = None, branch: str = "") -> Problem:
    """A refusal as a problem document: codes in `detail`, the bank's own names in the sentences."""
    named = readable(refusal.detail, language, bank, branch)
    sentence, remedy = explain(Refusal(refusal.code, refusal.place, named), all_texts(), language)
    return Problem(
        type=f"urn:openhall:problem:{refusal.code}",
        title=sentence,
        status=status_of(refusal.code),
        code=refusal.code,
        remedy=remedy,
        place=refusal.place,
        detail=refusal.detail,
    )


NAMED_BLANKS = frozenset(
    {"status", "channel", "reason", "service", "class_code", "person", "counter", "known", "role", "branch"}
)


def readable(
    detail: dict[str, str | int], language: Language, bank: Bank | None, branch: str
) -> dict[str, str | int]:
    """The blanks of a sentence, with names for codes and numbers for counters as far as they are known."""
    names = {code: say(language, word) for code, word in WORDS.items()}
    if bank is not None:
        names |= {s.id: s.name.get(language) for s in bank.services}
        names |= {k.code: k.name.get(language) for k in bank.classes}
        names |= {lesson.code: lesson.name.get(language) for lesson in bank.lessons}
        names |= {p.id: p.name for p in bank.people}
        names |= {b.id: b.name.get(language) for b in bank.branches}
        found = bank.branch(branch)
        names |= {k.id: str(k.number) for k in found.counters} if found else {}
    between = say(language, ", ")
    return {
        blank: between.join(names.get(part, part) for part in str(value).split(", "))
        if blank in NAMED_BLANKS
        else value
        for blank, value in detail.items()
    }


def wants_page(request: Request[Any, Any, Any]) -> bool:
    """Whether a person looks at this with a browser, and not a program that asks the API."""
    if request.url.path.startswith("/api/") or "hx-request" in request.headers:
        # A part of a page is asked for by our own script, which knows what to do with a problem.
        return False
    return "text/html" in request.headers.get("accept", "")


def answer(
    request: Request[Any, Any, Any], problem: Problem, headers: dict[str, str] | None = None
) -> Response[Any]:
    """A problem as a document for programs, as a page for people; who is not signed in is asked to."""
    if not wants_page(request):
        return Response(
            msgspec.json.encode(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers
        )
    if problem.status == 401:
        return Redirect(f"/sign-in?{urlencode({'to': request.url.path})}")
    bank = request.app.state.openhall.bank
    # A program finds the id in the header: a command that is sent again gets the same answer, byte for byte.
    about = {"problem": problem, "request_id": request_id_of(request.scope)}
    shown = page("problem.html", language_of(request), bank=bank, path="/", account=None, **about)
    shown.status_code = problem.status
    return shown


def on_refused(request: Request[Any, Any, Any], error: Refused) -> Response[Any]:
    """The rules say no."""
    bank = request.app.state.openhall.bank
    branch = str(request.path_params.get("branch_id", ""))
    problem = problem_of(error.refusal, language_of(request), bank, branch)
    later = {"Retry-After": str(error.refusal.detail.get("seconds", 60))} if problem.status == 429 else None
    return answer(request, problem, later)


def on_trouble(request: Request[Any, Any, Any], trouble: Trouble) -> Response[Any]:
    """The disk, the clock, the database: nothing was kept, and trying again is right."""
    language = language_of(request)
    problem = Problem(
        type=f"urn:openhall:problem:{trouble.code}",
        title=say(language, first_paragraph(trouble.__doc__ or trouble.code)),
        status=500 if trouble.code == "command_failed" else 503,
        code=trouble.code,
        remedy=say(language, trouble.remedy),
        # The place may be a path of the server: that is for its log, not for a browser.
        detail={},
    )
    _log.error("%s: %s (%s)", trouble.code, trouble, trouble.place)
    return answer(request, problem, {"Retry-After": "2"})


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What the web framework itself refuses."""
    language = language_of(request)
    code = {401: "sign_in_required", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(
        error.status_code, "http_error"
    )
    place, said = "", str(error.detail)
    if isinstance(error, ValidationException) or error.status_code == 400:
        code = "input_invalid"
        first = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
        if isinstance(first, dict):
            place, said = str(first.get("key", "")), str(first.get("message", error.detail))
        if said.startswith(f"Missing required header parameter {KEY_HEADER!r}"):
            code, place = "idempotency_key_missing", KEY_HEADER
    problem = problem_of(Refusal(code, place, {"detail": said[:300]}), language)
    if code == "http_error":
        problem = msgspec.structs.replace(problem, status=error.status_code)
    return answer(request, problem, dict(error.headers or {}))


def on_bad_text(request: Request[Any, Any, Any], error: UnicodeDecodeError) -> Response[Any]:
    """A body that is not UTF-8. Nothing else that others send is decoded while a request lives."""
    return answer(
        request,
        problem_of(Refusal("input_invalid", "data", {"detail": str(error)[:300]}), language_of(request)),
    )


def on_too_deep(request: Request[Any, Any, Any], _: RecursionError) -> Response[Any]:
    """A body of lists in lists in lists: nothing of ours goes that deep."""
    refusal = Refusal("input_invalid", "data", {"detail": "nested too deeply"})
    return answer(request, problem_of(refusal, language_of(request)))


def on_out_of_calendar(request: Request[Any, Any, Any], _: OverflowError) -> Response[Any]:
    """A day so early or so late that the calendar ends beside it: a date is the one thing that others send
    and that is reckoned with before it is looked up."""
    _log.warning("A request to %s left the calendar", request.scope.get("path_template", ""))
    refusal = Refusal("input_invalid", "day", {"detail": "out of the calendar"})
    return answer(request, problem_of(refusal, language_of(request)))


def on_fault(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A fault in the program: said plainly, logged in full, shown in no detail."""
    # The pattern of the address and not the address: what opens a ticket's page stands in it.
    _log.error("A request to %s failed", request.scope.get("path_template", ""), exc_info=error)
    return answer(request, problem_of(Refusal("internal_error"), language_of(request)))


HANDLERS: dict[Any, Any] = {
    Refused: on_refused,
    Trouble: on_trouble,
    HTTPException: on_http_error,
    UnicodeDecodeError: on_bad_text,
    RecursionError: on_too_deep,
    OverflowError: on_out_of_calendar,
    Exception: on_fault,
}
