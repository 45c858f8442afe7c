"""The scale-out itself: what it plans, what it adopts, what it sends, and when it has what it was for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages, Case
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Job, Operation, Phase, Status
from ddm_operator.operations.scale_out import ScaleOut
from ddm_operator.ports import Accepted
from tests.support.cases import (
    FLAVOR,
    GROUP,
    INSTANCE,
    JOB,
    LIMITS,
    LONG,
    NOW,
    OTHER_GROUP,
    case,
    desired,
    ids,
    job,
    nodes,
    observed,
    operation,
)

KIND = ScaleOut()


def propose(given: Case) -> Decision | None:
    group = given.observed.group(GROUP)
    assert group is not None
    return KIND.propose(given, group)


def plan_of(given: Case) -> Operation:
    decision = propose(given)
    assert decision is not None
    assert decision.verb is Verb.BEGIN
    assert decision.operation is not None
    return decision.operation


def test_its_name_is_released_and_never_changes() -> None:
    assert (KIND.type, KIND.job_name, KIND.growing) == ("ScaleOut", "EnlargeNode", "GROWING")


@pytest.mark.parametrize("wanted", [1, 2, None])
def test_where_nothing_is_missing_nothing_is_proposed(wanted: int | None) -> None:
    assert propose(case(desired(wanted))) is None


def test_the_plan_is_the_whole_intent() -> None:
    seen = observed((*nodes(2), *nodes(3, OTHER_GROUP)), jobs=(job("Completed", ended_ago=LONG),))
    assert plan_of(case(desired(5, group_id=GROUP, generation=9), seen)) == Operation(
        id="",
        type="ScaleOut",
        phase=Phase.REQUESTING,
        group_id=GROUP,
        flavor_id=FLAVOR,
        region="cn-north-4",
        project_id="p1",
        from_nodes=2,
        to_nodes=5,
        baseline_node_ids=ids(2),
        baseline_job_ids=(JOB,),
        generation=9,
        request_time=NOW,
        deadline_time=NOW + timedelta(seconds=LIMITS.deadline),
        attempt=1,
    )


@pytest.mark.parametrize(("wanted", "text"), [(3, "Adding 1 node (2 to 3)"), (4, "Adding 2 nodes (2 to 4)")])
def test_it_is_said_what_is_added(wanted: int, text: str) -> None:
    decision = propose(case(desired(wanted)))
    assert decision is not None
    assert decision.message.startswith(text)
    assert decision.reason == reasons.SCALING_OUT


def test_what_is_paused_is_said_with_what_is_missing() -> None:
    decision = propose(case(desired(4, paused=True)))
    assert decision is not None
    assert (decision.verb, decision.reason, decision.operation) == (Verb.WAIT, reasons.PAUSED, None)
    assert "2 nodes" in decision.message


def test_the_last_operation_is_asked_before_the_guards() -> None:
    """Why nothing happens is told by what was tried, not by what would stop a try."""
    decision = propose(case(seen=observed(order_id="CS1"), journal=operation(Phase.ABANDONED)))
    assert decision is not None
    assert decision.reason == reasons.OPERATION_ABANDONED


@pytest.mark.parametrize(
    ("status", "verb", "wait"), [("FROZEN", Verb.STALL, LIMITS.recheck), ("BACKUP", Verb.WAIT, LIMITS.poll)]
)
def test_a_guard_s_reason_tells_whether_a_person_is_needed(status: str, verb: Verb, wait: float) -> None:
    decision = propose(case(seen=observed(status=status)))
    assert decision is not None
    assert (decision.verb, decision.requeue_after, decision.operation) == (verb, wait, None)


@pytest.mark.parametrize("wanted", [2, 4])
@pytest.mark.parametrize("paused", [0, 1])
def test_a_stranger_s_running_job_is_adopted(wanted: int, paused: int) -> None:
    """Whether or not something is missing, and paused or not: it is there."""
    stranger = job(key="j-2")
    seen = observed(nodes(3), "GROWING", jobs=(job("Completed"), stranger))
    decision = propose(case(desired(wanted, paused=paused == 1), seen, operation(Phase.SUCCEEDED)))
    assert decision is not None
    assert decision.verb is Verb.FOLLOW
    adopted = decision.operation
    assert adopted is not None
    assert (adopted.id, adopted.job_id, adopted.phase) == ("adopted-j-2", "j-2", Phase.RUNNING)
    assert (adopted.to_nodes, adopted.from_nodes, adopted.flavor_id, adopted.attempt) == (None, 3, "", 1)
    assert adopted.understood
    assert adopted.open


@pytest.mark.parametrize(
    "jobs",
    [
        (job(key="j-2"), job(key="j-3")),
        (job(key="j-2", name="ReduceNode"),),
    ],
    ids=["two at once", "one that removes nodes"],
)
def test_what_cannot_be_adopted_is_waited_for(jobs: tuple[Job, ...]) -> None:
    decision = propose(case(seen=observed(jobs=jobs)))
    assert decision is not None
    assert (decision.verb, decision.reason, decision.operation) == (Verb.WAIT, reasons.INSTANCE_BUSY, None)


@pytest.mark.parametrize("status", ["Completed", "Failed"])
def test_a_stranger_s_ended_job_is_not_adopted(status: str) -> None:
    decision = propose(case(seen=observed(jobs=(job(status, key="j-2", ended_ago=5.0),))))
    assert decision is not None
    assert (decision.verb, decision.reason) == (Verb.WAIT, reasons.SETTLING)


def test_a_job_of_the_past_is_not_adopted_again() -> None:
    status = Status(history=(operation(Phase.FAILED, job_id="j-2"),))
    assert propose(case(desired(2), observed(jobs=(job(key="j-2"),)), status=status)) is None


def test_a_second_attempt_knows_that_it_is_one() -> None:
    failed = operation(Phase.FAILED, attempt=1)
    assert plan_of(case(journal=failed, ages=Ages(closed=LONG))).attempt == 2


@pytest.mark.parametrize(
    ("to_nodes", "members", "achieved"),
    [
        (4, nodes(4), True),
        (4, nodes(5), True),
        (4, nodes(3), False),
        (4, (*nodes(3), *nodes(1, status="creating", first=4)), False),
        (4, (*nodes(4), *nodes(1, status="abnormal", first=5)), False),
        (4, (*nodes(4), *nodes(1, OTHER_GROUP, "abnormal")), True),
        (4, (*nodes(2), *nodes(2, OTHER_GROUP)), False),
        (None, nodes(1), True),
        (None, nodes(2, OTHER_GROUP), False),
        (None, nodes(1, status="abnormal"), False),
    ],
)
def test_when_it_has_what_it_was_for(to_nodes: int | None, members: object, achieved: object) -> None:
    assert isinstance(members, tuple)
    given = case(seen=observed(members))
    assert KIND.achieved(given, operation(Phase.VERIFYING, to_nodes=to_nodes)) is achieved


class Recorder:
    """A cloud that keeps what it is asked and answers with a job."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, object]] = []

    async def enlarge(self, request: object, *, may_leave: object) -> Accepted:
        self.asked.append((request, may_leave))
        return Accepted(JOB)


async def test_the_call_asks_for_the_difference_of_the_stored_intent() -> None:
    cloud = Recorder()

    def may_leave() -> bool:
        return True

    intent = replace(plan_of(case(desired(7))), id="op-9")
    outcome = await KIND.begin(cloud, INSTANCE, intent, may_leave)  # type: ignore[arg-type]  # one method of a cloud
    assert outcome == Accepted(JOB)
    [(request, asked)] = cloud.asked
    assert vars(request) == {"instance_id": INSTANCE, "group_id": GROUP, "flavor_id": FLAVOR, "node_number": 5}
    assert asked is may_leave
