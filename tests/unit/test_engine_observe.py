"""How fresh a look at the cloud has to be, and whom it may serve."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from weakref import ref

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.model import (
    Condition,
    GroupStatus,
    InstanceStatus,
    Operation,
    Phase,
    Resource,
    Status,
)
from ddm_operator.engine.observe import UNUSED_LOOKS, Observer
from tests.support.cases import CODE, LIMITS, desired, operation
from tests.support.skipping import Clock, FakeCloud, now, skip

INSTANCE = "i0"


def seen(ready: str, reason: str, journal: Operation | None = None, **changes: object) -> Resource:
    """An object whose status says what the cloud shows."""
    status = Status(
        observed_generation=7,
        nodes=2,
        instance=InstanceStatus("ddm", "cn-north-4", "p1", "RUNNING", "3.0.8", CODE, "postPaid", 2),
        groups=(GroupStatus(f"{INSTANCE}-group", nodes=2),),
        operation=journal,
        conditions=(Condition("Ready", ready, reason, ""),),
    )
    resource = Resource(desired(2, instance_id=INSTANCE), status, "1")
    return replace(resource, **changes)  # type: ignore[arg-type]  # fields of it


AT_REST = seen("True", reasons.AS_DECLARED)
WAITING = seen("False", reasons.INSTANCE_BUSY)
UNSURE = seen("Unknown", reasons.CLOUD_UNREACHABLE)


async def lists(resource: Resource, pause: float) -> int:
    """How often the list is asked for by two looks."""
    cloud, observer = FakeCloud(), Observer(Clock(), LIMITS)
    cloud.sizes[INSTANCE] = 2
    await observer.look(cloud, resource)
    await asyncio.sleep(pause)
    await observer.look(cloud, resource)
    assert cloud.since(0)["instance"] == 0
    return cloud.since(0)["instances"]


@pytest.mark.parametrize(
    ("resource", "pause", "expected"),
    [
        (AT_REST, LIMITS.poll, 1),
        (AT_REST, LIMITS.resync / 2, 1),
        (AT_REST, LIMITS.resync, 2),
        (WAITING, 1.0, 1),
        (WAITING, LIMITS.poll, 2),
        (UNSURE, LIMITS.poll, 2),
    ],
)
def test_what_waits_is_looked_at_as_often_as_it_asks(resource: Resource, pause: float, expected: int) -> None:
    async def story() -> None:
        assert await lists(resource, pause) == expected

    skip(story)


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED, Phase.REJECTED])
def test_no_answer_judges_a_journal_that_is_newer(phase: Phase) -> None:
    """The list was read for somebody else, a moment before this operation was closed."""

    async def story() -> None:
        cloud, observer = FakeCloud(), Observer(Clock(), LIMITS)
        cloud.sizes[INSTANCE] = 2
        await observer.look(cloud, AT_REST)
        await asyncio.sleep(1)
        closed = seen("True", reasons.AS_DECLARED, operation(phase), seen_at=now())
        sight = await observer.look(cloud, closed)
        assert sight.at >= closed.seen_at

    skip(story)


@pytest.mark.parametrize("wish", [{"generation": 8}, {"reconcile_requested_at": "now"}, {"resolve": "nothing=abandon"}])
def test_what_somebody_has_just_said_is_not_answered_from_a_list(wish: dict[str, object]) -> None:
    async def story() -> None:
        cloud, observer = FakeCloud(), Observer(Clock(), LIMITS)
        cloud.sizes[INSTANCE] = 2
        asked = replace(AT_REST, desired=replace(AT_REST.desired, **wish))  # type: ignore[arg-type]  # fields of it
        sight = await observer.look(cloud, asked)
        assert cloud.since(0) == {"instance": 1, "groups": 1}
        assert sight.observed.nodes is not None

    skip(story)


@pytest.mark.parametrize("change", ["status", "count"])
def test_a_row_that_differs_is_looked_into(change: str) -> None:
    async def story() -> None:
        cloud, observer = FakeCloud(), Observer(Clock(), LIMITS)
        cloud.sizes[INSTANCE] = 3 if change == "count" else 2
        cloud.statuses[INSTANCE] = "BACKUP" if change == "status" else "RUNNING"
        sight = await observer.look(cloud, AT_REST)
        assert cloud.since(0) == {"instances": 1, "instance": 1, "groups": 1}
        assert sight.observed.nodes is not None

    skip(story)


def test_the_lists_of_clients_that_nobody_uses_any_more_are_let_go() -> None:
    """A credential that is replaced leaves a client behind, each time."""

    async def story() -> None:
        observer, kept = Observer(Clock(), LIMITS), FakeCloud()
        kept.sizes[INSTANCE] = 2
        clients = []
        for _ in range(10):
            cloud = FakeCloud()
            cloud.sizes[INSTANCE] = 2
            clients.append(ref(cloud))
            await observer.look(cloud, AT_REST)
            await observer.look(kept, AT_REST)
            del cloud
            await asyncio.sleep(LIMITS.resync)
        await asyncio.sleep(UNUSED_LOOKS * max(LIMITS.resync, LIMITS.recheck))
        await observer.look(kept, AT_REST)
        fresh = FakeCloud()
        fresh.sizes[INSTANCE] = 2
        await observer.look(fresh, AT_REST)
        gc.collect()
        assert [client() for client in clients] == [None] * 10
        assert kept.since(0)["instances"] > 1

    skip(story)
