"""What of ours is broken, in codes: shown beside the alerts of the halls, and never one of the nine kinds."""

from __future__ import annotations

from collections.abc import Iterator

from openhall.app.alerts import Technical
from openhall.app.messages import MessageDesk
from openhall.app.twin_desk import TwinDesk

FAILURES_SHOWN = 3
"""In a row: a gateway that answers badly once is not worth anybody's attention."""


def troubles(twin: TwinDesk | None, messages: MessageDesk) -> Iterator[Technical]:
    """The troubles of the whole installation."""
    if twin is not None and not twin.health.is_ok:
        yield Technical("twin")
    for channel, health in messages.health.items():
        if health.failures >= FAILURES_SHOWN:
            yield Technical("messages", place=channel)
