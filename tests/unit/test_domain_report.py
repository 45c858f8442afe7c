"""What a pass says: conditions, the status as a whole, and what is announced."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.conditions import conditions
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import MAX_HISTORY, Condition, Operation, Phase, Status
from ddm_operator.domain.report import announcements, next_status, worth_writing
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import GROUP, NOW, case, desired, job, nodes, observed, operation

REST = Decision(Verb.REST, reasons.AS_DECLARED, "As declared.", 300)


def said(verb: Verb, reason: str) -> dict[str, Condition]:
    made = conditions((), Decision(verb, reason, "Why.", 1), observed(), generation=7, now=NOW)
    return {condition.type: condition for condition in made}


@pytest.mark.parametrize("reason", sorted(reasons.CONDITION_REASONS))
def test_every_reason_gives_conditions_that_agree(reason: str) -> None:
    verb = Verb.REST if reason in reasons.DONE else Verb.STALL if reason in reasons.STALLING else Verb.WAIT
    found = said(verb, reason)
    ready = "True" if reason in reasons.DONE else "Unknown" if reason in reasons.UNSURE else "False"
    assert (found["Ready"].status, found["Ready"].reason) == (ready, reason)
    assert ("Stalled" in found) == (reason in reasons.STALLING)
    assert ("Reconciling" in found) == (reason in reasons.HEALING - {reasons.PAUSED})
    assert not {"Stalled", "Reconciling"} <= found.keys()
    assert {condition.observed_generation for condition in found.values()} == {7}


@pytest.mark.parametrize(
    ("status", "available"),
    [
        ("RUNNING", "True"),
        ("GROWING", "True"),
        ("BACKUP", "True"),
        ("FROZEN", "False"),
        ("RESTARTING", "False"),
        ("ERROR", "False"),
        ("POLISHING", "Unknown"),
    ],
)
def test_whether_the_instance_serves(status: str, available: str) -> None:
    made = conditions((), REST, observed(status=status), generation=7, now=NOW)
    assert next(c.status for c in made if c.type == "Available") == available


def test_a_transition_s_time_moves_with_the_status_only() -> None:
    first = conditions((), REST, observed(), generation=7, now=NOW)
    later = NOW + timedelta(hours=1)
    same = conditions(first, replace(REST, message="Still."), observed(), generation=8, now=later)
    assert {c.last_transition_time for c in same} == {NOW}
    other = conditions(first, Decision(Verb.WAIT, reasons.SETTLING, "Wait.", 1), observed(), generation=8, now=later)
    assert {c.type: c.last_transition_time for c in other} == {"Ready": later, "Reconciling": later, "Available": NOW}


def test_what_could_not_be_observed_stays_as_it_was() -> None:
    before = next_status(desired(), Status(), REST, observed(), NOW)
    after = next_status(desired(), before, Decision(Verb.WAIT, reasons.CLOUD_UNREACHABLE, "No.", 1), None, NOW)
    assert (after.nodes, after.groups, after.instance) == (before.nodes, before.groups, before.instance)
    assert {c.type: c.status for c in after.conditions} == {
        "Ready": "Unknown",
        "Reconciling": "True",
        "Available": "True",
    }


def test_the_status_as_a_whole() -> None:
    wish = desired(2, reconcile_requested_at="now")
    status = next_status(wish, Status(), REST, observed(wish=wish), NOW)
    assert (status.observed_generation, status.nodes, status.last_handled_reconcile_at) == (7, 2, "now")
    assert status.selector == "ddm.huaweicloud.com/uid=uid-1"
    assert status.instance is not None
    assert (status.instance.status, status.instance.charge_mode) == ("RUNNING", "postPaid")
    assert [(g.id, g.nodes, g.desired_nodes, g.unhealthy_nodes) for g in status.groups] == [(GROUP, 2, 2, 0)]


def test_the_same_is_not_written_twice() -> None:
    first = next_status(desired(2), Status(), REST, observed(), NOW)
    again = next_status(desired(2), first, REST, observed(), NOW + timedelta(hours=1))
    assert worth_writing(Status(), first)
    assert not worth_writing(first, again)


def test_while_a_job_runs_the_instance_s_look_alone_is_not_worth_a_write() -> None:
    running = operation(progress_percent=40)
    decision = Decision(Verb.FOLLOW, reasons.SCALING_OUT, "Adding.", 15, running)
    first = next_status(desired(), Status(), decision, observed(status="GROWING"), NOW)
    grown = next_status(desired(), first, decision, observed(nodes(4), status="GROWING"), NOW)
    assert not worth_writing(first, grown)
    stepped = replace(decision, operation=replace(running, progress_percent=50))
    assert worth_writing(first, next_status(desired(), first, stepped, observed(), NOW))


def journal_after(before: Operation, after: Operation, history: tuple[Operation, ...] = ()) -> tuple[str, ...]:
    decision = Decision(Verb.BEGIN, reasons.SCALING_OUT, "Adding.", 15, after)
    status = next_status(desired(), Status(operation=before, history=history), decision, observed(), NOW)
    assert status.operation == after
    return tuple(past.id for past in status.history)


def test_the_operation_before_goes_into_the_history_newest_first() -> None:
    past = tuple(operation(Phase.SUCCEEDED, id=f"past-{n}") for n in range(MAX_HISTORY))
    found = journal_after(operation(Phase.SUCCEEDED, id="last"), operation(id="next"), past)
    assert found == ("last", *(f"past-{n}" for n in range(MAX_HISTORY - 1)))


def test_a_repeated_refusal_does_not_churn_the_history() -> None:
    assert journal_after(operation(Phase.REJECTED, id="last"), operation(id="next")) == ()
    assert journal_after(operation(Phase.REJECTED, id="last", to_nodes=9), operation(id="next")) == ("last",)


@pytest.mark.parametrize(
    ("phase", "kind", "reason", "counted"),
    [
        (Phase.REQUESTING, "Normal", "ScaleOutRequested", "begun"),
        (Phase.UNCONFIRMED, "Warning", "ScaleOutUnconfirmed", "unconfirmed"),
        (Phase.RUNNING, "Normal", "ScaleOutRunning", "followed"),
        (Phase.VERIFYING, "Normal", "ScaleOutVerifying", ""),
        (Phase.SUCCEEDED, "Normal", "ScaleOutSucceeded", "succeeded"),
        (Phase.FAILED, "Warning", "ScaleOutFailed", "failed"),
        (Phase.REJECTED, "Warning", "ScaleOutRejected", "rejected"),
        (Phase.ABANDONED, "Warning", "ScaleOutAbandoned", "abandoned"),
    ],
)
def test_every_step_is_announced_once(phase: Phase, kind: str, reason: str, counted: str) -> None:
    after = Status(operation=operation(phase))
    [told] = announcements(Status(), after)
    assert (told.kind, told.reason, told.counted) == (kind, reason, counted)
    assert announcements(after, replace(after, operation=replace(operation(phase), progress_percent=90))) == []


def test_becoming_stalled_is_announced_once_for_each_reason() -> None:
    def status(reason: str) -> Status:
        return next_status(desired(), Status(), Decision(Verb.STALL, reason, "Why.", 1), observed(), NOW)

    first, other = status(reasons.GROUP_REQUIRED), status(reasons.STEP_TOO_LARGE)
    assert [told.reason for told in announcements(Status(), first)] == [reasons.GROUP_REQUIRED]
    assert announcements(first, first) == []
    assert [told.reason for told in announcements(first, other)] == [reasons.STEP_TOO_LARGE]


@pytest.mark.parametrize("answer", ["op-9=retry", "op-1=maybe", "yes"])
def test_an_answer_to_no_question_is_refused_once(answer: str) -> None:
    wish = desired(2, resolve=answer)
    before = Status(operation=operation(Phase.SUCCEEDED))
    given = case(wish, observed(wish=wish), status=before)
    decision = decide(given, (ScaleOut(),))
    after = next_status(wish, before, decision, given.observed, NOW)
    [told] = [said for said in announcements(before, after) if said.reason == "ResolveRefused"]
    assert answer in told.message
    assert after.operation == before.operation
    again = decide(case(wish, given.observed, status=after), (ScaleOut(),))
    assert announcements(after, next_status(wish, after, again, given.observed, NOW)) == []


def test_an_answer_that_settles_is_told_as_what_it_did() -> None:
    wish = desired(resolve="op-1=abandon")
    before = Status(operation=operation(Phase.UNCONFIRMED))
    given = case(wish, observed(jobs=(job(), job(key="other"))), status=before)
    after = next_status(wish, before, decide(given, (ScaleOut(),)), given.observed, NOW)
    assert {told.reason for told in announcements(before, after)} >= {"ScaleOutAbandoned"}
    assert "ResolveRefused" not in {told.reason for told in announcements(before, after)}
    assert after.last_handled_resolve == "op-1=abandon"
