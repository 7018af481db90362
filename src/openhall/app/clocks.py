"""Clocks of the real world, and one that runs faster."""

from __future__ import annotations

import time
from collections.abc import Callable

from openhall.kernel.clock import SECOND_MS

SPEED_MAX = 600.0


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        return time.time_ns() // 1_000_000


class LapseClock:
    """A day in time lapse: starts at a moment, runs at a speed, can be paused and sped up while it runs."""

    def __init__(
        self, start_ms: int, *, speed: float = 1.0, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._base_ms = start_ms
        self._since = seconds()
        self._speed = 0.0
        self._resume_speed = speed
        self.set_speed(speed)

    @property
    def speed(self) -> float:
        """Seconds of the day for each real second; 0 while paused."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Run at another speed from now on."""
        if not 0 <= speed <= SPEED_MAX:
            raise ValueError(f"Expected speed between 0 and {SPEED_MAX:g}, got {speed}")
        self._base_ms, self._since = self.now_ms(), self._seconds()
        self._speed = speed
        if speed:
            self._resume_speed = speed

    def pause(self) -> None:
        """Stand still."""
        self.set_speed(0)

    def resume(self) -> None:
        """Go on at the speed before the pause."""
        self.set_speed(self._resume_speed)

    def now_ms(self) -> int:
        """Milliseconds since the epoch, in the lapsing day."""
        return self._base_ms + int((self._seconds() - self._since) * self._speed * SECOND_MS)
