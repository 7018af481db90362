"""Does a day in time lapse keep its time?"""

import pytest

from openhall.app.clocks import SPEED_MAX, LapseClock


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_day_goes_by_at_its_speed() -> None:
    seconds = Seconds()
    clock = LapseClock(1_000_000, speed=30, seconds=seconds)
    seconds.now = 2.0
    assert clock.now_ms() == 1_060_000


def test_changing_the_speed_neither_jumps_nor_goes_back() -> None:
    seconds = Seconds()
    clock = LapseClock(0, speed=60, seconds=seconds)
    seconds.now = 1.0
    clock.set_speed(1)
    assert clock.now_ms() == 60_000
    seconds.now = 2.0
    assert clock.now_ms() == 61_000


def test_a_paused_day_stands_still_and_goes_on_as_before() -> None:
    seconds = Seconds()
    clock = LapseClock(0, speed=10, seconds=seconds)
    seconds.now = 1.0
    clock.pause()
    seconds.now = 100.0
    assert clock.now_ms() == 10_000
    clock.resume()
    seconds.now = 101.0
    assert clock.now_ms() == 20_000


@pytest.mark.parametrize("speed", [-1, SPEED_MAX + 1])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="Expected speed"):
        LapseClock(0, speed=speed)
