"""Politeness: how many requests may leave, and how many may be under way, to one endpoint with one credential."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class Limiter:
    """A token bucket and a bound of what runs at once.

    Args:
        rate: requests per second, on average.
        burst: requests that may leave at once.
        concurrent: requests under way at once.
        monotonic: seconds.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        concurrent: int,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._monotonic = monotonic
        self._sleep = sleep
        self._slots = asyncio.Semaphore(concurrent)
        self._tokens = float(burst)
        self._filled_at = monotonic()
        self._closed_until = 0.0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[None]:
        """Wait for a turn; what waits longest goes first."""
        async with self._slots:
            await self._turn()
            yield

    def write(self) -> None:
        """Take a turn without waiting: a call whose intent is stored is never kept waiting by reads, but counts."""
        self._fill()
        self._tokens -= 1

    def pause(self, seconds: float) -> None:
        """The cloud asked for quiet: no read leaves for so long."""
        self._closed_until = max(self._closed_until, self._monotonic() + seconds)

    async def _turn(self) -> None:
        while True:
            self._fill()
            closed = self._closed_until - self._monotonic()
            if closed <= 0 and self._tokens >= 1:
                self._tokens -= 1
                return
            await self._sleep(max(closed, (1 - self._tokens) / self._rate, 0.001))

    def _fill(self) -> None:
        now = self._monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
