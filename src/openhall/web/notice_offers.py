"""What can be offered about messages with one ticket, for the customer's page and a colleague's sheet."""

from __future__ import annotations

from typing import Any

from openhall.app.build import App
from openhall.app.notices import Offer
from openhall.kernel.event import StreamId


def offer_context(app: App, stream: StreamId, ticket_id: str) -> dict[str, Any]:
    """What `notice_panel.html` and the sheet of a ticket show."""
    offer: Offer | None = app.notices.offer(stream, ticket_id)
    return {
        "notice_offer": offer,
        "notice_consent": app.personal.consent("notice"),
        "notice_choices": sorted({1, 3, 5, 10, offer.ahead}) if offer else (),
    }
