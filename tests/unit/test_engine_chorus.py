"""What the log says while thousands of objects have the same trouble: little, and nothing is left out of the counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from random import Random

import pytest

from ddm_operator.domain import reasons
from ddm_operator.engine.chorus import EVERY, SOLOS, Chorus
from ddm_operator.engine.queue import WorkQueue
from ddm_operator.errors import StalledError
from tests.support.skipping import Fleet, now, running, skip

THOUSANDS = 1_000
HOUR = 3600.0
MOST = 200


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield


def solos(records: Sequence[logging.LogRecord], text: str) -> set[str]:
    """The objects that have a line of their own with a text."""
    found = [record for record in records if text in record.getMessage()]
    return {name for record in found if (name := getattr(record, "object", "")) and isinstance(name, str)}


def summed(records: Sequence[logging.LogRecord], text: str) -> int:
    """How many objects the sums about a text count."""
    return sum(getattr(r, "objects", 0) for r in records if "more objects" in r.getMessage() and text in r.getMessage())


def over(records: Sequence[logging.LogRecord], text: str) -> list[int]:
    """How many objects the lines about its end count."""
    return [getattr(r, "objects", 0) for r in records if "it is over" in r.getMessage() and text in r.getMessage()]


def all_say(fleet: Fleet, status: str) -> bool:
    """Whether every object shows its instance like that."""
    shown = (found.status.instance for found in fleet.objects.stored.values())
    return all(instance is not None and instance.status == status for instance in shown)


@pytest.mark.parametrize(("many", "seconds"), [(3 * THOUSANDS, HOUR / 6), (THOUSANDS, HOUR)])
def test_objects_lose_the_cloud(caplog: pytest.LogCaptureFixture, many: int, seconds: float) -> None:
    """Many until all of them have said so, and fewer for an hour."""

    async def story() -> None:
        fleet = await running(many)
        caplog.clear()
        fleet.cloud.away = True
        await asyncio.sleep(seconds)
        assert fleet.reasons() == {reasons.CLOUD_UNREACHABLE: many}
        told = list(caplog.records)
        assert len(told) <= MOST
        first = solos(told, "The cloud does not answer.")
        assert len(first) >= SOLOS
        assert len(first) + summed(told, reasons.CLOUD_UNREACHABLE) == many
        caplog.clear()
        fleet.cloud.away = False
        await fleet.until(lambda: fleet.reasons() == {reasons.AS_DECLARED: many}, HOUR)
        await asyncio.sleep(3 * EVERY)
        assert sum(over(caplog.records, reasons.CLOUD_UNREACHABLE)) == many
        assert len(caplog.records) <= SOLOS

    skip(story)


def test_thousands_of_objects_lose_the_api_server(caplog: pytest.LogCaptureFixture) -> None:
    """Each has something to say, and none can."""

    async def story() -> None:
        fleet = await running(THOUSANDS)
        caplog.clear()
        for number in range(THOUSANDS):
            fleet.cloud.statuses[f"i{number}"] = "BACKUP"
        fleet.objects.away = True
        await asyncio.sleep(HOUR)
        told = list(caplog.records)
        assert len(told) <= MOST
        first = solos(told, "The pass failed: The API server does not answer.")
        assert len(first) >= SOLOS
        assert len(first) + summed(told, "The pass failed, CloudUnreachable") == THOUSANDS
        fleet.objects.away = False
        await fleet.until(lambda: all_say(fleet, "BACKUP"), HOUR)
        await asyncio.sleep(3 * EVERY)
        assert over(caplog.records, "The pass failed") == [THOUSANDS]

    skip(story)


def test_the_same_defect_in_every_object_has_a_few_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async def broken(key: str) -> float:
            raise KeyError(key)

        async def broken_elsewhere(key: str) -> float:
            raise KeyError(key)

        async def either(key: str) -> float:
            return await (broken(key) if key != "shop/other" else broken_elsewhere(key))

        queue = WorkQueue(either, workers=8, monotonic=now, random=Random(1))
        queue.start()
        for number in range(1000):
            queue.add(f"shop/o{number}")
        await asyncio.sleep(HOUR)
        queue.add("shop/other")
        await asyncio.sleep(1)
        traces = [record for record in caplog.records if record.exc_info]
        assert len(traces) == SOLOS + 1
        assert summed(caplog.records, "KeyError in broken,") == 1000 - SOLOS

    skip(story)


def test_what_stalls_by_the_thousand_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """The setback and its announcement are one thing that happened."""

    async def story() -> None:
        fleet = await running(100)
        caplog.clear()
        fleet.cloud.failures = [StalledError(reasons.CREDENTIALS_REJECTED, "Mend it.") for _ in range(100_000)]
        await fleet.until(lambda: fleet.reasons() == {reasons.CREDENTIALS_REJECTED: 100}, HOUR)
        await asyncio.sleep(2 * EVERY)
        first = solos(caplog.records, "Mend it.")
        assert len(first) + summed(caplog.records, reasons.CREDENTIALS_REJECTED) == 100
        assert len([r for r in caplog.records if "Mend it." in r.getMessage()]) == len(first)

    skip(story)


def test_few_are_told_one_by_one_and_again_when_it_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        chorus = Chorus(now)
        assert all(chorus.solo(f"o{n}", "Trouble") for n in range(SOLOS))
        assert not any(chorus.solo(f"o{n}", "Trouble") for n in range(SOLOS))
        for n in range(SOLOS):
            chorus.left(f"o{n}")
        await asyncio.sleep(EVERY)
        assert chorus.solo("o1", "Trouble")
        assert caplog.records == []

    skip(story)


def test_who_still_has_it_when_it_is_over_for_the_others_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        chorus = Chorus(now)
        for n in range(50):
            chorus.solo(f"o{n}", "Trouble")
        await asyncio.sleep(1.5 * EVERY)
        for n in range(1, 50):
            chorus.left(f"o{n}")
        await asyncio.sleep(5 * EVERY)
        assert [record.getMessage() for record in caplog.records] == [
            "Trouble: the same of 40 more objects, among them o10, o11, o12",
            "Trouble: it is over for 49 objects; still so: o0",
        ]

    skip(story)


def test_it_does_not_fall_silent_when_the_process_ends(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        fleet = Fleet(0)
        chorus = Chorus(now)
        for n in range(SOLOS + 1):
            chorus.solo(f"o{n}", "Trouble")
        await fleet.queue.stop(0)
        chorus.sum_up()
        assert "1 more objects" in caplog.text

    skip(story)
