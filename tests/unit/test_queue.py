"""The work queue, on a loop whose time passes only when nothing else is left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random

import pytest

from ddm_operator.engine.queue import LONGEST_SLEEP, WorkQueue
from ddm_operator.errors import TransientError
from tests.support.passes import Recorder
from tests.support.skipping import now, skip

Pass = Callable[[str], Awaitable[float | None]]


def queue(
    reconcile: Pass, *, workers: int = 2, monotonic: Callable[[], float] = now, base: float = 1.0, cap: float = 300.0
) -> WorkQueue:
    return WorkQueue(reconcile, workers=workers, monotonic=monotonic, random=Random(7), base=base, cap=cap)


def test_a_key_added_several_times_is_passed_once() -> None:
    async def story() -> None:
        passes = Recorder()
        line = queue(passes)
        for key in ("a", "b", "a", "a"):
            line.add(key)
        assert line.depth == 2
        line.start()
        await asyncio.sleep(10)
        assert passes.started == [("a", 0.0), ("b", 0.0)]
        assert await line.stop(0)

    skip(story)


def test_a_key_added_during_its_pass_runs_once_more_after_it() -> None:
    async def story() -> None:
        passes = Recorder()
        line = queue(passes, workers=4)
        line.start()
        line.add("a")
        await asyncio.sleep(0.5)
        line.add("a")
        line.add("a")
        await asyncio.sleep(10)
        assert passes.started == [("a", 0.0), ("a", 1.0)]
        assert passes.most == 1
        assert await line.stop(0)

    skip(story)


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_passes_at_a_time_than_workers(workers: int) -> None:
    async def story() -> None:
        passes = Recorder()
        line = queue(passes, workers=workers)
        line.start()
        for n in range(9):
            line.add(str(n))
        await asyncio.sleep(20)
        assert passes.most == workers
        assert len(passes.started) == 9
        assert await line.stop(0)

    skip(story)


def test_a_pass_is_repeated_when_it_asks_for_it() -> None:
    async def story() -> None:
        passes = Recorder(15.0, 0.0, None)
        line = queue(passes)
        line.start()
        line.add("a")
        await asyncio.sleep(100)
        assert passes.started == [("a", 0.0), ("a", 16.0), ("a", 17.0)]
        assert await line.stop(0)

    skip(story)


def test_of_several_times_the_earliest_counts() -> None:
    async def story() -> None:
        passes = Recorder()
        line = queue(passes)
        line.start()
        for seconds in (30, 10, 20):
            line.add_after("a", seconds)
        line.add_after("b", 5)
        await asyncio.sleep(100)
        assert passes.started == [("b", 5.0), ("a", 10.0)]
        assert await line.stop(0)

    skip(story)


def test_a_pass_that_starts_replaces_the_time_asked_for_before() -> None:
    async def story() -> None:
        passes = Recorder(60.0)
        line = queue(passes)
        line.start()
        line.add_after("a", 20)
        line.add("a")
        await asyncio.sleep(100)
        assert passes.started == [("a", 0.0), ("a", 61.0)]
        assert await line.stop(0)

    skip(story)


def test_a_pass_that_raises_is_repeated_after_growing_pauses() -> None:
    async def story() -> None:
        started: list[float] = []

        async def failing(_: str) -> float | None:
            started.append(now())
            if len(started) % 2:
                raise TransientError("Retrying", "no answer")
            raise ZeroDivisionError

        line = queue(failing, base=1, cap=8)
        line.start()
        line.add("a")
        await asyncio.sleep(40)
        pauses = [later - earlier for earlier, later in pairwise(started)]
        for pause, expected in zip(pauses[:5], (1, 2, 4, 8, 8), strict=True):
            assert expected * 0.9 <= pause <= expected * 1.1
            assert pause != expected
        assert await line.stop(0)

    skip(story)


def test_a_pass_that_succeeds_makes_the_pauses_short_again() -> None:
    async def story() -> None:
        started: list[float] = []

        async def sometimes(_: str) -> float | None:
            started.append(now())
            if len(started) != 3:
                raise TransientError("Retrying", "no answer")
            return 0.0

        line = queue(sometimes)
        line.start()
        line.add("a")
        await asyncio.sleep(8)
        pauses = [round(later - earlier) for earlier, later in pairwise(started)]
        assert pauses[:4] == [1, 2, 0, 1]
        assert await line.stop(0)

    skip(story)


def test_a_forgotten_key_does_not_come_back() -> None:
    async def story() -> None:
        passes = Recorder(5.0)
        line = queue(passes, workers=1)
        line.start()
        line.add("running")
        await asyncio.sleep(0.5)
        line.add("ready")
        line.add("running")
        line.add_after("due", 3)
        for key in ("running", "ready", "due"):
            line.forget(key)
        assert line.depth == 0
        await asyncio.sleep(100)
        assert passes.started == [("running", 0.0)]
        line.add("running")
        await asyncio.sleep(2)
        assert [key for key, _ in passes.started] == ["running", "running"]
        assert await line.stop(0)

    skip(story)


def test_a_key_forgotten_and_added_again_during_its_pass_runs_again() -> None:
    async def story() -> None:
        passes = Recorder()
        line = queue(passes)
        line.start()
        line.add("a")
        await asyncio.sleep(0.5)
        line.forget("a")
        line.add("a")
        await asyncio.sleep(10)
        assert passes.started == [("a", 0.0), ("a", 1.0)]
        assert await line.stop(0)

    skip(story)


def test_depth_and_age_tell_how_far_behind_the_workers_are() -> None:
    async def story() -> None:
        line = queue(Recorder(), workers=1)
        assert (line.depth, line.oldest_age) == (0, 0.0)
        line.add("a")
        await asyncio.sleep(3)
        line.add("b")
        await asyncio.sleep(1)
        assert (line.depth, line.oldest_age) == (2, 4.0)
        line.start()
        await asyncio.sleep(0.5)
        assert (line.depth, line.oldest_age) == (1, 1.5)
        assert await line.stop(1)

    skip(story)


def test_stopping_awaits_what_runs_and_starts_nothing_new() -> None:
    async def story() -> None:
        passes = Recorder(0.0)
        line = queue(passes, workers=1)
        line.start()
        line.add("a")
        line.add("b")
        await asyncio.sleep(0.5)
        assert await line.stop(5)
        assert now() == 1.0
        assert passes.running == 0
        await asyncio.sleep(10)
        assert passes.started == [("a", 0.0)]

    skip(story)


def test_stopping_cancels_what_takes_longer_than_the_bound() -> None:
    async def story() -> None:
        cancelled: list[str] = []

        async def endless(key: str) -> float | None:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.append(key)
                raise
            return None

        line = queue(endless)
        line.start()
        line.add("a")
        await asyncio.sleep(0.5)
        assert not await line.stop(5)
        assert now() == 5.5
        assert cancelled == ["a"]

    skip(story)


def test_stopping_a_queue_that_never_started_is_no_error() -> None:
    async def story() -> None:
        assert await queue(Recorder()).stop(1)

    skip(story)


def test_a_suspended_machine_delays_a_due_key_only_a_little() -> None:
    async def story() -> None:
        suspended = 0.0
        passes = Recorder()
        line = queue(passes, monotonic=lambda: now() + suspended)
        line.start()
        line.add_after("a", 3600)
        await asyncio.sleep(1)
        suspended = 7200.0
        await asyncio.sleep(LONGEST_SLEEP)
        assert [key for key, _ in passes.started] == ["a"]
        assert await line.stop(5)

    skip(story)
