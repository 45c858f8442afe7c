"""The engine through hours, with many objects: outages, refusals, clocks that are set. Nothing is lost, no storm."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import pairwise

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.model import Phase
from ddm_operator.errors import TransientError
from ddm_operator.ports import Refused
from tests.support.skipping import Fleet, now, running, skip

pytestmark = pytest.mark.usefixtures("hush")

MANY, GROWING = 200, 20
HOUR = 3600.0
BLIP = TransientError(reasons.CLOUD_INTERNAL_ERROR, "The cloud answered 503.")
BUSY = Refused(reasons.INSTANCE_BUSY, "Another operation runs.", "DBS.200019", heals=True, sent=True)


async def growing() -> Fleet:
    """Many objects at rest, and some whose jobs run."""
    fleet = await running(MANY)
    for number in range(GROWING):
        fleet.scale(number, 4)
    await fleet.until(lambda: fleet.reasons()[reasons.SCALING_OUT] == GROWING, 60)
    await asyncio.sleep(60)
    return fleet


async def ended_well(fleet: Fleet, seconds: float) -> float:
    """How long it takes until everything is as declared; each change was requested once."""
    took = await fleet.until(lambda: fleet.reasons() == {reasons.AS_DECLARED: MANY}, seconds)
    assert len(fleet.cloud.enlarged) == len({asked.instance_id for asked in fleet.cloud.enlarged}) == GROWING
    last = [fleet.status(number).operation for number in range(GROWING)]
    assert {journal.phase for journal in last if journal} == {Phase.SUCCEEDED}
    return took


def test_an_hour_without_the_cloud() -> None:
    async def story() -> None:
        fleet = await growing()
        fleet.cloud.away, began = True, now()
        await asyncio.sleep(HOUR)
        assert fleet.reasons() == {reasons.CLOUD_UNREACHABLE: MANY}
        assert "The cloud does not answer." in {c.message for c in fleet.status().conditions if c.type == "Ready"}
        assert fleet.cloud.busiest_minute(began) <= 2 * 60, "two a second, however many objects there are"
        assert fleet.objects.since(began + 60)["put"] <= MANY, "it is said once"
        fleet.cloud.away, back = False, now()
        for number in range(GROWING):
            fleet.cloud.complete(f"i{number}")
        assert await ended_well(fleet, 2 * HOUR) <= 1.1 * fleet.limits.recheck + 10
        assert fleet.cloud.since(back, back + 60).total() <= 20
        assert fleet.cloud.busiest_minute(back) <= 60
        assert fleet.cloud.since(back)["instances"] <= MANY / 4, "one list serves all"

    skip(story)


def test_one_failed_question_is_told_by_nobody_and_delays_nobody() -> None:
    """A hiccup must not make every object of the project say for minutes that the cloud is away."""

    async def story() -> None:
        fleet = await running(MANY)
        began = now()
        fleet.cloud.failures = [BLIP]
        await asyncio.sleep(2 * fleet.limits.resync)
        assert fleet.cloud.failures == []
        assert fleet.objects.since(began).total() == 0
        fleet.cloud.failures = [BLIP]
        fleet.scale(0, 3)
        await fleet.until(lambda: len(fleet.cloud.enlarged) == 1, 10)

    skip(story)


@pytest.mark.parametrize("seconds", [120.0, 1200.0])
def test_the_api_server_is_away_when_the_answers_come(seconds: float) -> None:
    async def story() -> None:
        fleet = await running(MANY)
        for number in range(GROWING):
            fleet.scale(number, 4)
        await fleet.until(lambda: len(fleet.cloud.enlarged) > GROWING / 2, 60)
        fleet.objects.away, began = True, now()
        await asyncio.sleep(seconds)
        assert fleet.objects.busiest_minute(began + 60) <= 10 * GROWING, "those that have nothing to say ask nothing"
        fleet.objects.away, back = False, now()
        await fleet.until(lambda: len(fleet.cloud.enlarged) == GROWING, 2 * HOUR)
        await fleet.until(lambda: all(fleet.status(n).operation for n in range(GROWING)), HOUR)
        for number in range(GROWING):
            fleet.cloud.complete(f"i{number}")
        await ended_well(fleet, 2 * HOUR)
        assert fleet.objects.since(back, back + 60).total() <= 6 * GROWING

    skip(story)


def all_told(fleet: Fleet, number: int) -> bool:
    """Whether each status has the count that the cloud has."""
    return all(fleet.status(n).nodes == fleet.cloud.sizes[f"i{n}"] for n in range(number))


@pytest.mark.parametrize("number", [1, MANY])
def test_a_change_behind_the_back_is_told_within_a_resync(number: int) -> None:
    """By whichever list shows it first: nobody waits for a turn of his own."""

    async def story() -> None:
        fleet = await running(number)
        for n in range(number):
            fleet.queue.add(f"shop/o{n}")  # from now on they look one after the other
            await asyncio.sleep(fleet.limits.resync / number)
        for moment in (10.0, 333.0, 650.0):
            await asyncio.sleep(moment)
            for n in range(number):
                fleet.cloud.sizes[f"i{n}"] += 1
            assert await fleet.until(partial(all_told, fleet, number), HOUR) <= 1.1 * fleet.limits.resync

    skip(story)


def test_what_heals_is_looked_at_as_often_as_is_said() -> None:
    """Not once in a resync, because a list that others have read is still good for those that rest."""

    async def story() -> None:
        fleet = await running(MANY)
        fleet.cloud.statuses["i0"] = "BACKUP"
        fleet.scale(0, 4)
        await fleet.until(lambda: fleet.reasons()[reasons.INSTANCE_BUSY] == 1, 30)
        await asyncio.sleep(60)
        assert fleet.cloud.enlarged == []
        fleet.cloud.statuses["i0"] = "RUNNING"
        assert await fleet.until(lambda: len(fleet.cloud.enlarged) == 1, HOUR) <= 2 * fleet.limits.poll

    skip(story)


def test_the_same_refusal_over_and_over_is_counted_and_not_kept() -> None:
    async def story() -> None:
        fleet = await running(1)
        fleet.cloud.refusals = [BUSY] * 12
        fleet.scale(0, 4)
        await fleet.until(lambda: len(fleet.cloud.enlarged) == 1, 2 * HOUR)
        status = fleet.status()
        assert status.operation is not None
        assert status.operation.attempt == 13
        assert status.history == ()
        calls = [at for at, name in fleet.cloud.asked if name == "enlarge"]
        pauses = [later - earlier for earlier, later in pairwise(calls)]
        assert pauses[:5] == sorted(pauses[:5])
        assert pauses[0] < pauses[4]
        assert max(pauses) <= fleet.limits.recheck + 2 * fleet.limits.poll

    skip(story)


def test_after_a_refusal_it_waits_for_running_and_counts_anew() -> None:
    async def story() -> None:
        fleet = await running(1)
        fleet.cloud.refusals = [BUSY]
        fleet.scale(0, 5)
        await fleet.until(lambda: fleet.reasons()[reasons.INSTANCE_BUSY] == 1, 30)
        fleet.cloud.statuses["i0"] = "REDUCING"
        await asyncio.sleep(600)
        assert fleet.cloud.enlarged == []
        fleet.cloud.sizes["i0"] = 1
        fleet.cloud.statuses["i0"] = "RUNNING"
        await fleet.until(lambda: len(fleet.cloud.enlarged) == 1, HOUR)
        assert fleet.cloud.enlarged[0].node_number == 4

    skip(story)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
@pytest.mark.parametrize("wait", [-1.0, 0.05, 0.5, 20.0, 120.0])
def test_somebody_sets_the_clock(step: float, wait: float) -> None:
    """Before the plan, between the intent and the call, before the answer, while the job runs."""
    wrong = {reasons.OPERATION_OVERDUE, reasons.OUTCOME_UNKNOWN}

    async def story() -> None:
        fleet = await running(MANY)
        if wait < 0:
            fleet.clock.off = step
        for number in range(GROWING):
            fleet.scale(number, 4)
        await asyncio.sleep(max(0.0, wait))
        fleet.clock.off = step
        for _ in range(60):
            assert not wrong & fleet.reasons().keys(), fleet.reasons()
            await asyncio.sleep(15)
        for number in range(GROWING):
            fleet.cloud.complete(f"i{number}")
        await ended_well(fleet, HOUR)

    skip(story)


def test_a_job_that_is_stuck_is_called_overdue_and_still_followed() -> None:
    async def story() -> None:
        fleet = await running(1)
        fleet.scale(0, 4)
        await fleet.until(lambda: fleet.reasons()[reasons.SCALING_OUT] == 1, 30)
        took = await fleet.until(lambda: fleet.reasons()[reasons.OPERATION_OVERDUE] == 1, 2 * HOUR)
        assert took == pytest.approx(fleet.limits.deadline, abs=2 * fleet.limits.poll)
        await asyncio.sleep(HOUR)
        assert "job-1" in next(c.message for c in fleet.status().conditions if c.type == "Stalled")
        assert len(fleet.cloud.enlarged) == 1
        fleet.cloud.complete("i0")
        took = await fleet.until(lambda: fleet.reasons()[reasons.AS_DECLARED] == 1, HOUR)
        assert took <= 1.1 * fleet.limits.recheck + fleet.limits.poll

    skip(story)


def test_an_open_operation_stays_where_it_was_begun() -> None:
    """Whatever region and project the object or the settings say meanwhile."""

    async def story() -> None:
        fleet = await running(1)
        fleet.scale(0, 4)
        await fleet.until(lambda: len(fleet.cloud.enlarged) == 1, 30)
        fleet.scale(0, 5, region="cn-south-1", project_id="p9")
        await asyncio.sleep(1)
        fleet.places.clear()
        await asyncio.sleep(120)
        assert set(fleet.places) == {("cn-north-4", "p1")}
        fleet.cloud.complete("i0")
        await fleet.until(lambda: len(fleet.cloud.enlarged) == 2, HOUR)
        assert fleet.places[-1] == ("cn-south-1", "p9")

    skip(story)
