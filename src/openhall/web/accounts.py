"""One's own account, and the accounts that somebody looks after."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, get_args
from zoneinfo import ZoneInfo

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.response import Redirect

from openhall.access import rights
from openhall.access.approvals import Proposal
from openhall.access.managing import RAISED, AccountChange, Change
from openhall.app import account_desk
from openhall.app.account_desk import Asked, change_in
from openhall.app.build import App
from openhall.app.findings import of_record
from openhall.app.language import say
from openhall.kernel.clock import to_datetime
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.log.access_record import ACTIONS, Entry, RecordFault
from openhall.log.account_rows import UNATTENDED_ROLES, AccountEntry
from openhall.log.accounts import Account
from openhall.log.sessions import SeenSession
from openhall.network.model import Branch, Role
from openhall.web.api import BranchId, Key, branch_of
from openhall.web.approvals import SUMMARIES, ProposalBody, Summary, told
from openhall.web.frame import frame
from openhall.web.guarding import SIGNED_IN, needs_action, needs_screen
from openhall.web.problems import RESPONSES, Refused
from openhall.web.rates import network_address
from openhall.web.reading import language_of
from openhall.web.rendering import WORDS, moment_words, page
from openhall.web.signing_in import (
    OpenhallRequest,
    Password,
    SessionBody,
    with_session,
)

CHANGE_WORDS: Final[dict[Change, str]] = {
    "create": "New account {name}",
    "role": "Another role for {name}",
    "password": "A new initial password for {name}",
    "codes": "One-time codes of {name} set up anew",
    "enable": "Switch {name} on again",
    "disable": "Switch {name} off",
    "unlock": "End the lock of {name}",
}
"""What a proposal about an account is called."""

Name = Annotated[str, msgspec.Meta(max_length=64)]
NameParameter = Annotated[str, PathParameter(max_length=64, description="The account's name")]


class OwnPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password of now, and the one to come."""

    old: Password
    new: Password


class PasswordAgain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password, to make sure who is sitting there."""

    password: Password


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account to be made."""

    name: Name
    role: Role
    branch: Name = ""
    person_id: Name = ""


class ChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be changed. Role, branch and person count with `role` alone."""

    what: Change
    role: Role | None = None
    branch: Name = ""
    person_id: Name = ""


class AskedBody(msgspec.Struct, frozen=True):
    """What became of it: the account as it is now, or a proposal that waits for a second person.

    An initial password is told here and never again.
    """

    account: Account | None
    proposal: ProposalBody | None
    password: str = ""


class OwnController(Controller):
    """What everybody may do with their own account."""

    path = "/api/account"
    tags = ("account",)

    @post("/password", summary="Change my password", status_code=200, responses=RESPONSES, opt=SIGNED_IN)
    async def change_password(
        self, request: OpenhallRequest, data: JSONBody[OwnPassword]
    ) -> Response[SessionBody]:
        """Ends every session of the account; this browser gets a new one."""
        app: App = request.app.state.openhall
        went = await asyncio.to_thread(
            app.accounts.change_password, request.auth, data.old, data.new, address=network_address(request)
        )
        if isinstance(went, Refusal):
            raise Refused(went)
        return with_session(request, went)

    @post(
        "/codes/removal",
        summary="Sign in without one-time codes again",
        status_code=204,
        responses=RESPONSES,
        opt=SIGNED_IN,
    )
    async def remove_codes(self, request: OpenhallRequest, data: JSONBody[PasswordAgain]) -> None:
        """Where the role allows it."""
        app: App = request.app.state.openhall
        refusal = await asyncio.to_thread(
            app.accounts.remove_codes, request.auth, data.password, address=network_address(request)
        )
        if refusal is not None:
            raise Refused(refusal)

    @get("/sessions", summary="Where am I signed in?", responses=RESPONSES, opt=SIGNED_IN)
    async def sessions(self, request: OpenhallRequest) -> list[SeenSession]:
        """The latest seen first."""
        app: App = request.app.state.openhall
        return app.accounts.sessions_of(request.auth)

    @delete(
        "/sessions/{session_id:str}",
        summary="Sign out there",
        status_code=204,
        responses=RESPONSES,
        opt=SIGNED_IN,
    )
    async def end_session(
        self, request: OpenhallRequest, session_id: Annotated[str, PathParameter(max_length=32)]
    ) -> None:
        """One of one's own sessions; one that is over already is none."""
        app: App = request.app.state.openhall
        await asyncio.to_thread(app.accounts.end_session, request.auth, session_id)


class AccountController(Controller):
    """Looking after accounts: all of them, or for a branch manager those of the branch."""

    path = "/api/accounts"
    tags = ("account",)
    opt = needs_action("accounts.manage")

    @get(summary="Accounts", responses=RESPONSES)
    async def listed(self, request: OpenhallRequest) -> list[AccountEntry]:
        """By name."""
        app: App = request.app.state.openhall
        return await asyncio.to_thread(app.accounts.entries, request.user.branch)

    @post(summary="Make an account", status_code=200, responses=RESPONSES)
    async def create(
        self, request: OpenhallRequest, data: JSONBody[NewAccount], idempotency_key: Key
    ) -> AskedBody:
        """With an initial password that its owner must change. A role that can change other people's rights
        waits for a second person."""
        wish = AccountChange("create", data.name, data.role, data.branch or None, data.person_id or None)
        return await _ask(request, wish, idempotency_key)

    @post("/{name:str}", summary="Change an account", status_code=200, responses=RESPONSES)
    async def change(
        self, request: OpenhallRequest, name: NameParameter, data: JSONBody[ChangeBody], idempotency_key: Key
    ) -> AskedBody:
        """Whoever is signed in under it is signed out, whatever it is but the end of a lock."""
        if data.what == "create" or (data.what == "role" and data.role is None):
            raise Refused(Refusal("input_invalid", "what", {"detail": data.what}))
        wish = AccountChange(
            data.what, name, data.role or "teller", data.branch or None, data.person_id or None
        )
        return await _ask(request, wish, idempotency_key)


async def _ask(request: OpenhallRequest, wish: AccountChange, key: str) -> AskedBody:
    app: App = request.app.state.openhall
    asked = await app.account_desk.ask(request.user, wish, key=key)
    if isinstance(asked, Refusal):
        raise Refused(asked)
    return _asked_body(app, asked, request.user, language_of(request))


def _asked_body(app: App, asked: Asked, reader: Account, language: Language) -> AskedBody:
    proposal = told(app, asked.proposal, reader, language) if asked.proposal else None
    return AskedBody(asked.account, proposal, asked.password)


def summarise(app: App, proposal: Proposal, language: Language) -> Summary:
    """A change of an account in words."""
    change = change_in(proposal)
    facts = [(say(language, "Role"), say(language, WORDS[change.role]))]
    branch = app.bank.branch(change.branch) if change.branch else None
    facts.append(
        (say(language, "Branch"), branch.name.get(language) if branch else say(language, "Head office"))
    )
    if change.person_id:
        names = {person.id: person.name for person in app.bank.people}
        facts.append((say(language, "Person"), names.get(change.person_id, change.person_id)))
    return Summary(say(language, CHANGE_WORDS[change.what], name=change.name), tuple(facts))


SUMMARIES[account_desk.KIND] = summarise


# Pages -----------------------------------------------------------------------------------------------


@get("/account", include_in_schema=False, opt=SIGNED_IN)
async def own_page(request: OpenhallRequest) -> Response[bytes]:
    """My account: password, one-time codes, where I am signed in."""
    app: App = request.app.state.openhall
    account, language = request.user, language_of(request)
    branch = app.bank.branch(account.branch) if account.branch else None
    zone = (branch or app.bank.branches[0]).timezone
    session = app.accounts.session(request.auth)
    context = frame(request, "account", branch) | {
        "codes_left": await asyncio.to_thread(app.accounts.codes_left, account.name),
        "is_required": account.role in app.accounts.settings.code_roles,
        "is_device": account.role in UNATTENDED_ROLES,
        "is_external": session is not None and session.is_external,
        "length_min": app.accounts.settings.password_length_min,
        "sessions": app.accounts.sessions_of(request.auth),
        "moment": lambda at_ms: moment_words(language, at_ms, zone),
    }
    return page("account.html", language, **context)


@get("/head/accounts", include_in_schema=False, opt=needs_screen("accounts"))
async def head_accounts(request: OpenhallRequest) -> Response[bytes] | Redirect:
    """Every account."""
    if request.user.branch:
        return Redirect(f"/b/{request.user.branch}/accounts")
    return await _accounts_page(request, None)


@get("/b/{branch_id:str}/accounts", include_in_schema=False, opt=needs_screen("accounts"))
async def branch_accounts(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """The accounts of a branch."""
    app: App = request.app.state.openhall
    return await _accounts_page(request, branch_of(app, branch_id))


async def _accounts_page(request: OpenhallRequest, branch: Branch | None) -> Response[bytes]:
    app: App = request.app.state.openhall
    language, who = language_of(request), request.user
    entries = await asyncio.to_thread(app.accounts.entries, branch.id if branch else None)
    is_head = who.role in rights.BOUND_TO_NO_BRANCH
    roles = [role for role in get_args(Role) if is_head or role not in RAISED]
    zone = (branch or app.bank.branches[0]).timezone
    context = frame(request, "accounts", branch) | {
        "entries": entries,
        "roles": roles,
        "raised": RAISED,
        "unattended": UNATTENDED_ROLES,
        "branches": app.bank.branches if branch is None else (branch,),
        "persons": [p for p in app.bank.people if branch is None or p.branch == branch.id],
        "branch_names": {b.id: b.name.get(language) for b in app.bank.branches},
        "is_mine": lambda account: account.name == who.name,
        "is_mine_to_change": lambda account: is_head or account.role not in RAISED,
        "wall_ms": app.wall.now_ms(),
        "moment": lambda at_ms: moment_words(language, at_ms, zone),
    }
    return page("accounts.html", language, **context)


AccountFilter = Annotated[str, QueryParameter(max_length=64, description="Of this account")]
ActionFilter = Annotated[str, QueryParameter(max_length=32, description="What happened")]
Checked = Annotated[bool, QueryParameter(name="check", description="Look at the whole chain")]
Before = Annotated[int | None, QueryParameter(ge=1, description="Rows below this number")]


@get(
    "/api/access-record",
    summary="Who signed in and changed what",
    responses=RESPONSES,
    opt=needs_screen("access"),
)
async def access_rows(
    request: OpenhallRequest, account: AccountFilter = "", action: ActionFilter = "", before: Before = None
) -> list[Entry]:
    """The latest first, a page at a time. Never a password, a token, or a name that no account has."""
    app: App = request.app.state.openhall
    return await asyncio.to_thread(app.accounts.record.entries, account=account, action=action, before=before)


@get("/head/access", include_in_schema=False, opt=needs_screen("access"))
async def access_page(
    request: OpenhallRequest,
    account: AccountFilter = "",
    action: ActionFilter = "",
    before: Before = None,
    is_checked: Checked = False,
) -> Response[bytes]:
    """The access record with a filter; on wish, whether its chain is whole."""
    app: App = request.app.state.openhall
    language, record = language_of(request), app.accounts.record
    entries = await asyncio.to_thread(record.entries, account=account, action=action, before=before)
    # Its end is looked at with every page, all of it on wish: it may be years long.
    faults: list[RecordFault | None] = [await asyncio.to_thread(record.fault_at_end)]
    if is_checked:
        faults = [*await asyncio.to_thread(record.faults)]
    zone = app.bank.branches[0].timezone
    context = frame(request, "access") | {
        "entries": entries,
        "chosen": {"account": account, "action": action},
        "actions": ACTIONS,
        "is_checked": is_checked,
        "faults": [of_record(fault).says(language) for fault in faults if fault is not None],
        "branch_names": {b.id: b.name.get(language) for b in app.bank.branches},
        "moment": lambda at_ms: to_datetime(at_ms, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S"),
    }
    return page("access_record.html", language, **context)


HANDLERS: list[Any] = [
    OwnController,
    AccountController,
    own_page,
    head_accounts,
    branch_accounts,
    access_rows,
    access_page,
]
