"""A journal that is lost while its call is held in the cloud, or its nodes are not shown yet: no second call.

Somebody wipes the status, makes the object anew, or deletes the elder of two objects, as long as the operator lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from typing_extensions import override

from ddm_operator.domain import reasons
from ddm_operator.domain.model import Job, Resource, Status
from ddm_operator.domain.report import JOURNAL_PUT_BACK
from ddm_operator.ports import Accepted, CallOutcome, EnlargeRequest, Unknown
from tests.support.skipping import FakeCloud, Fleet, running, skip

pytestmark = pytest.mark.usefixtures("hush")


class Holding(FakeCloud):
    """Takes a call and shows nothing of it until it carries it out."""

    def __init__(self, outcome: CallOutcome) -> None:
        super().__init__()
        self.outcome = outcome
        self.answers = asyncio.Event()

    @override
    async def enlarge(self, request: EnlargeRequest, *, may_leave: Callable[[], bool]) -> CallOutcome:
        await self.reach("enlarge")
        assert may_leave()
        self.enlarged.append(request)
        await self.answers.wait()
        return self.outcome

    def carry_out(self) -> None:
        """Begin to do what was asked for."""
        self.statuses["i0"] = "GROWING"
        self.jobs["job-1"] = Job("job-1", "EnlargeNode", "Running", "i0", 20)


async def called(outcome: CallOutcome) -> tuple[Fleet, Holding]:
    """An object at rest that has been given a larger number, and the call that came of it."""
    fleet, cloud = Fleet(1), Holding(outcome)
    cloud.sizes, fleet.cloud = fleet.cloud.sizes, cloud
    fleet.queue.start()
    await fleet.until(lambda: fleet.reasons() == {reasons.AS_DECLARED: 1}, 60)
    fleet.scale(0, 4)
    await fleet.until(lambda: len(cloud.enlarged) == 1, 60)
    return fleet, cloud


def wipe(fleet: Fleet) -> None:
    """The status is gone."""
    fleet.show(fleet.objects.keep(replace(fleet.objects.stored["shop/o0"], status=Status())))


def make_anew(fleet: Fleet) -> None:
    """The object is deleted and made again."""
    wish = replace(fleet.objects.stored["shop/o0"].desired, uid="uid-anew", generation=1)
    fleet.show(fleet.objects.keep(Resource(wish, Status(), "")))


def add_younger(fleet: Fleet) -> None:
    """Another object names the instance."""
    wish = fleet.objects.stored["shop/o0"].desired
    younger = replace(wish, uid="uid-younger", name="younger", created="2026-02-01T00:00:00Z", generation=1)
    fleet.show(fleet.objects.keep(Resource(younger, Status(), "")))


def leave_to_younger(fleet: Fleet) -> None:
    """Another object names the instance; then the first is deleted."""
    add_younger(fleet)
    del fleet.objects.stored["shop/o0"]
    fleet.store.remove("shop/o0")


def move(fleet: Fleet) -> None:
    """The object is deleted and made again in another namespace, whose credential sees the same."""
    wish = fleet.objects.stored.pop("shop/o0").desired
    fleet.store.remove("shop/o0")
    fleet.show(
        fleet.objects.keep(Resource(replace(wish, uid="uid-moved", namespace="bank", generation=1), Status(), ""))
    )


class Blind(FakeCloud):
    """Another account: it has no such instance."""

    @override
    async def get_instance(self, instance_id: str) -> None:
        await self.reach("instance")


UNKNOWN, ACCEPTED = Unknown("The answer was lost.", ""), Accepted("job-1")


@pytest.mark.parametrize("lose", [wipe, make_anew, leave_to_younger, move])
@pytest.mark.parametrize("outcome", [UNKNOWN, ACCEPTED], ids=["unconfirmed", "accepted"])
@pytest.mark.parametrize("after", [None, 0.1, 20.0], ids=["on-its-way", "answered", "seen"])
def test_a_journal_that_is_lost_while_the_cloud_holds_the_call_leads_to_no_second_one(
    lose: Callable[[Fleet], None], outcome: CallOutcome, after: float | None
) -> None:
    async def story() -> None:
        fleet, cloud = await called(outcome)
        if after is not None:
            cloud.answers.set()
            await asyncio.sleep(after)
        lose(fleet)
        await asyncio.sleep(3)
        cloud.answers.set()
        await asyncio.sleep(100)
        [body] = fleet.objects.stored.values()
        assert body.status.operation is not None
        assert body.status.operation.open
        assert fleet.told[JOURNAL_PUT_BACK] == 1
        cloud.carry_out()
        await asyncio.sleep(60)
        cloud.complete("i0")
        await fleet.until(lambda: fleet.reasons() == {reasons.AS_DECLARED: 1}, 3600)
        await asyncio.sleep(2 * fleet.limits.resync)
        assert len(cloud.enlarged) == 1
        assert cloud.sizes["i0"] == 4
        assert fleet.told[JOURNAL_PUT_BACK] == 1

    skip(story)


def test_a_namespace_that_names_a_stranger_s_instance_is_given_nothing_and_blocks_nothing() -> None:
    """Its own credential does not see the instance, so neither the journal nor a claim is its."""

    async def story() -> None:
        fleet, cloud = await called(ACCEPTED)
        fleet.clouds["bank"] = Blind()
        cloud.answers.set()
        await asyncio.sleep(1)
        wish = fleet.objects.stored["shop/o0"].desired
        move(fleet)
        await asyncio.sleep(60)
        stranger = fleet.objects.stored["bank/o0"].status
        assert (stranger.operation, stranger.instance, stranger.groups) == (None, None, ())
        assert fleet.reasons() == {reasons.INSTANCE_NOT_FOUND: 1}
        younger = replace(wish, uid="uid-back", created="2026-03-01T00:00:00Z", generation=1)
        fleet.show(fleet.objects.keep(Resource(younger, Status(), "")))
        await asyncio.sleep(60)
        assert fleet.objects.stored["shop/o0"].status.operation is not None
        cloud.carry_out()
        await asyncio.sleep(60)
        cloud.complete("i0")
        await fleet.until(lambda: fleet.reasons()[reasons.AS_DECLARED] == 1, 3600)
        assert len(cloud.enlarged) == 1

    skip(story)


def test_what_another_process_has_written_is_remembered_too() -> None:
    async def story() -> None:
        before, cloud = await called(ACCEPTED)
        cloud.answers.set()
        await asyncio.sleep(20)
        await before.queue.stop(1)
        fleet = Fleet(1)
        fleet.cloud = cloud
        fleet.show(fleet.objects.keep(before.objects.stored["shop/o0"]))
        fleet.queue.start()
        await asyncio.sleep(20)
        assert fleet.objects.since(0)["put"] == 0, "it has only read it"
        wipe(fleet)
        await asyncio.sleep(20)
        assert fleet.told[JOURNAL_PUT_BACK] == 1
        assert len(cloud.enlarged) == 1

    skip(story)


def test_a_younger_object_is_not_given_the_journal_of_its_elder() -> None:
    async def story() -> None:
        fleet, cloud = await called(ACCEPTED)
        cloud.answers.set()
        await asyncio.sleep(1)
        add_younger(fleet)
        await asyncio.sleep(60)
        assert fleet.reasons() == {reasons.SCALING_OUT: 1, reasons.INSTANCE_CLAIMED: 1}
        assert fleet.objects.stored["shop/younger"].status.operation is None
        assert fleet.told[JOURNAL_PUT_BACK] == 0

    skip(story)


async def succeeded() -> Fleet:
    """An object whose scale-out from two nodes to four has just ended well."""
    fleet = await running(1)
    fleet.scale(0, 4)
    await fleet.until(lambda: len(fleet.cloud.enlarged) == 1, 60)
    await asyncio.sleep(60)
    fleet.cloud.complete("i0")
    await fleet.until(lambda: fleet.reasons() == {reasons.AS_DECLARED: 1}, 600)
    return fleet


@pytest.mark.parametrize("lose", [wipe, make_anew, leave_to_younger, move])
def test_a_journal_that_is_lost_while_reads_still_lag_leads_to_no_second_call(lose: Callable[[Fleet], None]) -> None:
    async def story() -> None:
        fleet = await succeeded()
        jobs = dict(fleet.cloud.jobs)
        fleet.cloud.jobs.clear()
        fleet.cloud.sizes["i0"] = 2
        lose(fleet)
        await asyncio.sleep(60)
        assert fleet.reasons() == {reasons.SETTLING: 1}
        fleet.cloud.jobs |= jobs
        fleet.cloud.sizes["i0"] = 4
        await fleet.until(lambda: fleet.reasons() == {reasons.AS_DECLARED: 1}, 600)
        assert len(fleet.cloud.enlarged) == 1
        assert fleet.told[JOURNAL_PUT_BACK] == 1

    skip(story)


@pytest.mark.parametrize("lose", [wipe, make_anew, leave_to_younger])
def test_what_was_over_long_ago_is_not_put_back(lose: Callable[[Fleet], None]) -> None:
    async def story() -> None:
        fleet = await succeeded()
        await asyncio.sleep(2 * fleet.limits.settle)
        lose(fleet)
        await fleet.until(lambda: fleet.reasons() == {reasons.AS_DECLARED: 1}, 60)
        assert [body.status.operation for body in fleet.objects.stored.values()] == [None]
        assert fleet.told[JOURNAL_PUT_BACK] == 0
        assert len(fleet.cloud.enlarged) == 1

    skip(story)


def test_a_loss_that_only_the_fresh_read_before_a_call_shows_is_mended_before_it() -> None:
    """The watch is late."""

    async def story() -> None:
        fleet = await succeeded()
        fleet.cloud.jobs.clear()
        fleet.scale(0, 6)
        fleet.objects.keep(replace(fleet.objects.stored["shop/o0"], status=Status()))
        await fleet.until(lambda: len(fleet.cloud.enlarged) == 2, 600)
        assert fleet.told[JOURNAL_PUT_BACK] == 1
        assert [past.to_nodes for past in fleet.status().history] == [4]
        assert [asked.node_number for asked in fleet.cloud.enlarged] == [2, 2]

    skip(story)
