"""A list is read where it costs less than looks at single instances, and only there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ddm_operator.domain.model import Resource
from ddm_operator.engine.demand import LOOK, ON_A_PAGE, Demand
from ddm_operator.engine.observe import Observer
from tests.support.cases import LIMITS, operation
from tests.support.skipping import Clock, FakeCloud, now, skip
from tests.unit.test_engine_observe import AT_REST, WAITING

INSTANCES = 10_000
PAGES = 79
WINDOW = 12.0


def objects(like: Resource, count: int) -> list[Resource]:
    return [replace(like, desired=replace(like.desired, instance_id=f"i{number}")) for number in range(count)]


async def requests(like: Resource, count: int, every: float, rounds: int) -> list[int]:
    """Requests of each round, in which every object is looked at once."""
    cloud, observer = FakeCloud(), Observer(Clock(), LIMITS)
    cloud.sizes.update({f"i{number}": 2 for number in range(INSTANCES)})
    counted = []
    for _ in range(rounds):
        began = now()
        for resource in objects(like, count):
            await observer.look(cloud, resource)
        asked = cloud.since(began)
        assert set(asked) <= {"instances", "instance", "groups"}
        counted.append(asked["instances"] * PAGES + asked["instance"] + asked["groups"])
        await asyncio.sleep(began + every - now())
    return counted


@pytest.mark.parametrize(
    ("like", "count", "every", "expected"),
    [
        pytest.param(WAITING, 1, LIMITS.poll, [PAGES, *[LOOK] * 9], id="one that waits"),
        pytest.param(WAITING, 1, LIMITS.recheck, [PAGES, *[LOOK] * 9], id="one that waits for a person"),
        pytest.param(WAITING, 39, LIMITS.poll, [PAGES, *[39 * LOOK] * 9], id="fewer than pages"),
        pytest.param(WAITING, 40, LIMITS.poll, [PAGES] * 10, id="more than pages"),
        pytest.param(WAITING, 500, LIMITS.poll, [PAGES] * 10, id="very many that wait"),
        pytest.param(AT_REST, 1, LIMITS.resync, [PAGES, *[LOOK] * 9], id="one object in a project of many"),
        pytest.param(AT_REST, 500, LIMITS.resync, [PAGES] * 10, id="very many at rest"),
    ],
)
def test_the_cheaper_way_is_taken_and_the_first_time_the_list(
    like: Resource, count: int, every: float, expected: Sequence[int]
) -> None:
    async def story() -> None:
        assert await requests(like, count, every, 10) == expected

    skip(story)


def test_who_waits_takes_what_others_have_just_listed() -> None:
    async def story() -> None:
        cloud, observer = FakeCloud(), Observer(Clock(), LIMITS)
        cloud.sizes.update({f"i{number}": 2 for number in range(INSTANCES)})
        await observer.look(cloud, WAITING)
        await asyncio.sleep(LIMITS.resync)
        for resource in objects(AT_REST, 500):
            await observer.look(cloud, resource)
        began = now()
        await observer.look(cloud, WAITING)
        assert not cloud.since(began)

    skip(story)


def test_after_a_start_with_journals_the_next_round_is_listed_at_once() -> None:
    """All objects were listed after the operator knew them, and each has an operation that is over."""

    async def story() -> None:
        done = replace(AT_REST, status=replace(AT_REST.status, operation=operation("Succeeded")), seen_at=0.0)
        assert await requests(done, 500, LIMITS.resync, 3) == [PAGES] * 3

    skip(story)


def test_one_that_waits_among_those_that_rest_has_no_list_read() -> None:
    async def story() -> None:
        cloud, observer = FakeCloud(), Observer(Clock(), LIMITS)
        cloud.sizes.update({f"i{number}": 2 for number in range(INSTANCES)})
        for resource in objects(AT_REST, 500):
            await observer.look(cloud, resource)
        await asyncio.sleep(LIMITS.resync / 2)
        began = now()
        await observer.look(cloud, WAITING)
        assert cloud.since(began) == {"instance": 1, "groups": 1}

    skip(story)


def test_a_journal_that_is_newer_than_the_list_is_looked_at_by_itself() -> None:
    """A label that changes on one object of ten thousand at rest is no reason to list them all."""

    async def story() -> None:
        cloud, observer = FakeCloud(), Observer(Clock(), LIMITS)
        cloud.sizes.update({f"i{number}": 2 for number in range(INSTANCES)})
        done = replace(AT_REST, status=replace(AT_REST.status, operation=operation("Succeeded")))
        await observer.look(cloud, replace(done, seen_at=now()))
        for _ in range(3):
            await asyncio.sleep(20)
            began = now()
            sight = await observer.look(cloud, replace(done, seen_at=began))
            assert cloud.since(began) == {"instance": 1, "groups": 1}
            assert sight.at >= began

    skip(story)


@pytest.mark.parametrize(
    ("moments", "pays"),
    [
        pytest.param([0], False, id="one"),
        pytest.param([0, 1], True, id="two in the first window"),
        pytest.param([0, WINDOW], False, id="one in each window"),
        pytest.param([0, 1, WINDOW], True, id="two in the one before"),
        pytest.param([0, 1, 2 * WINDOW + 1], False, id="two, long ago"),
        pytest.param([0, WINDOW, WINDOW + 1], True, id="two in this one"),
    ],
)
def test_it_pays_when_looks_have_cost_as_much(*, moments: Sequence[float], pays: bool) -> None:
    demand = Demand(WINDOW)
    for at in moments:
        demand.count(at)
    assert demand.pays(4 * ON_A_PAGE) is pays
    assert demand.pays(2 * ON_A_PAGE)
