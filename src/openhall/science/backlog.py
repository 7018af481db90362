"""A line that flows like water: late time from arrivals and the pace of service, slot by slot.

The first-order (fluid) picture of an overloaded queue: people come at a rate, are taken in order at a rate,
and who came longer ago than the limit and has not been taken is late. It knows no chance and so says nothing
where the counters keep up; where they do not it is right to first order (Newell, Applications of Queueing
Theory, 1982, chapter 2). Plain Python, so that it can run where people are served.
"""

from __future__ import annotations

from collections.abc import Sequence


def late_ms(
    waited_ms: Sequence[int],
    arrivals: Sequence[float],
    rates: Sequence[float],
    *,
    slot_ms: int,
    limit_ms: int,
) -> float:
    """Time that people wait beyond the limit, over all slots.

    Parameters
    ----------
    waited_ms : of everybody in line now, how long so far; any order.
    arrivals, rates : people coming and people taken, each per ms, one value a slot; the taken are at most
        those who are there.
    slot_ms, limit_ms : length of a slot; a longer wait is late.

    Returns
    -------
    People times ms, >= 0: the area between who came more than the limit ago and who has been taken, by the
    trapezium rule on slots' edges.

    Raises
    ------
    ValueError : for two lengths, or a slot or limit below 0.
    """
    if len(arrivals) != len(rates):
        raise ValueError(f"Expected as many rates as arrivals, got {len(rates)} and {len(arrivals)}")
    if slot_ms <= 0 or limit_ms < 0:
        raise ValueError(f"Expected slot_ms above 0 and limit_ms of 0 or more, got {slot_ms} and {limit_ms}")
    here = sorted(waited_ms, reverse=True)
    came = [float(len(here))]
    for rate in arrivals:
        came.append(came[-1] + rate * slot_ms)
    taken, total = 0.0, 0.0
    before = _overdue(here, came, 0, slot_ms, limit_ms)
    for slot, rate in enumerate(rates):
        taken = min(came[slot + 1], taken + rate * slot_ms)
        after = max(0.0, _overdue(here, came, slot + 1, slot_ms, limit_ms) - taken)
        total += (before + after) / 2 * slot_ms
        before = after
    return total


def _overdue(here: Sequence[int], came: Sequence[float], edge: int, slot_ms: int, limit_ms: int) -> float:
    """People who came longer ago than the limit, at a slot's edge."""
    at_ms = edge * slot_ms - limit_ms
    if at_ms < 0:
        return float(sum(ms >= -at_ms for ms in here))
    slot, part = divmod(at_ms, slot_ms)
    if slot + 1 >= len(came):
        return came[-1]
    return came[slot] + (came[slot + 1] - came[slot]) * part / slot_ms
