"""Many scale-outs under the cloud's limits, and beside a project that hangs: all finish, each is requested once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from ddm_operator.cloud.bucket import Policy
from ddm_operator.cloud.limiter import Limiter, Pace
from ddm_operator.cloud.turns import Turns
from ddm_operator.domain import reasons
from ddm_operator.domain.model import Group, Resource, Status
from ddm_operator.errors import StalledError, TransientError
from ddm_operator.ports import CallOutcome, EnlargeRequest, Refused, Target
from tests.support.cases import desired
from tests.support.skipping import LATENCY, WORKERS, FakeCloud, Fleet, now, running, skip

pytestmark = pytest.mark.usefixtures("hush")

HOUR = 3600.0


class Limited(FakeCloud):
    """Answers so many requests in each window, and 429 with its policy to all others."""

    def __init__(self, pace: Pace, *, reads: Policy | None = None, calls: Policy | None = None) -> None:
        super().__init__()
        self.turns = Turns(Limiter(pace, now), "ddm.example.com")
        self.reads, self.calls = reads, calls
        self.windows: Counter[tuple[str, int]] = Counter()
        self.refused = 0

    @override
    async def reach(self, name: str) -> None:
        await super().reach(name)
        if name != "enlarge" and self.reads is not None and self._over("read", self.reads):
            self.turns.limiter.reads.throttled(now() - LATENCY, min(self.reads.seconds, 60.0), self.reads)
            raise TransientError(reasons.THROTTLED, "The cloud answered 429.", retry_after=self.reads.seconds)

    @override
    async def enlarge(self, request: EnlargeRequest, *, may_leave: Callable[[], bool]) -> CallOutcome:
        if self.calls is not None and self._over("call", self.calls):
            left = now()
            await self.reach("enlarge")
            self.turns.limiter.writes.throttled(left, min(self.calls.seconds, 60.0), self.calls)
            return Refused(reasons.THROTTLED, "The cloud answered 429.", "APIGW.0308", heals=True, sent=True)
        return await super().enlarge(request, may_leave=may_leave)

    def _over(self, kind: str, policy: Policy) -> bool:
        window = kind, int(now() // policy.seconds)
        self.windows[window] += 1
        over = self.windows[window] > policy.limit
        self.refused += over
        return over


async def completing(cloud: FakeCloud) -> None:
    """Jobs take up to a minute."""
    while True:
        await asyncio.sleep(60)
        for job in [job for job in cloud.jobs.values() if job.status == "Running"]:
            cloud.complete(job.instance_id)


async def all_scaled(fleet: Fleet, number: int, seconds: float) -> None:
    work = asyncio.create_task(completing(fleet.cloud))
    for one in range(number):
        fleet.scale(one, 4)
    await fleet.until(
        lambda: set(fleet.cloud.sizes.values()) == {4} and fleet.reasons() == {reasons.AS_DECLARED: number}, seconds
    )
    work.cancel()
    assert Counter(call.instance_id for call in fleet.cloud.enlarged) == {f"i{n}": 1 for n in range(number)}


@pytest.mark.parametrize(
    ("what", "pace", "reads", "calls"),
    [
        ("of reads and calls", Pace(20.0, 40, 20.0, 1000), Policy(50, 10.0), Policy(60, 60.0)),
        ("of our own", Pace(20.0, 40, 2.0, 5), None, None),
    ],
)
def test_a_thousand_scale_outs_under_a_limit_all_finish_and_each_is_requested_once(
    what: str, pace: Pace, reads: Policy | None, calls: Policy | None
) -> None:
    async def story() -> None:
        cloud = Limited(pace, reads=reads, calls=calls)
        fleet = await running(1000, cloud=cloud)
        await all_scaled(fleet, 1000, 6 * HOUR)
        assert cloud.refused < sum(cloud.windows.values()) / 100 or not cloud.windows, what
        for (kind, _), came in cloud.windows.items():
            limit, burst = (50, pace.reads_at_once) if kind == "read" else (60, WORKERS)
            assert came <= limit + burst, what

    skip(story)


def test_two_hundred_requests_in_five_minutes_are_enough_to_begin() -> None:
    """A look has to be fresh at its end; many at once at this pace would make all of them too old."""

    async def story() -> None:
        cloud = Limited(Pace(20.0, 40, 20.0, 1000), reads=Policy(200, 300.0))
        fleet = await running(60, cloud=cloud)
        await all_scaled(fleet, 60, 3 * HOUR)

    skip(story)


def test_who_waits_long_for_a_call_says_so_and_nothing_is_stored_before_its_turn() -> None:
    async def story() -> None:
        cloud = Limited(Pace(100.0, 100, 1 / 60, 1))
        fleet = await running(5, cloud=cloud)
        for one in range(5):
            fleet.scale(one, 4)
        await fleet.until(lambda: fleet.reasons() == {reasons.SCALING_OUT: 1, reasons.THROTTLED: 4}, 30)
        waiting = [one for one in range(5) if fleet.status(one).operation is None]
        assert len(waiting) == 4
        said = {c.message for one in waiting for c in fleet.status(one).conditions if c.type == "Ready"}
        assert len(said) == 1
        assert "DDM_CLOUD_CALLS_PER_SECOND" in said.pop()
        await all_scaled(fleet, 5, HOUR)
        assert fleet.objects.since(0)["put"] <= 5 * 10, "waiting costs no writes"

    skip(story)


@pytest.mark.parametrize(("seconds", "waited"), [(30.0, 20.0), (5.0, 5.0)])
def test_who_may_wait_waits_for_the_calls_under_way_and_not_for_ever(seconds: float, waited: float) -> None:
    async def story() -> None:
        fleet = await running(1)
        enlarge, under_way = fleet.cloud.enlarge, asyncio.Event()

        async def slow(*asked: Any, **how: Any) -> CallOutcome:
            outcome = await enlarge(*asked, **how)
            under_way.set()
            await asyncio.sleep(20)
            return outcome

        fleet.cloud.enlarge = slow  # type: ignore[method-assign]  # a fault of this test alone
        await fleet.actor.calm(seconds)
        assert not under_way.is_set(), "nothing is under way"
        fleet.scale(0, 4)
        await under_way.wait()
        began = now()
        await fleet.actor.calm(seconds)
        assert waited <= now() - began < waited + 0.5

    skip(story)


def test_a_turn_that_was_had_for_nothing_is_given_back() -> None:
    """The API server takes no intent for a while: no call leaves, and none of the few turns is used up."""

    async def story() -> None:
        cloud = Limited(Pace(100.0, 100, 1 / 3600, 1))
        fleet = await running(1, cloud=cloud)
        put, tries = fleet.objects.put_status, 0

        async def no_intents(resource: Resource, status: Status, *, urgent: bool = True) -> Resource:
            nonlocal tries
            if status.operation is None:
                return await put(resource, status, urgent=urgent)
            tries += 1
            raise TransientError(reasons.RETRYING, "The API server answered 503.")

        fleet.objects.put_status = no_intents  # type: ignore[method-assign]  # a fault of this test alone
        fleet.scale(0, 4)
        await fleet.until(lambda: tries > 3, 600)
        assert not cloud.enlarged
        fleet.objects.put_status = put  # type: ignore[method-assign]  # the fault is over
        await fleet.until(lambda: len(cloud.enlarged) == 1, 600)

    skip(story)


class Hanging(FakeCloud):
    """Takes questions and answers none."""

    def __init__(self, project: str) -> None:
        super().__init__()
        self.target = Target("cn-north-4", project)
        self.hanging = 0

    @override
    async def reach(self, name: str) -> None:
        self.hanging += 1
        await asyncio.Event().wait()


def test_a_project_that_hangs_holds_the_workers_of_its_own_lane_and_no_others() -> None:
    async def story() -> None:
        fleet = await running(50)
        bank = fleet.clouds["bank"] = Hanging("p2")
        for n in range(50):
            wish = desired(4, uid=f"b{n}", namespace="bank", name=f"b{n}", instance_id=f"b{n}", project_id="p2")
            fleet.show(fleet.objects.keep(Resource(wish, Status(), "")))
        await fleet.until(lambda: bank.hanging > 0, 60)
        for number in range(50):
            fleet.scale(number, 4)
        await fleet.until(lambda: len(fleet.cloud.enlarged) == 50, HOUR)
        assert sum(fleet.queue.busy(f"bank/b{n}") for n in range(50)) == WORKERS
        assert fleet.queue.depth == 50 - WORKERS, "what waits in its lane is still there"
        assert not await fleet.queue.stop(0), "they hung to the end"

    skip(story)


def test_what_failed_for_one_spec_is_not_told_of_the_next() -> None:
    """Somebody changes the object while a pass over it fails: the failure says nothing of what is declared since."""

    async def story() -> None:
        fleet = await running(1)
        put, told = fleet.objects.put_status, list[tuple[int, set[str]]]()

        async def noted(resource: Resource, status: Status, *, urgent: bool = False) -> Resource:
            stored = await put(resource, status, urgent=urgent)
            told.append((status.observed_generation, {said.reason for said in status.conditions}))
            return stored

        async def refusing(instance_id: str) -> tuple[Group, ...]:
            await asyncio.sleep(5)
            fleet.cloud.list_groups = groups  # type: ignore[method-assign]  # once
            fleet.scale(0, 4, paused=False)
            raise StalledError(reasons.PERMISSION_DENIED, f"Not allowed to ask {instance_id} for what came first.")

        groups = fleet.cloud.list_groups
        fleet.objects.put_status = noted  # type: ignore[method-assign]  # listens
        fleet.cloud.list_groups = refusing  # type: ignore[method-assign]  # a fault of this test alone
        first = fleet.objects.stored["shop/o0"].desired.generation + 1
        await all_scaled(fleet, 1, HOUR)
        assert told
        assert not [seen for seen, said in told if seen > first and reasons.PERMISSION_DENIED in said]

    skip(story)
