"""What is decided when nothing is under way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages, Observed
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Verb
from ddm_operator.domain.model import Desired, Flavor, Job, Phase, Status
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import (
    CODE,
    FLAVOR,
    GROUP,
    JOB,
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
    rival,
)

KINDS = (ScaleOut(),)
TWO_GROUPS = (*nodes(2), *nodes(3, OTHER_GROUP))
REDUCES = Job("j2", "ReduceNode", "Running", "i")
REDUCED = Job("j2", "ReduceNode", "Completed", "i", ended_ago=10.0)
REDUCED_LONG_AGO = Job("j2", "ReduceNode", "Completed", "i", ended_ago=LONG)
SOLD_OUT = Flavor(FLAVOR, CODE, {"cn-north-4a": "sellout", "cn-north-4b": "sellout"})
HALF_SOLD_OUT = Flavor(FLAVOR, CODE, {"cn-north-4a": "sellout"})


def test_missing_nodes_are_planned_with_all_that_proves_them_later() -> None:
    seen = observed(jobs=(job("Completed", ended_ago=LONG),))
    decision = decide(case(seen=seen), KINDS)
    plan = decision.operation
    assert decision.verb is Verb.BEGIN
    assert plan is not None
    assert (plan.from_nodes, plan.to_nodes, plan.group_id, plan.flavor_id) == (2, 4, GROUP, FLAVOR)
    assert plan.baseline_node_ids == tuple(sorted(ids(2)))
    assert plan.baseline_job_ids == (JOB,)
    assert (plan.generation, plan.attempt, plan.phase, plan.region) == (7, 1, Phase.REQUESTING, "cn-north-4")
    assert plan.request_time == NOW
    assert plan.deadline_time is not None
    assert plan.deadline_time > NOW


ROWS: list[tuple[str, Desired, Observed, Verb, str]] = [
    ("as declared", desired(2), observed(), Verb.REST, "AsDeclared"),
    ("observe only", desired(None), observed(), Verb.REST, "ObserveOnly"),
    ("too many", desired(1), observed(), Verb.STALL, "ScaleInForbidden"),
    ("gone", desired(2), observed(row=None), Verb.STALL, "InstanceNotFound"),
    ("paused", desired(4, paused=True), observed(), Verb.WAIT, "Paused"),
    ("paused and as declared", desired(2, paused=True), observed(), Verb.REST, "AsDeclared"),
    ("unknown group", desired(4, group_id="x"), observed(), Verb.STALL, "GroupNotFound"),
    ("several groups", desired(4), observed(TWO_GROUPS), Verb.STALL, "GroupRequired"),
    ("one of several", desired(4, group_id=OTHER_GROUP), observed(TWO_GROUPS), Verb.BEGIN, "ScalingOut"),
    ("a node is sick", desired(2), observed(nodes(2, status="abnormal")), Verb.WAIT, "NodesUnhealthy"),
    ("a node is dead", desired(2), observed(nodes(2, status="createfail")), Verb.STALL, "NodesFailed"),
    ("restarting", desired(2), observed(status="RESTARTING"), Verb.WAIT, "InstanceBusy"),
    ("backup, as declared", desired(2), observed(status="BACKUP"), Verb.REST, "AsDeclared"),
    ("frozen, as declared", desired(2), observed(status="FROZEN"), Verb.STALL, "InstanceFrozen"),
    ("faulty, as declared", desired(2), observed(status="ERROR"), Verb.STALL, "InstanceFaulty"),
    ("unknown status", desired(2), observed(status="POLISHING"), Verb.WAIT, "InstanceBusy"),
    # Guards.
    ("busy", desired(4), observed(status="BACKUP"), Verb.WAIT, "InstanceBusy"),
    ("frozen", desired(4), observed(status="FROZEN"), Verb.STALL, "InstanceFrozen"),
    ("freezing", desired(4), observed(status="FREEZING"), Verb.STALL, "InstanceFrozen"),
    ("faulty", desired(4), observed(status="data_disk_full"), Verb.STALL, "InstanceFaulty"),
    ("yearly", desired(4), observed(order_id="CS1"), Verb.STALL, "YearlyMonthlyInstance"),
    ("a step of nine", desired(11), observed(), Verb.STALL, "StepTooLarge"),
    ("a step of eight", desired(10), observed(), Verb.BEGIN, "ScalingOut"),
    ("more than there may be", desired(30, group_id=GROUP), observed(TWO_GROUPS), Verb.STALL, "NodeLimitExceeded"),
    ("sick node in another group", desired(4, group_id=GROUP),
     observed((*nodes(2), *nodes(1, OTHER_GROUP, "abnormal"))), Verb.WAIT, "NodesUnhealthy"),
    ("no class of that code", desired(4), observed(flavors=()), Verb.STALL, "FlavorNotUsable"),
    ("class of another code", desired(4, flavor_id="f2"), observed(flavors=(Flavor("f2", "ddm.other", {}),)),
     Verb.STALL, "FlavorNotUsable"),
    ("sold out", desired(4), observed(flavors=(SOLD_OUT,)),
     Verb.WAIT, "FlavorSoldOut"),
    ("sold out in one zone", desired(4), observed(flavors=(HALF_SOLD_OUT,)),
     Verb.BEGIN, "ScalingOut"),
    ("somebody reduces", desired(4), observed(jobs=(REDUCES,)), Verb.WAIT, "InstanceBusy"),
    ("somebody reduced just now", desired(4), observed(jobs=(REDUCED,)),
     Verb.WAIT, "Settling"),
    ("somebody reduced long ago", desired(4), observed(jobs=(REDUCED_LONG_AGO,)),
     Verb.BEGIN, "ScalingOut"),
    ("reads disagree", desired(4), observed(nodes=nodes(3)), Verb.WAIT, "Settling"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[name for name, *_ in ROWS])
def test_what_is_decided(row: tuple[str, Desired, Observed, Verb, str]) -> None:
    _, wish, seen, verb, reason = row
    counted = replace(seen, tally=tuple(replace(g, desired_nodes=None) for g in seen.tally))
    decision = decide(case(wish, counted), KINDS)
    assert (decision.verb, decision.reason) == (verb, reason), decision.message


def test_a_running_job_that_the_journal_does_not_know_is_adopted_even_when_nothing_is_missing() -> None:
    for wish in (desired(4), desired(2)):
        decision = decide(case(wish, observed(status="GROWING", jobs=(job(),))), KINDS)
        assert decision.verb is Verb.FOLLOW
        assert decision.operation is not None
        assert (decision.operation.job_id, decision.operation.to_nodes) == (JOB, None)
        assert decision.operation.id


def test_a_node_that_the_last_operation_left_and_a_read_misses_is_waited_for() -> None:
    last = operation(Phase.SUCCEEDED, final_node_ids=ids(4))
    missing = case(desired(5), observed(nodes(3)), last, Ages(closed=LONG))
    assert decide(missing, KINDS).reason == reasons.SETTLING
    long_missing = replace(missing, ages=Ages(closed=LONG, nodes_missed=LONG))
    assert decide(long_missing, KINDS).verb is Verb.BEGIN


def test_the_elder_claims() -> None:
    decision = decide(case(rivals=(rival(),)), KINDS)
    assert (decision.verb, decision.reason) == (Verb.STALL, reasons.INSTANCE_CLAIMED)
    assert "shop/elder" in decision.message


@pytest.mark.parametrize(
    ("other", "verb"),
    [
        (rival("2027-01-01T00:00:00Z"), Verb.BEGIN),
        (rival(seen=False), Verb.BEGIN),
        (rival("2027-01-01T00:00:00Z", operation=operation()), Verb.STALL),
    ],
)
def test_whose_claim_counts(other: object, verb: Verb) -> None:
    assert decide(case(rivals=(other,)), KINDS).verb is verb


def test_an_open_operation_is_followed_whoever_claims() -> None:
    decision = decide(case(seen=observed(jobs=(job(),)), journal=operation(), rivals=(rival(),)), KINDS)
    assert decision.verb is Verb.FOLLOW


def test_abandoned_stays_so_until_the_number_changes() -> None:
    abandoned = operation(Phase.ABANDONED)
    assert decide(case(journal=abandoned), KINDS).reason == reasons.OPERATION_ABANDONED
    assert decide(case(desired(5), journal=abandoned), KINDS).verb is Verb.BEGIN


def test_a_request_by_hand_begins_the_attempts_anew() -> None:
    failed = operation(Phase.FAILED, attempt=3, failures=2)
    asked = case(desired(reconcile_requested_at="now"), journal=failed, ages=Ages(closed=LONG))
    first = decide(asked, KINDS)
    assert first.operation is not None
    assert first.operation.attempt == 0
    second = decide(replace(asked, status=replace(asked.status, operation=first.operation)), KINDS)
    assert second.verb is Verb.BEGIN


def test_without_a_group_nothing_is_begun() -> None:
    decision = decide(case(seen=replace(observed(), tally=())), KINDS)
    assert (decision.verb, decision.reason) == (Verb.WAIT, reasons.SETTLING)


def test_status_of_before_does_not_matter_to_a_plan() -> None:
    assert decide(case(status=Status(observed_generation=-1)), KINDS).verb is Verb.BEGIN
