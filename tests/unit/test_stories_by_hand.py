"""Stories that a reader of the code told: each one once ended in a call too many, or in a false word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ddm_operator.domain.model import Phase, Resource, Status
from ddm_operator.engine.sightings import Sightings
from ddm_simulator import changes
from tests.support.cases import desired, nodes, observed, operation
from tests.torture.apiserver import copy
from tests.torture.machine import start
from tests.torture.story import Story
from tests.torture.universe import INSTANCE
from tests.torture.weather import CALL_FAULTS

LATE = CALL_FAULTS.index({"kind": "late", "seconds": 55.0})


@contextmanager
def told() -> Iterator[Story]:
    story = start(1, 15.0, 0, 0.0, key=True)
    try:
        yield story
    finally:
        story.close()


def by_hand(story: Story, nodes_added: int) -> None:
    change = changes.NodesChange.model_validate({"add": nodes_added, "job": True})
    changes.scale(story.universe.world, INSTANCE, change)


@pytest.mark.parametrize("steps", [2, 6, 10, 14, 18])
def test_nodes_that_were_counted_long_ago_begin_nothing(steps: int) -> None:
    """Frozen between the count and the intent, for longer than somebody else's job takes and settles."""
    with told() as story:
        story.run(320.0)
        story.people.scale(0, 5)
        story.run(30.0, story.replicas[0], steps)
        assert not story.oracle.intents
        story.replicas[0].frozen_until = story.universe.time + 300.0
        by_hand(story, 2)
        story.run(900.0)
        assert len(story.universe.instance.nodes) == 5


def test_what_the_nodes_were_before_the_jobs_end_says_nothing_of_them_after_it() -> None:
    sightings = Sightings()
    seen = observed(nodes(2))
    looks = ((Phase.RUNNING, 0.0), (Phase.RUNNING, 200.0), (Phase.VERIFYING, 215.0), (Phase.VERIFYING, 230.0))
    ages = [
        sightings.note("shop/orders", Resource(desired(4), Status(operation=operation(phase)), "1"), seen, at)
        for phase, at in looks
    ]
    assert [age.nodes_unchanged for age in ages] == [0.0, 200.0, 0.0, 15.0]


@pytest.mark.parametrize("gap", [0.01, 0.05, 0.08])
def test_a_wiped_elder_lets_no_younger_object_begin(gap: float) -> None:
    with told() as story:
        story.run(20.0)
        story.people.rival(6)
        story.run(400.0)
        story.skies.call_fault(LATE)
        story.people.scale(1, 2, relative=True)
        story.run(32.0)
        story.people.scale(0, 7)
        story.run(gap)
        story.people.wipe(1)
        story.run(900.0)
        assert len(story.oracle.by_entry) == 1


def test_an_older_status_does_not_undo_a_call() -> None:
    with told() as story:
        story.run(20.0)
        story.people.scale(0, 3)
        story.run(400.0)
        before = copy(story.universe.api.stored["shop/orders"])
        story.skies.call_fault(LATE)
        story.people.scale(0, 5)
        story.run(32.0)
        after = copy(story.universe.api.stored["shop/orders"])
        story.people.put_status({**after, "status": before["status"]})
        story.run(900.0)
        assert len(story.universe.instance.nodes) == 5
        assert len(story.oracle.by_entry) == 2
