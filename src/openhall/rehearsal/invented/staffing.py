"""Who sits where and when on an invented day: the branch's own people at its own counters."""

from __future__ import annotations

from openhall.hall.policy import DayRules, Staff
from openhall.network.model import Counter
from openhall.rehearsal.invented.parameters import InventedParameters
from openhall.rehearsal.people import Seat


def placed(rules: DayRules) -> list[tuple[Counter, Staff]]:
    """A teller for each counter, as far as they go, in the order in which counters are opened.

    First the fewest counters that serve every service to every class, then fixed before elastic ones.
    """
    free = [person for person in rules.staff if "teller" in person.posts]
    pairs: list[tuple[Counter, Staff]] = []
    for counter in sorted(rules.branch.counters, key=lambda k: (k.is_elastic, len(k.services), k.number)):
        able = [person for person in free if able_to(counter, person)]
        if able:
            person = max(able, key=lambda p: (len(able_to(counter, p)), -len(p.skills)))
            free.remove(person)
            pairs.append((counter, person))
    return _covering_first(pairs)


def able_to(counter: Counter, person: Staff) -> set[str]:
    """Services of this person at this counter."""
    return set(counter.services) & set(person.skills)


def services_served(pairs: list[tuple[Counter, Staff]]) -> tuple[str, ...]:
    """Services that somebody serves to every class."""
    return tuple(
        sorted({s for counter, person in pairs if not counter.classes for s in able_to(counter, person)})
    )


def staffing(rules: DayRules, parameters: InventedParameters) -> list[Seat]:
    """Seats over the day by the staffing profile; what covers every service is never closed.

    The counters that are open in the last part stay till nobody is pending.
    """
    pairs = placed(rules)
    if not pairs:
        raise ValueError("Expected at least one teller for one counter, got none")
    base = _cover_count(pairs)
    parts = len(parameters.staffing_profile)
    part_ms = (rules.closes_ms - rules.opens_ms) // parts
    seats: list[Seat] = []
    opened_ms: list[int] = []
    for part, share in enumerate(parameters.staffing_profile):
        at_ms = rules.opens_ms + part * part_ms
        wanted = max(base, min(len(pairs), round(share * len(pairs))))
        while len(opened_ms) > wanted:
            since_ms = opened_ms.pop()
            counter, person = pairs[len(opened_ms)]
            seats.append(Seat(counter.id, person.id, since_ms, at_ms))
        opened_ms += [at_ms] * (wanted - len(opened_ms))
    seats += [
        Seat(counter.id, person.id, since_ms)
        for (counter, person), since_ms in zip(pairs, opened_ms, strict=False)
    ]
    return sorted(seats, key=lambda seat: seat.opens_ms)


def _cover_count(pairs: list[tuple[Counter, Staff]]) -> int:
    """How many of the first pairs serve whatever all of them serve."""
    everything = set(services_served(pairs))
    return next(n for n in range(1, len(pairs) + 1) if set(services_served(pairs[:n])) == everything)


def _covering_first(pairs: list[tuple[Counter, Staff]]) -> list[tuple[Counter, Staff]]:
    missing, first = set(services_served(pairs)), []
    while missing:
        best = max(
            (pair for pair in pairs if not pair[0].classes and pair not in first),
            key=lambda pair: len(able_to(*pair) & missing),
        )
        first.append(best)
        missing -= able_to(*best)
    return first + [pair for pair in pairs if pair not in first]
