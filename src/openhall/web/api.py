"""The API: one address for each command of the hall, and what can be read of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, Router, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter

from openhall.access import rights
from openhall.app.build import App
from openhall.hall import honesty, views, views_advice
from openhall.hall.model import ROOM as HALL
from openhall.hall.model import HallState
from openhall.hall.model import commands as c
from openhall.kernel.event import Answer, Command, Request, StreamId
from openhall.kernel.refusal import Refusal
from openhall.network.model import Branch
from openhall.web.guarding import ANYONE, IN_REACH, SIGNED_IN, needs_command, needs_screen
from openhall.web.problems import KEY_HEADER, RESPONSES, Refused
from openhall.web.rates import Rates
from openhall.web.signing_in import OpenhallRequest

BranchId = Annotated[str, PathParameter(description="Id of a branch", max_length=64)]
Key = Annotated[
    str,
    HeaderParameter(
        name=KEY_HEADER,
        max_length=128,
        min_length=1,
        pattern=r"^[!-~]+$",
        description="A new random value for each new command; the same one for a retry of it.",
    ),
]
"""Without blanks. The ids of the server's own commands have some, so that no client can use one up beforehand
and keep a day from opening."""
BY_THE_SERVER = frozenset(kind for kind in HALL.commands if kind.__name__ in rights.BY_THE_CLOCK)
"""Commands that the server makes itself; a day is opened by `POST …/day`, under the bank's own rules."""
COMMAND_KINDS: tuple[type[Command], ...] = tuple(kind for kind in HALL.commands if kind not in BY_THE_SERVER)
"""Commands that have an address."""
KIOSK_TICKETS_PER_MINUTE_AT_MOST = 20
"""A person needs some seconds for a ticket; twenty a minute is a child with a finger on the button."""
EVENTS_PER_PAGE = 1_000


class CommandAnswer(msgspec.Struct, frozen=True):
    """What the command did. `seq` is the branch-day's number of events after it."""

    seq: int
    events: list[dict[str, Any]]


def branch_of(app: App, branch_id: str) -> Branch:
    """The branch in an address."""
    branch = app.bank.branch(branch_id)
    if branch is None:
        known = ", ".join(b.id for b in app.bank.branches[:20])
        raise Refused(Refusal("branch_unknown", "branch_id", {"branch": branch_id, "known": known}))
    return branch


def readable_branch(request: OpenhallRequest, branch_id: str) -> Branch:
    """The branch in an address; that it is in the account's reach, the guard has seen to."""
    return branch_of(request.app.state.openhall, branch_id)


def hall_of(app: App, branch: Branch) -> tuple[StreamId, HallState]:
    """Today's hall of a branch."""
    stream = app.today(branch)
    state = app.hall(stream)
    if state is None:
        raise Refused(Refusal("day_not_open"))
    return stream, state


def actor_of(request: OpenhallRequest) -> str:
    """Who acts, as the log names them: the person behind the account where there is one."""
    return request.user.person_id or request.user.name


def check_hoarding(request: OpenhallRequest) -> None:
    """Raise `Refused` when one machine is asked for tickets faster than people can ask.

    Where a check at the door is required, one visit has one ticket; this is for the days without one [C18].
    """
    app: App = request.app.state.openhall
    rates: Rates = request.app.state.rates
    limit = KIOSK_TICKETS_PER_MINUTE_AT_MOST
    if not rates.note(f"tickets {request.user.name}", limit, app.wall.now_ms()):
        raise Refused(Refusal("kiosk_too_fast", detail={"limit": limit}))


async def carry_out(request: OpenhallRequest, branch_id: str, command: Command, key: str) -> Response[Answer]:
    """Check the right, put the command on the inbox, answer with its events."""
    app: App = request.app.state.openhall
    branch = branch_of(app, branch_id)
    refusal = rights.refuse(request.user.role, request.user.branch, branch=branch_id, command=command)
    if refusal is not None:
        raise Refused(refusal)
    if request.user.role == "kiosk" and isinstance(command, c.IssueTicket) and not command.visit_id:
        check_hoarding(request)
    result = await app.submit(Request(app.today(branch), key, actor_of(request), command))
    if isinstance(result, Refusal):
        raise Refused(app.appointments.told(branch, command, result))
    return Response(result)


def _command_route(kind: type[Command]) -> HTTPRouteHandler:
    async def handler(
        request: OpenhallRequest, branch_id: BranchId, data: Any, idempotency_key: Key
    ) -> Response[Any]:
        return await carry_out(request, branch_id, data, idempotency_key)

    handler.__name__ = handler.__qualname__ = kind.__name__
    handler.__doc__ = kind.__doc__
    handler.__annotations__ |= {
        "request": OpenhallRequest,
        "branch_id": BranchId,
        "idempotency_key": Key,
        "data": JSONBody[kind],  # type: ignore[valid-type, misc]
        "return": Response[CommandAnswer],
    }
    route: Callable[[Callable[..., Awaitable[Response[Any]]]], HTTPRouteHandler] = post(
        f"/{kind.__name__}",
        summary=kind.__name__,
        description=kind.__doc__,
        operation_id=kind.__name__,
        status_code=200,
        responses=RESPONSES,
        tags=["commands"],
        opt=needs_command(kind.__name__),
    )
    return route(handler)


class BranchController(Controller):
    """What can be read of a branch, and opening its day."""

    path = "/api/branches/{branch_id:str}"
    tags = ("branch",)

    @post(
        "/day",
        summary="Open today's day",
        status_code=200,
        responses=RESPONSES,
        opt=needs_command("OpenDay"),
    )
    async def open_day(
        self, request: OpenhallRequest, branch_id: BranchId, idempotency_key: Key
    ) -> Response[CommandAnswer]:
        """Opens the branch's day under the present version of the bank's configuration."""
        app: App = request.app.state.openhall
        branch = branch_of(app, branch_id)
        result = await app.open_day(branch, actor_of(request), idempotency_key)
        if isinstance(result, Refusal):
            raise Refused(result)
        return Response(result)  # type: ignore[arg-type]  # encoded by its runtime type

    @get("/hall", summary="The hall in numbers", responses=RESPONSES, opt=IN_REACH)
    async def board(self, request: OpenhallRequest, branch_id: BranchId) -> views.Board:
        """Counts, counters and the wait of somebody joining now, per service."""
        app: App = request.app.state.openhall
        stream, state = hall_of(app, readable_branch(request, branch_id))
        return views.board(state, app.clock.now_ms(), app.waits(stream))

    @get("/tickets", summary="The line", responses=RESPONSES, opt=IN_REACH)
    async def line(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        limit: Annotated[int, QueryParameter(ge=1, le=2_000)] = 200,
    ) -> list[views.TicketView]:
        """Waiting tickets, first to be called first."""
        app: App = request.app.state.openhall
        stream, state = hall_of(app, readable_branch(request, branch_id))
        return views.waiting(state, app.waits(stream), limit)

    @get("/tickets/{ticket:str}", summary="One ticket", responses=RESPONSES, opt=IN_REACH)
    async def ticket(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        ticket: Annotated[str, PathParameter(description="Its id or its number", max_length=64)],
    ) -> views.TicketView:
        """Where it is, who is ahead, and how long it is likely to wait."""
        app: App = request.app.state.openhall
        stream, state = hall_of(app, readable_branch(request, branch_id))
        found = state.find_ticket(ticket)
        if found is None:
            raise Refused(Refusal("ticket_unknown", "ticket", {"ticket": ticket}))
        return views.ticket_view(state, found, app.waits(stream))

    @get("/advice", summary="What would help now", responses=RESPONSES, opt=needs_screen("branch"))
    async def advice(self, request: OpenhallRequest, branch_id: BranchId) -> views_advice.AdviceView:
        """The twin's advice as far as it is still possible, and what became of today's decisions."""
        app: App = request.app.state.openhall
        _, state = hall_of(app, readable_branch(request, branch_id))
        return views_advice.advice_view(state, app.clock.now_ms())

    @get(
        "/waits/accuracy",
        summary="How true the waits were",
        responses=RESPONSES,
        opt=needs_screen("branch"),
    )
    async def waits_accuracy(self, request: OpenhallRequest, branch_id: BranchId) -> honesty.DayAccuracy:
        """Today's calls beside what was told on taking the ticket, by source and by service."""
        app: App = request.app.state.openhall
        _, state = hall_of(app, readable_branch(request, branch_id))
        return honesty.day_accuracy(state, app.clock.now_ms())

    @get("/series", summary="The day minute by minute", responses=RESPONSES, opt=needs_screen("branch"))
    async def series(self, request: OpenhallRequest, branch_id: BranchId) -> dict[str, list[int]]:
        """Columns of equal length: moment (ms), people waiting, counters calling."""
        app: App = request.app.state.openhall
        stream, _ = hall_of(app, readable_branch(request, branch_id))
        series = app.series(stream)
        return {
            "at_ms": series.minutes_ms,
            "waiting": series.waiting,
            "open_counters": series.open_counters,
        }

    @get("/events", summary="The log of this branch", responses=RESPONSES, opt=needs_screen("branch"))
    async def events(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        after: Annotated[int, QueryParameter(ge=0, le=2**53, description="Position to go on from")] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=EVENTS_PER_PAGE)] = EVENTS_PER_PAGE,
    ) -> list[dict[str, Any]]:
        """Events in their order, a page at a time; go on from the last position."""
        app: App = request.app.state.openhall
        branch = readable_branch(request, branch_id)
        page = await asyncio.to_thread(
            lambda: list(app.store.read(after=after, place=branch.id, limit=limit))
        )
        return [
            {
                "position": r.position,
                "stream": str(r.stream),
                "seq": r.seq,
                "room": r.room,
                "version": r.version,
                "at_ms": r.at_ms,
                "actor": r.actor,
                "command_id": r.command_id,
                "hash": r.hash.hex(),
                "event": msgspec.Raw(r.body),
            }
            for r in page
        ]


class BranchSummary(msgspec.Struct, frozen=True):
    """A branch in a list."""

    id: str
    name_en: str
    name_zh: str
    timezone: str
    counters_count: int
    is_day_open: bool
    waiting_count: int


@get("/api/branches", summary="The branches", responses=RESPONSES, tags=["branch"], opt=SIGNED_IN)
async def branches(request: OpenhallRequest) -> list[BranchSummary]:
    """The branches that this account may see."""
    app: App = request.app.state.openhall
    found = []
    for branch in app.bank.branches:
        if rights.reaches(request.user.role, request.user.branch, branch.id):
            state = app.hall(app.today(branch))
            found.append(
                BranchSummary(
                    branch.id,
                    branch.name.en,
                    branch.name.zh,
                    branch.timezone,
                    len(branch.counters),
                    state is not None and not state.is_ended,
                    len(state.line) if state else 0,
                )
            )
    return found


class TwinBody(msgspec.Struct, frozen=True):
    """How the simulator is doing. When it is ill the plain rules answer, and nobody is held up."""

    is_ok: bool
    answered_count: int
    failed_count: int
    trouble_code: str = ""


class HealthBody(msgspec.Struct, frozen=True):
    """Whether a command sent now would be kept."""

    is_ok: bool
    position: int
    waiting_count: int
    trouble_code: str = ""
    remedy: str = ""
    twin: TwinBody | None = None
    """None where no simulator runs beside the server."""


@get(
    "/healthz",
    opt=ANYONE,
    summary="Would a command sent now be kept?",
    tags=["service"],
    responses={503: ResponseSpec(HealthBody, description="A command would not be kept")},
)
async def healthz(request: OpenhallRequest) -> Response[HealthBody]:
    """Goes the way of a command, through the writer and to the disk, and leaves no event."""
    app: App = request.app.state.openhall
    health = await app.writer.check_health()
    twin = None
    if app.twin is not None:
        # The text of a trouble may name a place on the server: its code is enough here.
        found = app.twin.health
        twin = TwinBody(found.is_ok, found.answered_count, found.failed_count, found.trouble_code)
    body = HealthBody(
        health.is_ok, health.position, health.waiting_count, health.trouble_code, health.remedy, twin
    )
    return Response(body, status_code=200 if health.is_ok else 503)


@post("/api/noop", include_in_schema=False, status_code=200, opt=SIGNED_IN)
async def noop(
    request: OpenhallRequest, data: JSONBody[c.CallNext], idempotency_key: Key
) -> Response[Answer]:
    """The ceiling of the benchmark: the same body, sign-in and middleware, and no work."""
    del request, data, idempotency_key
    return Response(Answer(0, ()))


commands = Router(
    "/api/branches/{branch_id:str}/commands",
    route_handlers=[_command_route(kind) for kind in COMMAND_KINDS],
)
HANDLERS: list[Any] = [BranchController, branches, healthz, noop, commands]
