"""The lanes of the work queue: workers of their own, so that what hangs in one holds up no other."""

from __future__ import annotations

import asyncio
from random import Random

from ddm_operator.engine.queue import WorkQueue
from tests.support.passes import Recorder
from tests.support.skipping import now, skip


def test_lanes_have_workers_of_their_own() -> None:
    async def story() -> None:
        started: list[str] = []

        async def hanging(key: str) -> float | None:
            started.append(key)
            if key.startswith("hung"):
                await asyncio.sleep(3600)
            return None

        line = WorkQueue(hanging, workers=2, lane=lambda key: key.partition("/")[0], monotonic=now, random=Random(7))
        line.start()
        for n in range(5):
            line.add(f"hung/{n}")
        for n in range(5):
            line.add(f"well/{n}")
        await asyncio.sleep(1)
        assert started == ["hung/0", "hung/1", *(f"well/{n}" for n in range(5))]
        assert (line.depth, line.oldest_age) == (3, 1.0)
        await asyncio.sleep(3600)
        assert started[7:] == ["hung/2", "hung/3"]
        assert not await line.stop(1)

    skip(story)


def test_a_key_whose_lane_changes_still_has_one_pass_at_a_time() -> None:
    async def story() -> None:
        passes, lanes = Recorder(), {"a": "unknown"}
        line = WorkQueue(passes, workers=1, lane=lambda key: lanes[key], monotonic=now, random=Random(7))
        line.start()
        line.add("a")
        await asyncio.sleep(0.5)
        lanes["a"] = "known"
        line.add("a")
        await asyncio.sleep(10)
        assert passes.started == [("a", 0.0), ("a", 1.0)]
        assert passes.most == 1
        assert await line.stop(0)

    skip(story)


def test_a_key_that_moved_to_another_lane_does_not_wait_in_the_old_one() -> None:
    async def story() -> None:
        passes, lanes = Recorder(), {"a": "old", "b": "old"}
        line = WorkQueue(passes, workers=1, lane=lambda key: lanes[key], monotonic=now, random=Random(7))
        line.start()
        line.add("a")
        line.add("b")
        line.forget("b")
        lanes["b"] = "new"
        line.add("b")
        await asyncio.sleep(10)
        assert passes.started == [("a", 0.0), ("b", 0.0)]
        assert await line.stop(0)

    skip(story)


def test_work_that_comes_when_a_lane_has_just_emptied_is_done() -> None:
    async def story() -> None:
        passes = Recorder()
        line = WorkQueue(passes, workers=1, monotonic=now, random=Random(7))
        line.start()
        for n in range(5):
            line.add(str(n))
            await asyncio.sleep(1)  # the pass of a second ends in the same moment
        await asyncio.sleep(10)
        assert [key for key, _ in passes.started] == ["0", "1", "2", "3", "4"]
        assert await line.stop(0)

    skip(story)
