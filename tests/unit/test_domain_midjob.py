"""What is declared while an operation is open: nothing about the operation, and what comes after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Verb
from ddm_operator.domain.model import Phase
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import GROUP, OTHER_GROUP, case, desired, ids, job, nodes, observed, operation

KINDS = (ScaleOut(),)


def test_a_spec_that_changes_during_a_job_changes_nothing_about_the_job() -> None:
    journal = operation()
    decision = decide(case(desired(9, generation=8), observed(jobs=(job(),)), journal), KINDS)
    assert decision.verb is Verb.FOLLOW
    assert decision.operation is not None
    assert (decision.operation.to_nodes, decision.operation.generation) == (4, 7)


@pytest.mark.parametrize(
    "changes",
    [
        {"group_id": OTHER_GROUP},
        {"nodes": 3},
        {"nodes": 1},
        {"nodes": None},
        {"flavor_id": "f-9"},
        {"region": "cn-south-1", "project_id": "p9"},
        {"paused": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("phase", [Phase.REQUESTING, Phase.UNCONFIRMED, Phase.RUNNING, Phase.VERIFYING])
def test_whatever_is_declared_meanwhile_the_operation_goes_on_as_it_was_begun(
    phase: Phase, changes: dict[str, object]
) -> None:
    two_groups = observed((*nodes(2), *nodes(3, OTHER_GROUP)), jobs=(job(),))
    wish = replace(desired(4, group_id=GROUP), generation=8)
    same = decide(case(wish, two_groups, operation(phase)), KINDS)
    other = replace(wish, **changes)  # type: ignore[arg-type]  # fields of it
    assert decide(case(other, two_groups, operation(phase)), KINDS) == same
    assert same.operation is not None
    assert same.operation.group_id == GROUP


def test_a_group_that_is_declared_during_a_job_is_counted_after_it() -> None:
    """The job's own group is verified, and the other one planned from what is there."""
    seen = observed((*nodes(4), *nodes(3, OTHER_GROUP)))
    wish = desired(4, group_id=OTHER_GROUP, generation=8)
    ended = decide(case(wish, seen, operation(Phase.VERIFYING)), KINDS)
    assert ended.operation is not None
    assert (ended.operation.phase, ended.operation.final_node_ids) == (Phase.SUCCEEDED, tuple(sorted(ids(4))))
    begin = decide(case(wish, seen, ended.operation, Ages(closed=0.0)), KINDS)
    assert begin.verb is Verb.BEGIN
    assert begin.operation is not None
    plan = begin.operation
    assert (plan.group_id, plan.from_nodes, plan.to_nodes, plan.attempt) == (OTHER_GROUP, 3, 4, 1)


@pytest.mark.parametrize(
    ("changes", "ready"),
    [({}, True), ({"project_id": "p1"}, True), ({"project_id": "p9"}, False), ({"region": "cn-south-1"}, False)],
    ids=str,
)
def test_a_place_that_is_declared_during_a_job_is_not_called_ready_by_a_look_at_the_old_one(
    changes: dict[str, str], *, ready: bool
) -> None:
    wish = replace(desired(4, generation=8), **changes)  # type: ignore[arg-type]  # fields of it
    ended = decide(case(wish, observed(nodes(4)), operation(Phase.VERIFYING)), KINDS)
    assert ended.operation is not None
    assert ended.operation.phase == Phase.SUCCEEDED
    assert (ended.reason == reasons.AS_DECLARED) is ready
