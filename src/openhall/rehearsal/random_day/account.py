"""What the witness of a random day keeps of everybody with a number, and of every counter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from openhall.hall.model.state import TicketStatus


class Broken(AssertionError):
    """A promise of the hall was broken."""


class At(Enum):
    """Where somebody with a ticket is, as far as the events say."""

    LINE = "in line"
    COUNTER = "at a counter"
    AWAY = "away, with the place kept"
    ELSEWHERE = "being served another way"
    GONE = "gone"


WHERE: dict[TicketStatus, At] = {
    TicketStatus.WAITING: At.LINE,
    TicketStatus.CALLED: At.COUNTER,
    TicketStatus.SERVING: At.COUNTER,
    TicketStatus.HELD: At.AWAY,
    TicketStatus.DIVERTING: At.ELSEWHERE,
}
"""Every other status is gone."""


@dataclass(slots=True)
class Person:
    """Somebody with a ticket."""

    number: str
    service: str
    class_code: str
    joined_ms: int
    joined_seq: int
    at: At = At.LINE
    counter: str = ""
    is_final: bool = False
    """Served, diverted or sent home: cannot come back."""
    booked_ms: int = 0
    """From when on the appointment counts; 0 where it does not."""


@dataclass(slots=True)
class Seat:
    """A counter."""

    person: str = ""
    ticket: str = ""
    is_paused: bool = False
    is_closing: bool = False
    free_since_ms: int = 0
    alone_till_ms: int = 0
    """Nobody is to be called here by the clock before."""
