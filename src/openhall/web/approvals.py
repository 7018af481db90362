"""What waits for a second person: who proposed what and when, and the two answers.

A kind says in words what it is about: `SUMMARIES[kind] = ...`, where its pages are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import JSONBody, PathParameter
from litestar.response import Redirect

from openhall.access.approvals import REASON_CHARACTERS_MAX, Proposal, is_same_person, refuse_to_check
from openhall.app.build import App
from openhall.app.language import say
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.network.model import Branch
from openhall.web.api import BranchId, branch_of
from openhall.web.frame import frame
from openhall.web.guarding import SIGNED_IN, needs_action, needs_screen
from openhall.web.problems import RESPONSES, Refused, all_texts
from openhall.web.reading import language_of
from openhall.web.rendering import moment_words, page
from openhall.web.signing_in import OpenhallRequest

DECIDED_SHOWN = 30


class Summary(msgspec.Struct, frozen=True):
    """What a proposal is about, in the reader's language, and where to see more of it."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    link: str = ""
    """An address of this site, with a preview of what approving would change."""


SUMMARIES: dict[str, Callable[[App, Proposal, Language], Summary]] = {}
"""By kind; a kind that is not here is shown by its name alone."""


class ProposalBody(msgspec.Struct, frozen=True):
    """A proposal, with its words in the reader's language."""

    id: str
    kind: str
    branch: str
    maker: str
    made_ms: int
    lapses_ms: int
    state: str
    checker: str | None
    decided_ms: int | None
    reason: str
    is_carried_out: bool
    failure: str
    may_decide: bool
    may_withdraw: bool
    summary: Summary


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The checker's answer; a refusal needs a reason."""

    is_approved: bool
    reason: Annotated[str, msgspec.Meta(max_length=REASON_CHARACTERS_MAX)] = ""


ProposalId = Annotated[str, PathParameter(max_length=32, description="Its id, from the list")]


def told(app: App, proposal: Proposal, reader: Any, language: Language) -> ProposalBody:
    """A proposal as one reader may see it. What was proposed is told in words; its bytes stay inside."""
    summarise = SUMMARIES.get(proposal.kind)
    is_waiting = proposal.state == "waiting"
    failure = ""
    if proposal.failure:
        text = all_texts().get(proposal.failure)
        failure = say(language, text.sentence) if text and "{" not in text.sentence else proposal.failure
    return ProposalBody(
        id=proposal.id,
        kind=proposal.kind,
        branch=proposal.branch,
        maker=proposal.maker,
        made_ms=proposal.made_ms,
        lapses_ms=proposal.lapses_ms,
        state=proposal.state.value,
        checker=proposal.checker,
        decided_ms=proposal.decided_ms,
        reason=proposal.reason,
        is_carried_out=proposal.carried_ms is not None and not proposal.failure,
        failure=failure,
        may_decide=is_waiting and refuse_to_check(proposal, reader) is None,
        may_withdraw=is_waiting and is_same_person(proposal, reader),
        summary=summarise(app, proposal, language) if summarise else Summary(proposal.kind),
    )


def _in_reach(app: App, reader: Any) -> tuple[list[Proposal], list[Proposal]]:
    """What waits and what was decided, of the reader's branch or of all."""
    waiting = app.approvals.waiting(branch=reader.branch)
    return waiting, app.approvals.decided(branch=reader.branch)[:DECIDED_SHOWN]


class ApprovalController(Controller):
    """The two-person rule."""

    path = "/api/approvals"
    tags = ("approvals",)

    @get(
        summary="What waits, and what was decided lately", responses=RESPONSES, opt=needs_screen("approvals")
    )
    async def listed(self, request: OpenhallRequest) -> list[ProposalBody]:
        """Waiting ones first, the longest waiting on top. Of one's own branch; head office sees all."""
        app: App = request.app.state.openhall
        waiting, decided = await asyncio.to_thread(_in_reach, app, request.user)
        language = language_of(request)
        return [told(app, each, request.user, language) for each in (*waiting, *decided)]

    @post(
        "/{proposal_id:str}/decision",
        summary="Approve or refuse",
        status_code=200,
        responses=RESPONSES,
        opt=needs_action("approvals.decide"),
    )
    async def decide(
        self, request: OpenhallRequest, proposal_id: ProposalId, data: JSONBody[Decision]
    ) -> ProposalBody:
        """Never by whoever proposed it. An approved proposal has been carried out when this answers."""
        app: App = request.app.state.openhall
        decided = await app.approvals.decide(
            proposal_id, request.user, is_approved=data.is_approved, reason=data.reason
        )
        if isinstance(decided, Refusal):
            raise Refused(decided)
        return told(app, decided, request.user, language_of(request))

    @post(
        "/{proposal_id:str}/withdrawal",
        summary="Take back what one proposed",
        status_code=200,
        responses=RESPONSES,
        opt=SIGNED_IN,
    )
    async def withdraw(self, request: OpenhallRequest, proposal_id: ProposalId) -> ProposalBody:
        """Only while it waits."""
        app: App = request.app.state.openhall
        after = await app.approvals.withdraw(proposal_id, request.user)
        if isinstance(after, Refusal):
            raise Refused(after)
        return told(app, after, request.user, language_of(request))


async def _page(request: OpenhallRequest, branch: Branch | None) -> Response[bytes]:
    app: App = request.app.state.openhall
    language = language_of(request)
    waiting, decided = await asyncio.to_thread(_in_reach, app, request.user)
    zone = (branch or app.bank.branches[0]).timezone
    names = {b.id: b.name.get(language) for b in app.bank.branches}
    context = frame(request, "approvals", branch) | {
        "waiting": [told(app, each, request.user, language) for each in waiting],
        "decided": [told(app, each, request.user, language) for each in decided],
        "moment": lambda at_ms: moment_words(language, at_ms, zone),
        "branch_name": lambda branch_id: names.get(branch_id, branch_id),
    }
    return page("approvals.html", language, **context)


@get("/head/approvals", include_in_schema=False, opt=needs_screen("approvals"))
async def head_approvals(request: OpenhallRequest) -> Response[bytes] | Redirect:
    """What waits, for those who belong to no branch."""
    if request.user.branch:
        return Redirect(f"/b/{request.user.branch}/approvals")
    return await _page(request, None)


@get("/b/{branch_id:str}/approvals", include_in_schema=False, opt=needs_screen("approvals"))
async def branch_approvals(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """What waits in a branch."""
    app: App = request.app.state.openhall
    return await _page(request, branch_of(app, branch_id))


HANDLERS: list[Any] = [ApprovalController, head_approvals, branch_approvals]
