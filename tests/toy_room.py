"""A turnstile: the smallest room that can refuse, change nothing, fail and break an invariant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from openhall.kernel.event import Command, Event, Request, Room, Stamp, StreamId
from openhall.kernel.refusal import Refusal, refusals

GATE = StreamId("gate", date(2026, 1, 5))
BACK_GATE = StreamId("back-gate", date(2026, 1, 5))
MORNING_MS = 1_767_600_000_000


class Enter(Command, frozen=True, tag="Enter"):
    """Some people go in together."""

    people_count: int = 1


class Leave(Command, frozen=True, tag="Leave"):
    """One person goes out."""


class Look(Command, frozen=True, tag="Look"):
    """Accepted, and nothing happens."""


class Break(Command, frozen=True, tag="Break"):
    """A fault in the program: in `decide`, or in `apply` after it has changed half of the state."""

    where: str


class Knock(Command, frozen=True, tag="Knock"):
    """A command of no room."""


class Entered(Event, frozen=True, tag="Entered"):
    """One person went in. Version 1 called the field `n`."""

    people_count: int = 1


class Left(Event, frozen=True, tag="Left"):
    """One person went out."""


class Broken(Event, frozen=True, tag="Broken"):
    """An event that `apply` cannot apply."""


@dataclass
class Turnstile:
    """How many are inside, and how often somebody went through."""

    inside_count: int = 0
    passed_count: int = 0
    capacity_count: int = 1_000_000


def decide(state: Turnstile, command: Command, _now: Stamp) -> Sequence[Event] | Refusal:
    """One event a person."""
    match command:
        case Enter(people_count):
            if state.inside_count + people_count > state.capacity_count:
                return Refusal("full", "gate", {"inside_count": state.inside_count})
            return [Entered() for _ in range(people_count)]
        case Leave():
            return [Left()] if state.inside_count else Refusal("nobody_inside", "gate")
        case Break("decide"):
            raise RuntimeError("a fault in decide")
        case Break(_):
            return [Entered(), Broken()]
        case _:
            return []


def apply(state: Turnstile, event: Event, _stamp: Stamp) -> None:
    """Count."""
    state.passed_count += 1
    match event:
        case Entered(people_count):
            state.inside_count += people_count
        case Left():
            state.inside_count -= 1
        case _:
            raise RuntimeError("a fault in apply")


def check(state: Turnstile) -> Sequence[str]:
    """Nobody leaves who was not inside."""
    return [f"inside_count is {state.inside_count}"] if state.inside_count < 0 else []


def turnstile(capacity_count: int = 1_000_000) -> Room[Turnstile]:
    """The room, with as many places as asked for."""
    return Room(
        name="turnstile",
        initial=lambda _: Turnstile(capacity_count=capacity_count),
        decide=decide,
        apply=apply,
        fork=lambda state: Turnstile(state.inside_count, state.passed_count, state.capacity_count),
        check=check,
        commands=(Enter, Leave, Look, Break),
        events=(Entered, Left, Broken),
        refusals=refusals(
            full=("Nobody else can come in.", "Wait."), nobody_inside=("Nobody is inside.", "Look again.")
        ),
        versions={"Entered": 2},
        upcasts={("Entered", 1): lambda body: {"type": "Entered", "people_count": body.get("n", 1)}},
    )


TURNSTILE = turnstile()


def ask(command: Command, command_id: str, *, stream: StreamId = GATE, actor: str = "porter") -> Request:
    """A request of the gate's porter."""
    return Request(stream, command_id, actor, command)
