"""Politeness: how many requests may leave to one endpoint with one credential, and how many of a project are under way.

The cloud counts by credential, so that the pace is kept by credential. What hangs does so by project, so that the
number of requests under way is kept by project: one that hangs takes no turn away from another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from ddm_operator.cloud.bucket import LONG_SECONDS, Bucket, LongWaitError

READS_OF_A_LOOK: Final = 5
"""Before a call: instance, groups, jobs, schemas, flavors."""

LONGEST_TOLD: Final = 120.0
"""Seconds after which whoever waits in a line asks again: it may have become shorter, and the place of one who is gone
is free for the others after this long and the grace."""

LEAST_TOLD: Final = 0.1

GRACE_SECONDS: Final = 30.0
"""How much too late may come back who keeps a place, besides a fifth of what it was told."""


class Line:
    """Who waits for a turn, and not in a worker: a place is kept for who comes back when it was told to."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._kept_until: dict[str, float] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._kept_until

    def wait(self, key: str, free: float, pace: float, closed: float) -> float:
        """Seconds until it is the key's turn; 0: it is, and the key leaves the line.

        Args:
            key: who asks.
            free: turns that there are now.
            pace: seconds until there is one more.
            closed: seconds in which there is none at all.
        """
        wait = self.left(key, free, pace, closed)
        if wait > 0:
            self._kept_until[key] = self._monotonic() + 1.2 * wait + GRACE_SECONDS
        else:
            self._kept_until.pop(key, None)
        return wait

    def left(self, key: str, free: float, pace: float, closed: float) -> float:
        """As ``wait``, and nothing changes."""
        now = self._monotonic()
        self._kept_until = {one: until for one, until in self._kept_until.items() if now <= until}
        ahead = list(self._kept_until).index(key) if key in self._kept_until else len(self._kept_until)
        if free >= ahead + 1 and not closed:
            return 0.0
        return max(min(max((ahead + 1 - free) * pace, LEAST_TOLD), LONGEST_TOLD), closed)


@dataclass(frozen=True)
class Pace:
    """What is set: per second on average, and at once."""

    reads: float
    reads_at_once: int
    writes: float
    writes_at_once: int


class Limiter:
    """Two buckets, so that polling never starves a call: one for reads, one for calls that change something."""

    def __init__(
        self,
        pace: Pace,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.reads = Bucket(pace.reads, pace.reads_at_once, monotonic, sleep)
        self.writes = Bucket(pace.writes, pace.writes_at_once, monotonic, sleep)
        self._calls = Line(monotonic)
        self._looks = Line(monotonic)
        self._looking = 0

    @contextmanager
    def look(self, key: str) -> Iterator[None]:
        """Room for all that is read before a call, in such a time that the first answer is not old at the last.

        Raises:
            LongWaitError: others are first; it is the key's turn in so many seconds.
        """
        reads = self.reads
        pace = READS_OF_A_LOOK / reads.rate
        room = max(1.0, (reads.tokens + LONG_SECONDS * reads.rate - reads.waiting) / READS_OF_A_LOOK)
        closed = reads.closed if reads.closed > LONG_SECONDS else 0.0
        wait = self._looks.wait(key, room - self._looking, pace, closed)
        if wait > 0:
            raise LongWaitError(wait)
        self._looking += 1
        try:
            yield
        finally:
            self._looking -= 1

    def call(self, key: str) -> None:
        """Take a turn of the calls, now: nothing may wait between an intent and its call.

        Raises:
            LongWaitError: there is none; it is the key's turn in so many seconds.
        """
        writes = self.writes
        wait = self._calls.wait(key, writes.tokens, 1 / writes.rate, writes.closed)
        if wait > 0:
            raise LongWaitError(wait)
        writes.take()

    def too_early(self, key: str) -> None:
        """Whoever was told to wait for a call and comes before its turn need not look before that either.

        Raises:
            LongWaitError: it is the key's turn in so many seconds.
        """
        writes = self.writes
        if key in self._calls and (wait := self._calls.left(key, writes.tokens, 1 / writes.rate, writes.closed)) > 0:
            raise LongWaitError(wait)

    @property
    def throttled_seconds(self) -> float:
        """Quiet that the cloud has asked for, in sum."""
        return self.reads.throttled_seconds + self.writes.throttled_seconds

    def saturation(self) -> float:
        """How much is used up of what may leave at once, of reads or calls, whichever is more; 0 to 1."""
        return max(self.reads.saturation, self.writes.saturation)


class Slots:
    """How many requests may be under way at once."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._free = asyncio.Semaphore(number)
        self._taken = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for one; what waits longest goes first."""
        async with self._free:
            self._taken += 1
            try:
                yield
            finally:
                self._taken -= 1

    def saturation(self) -> float:
        """How many are taken; 0 to 1."""
        return self._taken / self._number


class Pressure:
    """What all limiters and slots of a process have to tell, by the host of their endpoint."""

    def __init__(self) -> None:
        self._limiters: WeakKeyDictionary[Limiter, str] = WeakKeyDictionary()
        self._slots: WeakKeyDictionary[Slots, str] = WeakKeyDictionary()
        self._past: dict[str, float] = {}
        self._counted: WeakKeyDictionary[Limiter, float] = WeakKeyDictionary()

    def watch(self, host: str, limiter: Limiter, slots: Slots) -> None:
        """Take them in; they leave by themselves."""
        self._limiters[limiter] = host
        self._slots[slots] = host

    @property
    def throttled(self) -> dict[str, float]:
        """Seconds of quiet that the cloud has asked for, in sum; never falls, whatever limiters come and go."""
        for limiter, host in self._limiters.items():
            more = limiter.throttled_seconds - self._counted.get(limiter, 0.0)
            self._past[host] = self._past.get(host, 0.0) + more
            self._counted[limiter] = limiter.throttled_seconds
        return self._past

    def saturation(self) -> dict[str, float]:
        """Of the one that is used most, for each host."""
        most: dict[str, float] = {}
        said = [(host, limiter.saturation()) for limiter, host in self._limiters.items()]
        said += [(host, slots.saturation()) for slots, host in self._slots.items()]
        for host, used in said:
            most[host] = max(most.get(host, 0.0), used)
        return most
