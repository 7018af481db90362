"""What the hall answers to each command: events, or a refusal. Nothing here changes the state."""

from openhall.hall.model.deciding import calling, counters, day, diverting, door, people, tickets, told
from openhall.hall.model.deciding.dispatch import decide

__all__ = ["calling", "counters", "day", "decide", "diverting", "door", "people", "tickets", "told"]
