"""The phase table: what becomes of an open operation, given what is seen of it.

Two rules hold throughout. A cloud read judges only a journal that was stored before the read began; the engine sees to
that. And a deadline never closes anything: only evidence does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from ddm_operator.domain import question, reasons
from ddm_operator.domain.case import Case, named
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Job, Operation, Phase

RUNNING = "RUNNING"
"""The instance status in which nothing is going on."""

PROGRESS_STEP = 10
"""Percentage points between two reported values: a status write each would wake every GitOps tool that watches."""


DONE_PERCENT = 100
"""Only the cloud's own "Completed" is reported so."""


class Traits(Protocol):
    """What the phases need to know of a kind of operation."""

    @property
    def job_name(self) -> str:
        """The cloud's name for its job."""

    @property
    def growing(self) -> str:
        """The instance status while that job works."""

    def achieved(self, case: Case, operation: Operation) -> bool:
        """Whether what the operation was for holds."""


def follow(case: Case, operation: Operation, traits: Traits) -> Decision:
    """The next step of an open operation of a known phase."""
    phases: dict[str, Callable[[Case, Operation, Traits], Decision]] = {
        Phase.REQUESTING: _requesting,
        Phase.UNCONFIRMED: _unconfirmed,
        Phase.RUNNING: _running,
        Phase.VERIFYING: _verifying,
    }
    decision = _noting_the_question(phases[operation.phase](case, operation, traits))
    moved = decision.operation is not None and decision.operation.phase != operation.phase
    deadline = operation.deadline_time
    if moved or decision.verb is Verb.STALL or deadline is None or _calendar(case) < deadline:
        return decision
    return replace(
        decision,
        verb=Verb.STALL,
        reason=reasons.OPERATION_OVERDUE,
        message=f"The operation should have ended by {deadline:%Y-%m-%dT%H:%M:%SZ} and is still in "
        f"phase {operation.phase}. It stays open and is followed slowly; nothing is requested meanwhile. Look at the "
        f"job in the task center of DDM{_job(operation)}.",
        requeue_after=case.limits.recheck,
    )


def _requesting(case: Case, operation: Operation, _traits: Traits) -> Decision:
    if case.never_sent:
        return close(case, operation, Phase.REJECTED, reasons.NOT_SENT, "The call never left the operator.")
    waiting = replace(
        operation,
        phase=Phase.UNCONFIRMED,
        message="The call may have been sent; whether the cloud executed it is being found out.",
    )
    return _confirm(case, waiting)


def _unconfirmed(case: Case, operation: Operation, traits: Traits) -> Decision:
    unknown = unknown_jobs(case, operation, traits.job_name)
    if len(unknown) == 1:
        return _run(case, replace(operation, job_id=unknown[0].id), "The cloud lists the job of the lost answer.")
    if len(unknown) > 1:
        listed = ", ".join(job.id for job in unknown)
        return _outcome_unknown(case, operation, f"Several jobs could be the one that was asked for: {listed}.")
    row = case.observed.row
    status = row.status.upper() if row else ""
    if _grown(case, operation) or status == traits.growing:
        return _run(case, operation, "The instance grows, so the call was executed; its job is not listed.")
    asked = case.observed.jobs is not None and case.observed.nodes is not None
    if asked and status == RUNNING and case.ages.operation >= case.limits.settle:
        text = "No job, no new node and no growth for a settle period: the call was not executed."
        return close(case, operation, Phase.REJECTED, reasons.NEVER_EXECUTED, text)
    if question.is_open(operation) or _waited(case, operation) >= case.limits.unconfirmed:
        text = "Neither a job nor a new node shows whether the call was executed."
        if status != RUNNING:
            text = f"The instance is {status}, which hides whether the call was executed."
        return _outcome_unknown(case, operation, text)
    return _confirm(case, operation)


def _running(case: Case, operation: Operation, traits: Traits) -> Decision:
    job = _job_of(case, operation, traits.job_name)
    if job is None:
        return _by_counting(case, operation, traits)
    operation = replace(operation, job_id=job.id)
    if job.status == "Completed":
        return _verify(replace(operation, progress_percent=DONE_PERCENT))
    if job.status == "Failed":
        return close(case, operation, Phase.FAILED, reasons.JOB_FAILED, job.fail_reason or "The cloud gave no reason.")
    return _following(
        case, replace(operation, progress_percent=_step(operation.progress_percent, job.progress_percent))
    )


def _by_counting(case: Case, operation: Operation, traits: Traits) -> Decision:
    """Follow an operation whose job cannot be seen. What was accepted is never declared failed by counting."""
    asked, quiet = question.is_open(operation), _quiet(case)
    if operation.job_id and case.ages.job_missing < case.limits.job_missing and not asked:
        return _following(case, operation)
    accepted = bool(operation.job_id or operation.order_id) and operation.to_nodes is not None
    if quiet and (traits.achieved(case, operation) or not accepted):
        return _verify(operation)
    if accepted and (asked or (quiet and _waited(case, operation) >= case.limits.unconfirmed)):
        return _outcome_unknown(
            case, operation, "The cloud accepted the call, but shows neither its job nor all of its nodes."
        )
    return _following(case, operation)


def _verifying(case: Case, operation: Operation, traits: Traits) -> Decision:
    nodes = case.observed.node_ids(operation.group_id)
    row = case.observed.row
    running = row is not None and row.status.upper() == RUNNING
    quiet = _quiet(case)
    requested_here = operation.to_nodes is not None
    final = replace(operation, final_node_ids=tuple(sorted(nodes)))
    if running and traits.achieved(case, operation) and (requested_here or quiet):
        return close(case, final, Phase.SUCCEEDED, "", f"The group has {len(nodes)} healthy nodes.")
    unsaid = requested_here and operation.job_id and operation.progress_percent != DONE_PERCENT
    if unsaid and (quiet or question.is_open(operation)):
        return _outcome_unknown(case, operation, "The cloud never said how its job ended, and not every node serves.")
    if quiet:
        return close(case, final, Phase.FAILED, reasons.PARTIAL, _missing(case, operation, len(nodes)))
    return Decision(
        Verb.VERIFY,
        reasons.VERIFYING,
        f"{_change(operation)}: the cloud's job is done; waiting until every node of the group serves.",
        case.limits.poll,
        operation,
    )


def close(case: Case, operation: Operation, phase: Phase, reason: str, text: str) -> Decision:
    """Close an operation; what follows from that is decided anew on the same observation."""
    closed = replace(operation, phase=phase, reason=reason, message=text, completion_time=case.now)
    return Decision(Verb.WAIT, reasons.RETRYING, f"{_change(operation)}: {text}", 0.0, closed)


def unknown_jobs(case: Case, operation: Operation, job_name: str) -> tuple[Job, ...]:
    """Jobs of that name which were not there when the operation was planned, and which no earlier one owns."""
    known = {*operation.baseline_job_ids, *(past.job_id for past in case.status.history)}
    return tuple(job for job in case.observed.jobs or () if job.name == job_name and job.id not in known)


def _job_of(case: Case, operation: Operation, job_name: str) -> Job | None:
    if operation.job_id:
        return next((job for job in case.observed.jobs or () if job.id == operation.job_id), None)
    if operation.order_id:
        return None
    unknown = unknown_jobs(case, operation, job_name)
    return unknown[0] if len(unknown) == 1 else None


def _run(case: Case, operation: Operation, text: str) -> Decision:
    running = replace(operation, phase=Phase.RUNNING, start_time=case.now, message=text)
    return _following(case, running)


def _verify(operation: Operation) -> Decision:
    verifying = replace(operation, phase=Phase.VERIFYING, message="The job is done; the new nodes are being looked at.")
    return Decision(
        Verb.VERIFY,
        reasons.VERIFYING,
        f"{_change(operation)}: the cloud's job is done; waiting until every node of the group serves.",
        0.0,
        verifying,
    )


def _following(case: Case, operation: Operation) -> Decision:
    return Decision(Verb.FOLLOW, reasons.SCALING_OUT, following(operation), case.limits.poll, operation)


def following(operation: Operation) -> str:
    """What is said of a running operation."""
    at = f" at {operation.progress_percent} %" if operation.progress_percent is not None else ""
    job = f"job {operation.job_id}{at}" if operation.job_id else "its job is not listed, so the nodes are counted"
    return f"{_change(operation)}: {job}."


def _confirm(case: Case, operation: Operation) -> Decision:
    return Decision(Verb.CONFIRM, reasons.CONFIRMING, confirming(operation), case.limits.poll, operation)


def confirming(operation: Operation) -> str:
    """What is said of an operation whose call has no certain answer."""
    return (
        f"{_change(operation)}: the answer to the call is not known. The operator looks for its job and its nodes and "
        "requests nothing until that is settled."
    )


def _outcome_unknown(case: Case, operation: Operation, text: str) -> Decision:
    """Ask a person, or carry out what one has answered."""
    answered = question.answered(case)
    if answered is not None:
        said = f"Settled by a person: {case.desired.resolve}."
        decision = close(case, operation, answered, reasons.RESOLVED, said)
        return replace(decision, resolved=case.desired.resolve)
    return Decision(
        Verb.STALL,
        reasons.OUTCOME_UNKNOWN,
        f"{_change(operation)}: {text} Nothing is requested until a person settles it: see in the task center of DDM "
        f"that its job has ended and whether the nodes were added, then {question.how_to_answer(case)}",
        case.limits.recheck,
        operation,
    )


def _noting_the_question(decision: Decision) -> Decision:
    """The journal says whether a person was asked; the question stays open until evidence answers it."""
    operation = decision.operation
    if operation is None or not operation.open:
        return decision
    asked = decision.reason == reasons.OUTCOME_UNKNOWN
    if asked == question.is_open(operation):
        return decision
    return replace(decision, operation=replace(operation, reason=reasons.OUTCOME_UNKNOWN if asked else ""))


def _quiet(case: Case) -> bool:
    """Whether the nodes were looked at, and have stayed what they are for a settle period, the instance RUNNING."""
    row = case.observed.row
    running = row is not None and row.status.upper() == RUNNING
    return running and case.observed.nodes is not None and case.ages.nodes_unchanged >= case.limits.settle


def _grown(case: Case, operation: Operation) -> bool:
    return bool(case.observed.node_ids(operation.group_id) - set(operation.baseline_node_ids))


def _calendar(case: Case) -> datetime:
    """Now, by the wall clock as it went when this process first saw the operation: its times were told by that one."""
    return case.now - timedelta(seconds=case.ages.clock_step)


def _waited(case: Case, operation: Operation) -> float:
    """Seconds since the request, by the wall clock or by this process's own watch, whichever says more.

    The wall clock may have been set while nobody watched: it counts once this process has looked for a settle period.
    """
    if operation.request_time is None or case.ages.operation < case.limits.settle:
        return case.ages.operation
    return max((_calendar(case) - operation.request_time).total_seconds(), case.ages.operation)


def _step(reported: int | None, seen: int | None) -> int | None:
    if seen is None:
        return reported
    seen = min(seen, DONE_PERCENT - 1)
    if reported is None or seen - reported >= PROGRESS_STEP:
        return seen
    return reported


def _missing(case: Case, operation: Operation, count: int) -> str:
    parts = []
    if operation.to_nodes is not None and count < operation.to_nodes:
        parts.append(f"{count} of {operation.to_nodes} nodes are there")
    sick = case.observed.unhealthy(operation.group_id)
    if sick:
        parts.append(f"not serving: {named(sick)}")
    return "; ".join(parts) or f"{count} nodes, the instance is not running"


def _change(operation: Operation) -> str:
    if operation.to_nodes is None:
        return "Following a scale-out that was not requested here"
    added = operation.to_nodes - (operation.from_nodes or 0)
    return f"Adding {added} node{'s' if added != 1 else ''} ({operation.from_nodes} to {operation.to_nodes})"


def _job(operation: Operation) -> str:
    return f": {operation.job_id}" if operation.job_id else ""
