"""Pace: how often statuses that may wait are written, of one object and of all of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

APART: Final = 1.0
"""Seconds between two writes of one object's status; those that must not wait do not count."""

WRITES_PER_SECOND: Final = 100.0
"""Of all objects; ``settings.StatusWrites`` has the same."""

BURST: Final = 1.0
"""Seconds of quiet that may be caught up on at once."""


class Pace:
    """Gives turns to write; nobody waits in it, a pass comes back when its turn has come.

    Args:
        rate: turns per second, of all objects together.
        monotonic: seconds.
    """

    def __init__(self, rate: float, monotonic: Callable[[], float]) -> None:
        self._between = 1 / rate
        self._monotonic = monotonic
        self._next = float("-inf")
        """When the next turn is that nobody has."""
        self._turns: dict[str, float] = {}
        self._written: OrderedDict[str, float] = OrderedDict()
        """When what was written last; what is older than a second is dropped."""

    def wait(self, uid: str) -> float:
        """Seconds until the object's status may be written; 0: now, and that takes its turn."""
        if rest := self.rest(uid):
            return rest
        now = self._monotonic()
        turn = self._turns.get(uid)
        if turn is None:
            turn = max(self._next, now - BURST)
            self._next = turn + self._between
            if turn > now:
                self._turns[uid] = turn
        if turn <= now:
            self._turns.pop(uid, None)
        return max(0.0, turn - now)

    def rest(self, uid: str) -> float:
        """Seconds until a second has gone by since the object's last turn."""
        return max(0.0, self._written.get(uid, float("-inf")) + APART - self._monotonic())

    def written(self, uid: str) -> None:
        """The object's status was written in its turn."""
        now = self._monotonic()
        self._written[uid] = now
        self._written.move_to_end(uid)
        while now - next(iter(self._written.values())) >= APART:
            self._written.popitem(last=False)

    def forget(self, uid: str) -> None:
        """There is nothing to write about it any more."""
        self._turns.pop(uid, None)
