"""Ways to double, lose or misreport a scale-out, each of them closed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages, tally
from ddm_operator.domain.conditions import conditions
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Group, InstanceDetail, Operation, Phase, Resource, Status
from ddm_operator.domain.report import announcements, next_status
from ddm_operator.engine.sightings import Sightings
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import GROUP, JOB, LIMITS, LONG, NOW, case, desired, ids, job, nodes, observed, operation

KINDS = (ScaleOut(),)
QUIET = Ages(operation=LONG, closed=LONG, nodes_unchanged=LONG, job_missing=LONG)


def test_an_ended_operation_is_told_before_another_job_is_adopted() -> None:
    """The journal is the only record: an outcome that is passed over is lost."""
    seen = observed(jobs=(job("Failed", fail_reason="No room."), job(key="j-2")), status="GROWING")
    before = Status(operation=operation())
    decision = decide(case(seen=seen, status=before), KINDS)
    after = next_status(desired(), before, decision, seen, NOW)
    kept = [entry for entry in (after.operation, *after.history) if entry is not None and entry.id == "op-1"]
    assert [entry.phase for entry in kept] == [Phase.FAILED]
    assert "ScaleOutFailed" in [said.reason for said in announcements(before, after)]


@pytest.mark.parametrize("phase", [Phase.REJECTED, Phase.ABANDONED])
@pytest.mark.parametrize("status", ["Running", "Completed"])
def test_a_job_that_was_given_up_forbids_a_begin_when_it_shows_again(phase: Phase, status: str) -> None:
    """A person settled it by ``retry`` or ``abandon`` because the cloud did not list it; now it does."""
    given_up = operation(phase, job_id=JOB, reason=reasons.RESOLVED)
    back = observed(jobs=(job(status, ended_ago=None if status == "Running" else 1.0),))
    decision = decide(case(desired(5 if phase is Phase.ABANDONED else 4), back, given_up, Ages(closed=LONG)), KINDS)
    assert decision.verb is not Verb.BEGIN


@pytest.mark.parametrize("status", ["Waiting", "Rollbacking", "Canceling", ""])
def test_a_job_in_a_state_that_nobody_knows_has_not_ended(status: str) -> None:
    strange = job(status, key="j-2")
    decision = decide(case(seen=observed(jobs=(strange,)), ages=Ages(jobs_ended={"j-2": LONG})), KINDS)
    assert decision.verb is not Verb.BEGIN


def test_nodes_that_name_no_group_are_not_taken_for_missing_ones() -> None:
    """Where the cloud leaves the group out on both sides, two nodes must not be counted as none."""
    members = nodes(2, group="")
    seen = observed(members)
    detail = seen.row
    assert isinstance(detail, InstanceDetail)
    groups = (Group(GROUP, "default", "rw", ()),)
    blind = replace(seen, groups=groups, tally=tally(detail, groups, desired()))
    assert decide(case(seen=blind), KINDS).verb is not Verb.BEGIN


@pytest.mark.parametrize("unasked", ["jobs", "nodes"])
def test_what_was_not_asked_does_not_prove_that_a_call_was_not_executed(unasked: str) -> None:
    seen = replace(observed(), **{unasked: None})  # type: ignore[arg-type]  # one of two fields
    decision = decide(case(seen=seen, journal=operation(Phase.UNCONFIRMED), ages=QUIET), KINDS)
    assert (decision.operation or operation(Phase.UNCONFIRMED)).open


def test_nodes_that_were_not_asked_for_are_not_missing() -> None:
    journal = operation(Phase.VERIFYING)
    decision = decide(case(seen=replace(observed(nodes(4)), nodes=None), journal=journal, ages=QUIET), KINDS)
    assert (decision.operation or journal).open


@pytest.mark.parametrize("journal", [operation(Phase.VERIFYING), operation(job_id="")], ids=["verifying", "counting"])
def test_a_growing_instance_is_not_done(journal: Operation) -> None:
    decision = decide(case(seen=observed(nodes(3), "GROWING"), journal=journal, ages=QUIET), KINDS)
    assert decision.verb in (Verb.VERIFY, Verb.FOLLOW)
    assert (decision.operation or journal).phase == journal.phase


def test_nodes_that_nobody_looked_at_did_not_stay_the_same() -> None:
    """While the job tells its progress only the job is asked about: its end is not the end of a long quiet time."""
    sightings = Sightings()
    resource = Resource(desired(), Status(operation=operation()), "1", seen_at=0.0)
    sightings.note("shop/orders", resource, observed(jobs=(job(),)), 1.0)
    for at in range(15, 600, 15):
        unlooked = replace(observed(jobs=(job(progress_percent=at // 6),)), nodes=None)
        sightings.note("shop/orders", resource, unlooked, float(at))
    verifying = replace(resource, status=Status(operation=operation(Phase.VERIFYING)), seen_at=600.0)
    ages = sightings.note("shop/orders", verifying, observed(), 601.0)
    assert ages.nodes_unchanged < LIMITS.settle
    decision = decide(case(seen=observed(), journal=operation(Phase.VERIFYING), ages=ages), KINDS)
    assert decision.verb is Verb.VERIFY


def test_an_accepted_job_is_not_failed_by_counting_in_two_steps() -> None:
    """Running to Verifying by counting, then Verifying to Failed by counting: the cloud never said that it failed."""
    seen = observed(nodes(3))
    journal = operation(progress_percent=50)
    first = decide(case(seen=seen, journal=journal, ages=QUIET), KINDS)
    second = decide(case(seen=seen, journal=first.operation, ages=QUIET), KINDS)
    assert (second.operation or first.operation or journal).open


def test_the_pause_after_a_failure_grows() -> None:
    def pause_after(attempt: int) -> int:
        failed = operation(Phase.FAILED, attempt=attempt, failures=attempt - 1)
        closed = (Ages(closed=float(age)) for age in range(4000))
        return sum(decide(case(journal=failed, ages=ages), KINDS).verb is Verb.WAIT for ages in closed)

    assert LIMITS.settle <= pause_after(1) < pause_after(2)


def test_requests_that_were_refused_are_not_told_as_failures() -> None:
    """Two refusals and one failed job are one failure, not three."""
    failed = operation(Phase.FAILED, attempt=3, message="No room.")
    decision = decide(case(journal=failed, ages=QUIET), KINDS)
    assert "failed 3 times" not in decision.message


def test_a_refused_call_leaves_ready_false() -> None:
    """Unknown is for what could not be observed; here the missing nodes were seen."""
    refused = operation(Phase.REJECTED, reason=reasons.THROTTLED, message="Too many requests.")
    decision = decide(case(journal=refused), KINDS)
    made = {c.type: c.status for c in conditions((), decision, observed(), generation=7, now=NOW)}
    assert made["Ready"] == "False"


def test_a_closed_operation_of_an_unknown_type_is_open() -> None:
    decision = decide(case(journal=operation(Phase.SUCCEEDED, type="ScaleIn")), KINDS)
    assert (decision.verb, decision.reason) == (Verb.STALL, reasons.OPERATION_NOT_UNDERSTOOD)


def test_the_same_quiet_nodes_do_prove_it_once_the_cloud_said_so() -> None:
    """The counterpart: a completed job with a node missing for a settle period has failed in part."""
    journal = operation(Phase.VERIFYING, progress_percent=100)
    decision: Decision = decide(case(seen=observed(nodes(3)), journal=journal, ages=QUIET), KINDS)
    assert decision.operation is not None
    assert (decision.operation.phase, decision.operation.final_node_ids) == (Phase.FAILED, tuple(sorted(ids(3))))


def test_a_running_job_is_never_told_as_done() -> None:
    """A hundred per cent is the mark of a job that the cloud called completed."""
    seen = observed(jobs=(job(progress_percent=100),))
    decision = decide(case(seen=seen, journal=operation(progress_percent=60)), KINDS)
    assert decision.operation is not None
    assert (decision.operation.phase, decision.operation.progress_percent) == (Phase.RUNNING, 99)


def test_a_job_that_was_given_up_is_no_evidence_of_the_next_call() -> None:
    """A person said retry, the next call's answer is lost too, and then the first job shows again."""
    given_up = operation(Phase.REJECTED, job_id=JOB, reason=reasons.RESOLVED)
    before = Status(operation=given_up)
    begin = decide(case(status=before), KINDS)
    assert begin.verb is Verb.BEGIN
    assert begin.operation is not None
    intent = replace(begin, operation=replace(begin.operation, id="op-2", phase=Phase.UNCONFIRMED))
    after = next_status(desired(), before, intent, observed(), NOW)
    decision = decide(case(seen=observed(jobs=(job("Completed"),)), status=after), KINDS)
    assert decision.operation is not None
    assert (decision.operation.id, decision.operation.job_id) == ("op-2", "")


def test_an_adopted_job_asks_nobody_anything() -> None:
    """It is verified by "nothing changes any more", and then planned from."""
    sick = (*nodes(2), *nodes(1, status="abnormal", first=3))
    journal = operation(Phase.VERIFYING, id=f"adopted-{JOB}", to_nodes=None)
    decision = decide(case(seen=observed(sick), journal=journal, ages=QUIET), KINDS)
    assert decision.operation is not None
    assert decision.operation.phase == Phase.FAILED
