"""What the hall answers to each command: events, or a refusal. Nothing here changes the state."""

from openhall.hall.model.deciding import (
    appointments,
    calling,
    counters,
    day,
    diverting,
    door,
    people,
    rings,
    tickets,
    ticking,
    told,
)
from openhall.hall.model.deciding.dispatch import decide

__all__ = [
    "appointments",
    "calling",
    "counters",
    "day",
    "decide",
    "diverting",
    "door",
    "people",
    "rings",
    "tickets",
    "ticking",
    "told",
]
