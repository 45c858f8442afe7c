"""How often statuses that may wait are written: of one object, and of all of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

APART: Final = 1.0
"""Seconds between two writes of one object's status; those that must not wait do not count."""

WRITES_PER_SECOND: Final = 100.0
"""Of all objects; ``settings.StatusWrites`` has the same."""

BURST: Final = 0.1
"""Seconds of quiet that may be caught up on at once."""


class WritePace:
    """Tells an object to come back later, and lets the writes of all objects go one after the other.

    Args:
        rate: writes per second, of all objects together.
        monotonic: seconds.
    """

    def __init__(self, rate: float, monotonic: Callable[[], float]) -> None:
        self._interval = 1 / rate
        self._monotonic = monotonic
        self._next = monotonic()
        """When a write would leave if none were ever early."""
        self._written: OrderedDict[str, float] = OrderedDict()
        """When what was written last; what is older than a second is dropped with the next write."""

    async def turn(self) -> None:
        """Wait for one of the writes that all objects have together."""
        now = self._monotonic()
        self._next = max(self._next, now - BURST) + self._interval
        if self._next > now:
            await asyncio.sleep(self._next - now)

    def rest(self, uid: str) -> float:
        """Seconds until a second has gone by since the object's status was written."""
        return max(0.0, self._written.get(uid, float("-inf")) + APART - self._monotonic())

    def written(self, uid: str) -> None:
        """The object's status was written, and did not have to be at once."""
        now = self._monotonic()
        self._written[uid] = now
        self._written.move_to_end(uid)
        while now - next(iter(self._written.values())) >= APART:
            self._written.popitem(last=False)
