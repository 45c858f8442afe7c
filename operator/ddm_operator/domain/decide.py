"""Decide: from what is desired, journaled and observed to the one next step. Pure; the same case, the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from ddm_operator.domain import question, reasons
from ddm_operator.domain.again import asked_again, left_behind
from ddm_operator.domain.case import FAILED_NODE, Case, named
from ddm_operator.domain.claims import awaited, claimed_by
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.guards import FAULTY_STATUS, FROZEN_STATUS
from ddm_operator.domain.model import GroupStatus, Operation

SERVING = frozenset(
    {
        "RUNNING",
        "BACKUP",
        "MODIFY_NAME",
        "RESET_PASSWORD",
        "SET_CONFIGURATION",
        "SWITCH_SSL",
        "CREATE_GROUP",
        "DELETE_GROUP",
        "CREATE_DATABASE",
        "DROP_DATABASE",
        "MIGRATE_DATABASE",
        "ONDEMAND_TO_PERIOD",
        "PERIOD_RESOURCE_SPEC_CHG",
    }
)
"""Instance statuses in which every node goes on serving and none comes or goes."""


class Kind(Protocol):
    """A kind of long-running operation, as far as deciding goes."""

    @property
    def type(self) -> str:
        """Its name in ``status.operation.type``; never changes once released."""

    def propose(self, case: Case, group: GroupStatus) -> Decision | None:
        """Begin, or say what is in the way; None when this kind has nothing to do."""

    def monitor(self, case: Case, operation: Operation) -> Decision:
        """The next step of an open operation."""


def decide(case: Case, kinds: Sequence[Kind]) -> Decision:
    """The next step for one object."""
    withdrawn = not case.desired.resolve and bool(case.status.last_handled_resolve)
    return replace(_next(case, kinds), unfit_answer=question.unfit(case), answer_withdrawn=withdrawn)


def _next(case: Case, kinds: Sequence[Kind]) -> Decision:
    if case.observed.row is None:
        where = f"in project {case.observed.project_id} of region {case.observed.region}"
        text = (
            f"The cloud has no instance {case.desired.instance_id} {where}. If it is elsewhere, make a new object with "
        )
        text += "the right instanceId, region and projectId; delete this one. It is looked for again slowly."
        return _stall(case, reasons.INSTANCE_NOT_FOUND, text)
    operation = case.status.operation
    if operation is not None and operation.open:
        return _go_on(case, operation, kinds)
    return _start(case, kinds)


def _go_on(case: Case, operation: Operation, kinds: Sequence[Kind]) -> Decision:
    kind = next((kind for kind in kinds if kind.type == operation.type), None)
    if kind is None or not operation.understood:
        text = (
            f"The journal holds an operation of type {operation.type} in phase {operation.phase}, which this version "
        )
        text += "does not know. Nothing is requested; run the version that wrote it, or a newer one."
        return _stall(case, reasons.OPERATION_NOT_UNDERSTOOD, text)
    decision = kind.monitor(case, operation)
    closed = decision.operation
    if closed is None or closed.open:
        return decision
    if case.observed.nodes is None or _elsewhere(case):
        return decision  # what follows from it is for a look at the right nodes to say, which the next pass takes
    after = decide(replace(case, status=replace(case.status, operation=closed)), kinds)
    follows = after.operation is not None and after.operation.id != closed.id
    if after.verb is Verb.BEGIN or follows:
        return decision
    return replace(after, operation=after.operation or closed, resolved=decision.resolved, requeue_after=0.0)


def _elsewhere(case: Case) -> bool:
    """Whether the spec names another place by now than where the operation was begun and followed."""
    seen, desired = case.observed, case.desired
    return (desired.region or seen.region, desired.project_id or seen.project_id) != (seen.region, seen.project_id)


def _start(case: Case, kinds: Sequence[Kind]) -> Decision:
    elder = claimed_by(case)
    if elder:
        text = (
            f"{elder} names the same instance and came first. Delete one of the two; this one begins when it is gone."
        )
        return _stall(case, reasons.INSTANCE_CLAIMED, text)
    if case.desired.nodes is None:
        return _rest(case, reasons.OBSERVE_ONLY, "spec.nodes is not set: the instance is observed and never changed.")
    group = _group(case)
    if isinstance(group, Decision):
        return group
    for kind in kinds:
        proposal = kind.propose(case, group)
        if proposal is not None:
            return _elder_first(case, _anew(case, proposal))
    return _at_rest(case, group)


def _anew(case: Case, proposal: Decision) -> Decision:
    """A reconcile request lets the attempts of a closed operation begin anew."""
    last = case.status.operation
    if proposal.operation is None and last is not None and last.attempt and asked_again(case):
        return replace(proposal, operation=replace(last, attempt=0), requeue_after=0.0)
    return proposal


def _elder_first(case: Case, decision: Decision) -> Decision:
    elder = awaited(case) if decision.verb is Verb.BEGIN else None
    if elder is None:
        return decision
    text = f"{elder} names the same instance, came first, and was not looked at yet. Until then this one waits."
    return Decision(Verb.WAIT, reasons.SETTLING, text, case.limits.poll)


def _group(case: Case) -> GroupStatus | Decision:
    groups = case.observed.tally
    listed = ", ".join(f"{group.id} ({group.name}, {group.nodes} nodes)" for group in groups)
    wanted = case.desired.group_id
    if not groups:
        return Decision(Verb.WAIT, reasons.SETTLING, "The cloud shows no node group yet.", case.limits.poll)
    if wanted:
        group = case.observed.group(wanted)
        text = f"The instance has no node group {wanted}. It has: {listed}. Correct spec.groupId."
        return group or _stall(case, reasons.GROUP_NOT_FOUND, text)
    if len(groups) > 1:
        return _stall(
            case, reasons.GROUP_REQUIRED, f"The instance has several node groups: {listed}. Set spec.groupId."
        )
    return groups[0]


def _at_rest(case: Case, group: GroupStatus) -> Decision:
    """The group has the declared count, or more: see whether it also serves."""
    nodes = case.desired.nodes or 0
    if group.nodes > nodes:
        text = f"The group has {group.nodes} nodes, spec.nodes says {nodes}; this operator never removes nodes. "
        text += f"Set spec.nodes to {group.nodes}, or remove nodes in the console."
        return _stall(case, reasons.SCALE_IN_FORBIDDEN, text)
    return _in_the_way(case, group) or _rest(
        case, reasons.AS_DECLARED, f"The group has {nodes} healthy node{'s' if nodes != 1 else ''}, as declared."
    )


def _in_the_way(case: Case, group: GroupStatus) -> Decision | None:
    """Why the nodes that are there do not all serve, or None."""
    status = case.observed.row.status.upper() if case.observed.row else ""
    if status in FROZEN_STATUS:
        text = f"The instance is {status}: its account is in arrears, or it was frozen. Settle that in the console."
        return _stall(case, reasons.INSTANCE_FROZEN, text)
    if status in FAULTY_STATUS:
        return _stall(
            case, reasons.INSTANCE_FAULTY, f"The instance is {status}. Repair it, or ask the cloud's support."
        )
    sick = case.observed.unhealthy(group.id)
    failed = [node for node in sick if node.status.lower() in FAILED_NODE]
    if failed:
        return _stall(case, reasons.NODES_FAILED, f"Nodes that will never serve: {named(failed)}. Delete them.")
    if group.unhealthy_nodes:
        text = f"{group.unhealthy_nodes} of {group.nodes} nodes do not serve" + (f": {named(sick)}." if sick else ".")
        text += " They are looked at again; restart them in the console if they do not recover."
        return left_behind(case, group) or Decision(Verb.WAIT, reasons.NODES_UNHEALTHY, text, case.limits.poll)
    if status not in SERVING:
        text = f"The instance is {status}; waiting until it is RUNNING."
        return Decision(Verb.WAIT, reasons.INSTANCE_BUSY, text, case.limits.poll)
    return None


def _rest(case: Case, reason: str, text: str) -> Decision:
    return Decision(Verb.REST, reason, text, case.limits.resync)


def _stall(case: Case, reason: str, text: str) -> Decision:
    return Decision(Verb.STALL, reason, text, case.limits.recheck)
