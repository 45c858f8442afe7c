"""One answer for many askers: list calls shared by all objects of a project."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from ddm_operator.domain.model import InstanceRow, Job
from ddm_operator.errors import OperatorError
from ddm_operator.ports import Clock, Cloud

T = TypeVar("T")

JOB_WINDOW = timedelta(hours=24)
"""Jobs are asked for from this long before the moment of interest, and as long past it: a local clock that is wrong by
hours hides nothing, and no scaling job runs for longer."""

JOB_HISTORY = timedelta(days=29)
"""The cloud refuses a window that starts more than 30 days back (v3 jobs)."""


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

    async def get(self, since: float) -> Answer[T]:
        """An answer whose read began at ``since`` (monotonic seconds) or later.

        Raises:
            OperatorError: that read failed.
        """
        asked = self._clock.monotonic()
        async with self._lock:
            if self._answer is not None and self._answer.began >= since:
                return self._answer
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


class Project:
    """What all objects of one project and credential share."""

    def __init__(self, clock: Clock, cloud: Cloud) -> None:
        self._clock = clock
        self._cloud = cloud
        self._wanted: list[datetime] = []
        self._jobs_from: datetime | None = None
        self._jobs = Shared(clock, self._read_jobs)
        self.rows: Shared[Mapping[str, InstanceRow]] = Shared(clock, self._read_rows)

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

    async def _read_rows(self) -> Mapping[str, InstanceRow]:
        return {row.id: row for row in await self._cloud.list_instances()}

    async def _read_jobs(self) -> tuple[Job, ...]:
        now = self._clock.now()
        start = min([*self._wanted, now - JOB_WINDOW])
        self._wanted.clear()
        jobs = await self._cloud.list_jobs(start, now + JOB_WINDOW)
        self._jobs_from = start
        return jobs
