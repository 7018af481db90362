"""The hall as a decider: its commands and events, its state, how they meet."""

from openhall.hall.model import applying_asked, applying_calls, applying_people, applying_told
from openhall.hall.model.applying import APPLIERS, apply
from openhall.hall.model.checking import check
from openhall.hall.model.commands import COMMANDS
from openhall.hall.model.deciding import decide
from openhall.hall.model.deciding.dispatch import DECIDERS
from openhall.hall.model.events import EVENTS
from openhall.hall.model.state import HallState, fork
from openhall.hall.refusals import REFUSALS
from openhall.kernel.event import Room

assert set(DECIDERS) == set(COMMANDS), set(COMMANDS) ^ set(DECIDERS)
assert set(APPLIERS) == set(EVENTS), set(EVENTS) ^ set(APPLIERS)

ROOM: Room[HallState] = Room(
    name="hall",
    initial=HallState,
    decide=decide,
    apply=apply,
    fork=fork,
    check=check,
    commands=COMMANDS,
    events=EVENTS,
    refusals=REFUSALS,
)

__all__ = ["ROOM", "HallState", "applying_asked", "applying_calls", "applying_people", "applying_told"]
