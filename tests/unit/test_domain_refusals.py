"""Everything that keeps a scale-out from beginning: its own reason, who is to blame, what ends it, and that it ends.

One row for each. The broken case must say all of it; the mended one must begin, with nothing but the cause gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages, Observed
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.guards import FAULTY_STATUS, FROZEN_STATUS
from ddm_operator.domain.model import (
    MAX_NODES,
    DataNode,
    Desired,
    Flavor,
    Job,
    Node,
    Operation,
    Phase,
    Resource,
    Schema,
)
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import (
    CODE,
    FLAVOR,
    GROUP,
    INSTANCE,
    LIMITS,
    LONG,
    OTHER_GROUP,
    case,
    desired,
    ids,
    nodes,
    observed,
    operation,
    rival,
)

KINDS = (ScaleOut(),)
TWO_GROUPS = (*nodes(2), *nodes(3, OTHER_GROUP))
GROWN = observed(TWO_GROUPS)
WAITED = Ages(closed=LONG)
SETTLED = Ages(closed=LONG, nodes_missed=LONG)
ARM = Flavor("f-arm", CODE, {})
LARGE = tuple(replace(group, cpu=16) if group.id == OTHER_GROUP else group for group in GROWN.groups or ())


def sick(status: str, group: str = GROUP) -> Observed:
    return observed((*nodes(2), *nodes(1, group, status, first=7)))


def sold(**zones: str) -> Observed:
    return observed(flavors=(Flavor(FLAVOR, CODE, {zone.replace("_", "-"): how for zone, how in zones.items()}),))


def schema(name: str, status: str = "RUNNING", *rds: DataNode) -> Observed:
    healthy = Schema("stock", "RUNNING", (DataNode("r0", "rds-stock", "normal"),))
    return observed(schemas=(healthy, Schema(name, status, rds)))


@dataclass(frozen=True)
class Row:
    """A cause, what is said of it, and the same case without the cause (by default the healthy one)."""

    reason: str
    names: tuple[str, ...]
    ends: str
    seen: Observed = field(default_factory=observed)
    wish: Desired = field(default_factory=desired)
    journal: Operation | None = None
    rivals: tuple[Resource, ...] = ()
    ages: Ages = WAITED
    mended_seen: Observed | None = None
    mended_wish: Desired | None = None
    mended_ages: Ages = WAITED


ROWS: dict[str, Row] = {
    "not RUNNING": Row(
        reasons.INSTANCE_BUSY, ("BACKUP",), "RUNNING again", observed(status="BACKUP")),
    "a status that nobody knows": Row(
        reasons.INSTANCE_BUSY, ("POLISHING",), "RUNNING again", observed(status="POLISHING")),
    "being released": Row(
        reasons.INSTANCE_BUSY, ("UNFREEZING",), "RUNNING again", observed(status="UNFREEZING")),
    **{f"frozen: {status}": Row(
        reasons.INSTANCE_FROZEN, (status, "arrears"), "Settle that in the console", observed(status=status))
       for status in sorted(FROZEN_STATUS)},
    **{f"faulty: {status}": Row(
        reasons.INSTANCE_FAULTY, (status,), "Repair it", observed(status=status))
       for status in sorted(FAULTY_STATUS)},
    "an unhealthy node": Row(
        reasons.NODES_UNHEALTHY, (nodes(1, first=7)[0].id, "abnormal"), "once they all do", sick("abnormal")),
    "an unhealthy node of another group": Row(
        reasons.NODES_UNHEALTHY, (nodes(1, OTHER_GROUP, first=7)[0].id, "abnormal"), "once they all do",
        sick("abnormal", OTHER_GROUP), desired(group_id=GROUP)),
    "a node of which the cloud says nothing": Row(
        reasons.NODES_UNHEALTHY, (nodes(1, first=7)[0].id, "no status"), "once they all do", sick("")),
    "a node that never serves": Row(
        reasons.NODES_FAILED, (nodes(1, first=7)[0].id, "enlargefail"), "Delete them", sick("enlargefail")),
    "an RDS instance that is not normal": Row(
        reasons.DATA_NODES_NOT_READY, ("orders", "rds-two (BACKING UP)"), "once they are",
        schema("orders", "RUNNING", DataNode("r1", "rds-one", "normal"), DataNode("r2", "rds-two", "BACKING UP"))),
    "an RDS instance without a name and a status": Row(
        reasons.DATA_NODES_NOT_READY, ("r2 (no status)",), "once they are",
        schema("orders", "RUNNING", DataNode("r2", "", ""))),
    "a schema that expands": Row(
        reasons.SCHEMA_EXPANDING, ("orders", "EXPANDING"), "when that has ended", schema("orders", "EXPANDING")),
    "a schema that rolls back": Row(
        reasons.SCHEMA_EXPANDING, ("orders",), "when that has ended", schema("orders", "ROLLING_BACK")),
    "sold out": Row(
        reasons.FLAVOR_SOLD_OUT, (CODE, "cn-north-4a", "cn-north-4b"), "on sale again",
        sold(cn_north_4a="sellout", cn_north_4b="sellout"), mended_seen=sold(cn_north_4a="sellout")),
    "more than 32 nodes": Row(
        reasons.NODE_LIMIT_EXCEEDED, (f"3 in {OTHER_GROUP}", "30 nodes here", str(MAX_NODES)),
        "Lower spec.nodes to at most 29", GROWN, desired(30, group_id=GROUP), mended_wish=desired(5, group_id=GROUP)),
    "more than 32 nodes with those that do not serve": Row(
        reasons.NODE_LIMIT_EXCEEDED, (f"28 in {OTHER_GROUP}", "healthy or not"), "at most 4",
        observed((*nodes(2), *nodes(28, OTHER_GROUP, "abnormal"))), desired(5, group_id=GROUP),
        mended_seen=observed((*nodes(2), *nodes(27, OTHER_GROUP)))),
    "a step that is too large": Row(
        reasons.STEP_TOO_LARGE, ("28 more nodes", "at most 8"), "Set spec.nodes to 10 or less", wish=desired(30),
        mended_wish=desired(3)),
    "unknown group": Row(
        reasons.GROUP_NOT_FOUND, ("gr-typo", GROUP, OTHER_GROUP), "Correct spec.groupId", GROWN,
        desired(group_id="gr-typo"), mended_wish=desired(group_id=GROUP)),
    "several groups and none named": Row(
        reasons.GROUP_REQUIRED, (GROUP, OTHER_GROUP), "Set spec.groupId", GROWN,
        mended_wish=desired(group_id=GROUP)),
    "groups of different classes": Row(
        reasons.FLAVOR_AMBIGUOUS, (GROUP,), "Set spec.flavorId", replace(GROWN, groups=LARGE), desired(group_id=GROUP),
        mended_wish=desired(group_id=GROUP, flavor_id=FLAVOR)),
    "one class under two ids": Row(
        reasons.FLAVOR_AMBIGUOUS, (CODE, FLAVOR, "f-arm"), "Set spec.flavorId",
        observed(flavors=(Flavor(FLAVOR, CODE, {}), ARM)), mended_wish=desired(flavor_id=FLAVOR)),
    "a class that is not offered": Row(
        reasons.FLAVOR_NOT_USABLE, ("f-typo",), "Set spec.flavorId", wish=desired(flavor_id="f-typo"),
        mended_wish=desired()),
    "another class than the group's": Row(
        reasons.FLAVOR_NOT_USABLE, ("ddm.other", CODE), "Remove spec.flavorId",
        observed(flavors=(Flavor("f-2", "ddm.other", {}), Flavor(FLAVOR, CODE, {}))), desired(flavor_id="f-2"),
        mended_wish=desired()),
    "a class that is not offered any more": Row(
        reasons.FLAVOR_NOT_USABLE, (CODE,), "Set spec.flavorId", observed(flavors=())),
    "yearly/monthly": Row(
        reasons.YEARLY_MONTHLY, ("CS1810251738L8VVD",), "Scale it in the console",
        observed(order_id="CS1810251738L8VVD")),
    "gone": Row(
        reasons.INSTANCE_NOT_FOUND, (INSTANCE, "project p1", "region cn-north-4"), "the right instanceId",
        replace(observed(), row=None)),
    "claimed by an older object": Row(
        reasons.INSTANCE_CLAIMED, ("shop/elder",), "begins when it is gone", rivals=(rival(),)),
    "too many nodes, and none may go": Row(
        reasons.SCALE_IN_FORBIDDEN, ("5 nodes", "says 4"), "Set spec.nodes to 5", observed(nodes(5))),
    "somebody else's job": Row(
        reasons.INSTANCE_BUSY, ("ReduceNode j-2", "Running"), "waiting for its end",
        observed(jobs=(Job("j-2", "ReduceNode", "Running", INSTANCE),)),
        mended_seen=observed(jobs=(Job("j-2", "ReduceNode", "Completed", INSTANCE, ended_ago=LONG),))),
    "somebody else's job has just ended": Row(
        reasons.SETTLING, ("ReduceNode j-2",), "counted again 180 s after",
        observed(jobs=(Job("j-2", "ReduceNode", "Completed", INSTANCE, ended_ago=1.0),)),
        mended_seen=observed(jobs=(Job("j-2", "ReduceNode", "Completed", INSTANCE, ended_ago=LONG),))),
    "a node is not shown any more": Row(
        reasons.SETTLING, (ids(3)[2],), "taken for removed", journal=operation(Phase.SUCCEEDED, final_node_ids=ids(3)),
        mended_ages=SETTLED),
    "no group is shown": Row(
        reasons.SETTLING, ("no node group",), "yet", replace(observed(), tally=())),
    "paused": Row(
        reasons.PAUSED, ("2 nodes are missing",), "spec.paused is false", wish=desired(paused=True),
        mended_wish=desired()),
}  # fmt: skip


def judged(row: Row, *, mended: bool = False) -> Decision:
    if not mended:
        return decide(case(row.wish, row.seen, row.journal, row.ages, rivals=row.rivals), KINDS)
    broken_wish = row.mended_wish is not None
    wish = row.mended_wish or row.wish
    seen = row.mended_seen or (row.seen if broken_wish else observed(wish=wish))
    return decide(case(wish, seen, row.journal, row.mended_ages), KINDS)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_what_is_in_the_way_is_called_by_name(row: Row) -> None:
    decision = judged(row)
    assert decision.reason == row.reason, decision.message
    for part in (*row.names, row.ends):
        assert part in decision.message
    assert decision.operation is None


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_what_heals_is_looked_at_soon_and_what_a_person_must_mend_slowly(row: Row) -> None:
    decision = judged(row)
    pause = {reasons.PAUSED: LIMITS.resync}.get(row.reason, LIMITS.poll)
    expected = (Verb.STALL, LIMITS.recheck) if row.reason in reasons.STALLING else (Verb.WAIT, pause)
    assert (decision.verb, decision.requeue_after) == expected


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_it_ends_by_itself_when_its_cause_ends(row: Row) -> None:
    decision = judged(row, mended=True)
    assert decision.verb is Verb.BEGIN, decision.message


CONDITIONS_OF_THE_CLOUD = {
    reasons.CLOUD_UNREACHABLE, reasons.CLOUD_INTERNAL_ERROR, reasons.CLOUD_ANSWER_UNREADABLE, reasons.THROTTLED,
    reasons.QUOTA_EXCEEDED, reasons.REQUEST_INVALID, reasons.REQUEST_REFUSED, reasons.INVALID_SPEC,
    reasons.STATUS_REFUSED, reasons.CREDENTIALS_MISSING, reasons.CREDENTIALS_REJECTED, reasons.PERMISSION_DENIED,
    reasons.PROJECT_NOT_FOUND, reasons.ENDPOINT_NOT_FOUND,
}  # fmt: skip
"""What asking says; tests of the cloud client and of setbacks are about them."""
OF_AN_OPERATION = {
    reasons.SCALING_OUT, reasons.CONFIRMING, reasons.VERIFYING, reasons.RETRYING, reasons.OUTCOME_UNKNOWN,
    reasons.OPERATION_OVERDUE, reasons.OPERATION_ABANDONED, reasons.OPERATION_NOT_UNDERSTOOD, reasons.SCALE_OUT_FAILED,
    reasons.SCALE_OUT_PARTIAL,
}  # fmt: skip
"""What is said of an operation; the phase table's tests are about them."""


def test_no_reason_is_without_a_row() -> None:
    covered = {row.reason for row in ROWS.values()} | CONDITIONS_OF_THE_CLOUD | OF_AN_OPERATION
    assert covered == reasons.CONDITION_REASONS - reasons.DONE


SICK_AT_REST: list[tuple[tuple[Node, ...], str, str]] = [
    ((*nodes(3), *nodes(1, status="abnormal", first=4)), reasons.NODES_UNHEALTHY, "restart them"),
    ((*nodes(3), *nodes(1, status="enlargefail", first=4)), reasons.NODES_FAILED, "Delete them"),
]


@pytest.mark.parametrize(("members", "reason", "ends"), SICK_AT_REST)
def test_nodes_that_do_not_serve_are_named_also_when_none_is_missing(
    members: tuple[Node, ...], reason: str, ends: str
) -> None:
    decision = decide(case(seen=observed(members)), KINDS)
    assert decision.reason == reason
    assert f"{members[3].id} ({members[3].status})" in decision.message
    assert ends in decision.message
    assert decide(case(seen=observed(nodes(4))), KINDS).verb is Verb.REST


def test_nodes_that_were_only_counted_are_counted() -> None:
    """Where the nodes were not read the list tells no ids."""
    seen = replace(observed((*nodes(3), *nodes(1, status="abnormal", first=4))), nodes=None)
    decision = decide(case(seen=seen), KINDS)
    assert decision.reason == reasons.NODES_UNHEALTHY
    assert "1 of 4 nodes" in decision.message
