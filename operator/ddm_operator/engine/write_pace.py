"""How often statuses that may wait are written: of one object, and of all of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

BURST: Final = 0.1
"""Seconds of quiet that may be caught up on at once."""


@dataclass(frozen=True)
class WriteRate:
    """How often statuses may be written; ``settings.StatusWrites`` has the same defaults.

    Attributes:
        per_second: of all objects together.
        apart: seconds between two of one object; those that must not wait do not count.
    """

    per_second: float = 100.0
    apart: float = 1.0


DEFAULT: Final = WriteRate()


class WritePace:
    """Tells an object to come back later, and lets the writes of all objects go one after the other.

    Args:
        rate: how often.
        monotonic: seconds.
    """

    def __init__(self, rate: WriteRate, monotonic: Callable[[], float]) -> None:
        self._interval = 1 / rate.per_second
        self._apart = rate.apart
        self._monotonic = monotonic
        self._next = monotonic()
        """When a write would leave if none were ever early."""
        self._written: OrderedDict[str, float] = OrderedDict()
        """When what was written last; what is older than that pause is dropped with the next write."""

    async def turn(self) -> None:
        """Wait for one of the writes that all objects have together."""
        now = self._monotonic()
        self._next = max(self._next, now - BURST) + self._interval
        if self._next > now:
            await asyncio.sleep(self._next - now)

    def rest(self, uid: str) -> float:
        """Seconds until the object's status may be written again."""
        return max(0.0, self._written.get(uid, float("-inf")) + self._apart - self._monotonic())

    def written(self, uid: str) -> None:
        """The object's status was written, and did not have to be at once."""
        now = self._monotonic()
        self._written[uid] = now
        self._written.move_to_end(uid)
        while now - next(iter(self._written.values())) >= self._apart:
            self._written.popitem(last=False)
