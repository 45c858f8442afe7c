"""What a pass says: the next ``status`` as one value, whether it is worth a write, and what to announce."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ddm_operator.domain.case import Observed
from ddm_operator.domain.conditions import AVAILABLE, STALLED, conditions
from ddm_operator.domain.decision import Decision
from ddm_operator.domain.model import MAX_HISTORY, Desired, InstanceStatus, Operation, Phase, Status
from ddm_operator.domain.reasons import RESOLVED

SELECTOR_LABEL = "ddm.huaweicloud.com/uid"
"""``status.selector`` for the scale subresource: selects no Pod, and is never empty, which some autoscalers refuse."""


def next_status(desired: Desired, before: Status, decision: Decision, seen: Observed | None, now: datetime) -> Status:
    """The status after a decision; ``seen`` is None when nothing could be observed."""
    operation, history = _journal(before, decision.operation)
    tally = seen.tally if seen and seen.row else before.groups
    chosen = [group for group in tally if group.id == desired.group_id] or (list(tally) if len(tally) == 1 else [])
    return replace(
        before,
        observed_generation=desired.generation,
        last_handled_reconcile_at=(desired.reconcile_requested_at if seen else "") or before.last_handled_reconcile_at,
        last_handled_resolve=decision.resolved or decision.unfit_answer or before.last_handled_resolve,
        nodes=chosen[0].nodes if chosen else None,
        selector=f"{SELECTOR_LABEL}={desired.uid}",
        instance=_instance(before, seen),
        groups=tally,
        operation=operation,
        history=history,
        conditions=conditions(before.conditions, decision, seen, generation=desired.generation, now=now),
    )


def worth_writing(before: Status, after: Status) -> bool:
    """Whether anything changed that somebody waits for.

    While an operation is open, what the cloud shows of the instance rides along with the journal's own writes.
    """
    return _essence(before) != _essence(after)


@dataclass(frozen=True)
class Announcement:
    """One thing that happened, for the log and for an Event.

    ``kind`` is ``Normal`` or ``Warning``; ``counted`` is the name under which operations are counted, if they are.
    """

    kind: str
    reason: str
    message: str
    counted: str = ""


def announcements(before: Status, after: Status) -> list[Announcement]:
    """What happened between two statuses."""
    said = []
    operation = after.operation
    if operation is not None and operation.understood and _mark(before.operation) != _mark(operation):
        said.append(_of_operation(operation))
    answer = after.last_handled_resolve
    if answer != before.last_handled_resolve and not (
        operation and operation.reason == RESOLVED and _names(answer, operation)
    ):
        text = (
            f"The annotation ddm.huaweicloud.com/resolve={answer} answers no open question and does nothing. An answer "
        )
        text += "is <operation id>=retry or =abandon, with the id that an OutcomeUnknown message names."
        said.append(Announcement("Warning", "ResolveRefused", text))
    stalled = {c.reason: c.message for c in after.conditions if c.type == STALLED}
    if not stalled.keys() <= {c.reason for c in before.conditions if c.type == STALLED}:
        said += [Announcement("Warning", reason, message) for reason, message in stalled.items()]
    return said


def _journal(before: Status, operation: Operation | None) -> tuple[Operation | None, tuple[Operation, ...]]:
    """The journal with an operation put in front; a refused request is replaced by the next one for the same change."""
    last = before.operation
    if operation is None or last is None or last.id == operation.id:
        return operation or last, before.history
    repeated = (
        last.phase == Phase.REJECTED
        and not last.job_id
        and (last.group_id, last.to_nodes)
        == (
            operation.group_id,
            operation.to_nodes,
        )
    )
    return operation, before.history if repeated else (last, *before.history)[:MAX_HISTORY]


def _instance(before: Status, seen: Observed | None) -> InstanceStatus | None:
    if seen is None or seen.row is None:
        return before.instance
    return InstanceStatus(
        name=seen.row.name,
        region=seen.region,
        project_id=seen.project_id,
        status=seen.row.status,
        engine_version=seen.row.engine_version,
        flavor=seen.row.flavor,
        charge_mode="prePaid" if seen.row.order_id else "postPaid",
        node_count=seen.row.node_count,
    )


def _essence(status: Status) -> tuple[Any, ...]:
    busy = status.operation is not None and status.operation.open
    said = tuple(
        (c.type, c.status, c.reason, "" if busy and c.type == AVAILABLE else c.message, c.observed_generation)
        for c in status.conditions
    )
    journal = (status.operation, status.history, status.observed_generation, said)
    handled = (status.last_handled_reconcile_at, status.last_handled_resolve)
    rest = () if busy else (status.nodes, status.selector, status.instance, status.groups)
    return (*journal, *handled, *rest)


def _names(answer: str, operation: Operation) -> bool:
    return answer.rpartition("=")[0] == operation.id


def _mark(operation: Operation | None) -> tuple[str, ...]:
    return (operation.id, operation.phase, operation.job_id) if operation else ()


def _of_operation(operation: Operation) -> Announcement:
    added = (operation.to_nodes or 0) - (operation.from_nodes or 0)
    change = (
        f"{added} more nodes ({operation.from_nodes} to {operation.to_nodes})" if operation.to_nodes else "a scale-out"
    )
    text: dict[str, tuple[str, str, str]] = {
        Phase.REQUESTING: ("Normal", "ScaleOutRequested", f"Requesting {change}."),
        Phase.UNCONFIRMED: ("Warning", "ScaleOutUnconfirmed", f"No certain answer to the request for {change}."),
        Phase.RUNNING: (
            "Normal",
            "ScaleOutRunning",
            f"The cloud adds {change}: job {operation.job_id or 'not listed'}.",
        ),
        Phase.VERIFYING: ("Normal", "ScaleOutVerifying", f"The cloud added {change}; checking that they serve."),
        Phase.SUCCEEDED: ("Normal", "ScaleOutSucceeded", operation.message),
        Phase.FAILED: ("Warning", "ScaleOutFailed", operation.message),
        Phase.REJECTED: (
            "Warning",
            "ScaleOutRejected",
            f"The request for {change} was not executed: {operation.message}",
        ),
        Phase.ABANDONED: ("Warning", "ScaleOutAbandoned", operation.message),
    }
    kind, reason, message = text[operation.phase]
    counted = {"Requesting": "begun", "Running": "followed" if operation.to_nodes else "adopted", "Verifying": ""}
    return Announcement(kind, reason, message, counted.get(operation.phase, operation.phase.lower()))
