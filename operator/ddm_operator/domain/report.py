"""What a pass says: the next ``status`` as one value, whether it is worth a write, and what to announce."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ddm_operator.domain import question
from ddm_operator.domain.again import ADOPTED
from ddm_operator.domain.case import Observed
from ddm_operator.domain.conditions import AVAILABLE, STALLED, conditions
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import (
    MAX_HISTORY,
    MAX_TEXT,
    Condition,
    Desired,
    InstanceStatus,
    Operation,
    Phase,
    Status,
)
from ddm_operator.domain.reasons import CONFIRMING, NEVER_EXECUTED, RESOLVED, SETTLING

SELECTOR_LABEL = "ddm.huaweicloud.com/uid"
"""``status.selector`` for the scale subresource: selects no Pod, and is never empty, which some autoscalers refuse."""

RESOLVE_REFUSED = "ResolveRefused"
"""Reason of the Event about an answer that does nothing."""

JOURNAL_PUT_BACK = "JournalPutBack"
"""Reason of the Event about a journal that was lost."""


def next_status(desired: Desired, before: Status, decision: Decision, seen: Observed | None, now: datetime) -> Status:
    """The status after a decision; ``seen`` is None when nothing could be observed."""
    operation, history = _journal(before, _fitted(decision.operation))
    tally = seen.tally if seen and seen.row else before.groups
    chosen = [group for group in tally if group.id == desired.group_id] or (list(tally) if len(tally) == 1 else [])
    said = conditions(before.conditions, decision, seen, generation=desired.generation, now=now)
    return replace(
        before,
        observed_generation=desired.generation,
        last_handled_reconcile_at=(desired.reconcile_requested_at if seen else "") or before.last_handled_reconcile_at,
        last_handled_resolve=_handled_answer(before, decision),
        nodes=chosen[0].nodes if chosen else None,
        selector=f"{SELECTOR_LABEL}={desired.uid}",
        instance=_instance(before, seen),
        groups=tally,
        operation=operation,
        history=history,
        conditions=tuple(_said(condition) for condition in said),
    )


def putting_back(operation: Operation) -> Decision:
    """What is said while a lost operation is put back into its journal; what comes of it, the next look says."""
    text = "The journal was lost: its status was wiped, or the object made anew. The operator puts back what it knows "
    text += f"of operation {operation.id} and goes on with it; nothing is requested meanwhile."
    if operation.open:
        # The answer that was handled is not known any more: a question is asked anew before one counts.
        return Decision(Verb.CONFIRM, CONFIRMING, text, 0.0, replace(operation, reason=""))
    return Decision(Verb.CONFIRM, SETTLING, text, 0.0, operation)


def put_back_event(operation: Operation) -> Announcement:
    """The Event about it."""
    text = f"The journal had lost operation {operation.id}; it was put back. Leave .status to the operator."
    return Announcement("Warning", JOURNAL_PUT_BACK, text)


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

    @property
    def of_many(self) -> bool:
        """Whether one cause may bring it to every object; what happens to an operation is each one's own."""
        return self.kind == "Warning" and not self.counted


def announcements(before: Status, after: Status) -> list[Announcement]:
    """What happened between two statuses."""
    said = []
    operation = after.operation
    if operation is not None and operation.understood and _mark(before.operation) != _mark(operation):
        said.append(_of_operation(operation))
    answer = after.last_handled_resolve
    if answer and answer != before.last_handled_resolve and not _settled(before, after):
        said.append(Announcement("Warning", RESOLVE_REFUSED, _refused(answer, operation)))
    stalled = {c.reason: c.message for c in after.conditions if c.type == STALLED}
    if not stalled.keys() <= {c.reason for c in before.conditions if c.type == STALLED}:
        said += [Announcement("Warning", reason, message) for reason, message in stalled.items()]
    return said


def _fitting(text: str) -> str:
    """What is compared with what was stored is cut as that is, or every pass would write it again."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 4]} ..."


def _said(condition: Condition) -> Condition:
    if len(condition.message) <= MAX_TEXT:
        return condition
    return replace(condition, message=_fitting(condition.message))


def _fitted(operation: Operation | None) -> Operation | None:
    if operation is None or max(len(operation.message), len(operation.error_code)) <= MAX_TEXT:
        return operation
    return replace(operation, message=_fitting(operation.message), error_code=_fitting(operation.error_code))


def _handled_answer(before: Status, decision: Decision) -> str:
    if decision.answer_withdrawn:
        return ""
    return decision.resolved or decision.unfit_answer or before.last_handled_resolve


def _journal(before: Status, operation: Operation | None) -> tuple[Operation | None, tuple[Operation, ...]]:
    """The journal with an operation put in front."""
    last = before.operation
    if operation is None or last is None or last.id == operation.id:
        return operation or last, before.history
    return operation, _past(last, operation, before.history)


def _past(last: Operation, following: Operation, history: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The history with the latest operation, where that one belongs.

    A request that the cloud refused is told by the ``attempt`` of the next one for the same change. Of calls that were
    never executed the latest of a row stays: it left the operator, and its neighbours say nothing more. What a person
    settled always stays.
    """
    refused = last.phase == Phase.REJECTED and not last.job_id and last.reason not in (RESOLVED, NEVER_EXECUTED)
    if refused and _change(last) == _change(following):
        return history
    again = last.reason == NEVER_EXECUTED and bool(history) and history[0].reason == NEVER_EXECUTED
    if again and _change(history[0]) == _change(last):
        history = history[1:]
    return _kept(following, (last, *history))


def _kept(following: Operation, past: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The latest of the past, and of it the last that was requested here however long others' jobs went on since."""
    kept, older = past[:MAX_HISTORY], past[MAX_HISTORY:]
    if any(not operation.id.startswith(ADOPTED) for operation in (following, *kept)):
        return kept
    own = next((operation for operation in older if not operation.id.startswith(ADOPTED)), None)
    return (*kept[:-1], own) if own is not None else kept


def _change(operation: Operation) -> tuple[str, int | None]:
    return operation.group_id, operation.to_nodes


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


def _settled(before: Status, after: Status) -> bool:
    """Whether a person's answer was carried out between the two."""
    was, now = before.operation, after.operation
    return was is not None and was.open and now is not None and now.id == was.id and now.reason == RESOLVED


def _refused(answer: str, operation: Operation | None) -> str:
    """Why an answer does nothing, and how to answer."""
    if answer in question.answers(operation):
        return (
            f"The annotation {question.ANNOTATION}={answer} came before its question and does nothing, also not "
            "later: the operator is still finding the outcome out by itself. If it says OutcomeUnknown, see in the "
            "task center of DDM whether the nodes were added, remove the annotation and set it anew."
        )
    return (
        f"The annotation {question.ANNOTATION}={answer} answers no open question and does nothing. An answer is "
        "<operation id>=retry or =abandon, with the id that an OutcomeUnknown message names."
    )


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
