"""Whatever the candidates and the line: the lazy choice is greedy, and more service is never later."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhall.science.backlog import late_ms
from openhall.science.replan import choose

pytestmark = pytest.mark.property

MINUTE = 60_000
SETS = st.dictionaries(st.integers(0, 20), st.frozensets(st.integers(0, 15)), max_size=12)


def greedily(sets: dict[int, frozenset[int]], at_most: int) -> list[int]:
    """Every gain worked out each time."""
    taken: list[int] = []
    while len(taken) < at_most:
        covered = {each for name in taken for each in sets[name]}
        gains = {name: len(own - covered) for name, own in sets.items() if name not in taken}
        best = max(gains, key=lambda name: gains[name], default=None)
        if best is None or gains[best] <= 0:
            break
        taken.append(best)
    return taken


@given(SETS, st.integers(0, 8))
def test_the_lazy_choice_covers_as_much_as_the_plain_greedy_one(
    sets: dict[int, frozenset[int]], at_most: int
) -> None:
    taken: list[int] = []

    def covered() -> set[int]:
        return {each for name in taken for each in sets[name]}

    choice = choose(
        lambda: {name: name for name in sets if name not in taken},
        lambda name: float(len(sets[name] - covered())),
        taken.append,
        at_most=at_most,
    )
    plain = greedily(sets, at_most)
    assert [step.gain for step in choice.steps] == sorted((s.gain for s in choice.steps), reverse=True)
    assert len(choice.steps) <= at_most
    assert choice.is_complete
    # Ties may be broken another way, but the first is as large and all that can be had is had.
    if plain:
        assert choice.steps[0].gain == max(len(own) for own in sets.values())
    if at_most > len(sets):
        assert covered() == {each for own in sets.values() for each in own}


LINE = st.lists(st.integers(0, 90 * MINUTE), max_size=30)
RATES = st.lists(st.floats(0, 3 / MINUTE), min_size=1, max_size=24)


@given(LINE, RATES, st.floats(0, 2 / MINUTE), st.floats(0, 1 / MINUTE))
def test_more_service_or_fewer_people_are_never_later(
    waited: list[int], arrivals: list[float], rate: float, more: float
) -> None:
    def late(service: float, line: list[int]) -> float:
        return late_ms(line, arrivals, [service] * len(arrivals), slot_ms=10 * MINUTE, limit_ms=30 * MINUTE)

    base = late(rate, waited)
    assert base >= 0
    assert late(rate + more, waited) <= base + 1e-6
    assert late(rate, waited[1:]) <= base + 1e-6
    nobody_serves = late(0.0, waited)
    assert base <= nobody_serves + 1e-6
