"""Politeness: how many requests may leave, and how many may be under way, to one endpoint with one credential."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary


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
        self._concurrent = concurrent
        self._under_way = 0
        self._tokens = float(burst)
        self._filled_at = monotonic()
        self._closed_until = 0.0
        self.throttled_seconds = 0.0
        """Quiet that the cloud has asked for, in sum."""

    @asynccontextmanager
    async def read(self) -> AsyncIterator[None]:
        """Wait for a turn; what waits longest goes first."""
        async with self._slots:
            self._under_way += 1
            try:
                await self._turn()
                yield
            finally:
                self._under_way -= 1

    def write(self) -> None:
        """Take a turn without waiting: a call whose intent is stored is never kept waiting by reads, but counts."""
        self._fill()
        self._tokens -= 1

    def pause(self, seconds: float) -> None:
        """The cloud asked for quiet: no read leaves for so long."""
        now = self._monotonic()
        until = max(self._closed_until, now + seconds)
        self.throttled_seconds += until - max(self._closed_until, now)
        self._closed_until = until

    def saturation(self) -> float:
        """How much is used up of what may leave at once, and of what may be under way, whichever is more; 0 to 1."""
        self._fill()
        return min(1.0, max(1 - self._tokens / self._burst, self._under_way / self._concurrent))

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


class Pressure:
    """What all limiters of a process have to tell, by the host of their endpoint."""

    def __init__(self) -> None:
        self._limiters: WeakKeyDictionary[Limiter, str] = WeakKeyDictionary()
        self._past: dict[str, float] = {}
        self._counted: WeakKeyDictionary[Limiter, float] = WeakKeyDictionary()

    def watch(self, host: str, limiter: Limiter) -> None:
        """Take one in; it leaves by itself."""
        self._limiters[limiter] = host

    @property
    def throttled(self) -> dict[str, float]:
        """Seconds of quiet that the cloud has asked for, in sum; never falls, whatever limiters come and go."""
        for limiter, host in self._limiters.items():
            more = limiter.throttled_seconds - self._counted.get(limiter, 0.0)
            self._past[host] = self._past.get(host, 0.0) + more
            self._counted[limiter] = limiter.throttled_seconds
        return self._past

    def saturation(self) -> dict[str, float]:
        """Of the limiter that is used most, for each host."""
        most: dict[str, float] = {}
        for limiter, host in self._limiters.items():
            most[host] = max(most.get(host, 0.0), limiter.saturation())
        return most
