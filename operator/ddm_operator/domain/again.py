"""What the last operation forbids: whether its change may be requested again, and when."""

from __future__ import annotations

from dataclasses import replace

from ddm_operator.domain import reasons
from ddm_operator.domain.backoff import pause
from ddm_operator.domain.case import FAILED_NODE, Case, named
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import GroupStatus, Operation, Phase

ADOPTED = "adopted-"
"""Begins the id of an operation that follows somebody else's job."""

RETRY_BASE = 15.0
"""Pause after a first refusal that heals by itself (seconds): about as long as the cloud's short operations take."""

RETRY_CAP = 3600.0
"""No pause is longer (seconds): whatever was wrong is noticed to be right within the hour."""


def same_change(case: Case, last: Operation, group: GroupStatus) -> bool:
    """Whether the journal's operation asked for what is asked for now."""
    return last.group_id == group.id and last.to_nodes == case.desired.nodes


def latest(case: Case, group: GroupStatus) -> Operation | None:
    """The group's latest operation that was requested here; what was only followed for somebody else settles nothing.

    A person's request to begin anew lies on the journal's operation, whichever that is, and counts for this one.
    """
    anew = False
    for past in (case.status.operation, *case.status.history):
        if past is not None and not past.id.startswith(ADOPTED) and past.group_id in ("", group.id):
            return replace(past, attempt=0) if anew else past
        anew = anew or (past is not None and past.attempt == 0)
    return None


def failures(case: Case, group: GroupStatus) -> int:
    """How many jobs in a row have failed for this change; refusals in between are none."""
    last = latest(case, group)
    if last is None or not same_change(case, last, group) or last.attempt == 0:
        return 0
    before = last.failures or 0
    return before + 1 if last.phase == Phase.FAILED else before if last.phase == Phase.REJECTED else 0


def next_attempt(case: Case, group: GroupStatus) -> int:
    """Number of the request for this change, 1 for the first."""
    last = latest(case, group)
    if last is None or not same_change(case, last, group) or last.phase not in (Phase.FAILED, Phase.REJECTED):
        return 1
    return last.attempt + 1


def asked_again(case: Case) -> bool:
    """Whether a person asked for a reconcile that no pass has answered yet."""
    asked = case.desired.reconcile_requested_at
    return bool(asked) and asked != case.status.last_handled_reconcile_at


def forbidden(case: Case, group: GroupStatus) -> Decision | None:
    """Why what has ended keeps a new operation from beginning now, or None."""
    return _forbidden_by_own(case, group) or _unsettled(case)


def _unsettled(case: Case) -> Decision | None:
    """Counts may lag behind a job that has just failed, whoever asked for it and in whatever group."""
    ended = case.status.operation
    if ended is None or ended.phase != Phase.FAILED or case.ages.closed >= case.limits.settle:
        return None
    text = f"A job has just failed: {_sentence(ended.message)} The nodes are counted again when that has settled."
    return Decision(Verb.WAIT, reasons.RETRYING, text, case.limits.poll)


def _forbidden_by_own(case: Case, group: GroupStatus) -> Decision | None:
    last = latest(case, group)
    if last is None:
        return None
    if last.phase == Phase.ABANDONED and same_change(case, last, group):
        text = "The scale-out was abandoned by a person. Change spec.nodes to plan again."
        return _stall(case, reasons.OPERATION_ABANDONED, text)
    if last.phase == Phase.FAILED:
        return _after_failure(case, last, group)
    if last.phase == Phase.REJECTED and same_change(case, last, group):
        return _after_refusal(case, last)
    return None


def left_behind(case: Case, group: GroupStatus) -> Decision | None:
    """What a scale-out that failed for this same change left behind, a person's to see to; None when it left nothing.

    Counts may lag behind a job that has just failed: only nodes that never serve, and what was verified, is told at
    once, everything else when it has settled.
    """
    last = latest(case, group)
    if last is None or last.phase != Phase.FAILED or not same_change(case, last, group) or last.attempt == 0:
        return None
    sick = case.observed.unhealthy(group.id)
    if group.nodes in (last.from_nodes, last.to_nodes) and not sick and not group.unhealthy_nodes:
        return None
    certain = last.reason == reasons.PARTIAL or any(node.status.lower() in FAILED_NODE for node in sick)
    text = f"The last scale-out ended with {group.nodes} of {last.to_nodes} nodes: {_sentence(last.message)}"
    if sick:
        text += f" Nodes that do not serve: {named(sick)}."
    elif group.unhealthy_nodes:
        text += f" {group.unhealthy_nodes} of them do not serve."
    if not certain and case.ages.closed < case.limits.settle:
        text += " Counts may lag behind: looked at again before anything is done."
        return Decision(Verb.WAIT, reasons.RETRYING, text, case.limits.poll)
    return _stall(case, reasons.SCALE_OUT_PARTIAL, f"{text} Nothing is added on top of that: see to the nodes. {_ASK}")


def _after_failure(case: Case, last: Operation, group: GroupStatus) -> Decision | None:
    left = left_behind(case, group)
    if left is not None:
        return left
    again = same_change(case, last, group) and last.attempt > 0
    failed = failures(case, group)
    if again and failed >= case.limits.max_attempts:
        text = f"The scale-out was requested {last.attempt} times and failed {failed} times, last with: "
        text += _sentence(last.message)
        return _stall(case, reasons.SCALE_OUT_FAILED, f"{text} {_ASK}")
    wait = pause(failed, base=case.limits.settle, cap=RETRY_CAP) if again else case.limits.settle
    if case.ages.closed < wait:
        text = f"The scale-out failed: {_sentence(last.message)} It is planned again after a pause of {wait:.0f} s."
        return Decision(Verb.WAIT, reasons.RETRYING, text, min(case.limits.poll, wait))
    return None


def healing(reason: str) -> str:
    """The condition's reason after a refusal that heals; what could not be *observed* is something else."""
    return reason if reason in reasons.HEALING - reasons.UNSURE else reasons.RETRYING


def _after_refusal(case: Case, last: Operation) -> Decision | None:
    mended = last.generation != case.desired.generation or last.attempt == 0
    text = f"The request was refused: {_sentence(last.message)}"
    if last.reason in reasons.STALLING:
        wait = pause(last.attempt, base=case.limits.recheck, cap=RETRY_CAP)
        if mended or case.ages.closed >= wait:
            return None
        return _stall(case, last.reason, f"{text} It is tried again every {wait:.0f} s, at once when the spec changes.")
    if last.reason in (reasons.NOT_SENT, reasons.NEVER_EXECUTED, reasons.RESOLVED) and last.attempt <= 1:
        return None
    wait = pause(last.attempt, base=RETRY_BASE, cap=case.limits.recheck)
    if case.ages.closed >= wait:
        return None
    return Decision(
        Verb.WAIT, healing(last.reason), f"{text} Planned again after {wait:.0f} s.", min(case.limits.poll, wait)
    )


_ASK = (
    "Change spec.nodes, or annotate the object with ddm.huaweicloud.com/reconcile-requested-at, to have it tried again."
)


def _sentence(text: str) -> str:
    """The cloud's words, ended."""
    return f"{text.rstrip('. ')}."


def _stall(case: Case, reason: str, text: str) -> Decision:
    return Decision(Verb.STALL, reason, text, case.limits.recheck)
