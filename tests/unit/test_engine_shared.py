"""Answers that are shared: one read for many askers, never an older one than was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from typing_extensions import override

from ddm_operator.domain.model import InstanceRow, Job
from ddm_operator.engine.shared import JOB_WINDOW, MOST_LENGTHS, Project, Shared
from ddm_operator.errors import TransientError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """Time that passes by one second with every look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        self.seconds += 1
        return self.seconds


class Reads:
    """Counts them, and waits in the middle of each."""

    def __init__(self, failures: int = 0) -> None:
        self.count = 0
        self._failures = failures

    async def __call__(self) -> int:
        self.count += 1
        number = self.count
        await asyncio.sleep(0)
        if number <= self._failures:
            raise TransientError("CloudUnreachable", "No answer.")
        return number


async def test_one_read_serves_all_who_ask_meanwhile() -> None:
    reads = Reads()
    shared = Shared(Clock(), reads)
    answers = await asyncio.gather(*(shared.get(0.0) for _ in range(50)))
    assert {answer.value for answer in answers} == {1}
    assert reads.count == 1


async def test_an_answer_is_never_older_than_was_asked_for() -> None:
    clock, reads = Clock(), Reads()
    shared = Shared(clock, reads)
    first = await shared.get(0.0)
    assert (await shared.get(first.began)).value == 1
    later = clock.monotonic()
    second = await shared.get(later)
    assert second.value == 2
    assert second.began >= later


async def test_a_failure_is_shared_and_hides_no_later_answer() -> None:
    clock, reads = Clock(), Reads(failures=1)
    shared = Shared(clock, reads)
    results = await asyncio.gather(*(shared.get(0.0) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [TransientError] * 5
    assert reads.count == 1
    assert (await shared.get(clock.monotonic())).value == 2


async def test_somebody_who_goes_away_leaves_the_others_their_answer() -> None:
    shared = Shared(Clock(), Reads())
    impatient = asyncio.create_task(shared.get(0.0))
    patient = asyncio.create_task(shared.get(0.0))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).value in (1, 2)
    with pytest.raises(asyncio.CancelledError):
        await impatient


class JobList:
    """The cloud's list of jobs, filtered by its window as the cloud does."""

    def __init__(self, *created: datetime) -> None:
        self.jobs = [Job(f"j{n}", "EnlargeNode", "Completed", "i", created=moment) for n, moment in enumerate(created)]
        self.windows: list[tuple[datetime, datetime]] = []

    async def list_jobs(self, start: datetime, end: datetime) -> tuple[Job, ...]:
        self.windows.append((start, end))
        return tuple(job for job in self.jobs if job.created is not None and start <= job.created <= end)


def names(jobs: Sequence[Job]) -> list[str]:
    return [job.id for job in jobs]


async def test_a_wider_window_of_others_shows_nobody_a_job_that_is_too_old_for_him() -> None:
    two_days_ago = NOW - timedelta(days=2)
    cloud = JobList(two_days_ago, NOW)
    project = Project(Clock(), cloud, 15.0, lambda _: None)  # type: ignore[arg-type]  # the one question of the cloud that is asked here
    mine = await project.jobs(0.0, NOW)
    assert names(mine.value) == ["j1"]
    older = await project.jobs(0.0, two_days_ago)
    assert names(older.value) == ["j0", "j1"]
    assert names((await project.jobs(0.0, NOW)).value) == ["j1"]
    assert [NOW - start for start, _ in cloud.windows] == [JOB_WINDOW, timedelta(days=2) + JOB_WINDOW]
    assert all(end > NOW for _, end in cloud.windows)


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1), timedelta(hours=20), timedelta(hours=-20)])
async def test_a_local_clock_that_is_wrong_hides_no_job(off: timedelta) -> None:
    """The window and the jobs are told by different clocks."""
    cloud = JobList(NOW - off)
    project = Project(Clock(), cloud, 15.0, lambda _: None)  # type: ignore[arg-type]  # as above
    assert names((await project.jobs(0.0, NOW)).value) == ["j0"]


class Rows:
    """A list of instances, by their counts."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    async def list_instances(self) -> tuple[InstanceRow, ...]:
        return tuple(InstanceRow(key, key, "RUNNING", "", n, "f", "3.0", "", ()) for key, n in self.counts.items())


async def test_what_a_list_shows_otherwise_than_the_one_before_is_told() -> None:
    clock, cloud, told = Clock(), Rows(), list[str]()
    project = Project(clock, cloud, 15.0, told.append)  # type: ignore[arg-type]  # as above
    for counts, expected in (
        ({"a": 2, "b": 2, "c": 2}, []),
        ({"a": 2, "b": 2, "c": 2}, []),
        ({"a": 2, "b": 3, "new": 2}, ["b", "c"]),
    ):
        cloud.counts = counts
        await project.rows.get(clock.monotonic())
        assert told == expected


def job(number: int, name: str = "EnlargeNode", took: float | None = 60.0, status: str = "Completed") -> Job:
    return Job(f"j{number}", name, status, "i", created=NOW + timedelta(seconds=number), took=took)


async def test_lengths_are_those_of_the_latest_jobs_that_were_completed() -> None:
    cloud = JobList()
    project = Project(Clock(), cloud, 15.0, lambda _: None)  # type: ignore[arg-type]  # as above
    cloud.jobs = [job(n, took=float(n)) for n in range(1, 50)]
    cloud.jobs += [job(60, "ReduceNode"), job(61, took=None, status="Running"), job(62, took=5.0, status="Failed")]
    await project.jobs(0.0, NOW)
    assert sorted(project.lengths("EnlargeNode")) == [float(n) for n in range(50 - MOST_LENGTHS + 1, 50)]
    assert project.lengths("ReduceNode") == (60.0,)
    cloud.jobs = []
    await project.jobs(1000.0, NOW)
    assert project.lengths("ReduceNode") == (60.0,), "a day without jobs teaches nothing else"


class Steady(Clock):
    """Time that stands until it is set."""

    @override
    def monotonic(self) -> float:
        return self.seconds


async def test_close_looks_spend_what_a_steady_pace_would_have_asked() -> None:
    clock, cloud = Steady(), JobList()
    project = Project(clock, cloud, 15.0, lambda _: None)  # type: ignore[arg-type]  # as above
    reads = []
    for second in range(0, 601, 5):
        clock.seconds = float(second)
        wanted = second < 60 or second >= 240
        if wanted:
            answer = await project.jobs(clock.seconds - project.age_of_jobs(5.0), NOW)
            reads += [second] if answer.began == second else []
    assert len(reads) <= 600 / 15 + 2
    assert max(later - earlier for earlier, later in pairwise(reads[-20:])) <= 15
    assert min(later - earlier for earlier, later in pairwise(reads)) == 5


async def test_a_thousand_who_look_all_the_time_make_no_more_reads_than_one_at_a_steady_pace() -> None:
    clock, cloud = Steady(), JobList()
    project = Project(clock, cloud, 15.0, lambda _: None)  # type: ignore[arg-type]  # as above
    for tenth in range(6_000):
        clock.seconds = tenth / 10
        await project.jobs(clock.seconds - project.age_of_jobs(15.0), NOW)
    assert 600 / 15 <= len(cloud.windows) <= 600 / 15 + 1


async def test_what_a_journal_asks_for_is_no_reason_to_look_less_often_afterwards() -> None:
    clock, cloud = Steady(), JobList()
    project = Project(clock, cloud, 15.0, lambda _: None)  # type: ignore[arg-type]  # as above
    for _ in range(5):
        clock.seconds += 0.1
        await project.jobs(clock.seconds, NOW)
    began = clock.seconds
    clock.seconds += 13.5
    assert (await project.jobs(clock.seconds - project.age_of_jobs(15.0), NOW)).began > began


async def test_a_failure_answers_those_who_waited_for_it_and_nobody_later() -> None:
    """An answer of that age would have been good for a resync; a failure is no answer."""
    clock, reads = Clock(), Reads(failures=2)
    shared = Shared(clock, reads)
    for count in (1, 2):
        with pytest.raises(TransientError):
            await shared.get(-1000.0)
        assert reads.count == count
    assert (await shared.get(-1000.0)).value == 3
    assert (await shared.get(-1000.0)).value == 3
