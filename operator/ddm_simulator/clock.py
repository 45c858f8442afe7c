"""Where the simulated cloud's time comes from."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time in seconds since the epoch, and how much faster than it the cloud's own work goes."""

    speed: float
    """What takes the cloud a minute takes it 60 / speed seconds of this clock. The calendar is never accelerated:
    clients sign with their own clock, and a calendar that ran away from theirs would refuse every signature."""

    def now(self) -> float:
        """Seconds since the epoch."""


class RealClock:
    """The time of a machine, or of anything else that passes by itself."""

    def __init__(self, speed: float = 1.0, source: Callable[[], float] = time.time) -> None:
        self.speed = speed
        self._source = source

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._source()


class ManualClock:
    """Stands still until it is advanced."""

    def __init__(self, start: float, speed: float = 1.0) -> None:
        self.speed = speed
        self._now = start

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on; never back.

        Raises:
            ValueError: The number of seconds is negative.
        """
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._now += seconds
