"""Pace: how often statuses that may wait are written, of one object and of all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

APART: Final = 1.0
"""Seconds between two writes of one object's status; those that must not wait do not count."""

WRITES_PER_SECOND: Final = 100.0
"""Of all objects; ``settings.StatusWrites`` has the same."""

BURST: Final = 0.1
"""Seconds of quiet that may be caught up on at once."""

FORGET: Final = 60.0
"""Seconds after which a place in the line is lost: there was nothing to write any more, or the object is gone."""


class Pace:
    """Says whether a status may be written; nobody waits in it, a pass comes back when it is told to.

    Args:
        rate: writes per second, of all objects together.
        monotonic: seconds.
    """

    def __init__(self, rate: float, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._most = max(1.0, rate * BURST)
        self._monotonic = monotonic
        self._left = self._most
        self._filled_at = monotonic()
        self._line: OrderedDict[str, float] = OrderedDict()
        """When who comes back of those that were sent away, the next one first."""
        self._end = float("-inf")
        """When the last of them does."""
        self._written: OrderedDict[str, float] = OrderedDict()
        """When what was written last; what is older than a second is dropped with the next write."""

    def wait(self, uid: str) -> float:
        """Seconds until it is worth while to ask again; 0: write now, that is counted. They come back one by one."""
        if rest := self.rest(uid):
            return rest
        now = self._monotonic()
        place = self._line.get(uid)
        if place is not None and place > now:
            return place - now
        self._left = min(self._most, self._left + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._line.pop(uid, None)
        if self._left >= 1 and (place is not None or self._end <= now):  # who comes now passes nobody who waits
            self._left -= 1
            return 0.0
        return self._queue_up(uid, now)

    def _queue_up(self, uid: str, now: float) -> float:
        while self._line and now - next(iter(self._line.values())) >= FORGET:
            self._line.popitem(last=False)
        self._line[uid] = self._end = max(self._end, now) + 1 / self._rate
        return self._end - now

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
