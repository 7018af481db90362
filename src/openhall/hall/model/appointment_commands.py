"""What can be asked of the hall about appointments [C17]. They are kept in the log of the day that they are
for, from the moment of booking, also before that day opens."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from openhall.hall.booking import BookingTerms
from openhall.hall.model.fields import ClassBasis, HandlingList, Id, Moment, OptionalId, Reason, TextRef
from openhall.kernel.event import Command

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
"""As somebody typed it; blanks and hyphens do not matter."""


class OfferAppointments(Command, frozen=True):
    """Say what can be booked on this day. The clockwork, before somebody books and when the bank's rules
    change; what is booked by then stays."""

    terms: BookingTerms
    salt: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16,64}$")]
    """From which the codes are made; only the first one counts."""


class BookAppointment(Command, frozen=True):
    """Book a service at the beginning of a slot. Staff, or a customer from outside."""

    service_id: Id
    at_ms: Moment
    channel: Literal["staff", "web"] = "staff"
    contact_ref: TextRef = ""
    """Where a name or a number is kept, sealed, if the customer likes to leave one."""


class CancelAppointment(Command, frozen=True):
    """Give an appointment up: its slot is free for others at once."""

    appointment_id: Id
    reason: Reason = "customer_asked"


class CheckInAppointment(Command, frozen=True):
    """Somebody with an appointment is here: a number, at the place that the appointment gives. The kiosk by
    the code; the guard and the lobby by the code or the id from the list.

    `visit_id` names the entry check where the regime asks for one: then that is when they came.
    """

    code: Code
    visit_id: OptionalId = ""
    need: OptionalId = ""
    class_code: OptionalId = ""
    class_basis: ClassBasis = "claimed"
    handling: HandlingList = ()
    service_id: OptionalId = ""
    """Another service at the same place in the order, for one that is not offered any more or not wanted."""
