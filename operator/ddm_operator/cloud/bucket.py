"""A token bucket that learns: 429 makes it slower, quiet makes it as fast as it is set again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

ROOM: Final = 0.9
"""Part of a limit that the cloud has told which is used: somebody else may ask with the same credential."""

LEARNED_BURST: Final = 0.2
"""Part of such a limit that may leave at once."""

LEARNED_SECONDS: Final = 3600.0
"""How long a limit that the cloud has told holds; after that it may have been raised."""

DOUBLING_SECONDS: Final = 600.0
"""In how much quiet a rate doubles, until it is what is set."""

SLOWEST: Final = 1 / 60
"""Requests per second that halving ends at: enough to notice that the cloud answers again."""

LONG_SECONDS: Final = 10.0
"""A longer quiet is not waited for by a worker: the object says so, and comes back."""


class LongWaitError(Exception):
    """The turn is further away than a worker waits; ``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Policy:
    """What the gateway tells with a 429: so many requests in so many seconds."""

    limit: int
    seconds: float

    @property
    def burst(self) -> float:
        """What may leave at once below it."""
        return max(1.0, LEARNED_BURST * self.limit)

    @property
    def rate(self) -> float:
        """Per second; with the burst before it no window of the policy sees more than the limit."""
        return max(ROOM * self.limit - self.burst, 0.5) / self.seconds


class Bucket:
    """Tokens come at a rate, a burst of them at the most; who takes one may send one request.

    Args:
        rate: tokens per second, as it is set.
        burst: tokens at the most, as it is set.
        monotonic: seconds.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._set_rate, self._set_burst = rate, float(burst)
        self._monotonic = monotonic
        self._sleep = sleep
        self._first_in_line = asyncio.Lock()
        self._rate, self._tokens = rate, float(burst)
        self._learned: Policy | None = None
        self._learned_until = 0.0
        self._shrunk_at = float("-inf")
        self._filled_at = monotonic()
        self._closed_until = float("-inf")
        self.waiting = 0
        """Who waits in ``turn``."""
        self.throttled_seconds = 0.0
        """Quiet that the cloud has asked for, in sum."""

    @property
    def rate(self) -> float:
        """Tokens per second, now."""
        self._fill()
        return self._rate

    @property
    def tokens(self) -> float:
        """What there is, now; 0 while the cloud wants quiet."""
        self._fill()
        return 0.0 if self.closed > 0 else self._tokens

    @property
    def burst(self) -> float:
        """Tokens at the most, now."""
        most = max(1.0, self._set_burst * min(1.0, self._rate / self._set_rate))
        return min(most, self._learned.burst) if self._learned is not None else most

    @property
    def closed(self) -> float:
        """Seconds of quiet that are left."""
        return max(0.0, self._closed_until - self._monotonic())

    @property
    def saturation(self) -> float:
        """How much is used up of what may leave at once; 0 to 1."""
        return 1 - self.tokens / self.burst

    def take(self) -> bool:
        """A token, if there is one."""
        if self.tokens < 1:
            return False
        self._tokens -= 1
        return True

    def put_back(self) -> None:
        """A token was taken for nothing."""
        self._tokens = min(self._tokens + 1, self.burst)

    async def turn(self) -> None:
        """Wait for a token; who has waited longest goes first.

        Raises:
            LongWaitError: the cloud wants to be left alone for longer than is waited for here.
        """
        self.waiting += 1
        try:
            async with self._first_in_line:
                while not self.take():
                    if self.closed > LONG_SECONDS:
                        raise LongWaitError(self.closed)
                    await self._sleep(max(self.closed, (1 - self._tokens) / self._rate, 0.001))
        finally:
            self.waiting -= 1

    def pause(self, seconds: float) -> None:
        """The cloud asked for quiet: nothing leaves for so long, and no burst after it."""
        self._fill()
        now = self._monotonic()
        until = max(self._closed_until, now + seconds)
        self.throttled_seconds += until - max(self._closed_until, now)
        self._closed_until = until
        self._tokens = min(self._tokens, 1.0)

    def throttled(self, left_at: float, seconds: float, policy: Policy | None) -> None:
        """A request got a 429.

        Args:
            left_at: when the request left; those that had left before the last change say nothing of it.
            seconds: the quiet that was asked for.
            policy: the limit, when the cloud told it.
        """
        self.pause(seconds)
        before = self._rate
        if policy is not None:
            if self._learned is None or policy.rate <= self._learned.rate:
                self._learned = policy
            self._learned_until = self._monotonic() + LEARNED_SECONDS
            self._rate = min(self._rate, self._learned.rate)
        if self._rate == before and left_at >= self._shrunk_at:
            self._rate = max(self._rate / 2, min(self._rate, SLOWEST))
        if self._rate != before:
            self._shrunk_at = self._monotonic()
        self._tokens = min(self._tokens, self.burst)

    def _fill(self) -> None:
        """Quiet that was asked for brings no tokens."""
        now = self._monotonic()
        if self._learned is not None and now >= self._learned_until:
            self._learned = None
        passed = now - max(self._filled_at, min(self._closed_until, now))
        self._filled_at = now
        ceiling = self._set_rate if self._learned is None else min(self._set_rate, self._learned.rate)
        self._rate = min(max(ceiling, 0.0), self._rate * 2 ** min(passed / DOUBLING_SECONDS, 64.0))
        self._tokens = min(self.burst, self._tokens + passed * self._rate)
