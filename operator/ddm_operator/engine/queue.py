"""The work queue: keys wait in lanes, one pass per key at a time. The counterpart of client-go's workqueue."""

from __future__ import annotations

import asyncio
import heapq
import logging
import traceback
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from random import Random

from ddm_operator.domain.backoff import pause, spread
from ddm_operator.engine.chorus import Chorus
from ddm_operator.errors import OperatorError

logger = logging.getLogger(__name__)

LONGEST_SLEEP = 30.0  # seconds; a loop's own timers do not count a suspended machine, so due times are looked at again


class WorkQueue:
    """Runs passes: each key once at a time, again when it was added meanwhile, later when a pass asks for it.

    Args:
        reconcile: one pass over a key; returns the seconds until the next one, None when only a change matters.
        workers: passes at a time in each lane, so that what hangs in one holds up no other.
        lane: a key's lane, by name; all keys are in one when absent.
        monotonic: clock of all due times (seconds); ``random``: spreads the pauses.
        base, cap: first and longest pause after a pass that raised (seconds).
        defect: told of what no pass should raise, so that the object can say it.
    """

    def __init__(
        self,
        reconcile: Callable[[str], Awaitable[float | None]],
        *,
        workers: int,
        lane: Callable[[str], str] = lambda _: "",
        monotonic: Callable[[], float],
        random: Random,
        base: float = 1.0,
        cap: float = 300.0,
        defect: Callable[[str, BaseException], Awaitable[None]] | None = None,
    ) -> None:
        self._defect = defect
        self._chorus = Chorus(monotonic)
        self._reconcile, self._workers, self._lane_of = reconcile, workers, lane
        self._monotonic, self._random = monotonic, random
        self._pauses = {"base": base, "cap": cap}
        self._ready: dict[str, tuple[float, str]] = {}  # since when and in which lane, oldest first
        self._lanes: dict[str, deque[str]] = {}  # the ready keys of each, and some that were forgotten since
        self._at_work: Counter[str] = Counter()  # workers of each lane
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []  # as _due, and entries that an earlier time replaced
        self._running: dict[str, bool | None] = {}  # key → added meanwhile? None: forgotten meanwhile
        self._failures: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._started = self._stopping = False

    @property
    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._ready)

    @property
    def oldest_age(self) -> float:
        """Seconds that the first key in line has waited; 0 when none does."""
        return self._monotonic() - next(iter(self._ready.values()))[0] if self._ready else 0.0

    def add(self, key: str) -> None:
        """Ask for a pass as soon as there is a worker."""
        if key in self._running:
            self._running[key] = True
        elif key not in self._ready:
            lane = self._lane_of(key)
            self._ready[key] = self._monotonic(), lane
            self._lanes.setdefault(lane, deque()).append(key)
            self._hire(lane)

    def add_after(self, key: str, seconds: float) -> None:
        """Ask for a pass later; of several times the earliest counts, and a pass that starts before it replaces it."""
        due = self._monotonic() + max(0.0, seconds)
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            self._wind()

    def busy(self, key: str) -> bool:
        """Whether a pass over the key is running."""
        return key in self._running

    def forget(self, key: str) -> None:
        """Drop all about a key; a running pass ends, and its result does not count."""
        for about in (self._ready, self._due, self._failures):
            about.pop(key, None)
        self._chorus.left(key)
        if key in self._running:
            self._running[key] = None

    def start(self) -> None:
        """Let the work begin."""
        self._started = True
        for lane, line in self._lanes.items():
            for _ in line:
                self._hire(lane)

    async def stop(self, seconds: float) -> bool:
        """Start no new pass, await the running ones, cancel those that take longer; True when none had to be."""
        self._stopping = True
        self._chorus.sum_up()
        if self._timer is not None:
            self._timer.cancel()
        late = (await asyncio.wait(self._tasks, timeout=seconds))[1] if self._tasks else set()
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return not late

    def _hire(self, lane: str) -> None:
        """One more worker for a lane that has work, unless it has all that it may have."""
        if self._started and not self._stopping and self._at_work[lane] < self._workers:
            self._at_work[lane] += 1
            task = asyncio.create_task(self._work(lane), name=f"queue worker of {lane or 'all'}")
            self._tasks.add(task)
            task.add_done_callback(lambda ended: self._left(lane, ended))

    def _left(self, lane: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._at_work[lane] -= 1
        if self._lanes.get(lane):
            self._hire(lane)  # something came after its last look, or it was cancelled
        elif not self._at_work[lane]:
            del self._at_work[lane]
            self._lanes.pop(lane, None)

    async def _work(self, lane: str) -> None:
        """Pass what waits in the lane, until nothing does."""
        line = self._lanes[lane]
        while line and not self._stopping:
            key = line.popleft()
            if self._ready.get(key, (0.0, None))[1] == lane:
                del self._ready[key]
                await self._pass(key)

    async def _pass(self, key: str) -> None:
        self._due.pop(key, None)
        self._running[key] = False
        # Gathered, because one object's defect, whatever its type, must not end the worker of all others.
        [result] = await asyncio.gather(self._reconcile(key), return_exceptions=True)
        if isinstance(result, asyncio.CancelledError):
            self._running.pop(key)
            raise result
        if isinstance(result, BaseException):
            await self._tell(key, result)
        added = self._running.pop(key)
        if isinstance(result, BaseException):
            again_after: float | None = self._backoff(key)
        else:
            self._failures.pop(key, None)
            self._chorus.left(key)
            again_after = result
        if added is None:
            self._failures.pop(key, None)
            self._chorus.left(key)
            return
        if again_after is not None:
            self.add_after(key, again_after)
        if added:
            self.add(key)

    async def _tell(self, key: str, error: BaseException) -> None:
        if isinstance(error, OperatorError):
            if self._chorus.solo(key, f"The pass failed, {error.reason}"):
                logger.warning("The pass failed: %s", error.message, extra={"object": key, "reason": error.reason})
            return
        first = self._chorus.solo(key, f"The pass failed unexpectedly, {_whereabouts(error)}")
        if first:
            logger.error("The pass failed unexpectedly", extra={"object": key}, exc_info=error)
        if self._defect is not None:
            [said] = await asyncio.gather(self._defect(key, error), return_exceptions=True)
            if first and isinstance(said, BaseException):
                logger.error("That could not be said in its status: %s", type(said).__name__, extra={"object": key})

    def _backoff(self, key: str) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        return spread(pause(failures, **self._pauses), self._random.random())

    def _wind(self) -> None:
        """Set the timer for the next due key."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._heap and not self._stopping:
            sleep = min(max(0.0, self._heap[0][0] - self._monotonic()), LONGEST_SLEEP)
            self._timer = asyncio.get_running_loop().call_later(sleep, self._ring)

    def _ring(self) -> None:
        """Put the keys that are due into the line."""
        now = self._monotonic()
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)
        self._wind()


def _whereabouts(error: BaseException) -> str:
    """What tells one defect from another: its type, and the place that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].name}, line {frames[-1].lineno}" if frames else type(error).__name__
