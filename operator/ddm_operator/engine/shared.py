"""One answer for many askers: list calls shared by all objects of a project."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from typing import Generic, TypeVar

from ddm_operator.domain.model import Flavor, InstanceRow, Job
from ddm_operator.engine.demand import Demand
from ddm_operator.errors import OperatorError
from ddm_operator.ports import Clock, Cloud

T = TypeVar("T")

FRESH = 0.8
"""Part of a pause that an answer may be old: whoever comes again after it gets another one."""

JOB_WINDOW = timedelta(hours=24)
"""Jobs are asked for from this long before the moment of interest, and as long past it: a local clock that is wrong by
hours hides nothing, and no scaling job runs for longer."""

JOB_HISTORY = timedelta(days=29)
"""The cloud refuses a window that starts more than 30 days back (v3 jobs)."""


NEVER = datetime.min.replace(tzinfo=UTC)

MOST_LENGTHS = 32
"""Lengths of jobs that a project remembers, the latest ones."""

MOST_SAVED = 40.0
"""Reads of the jobs that can be saved up, for closer looks later."""

MOST_BORROWED = 0.5
"""Reads that may come ahead of a steady pace: looks are never exactly one poll apart, nor are those of many."""

LONGEST_GAP = 4.0
"""Polls without a read that count as saved; in a longer pause nothing was followed."""

FAILURE_SECONDS = 0.5
"""How long a failed read answers for those who ask after it: shorter than any pause, so that each of them asks anew,
and long enough that a thousand objects that lost the cloud at once ask it twice a second, not a thousand times."""


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A value, and when the read that brought it began (monotonic seconds)."""

    value: T
    began: float


class Shared(Generic[T]):
    """A read that is under way, or recent enough, serves everybody who asks; so does its failure."""

    def __init__(self, clock: Clock, read: Callable[[], Awaitable[T]]) -> None:
        self._clock = clock
        self._read = read
        self._lock = asyncio.Lock()
        self._answer: Answer[T] | None = None
        self._failure: Answer[OperatorError] | None = None
        self._failed_at = 0.0

    def has(self, since: float) -> bool:
        """Whether there is an answer whose read began at ``since`` (monotonic seconds) or later."""
        return self._since(since) is not None

    async def get(self, since: float) -> Answer[T]:
        """An answer whose read began at ``since`` (monotonic seconds) or later.

        Raises:
            OperatorError: that read failed.
        """
        asked = self._clock.monotonic()
        async with self._lock:
            if (recent := self._since(since)) is not None:
                return recent
            fresh = asked <= self._failed_at + FAILURE_SECONDS
            if self._failure is not None and self._failure.began >= since and fresh:
                raise self._failure.value
            began = self._clock.monotonic()
            try:
                self._answer = Answer(await self._read(), began)
            except OperatorError as error:
                self._failure, self._failed_at = Answer(error, began), self._clock.monotonic()
                raise
            return self._answer

    def _since(self, since: float) -> Answer[T] | None:
        return self._answer if self._answer is not None and self._answer.began >= since else None


class Project:
    """What all objects of one project and credential share.

    Args:
        clock: time.
        cloud: who is asked.
        poll: seconds between two reads of the jobs at a steady pace; what is not read at that pace is saved up for
            closer looks, so that these never make more reads in all.
        changed: takes the id of each instance whose row differs from the one before.
    """

    def __init__(self, clock: Clock, cloud: Cloud, poll: float, changed: Callable[[str], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._rows: Mapping[str, InstanceRow] = {}
        self._poll = poll
        self._saved = 0.0
        self._read_at: float | None = None
        self._latest: list[Job] = []
        self._flavors: dict[str, Shared[tuple[Flavor, ...]]] = {}
        self._demands: dict[float, Demand] = {}
        self._cloud = cloud
        self._wanted: list[datetime] = []
        self._jobs_from: datetime | None = None
        self._jobs = Shared(clock, self._read_jobs)
        self.rows: Shared[Mapping[str, InstanceRow]] = Shared(clock, self._read_rows)

    def flavors(self, engine_version: str) -> Shared[tuple[Flavor, ...]]:
        """The node classes of a version."""
        if engine_version not in self._flavors:
            self._flavors[engine_version] = Shared(self._clock, lambda: self._cloud.list_flavors(engine_version))
        return self._flavors[engine_version]

    async def jobs(self, since: float, moment: datetime) -> Answer[tuple[Job, ...]]:
        """Every job around ``moment``, from a read that began at ``since`` or later.

        Others may have asked for an earlier beginning; what they see besides is left out here, or an old job would look
        like a new one to an operation that did not know it at its beginning.
        """
        start = max(moment - JOB_WINDOW, self._clock.now() - JOB_HISTORY)
        self._wanted.append(start)
        answer = await self._jobs.get(since)
        if self._jobs_from is not None and self._jobs_from > start:
            self._wanted.append(start)
            answer = await self._jobs.get(self._clock.monotonic())
        wanted = tuple(job for job in answer.value if job.created is None or job.created >= start)
        return Answer(wanted, answer.began)

    def lists(self, since: float, age: float, usual: float) -> bool:
        """Whether one more look is answered by the list of instances, or by a look of its own, which may cost less.

        Args:
            since: when the read must have begun (monotonic seconds).
            age: of the oldest answer that those are content with who ask like this one (seconds).
            usual: the same of those as which this one asks at other times.
        """
        for each in {age, usual}:
            self._demands.setdefault(each, Demand(each)).count(self._clock.monotonic())
        return self.rows.has(since) or self._demands[age].pays(len(self._rows))

    def age_of_jobs(self, pause: float) -> float:
        """How old the jobs may be for an object that is looked at again after so long (both in seconds).

        Closer looks are for what was saved. What looks at a steady pace does not wait for the rest of one poll, unless
        that has been borrowed too often already.
        """
        affordable = self._saved + self._gap()
        if affordable >= 1:
            return FRESH * min(self._poll, pause)
        return FRESH * self._poll if affordable >= 1 - MOST_BORROWED else self._poll

    def lengths(self, name: str) -> tuple[float, ...]:
        """How long the latest completed jobs of that name took (seconds), as the cloud told."""
        return tuple(job.took for job in self._latest if job.name == name and job.took is not None)

    def _gap(self) -> float:
        """Reads that a steady pace would have made since the last one."""
        if self._read_at is None:
            return 1.0
        return min((self._clock.monotonic() - self._read_at) / self._poll, LONGEST_GAP)

    def _learn(self, jobs: tuple[Job, ...]) -> None:
        ended = [job for job in jobs if job.status == "Completed" and job.took is not None and job.created is not None]
        if ended:
            self._latest = nlargest(MOST_LENGTHS, ended, key=lambda job: job.created or NEVER)

    async def _read_rows(self) -> Mapping[str, InstanceRow]:
        before, self._rows = self._rows, {row.id: row for row in await self._cloud.list_instances()}
        for key, row in before.items():
            if self._rows.get(key) != row:
                self._changed(key)
        return self._rows

    async def _read_jobs(self) -> tuple[Job, ...]:
        now = self._clock.now()
        gap = self._gap()
        least = -MOST_BORROWED if gap >= FRESH else min(self._saved, 0.0)  # what a journal asks for is not borrowed
        self._saved = min(max(least, self._saved + gap - 1), MOST_SAVED)
        self._read_at = self._clock.monotonic()
        start = min([*self._wanted, now - JOB_WINDOW])
        self._wanted.clear()
        jobs = await self._cloud.list_jobs(start, now + JOB_WINDOW)
        self._jobs_from = start
        self._learn(jobs)
        return jobs
