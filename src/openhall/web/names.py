"""Names for the ids of people and services, also of those that the bank knows no more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from openhall.app.language import say
from openhall.kernel.text import Text
from openhall.network.model import Bank, Service


class Names(dict[str, str]):
    """An id stands for itself where the bank knows it no more: a day that is open keeps its people."""

    def __missing__(self, person_id: str) -> str:
        return person_id


def names_of(bank: Bank) -> Names:
    """Everybody's name: colleagues of other branches come, are asked for and are sent."""
    return Names({p.id: p.name for p in bank.people})


class Gone(msgspec.Struct, frozen=True):
    """A service that was booked, and that the bank has taken out of its files since."""

    id: str
    name: Text = Text(
        en="a service that is not offered any more", zh=say("zh", "a service that is not offered any more")
    )


class Services(dict[str, Any]):
    """Services by id; one that is not there any more has a name all the same, because somebody booked it."""

    def __missing__(self, service_id: str) -> Gone:
        return Gone(service_id)


def services_of(services: Iterable[Service]) -> Services:
    """By their ids."""
    return Services({service.id: service for service in services})
