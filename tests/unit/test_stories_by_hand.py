"""Stories that a reader of the code told: each one once ended in a call too many, or in a false word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from ddm_operator.domain.model import Phase, Resource, Status
from ddm_operator.engine.observe import Observer
from ddm_operator.engine.sightings import Sightings
from ddm_simulator import changes, lifecycle
from ddm_simulator.model import Fate
from ddm_simulator.settings import FACTS
from tests.support.cases import desired, nodes, observed, operation
from tests.torture.apiserver import ROOT, Json, copy
from tests.torture.deeds import start
from tests.torture.story import Story
from tests.torture.universe import INSTANCE
from tests.torture.weather import CALL_FAULTS, READ_FAULTS

BUSY = CALL_FAULTS.index({"kind": "error", "status": 409, "code": "DBS.200019"})
LATE = CALL_FAULTS.index({"kind": "late", "seconds": 55.0})


@contextmanager
def told(order: int = 0, gap: float = 0.0) -> Iterator[Story]:
    story = start(1, 15.0, order, gap, key=True)
    try:
        yield story
    finally:
        story.close()


def order_of(*facts: str) -> int:
    """The number of a permutation of what becomes true at a job's end."""

    def shuffled(number: int) -> tuple[str, ...]:
        known = list(FACTS)
        Random(number).shuffle(known)
        return tuple(known)

    return next(number for number in range(1000) if shuffled(number) == facts)


def by_hand(story: Story, nodes_added: int) -> None:
    change = changes.NodesChange.model_validate({"add": nodes_added, "job": True})
    changes.scale(story.universe.world, INSTANCE, change)


@pytest.mark.parametrize("steps", [2, 5, 8, 11, 14])
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


@pytest.mark.parametrize("hours", [0, -1], ids=["by the calendar after it", "by the calendar before it"])
def test_an_older_status_does_not_undo_a_call(hours: int) -> None:
    """It is put back in front of a call that came later, whatever the calendar says."""
    with told() as story:
        story.run(20.0)
        story.people.scale(0, 3)
        story.run(400.0)
        before = copy(story.universe.api.stored["shop/orders"])
        story.set_clock(0, hours)
        story.skies.call_fault(LATE)
        story.people.scale(0, 5)
        story.run(32.0)
        after = copy(story.universe.api.stored["shop/orders"])
        story.people.put_status({**after, "status": before["status"]})
        story.run(900.0)
        assert len(story.universe.instance.nodes) == 5
        assert len(story.oracle.by_entry) == 2


def test_what_was_refused_is_never_put_in_front_of_what_was_done() -> None:
    with told() as story:
        story.run(320.0)
        story.skies.call_fault(BUSY)
        story.people.scale(0, 4)
        story.run(5.0)
        story.replicas[0].clock.wrong_by -= timedelta(seconds=30)
        story.run(900.0)
        assert story.universe.api.stored["shop/orders"]["status"]["operation"]["phase"] == "Succeeded"


def test_nodes_that_stay_of_somebody_elses_failed_job_are_counted() -> None:
    """Their job fails, and what it leaves is listed only later."""
    with told(order_of("status", "job", "count", "health"), 18.0) as story:
        story.run(320.0)
        by_hand(story, 2)
        story.people.scale(0, 5)
        story.run(3.0)
        world, now = story.universe.world, story.universe.clock.now()
        lifecycle.finish(world, story.running_jobs()[0], Fate("fails", kept_nodes=1, reason="quota"), now)
        story.run(900.0)
        assert len(story.universe.instance.nodes) == 5


@pytest.mark.parametrize("how", ["wipe", "recreate"])
def test_an_answer_from_before_its_question_does_not_count_in_a_journal_that_was_put_back(how: str) -> None:
    """Git keeps the annotation on the object."""
    with told() as story:
        story.run(320.0)
        story.skies.call_fault(CALL_FAULTS.index({"kind": "lost", "executed": False}))
        story.people.scale(0, 4)
        story.run(2.0)
        story.skies.read_fault(READ_FAULTS.index({"kind": "unknown-status", "route": "instance*"}), 3000.0)
        story.run(60.0)
        object_ = story.universe.api.stored["shop/orders"]
        answer = f"{object_['status']['operation']['id']}=retry"
        annotated = {"annotations": {"ddm.huaweicloud.com/resolve": answer}}
        path = f"{ROOT}/namespaces/shop/ddminstances"
        story.universe.api.request("PATCH", f"{path}/orders", {"metadata": annotated})
        story.run(700.0)
        status = story.universe.api.stored["shop/orders"]["status"]
        assert (status["operation"]["reason"], status["lastHandledResolve"]) == ("OutcomeUnknown", answer)
        if how == "wipe":
            story.universe.api.request("PATCH", f"{path}/orders/status", {"status": dict.fromkeys(status)})
        else:
            story.universe.api.request("DELETE", f"{path}/orders")
            made = {key: object_[key] for key in ("apiVersion", "kind")}
            made |= {"metadata": {"name": "orders", **annotated}, "spec": {"instanceId": INSTANCE, "nodes": 4}}
            story.universe.api.request("POST", path, made)
        story.run(60.0)
        assert story.universe.api.stored["shop/orders"]["status"]["operation"]["phase"] == "Unconfirmed"


def test_an_api_server_that_drops_the_journal_is_asked_for_no_call() -> None:
    """As an older CRD does, or an admission policy."""
    with told() as story:
        request = story.universe.api.request

        def pruned(method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
            if method == "PUT" and body is not None:
                kept = {key: value for key, value in body["status"].items() if key not in ("operation", "history")}
                body = {**body, "status": kept}
            return request(method, path, body)

        story.universe.api.request = pruned  # type: ignore[method-assign]  # stands in its way
        story.run(20.0)
        story.people.scale(0, 4)
        story.run(900.0)
        assert not story.oracle.by_entry
        conditions = story.universe.api.stored["shop/orders"]["status"]["conditions"]
        assert {said["reason"] for said in conditions if said["type"] == "Stalled"} == {"StatusRefused"}


@pytest.mark.parametrize("seconds", [100.0, 213.0])
def test_what_was_wiped_in_the_middle_of_a_job_is_told_again_at_once(seconds: float) -> None:
    with told() as story:
        story.run(320.0)
        story.skies.job_fault(3)
        story.people.scale(0, 4)
        story.run(seconds)
        story.people.wipe(0)
        story.run(40.0)
        status = story.universe.api.stored["shop/orders"]["status"]
        assert status["instance"]["status"]
        assert status["nodes"] == 2


def test_even_a_defect_is_said_in_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    with told() as story:
        story.run(320.0)

        async def broken(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(Observer, "look", broken)
            story.people.ask(0)
            story.run(60.0)
        conditions = {said["type"]: said for said in story.universe.api.stored["shop/orders"]["status"]["conditions"]}
        assert conditions["Ready"]["reason"] == "Retrying"
        assert "ZeroDivisionError" in conditions["Ready"]["message"]
        story.run(400.0)
        assert story.universe.api.stored["shop/orders"]["status"]["conditions"][0]["reason"] == "AsDeclared"
