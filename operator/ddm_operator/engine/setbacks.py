"""Setbacks: passes that could not be finished, per object; when to come back and when it is worth saying."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ddm_operator.domain import reasons
from ddm_operator.domain.backoff import pause, spread
from ddm_operator.domain.case import Limits
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.errors import AmbiguousError, ConflictError, OperatorError, StalledError, TransientError, WaitingError

PATIENCE = 3
"""Failed passes in a row before the status says so: a hiccup of the network is not worth a write per object."""

CREDENTIALS = frozenset({reasons.CREDENTIALS_MISSING, reasons.CREDENTIALS_REJECTED})
"""Looked at again sooner at first: whoever has made an object makes its Secret next, and a look reads only that."""

FIRST_PAUSE = 1.0
"""Pause after the first failed question (seconds)."""

LONG_SECONDS = 10.0
"""A longer wait for the limiter is said the first time, to whoever has declared something."""


@dataclass(frozen=True)
class Setback:
    """One failed pass."""

    decision: Decision
    news: bool
    """Nothing was said about it yet."""
    worth_reporting: bool


def long_wait(error: OperatorError, *, new: bool) -> bool:
    """Whether somebody has to wait for the limiter for long; ``new``: what is declared was not looked at yet."""
    if error.reason != reasons.THROTTLED:
        return False
    if isinstance(error, WaitingError):  # a scale-out's turn, whoever declared it and when
        return (error.requeue_after or 0.0) >= LONG_SECONDS
    return new and isinstance(error, TransientError) and (error.retry_after or 0.0) >= LONG_SECONDS


class Setbacks:
    """Counts failed passes in a row."""

    def __init__(self, limits: Limits, chance: Random) -> None:
        self._limits = limits
        self._chance = chance
        self._count: dict[str, int] = {}
        self._said: dict[str, tuple[str, str]] = {}  # reason and message, not the error: it holds on to frames
        self._stale: set[str] = set()

    def over(self, key: str) -> None:
        """A pass went well, or the object is gone."""
        self._count.pop(key, None)
        self._said.pop(key, None)
        self._stale.discard(key)

    def stale(self, key: str) -> bool:
        """Whether what is known of the object is older than what is stored."""
        return key in self._stale

    def add(self, key: str, error: OperatorError) -> Setback:
        """Take in one failed pass."""
        count = self._count[key] = self._count.get(key, 0) + 1
        lost = isinstance(error, ConflictError | AmbiguousError)
        if lost:
            self._stale.add(key)
        stalled = isinstance(error, StalledError)
        reason, message = self._said.get(key, ("", ""))
        news = not lost and reason != error.reason
        if news:
            self._said[key] = error.reason, error.message
        if news or not isinstance(error, TransientError):
            message = error.message  # a network fails in many ways: the words of the first time are kept while it does
        wait = spread(self._wait(error, count), self._chance.random())
        verb = Verb.STALL if stalled else Verb.WAIT
        return Setback(
            Decision(verb, error.reason, message, wait),
            news=news,
            worth_reporting=stalled or (not lost and count >= PATIENCE),
        )

    def _wait(self, error: OperatorError, count: int) -> float:
        credentials = isinstance(error, StalledError) and error.reason in CREDENTIALS
        growing = pause(count, base=self._limits.poll if credentials else FIRST_PAUSE, cap=self._limits.recheck)
        if isinstance(error, StalledError):
            return growing if credentials else self._limits.recheck
        if isinstance(error, WaitingError) and error.requeue_after is not None:
            return error.requeue_after
        if isinstance(error, TransientError) and error.retry_after is not None:
            return max(error.retry_after, growing)
        return growing
