"""People's names for their ids."""

from __future__ import annotations

from openhall.network.model import Bank


class Names(dict[str, str]):
    """An id stands for itself where the bank knows it no more: a day that is open keeps its people."""

    def __missing__(self, person_id: str) -> str:
        return person_id


def names_of(bank: Bank) -> Names:
    """Everybody's name: colleagues of other branches come, are asked for and are sent."""
    return Names({p.id: p.name for p in bank.people})
