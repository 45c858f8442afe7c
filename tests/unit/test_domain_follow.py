"""The phase table: one row for each thing that may be seen of an open operation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages, Observed
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Verb
from ddm_operator.domain.follow import following
from ddm_operator.domain.model import Node, Operation, Phase, Status
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import JOB, LIMITS, LONG, NOW, case, ids, job, nodes, observed, operation

KINDS = (ScaleOut(),)
SETTLED = Ages(operation=LIMITS.settle, nodes_unchanged=LIMITS.settle)
LOST = Ages(operation=LIMITS.settle, nodes_unchanged=LIMITS.settle, job_missing=LIMITS.job_missing)
NEARLY = Ages(operation=LIMITS.settle - 1, nodes_unchanged=LIMITS.settle - 1)
LONG_AGO = NOW - timedelta(seconds=LIMITS.unconfirmed)

SICK = (*nodes(3), *nodes(1, status="enlargefail", first=4))

ROWS: dict[str, tuple[Operation, Observed, Ages, Verb, str, str]] = {
    # the journal, what is seen, for how long → verb, phase from now on, reason
    "requesting, nobody knows": (
        operation(Phase.REQUESTING), observed(), Ages(), Verb.CONFIRM, Phase.UNCONFIRMED, "ConfirmingOutcome",
    ),
    "unconfirmed, a new job": (
        operation(Phase.UNCONFIRMED), observed(jobs=(job(),)), Ages(), Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "unconfirmed, a new job that has ended": (
        operation(Phase.UNCONFIRMED), observed(jobs=(job("Completed"),)), Ages(),
        Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "unconfirmed, only jobs of before": (
        operation(Phase.UNCONFIRMED, baseline_job_ids=(JOB,)), observed(jobs=(job("Completed"),)), NEARLY,
        Verb.CONFIRM, Phase.UNCONFIRMED, "ConfirmingOutcome",
    ),
    "unconfirmed, new nodes": (
        operation(Phase.UNCONFIRMED), observed(nodes(4)), Ages(), Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "unconfirmed, growing": (
        operation(Phase.UNCONFIRMED), observed(status="GROWING"), Ages(), Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "unconfirmed, growing and a new job: the job counts": (
        operation(Phase.UNCONFIRMED), observed(nodes(3), "GROWING", (job(),)), Ages(),
        Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "unconfirmed, a job that removes nodes": (
        operation(Phase.UNCONFIRMED), observed(jobs=(job(name="ReduceNode"),)), NEARLY,
        Verb.CONFIRM, Phase.UNCONFIRMED, "ConfirmingOutcome",
    ),
    "unconfirmed, another thing goes on for a settle period": (
        operation(Phase.UNCONFIRMED), observed(status="BACKUP"), SETTLED,
        Verb.CONFIRM, Phase.UNCONFIRMED, "ConfirmingOutcome",
    ),
    "unconfirmed, this process has looked for as long as a person is asked": (
        operation(Phase.UNCONFIRMED, request_time=None), observed(status="BACKUP"),
        Ages(operation=LIMITS.unconfirmed), Verb.STALL, Phase.UNCONFIRMED, "OutcomeUnknown",
    ),
    "unconfirmed, nothing yet": (
        operation(Phase.UNCONFIRMED), observed(), NEARLY, Verb.CONFIRM, Phase.UNCONFIRMED, "ConfirmingOutcome",
    ),
    "unconfirmed, another thing goes on for long": (
        operation(Phase.UNCONFIRMED, request_time=LONG_AGO), observed(status="BACKUP"), SETTLED,
        Verb.STALL, Phase.UNCONFIRMED, "OutcomeUnknown",
    ),
    "unconfirmed, several jobs": (
        operation(Phase.UNCONFIRMED), observed(jobs=(job(), job(key="other"))), Ages(),
        Verb.STALL, Phase.UNCONFIRMED, "OutcomeUnknown",
    ),
    "running": (
        operation(), observed(jobs=(job(progress_percent=40),)), Ages(), Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running, completed": (
        operation(), observed(jobs=(job("Completed"),)), Ages(), Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "running, a status that nobody knows": (
        operation(), observed(jobs=(job("Polishing"),)), Ages(), Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running, job not listed for a moment": (
        operation(), observed(), Ages(job_missing=1.0, nodes_unchanged=LONG), Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running, job not listed, nodes came and stay": (
        operation(), observed(nodes(4)), LOST, Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "running, job not listed, nodes still change": (
        operation(), observed(nodes(4)), Ages(job_missing=LONG, nodes_unchanged=1.0),
        Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running, job not listed, no node came: accepted is never failed by counting": (
        operation(), observed(), LOST, Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running, job not listed, no node came for long: a person is asked": (
        operation(request_time=LONG_AGO), observed(), LOST, Verb.STALL, Phase.RUNNING, "OutcomeUnknown",
    ),
    "running, job not listed, some nodes came and stay: neither done nor failed": (
        operation(), observed(nodes(3)), LOST, Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running, job not listed, some nodes came and stay for long: a person is asked": (
        operation(request_time=LONG_AGO), observed(nodes(3)), LOST, Verb.STALL, Phase.RUNNING, "OutcomeUnknown",
    ),
    "running, job not listed, all nodes came, growing still": (
        operation(), observed(nodes(4), "GROWING"), LOST, Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running without a job id, one appears": (
        operation(job_id=""), observed(status="GROWING", jobs=(job(),)), LOST, Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running without a job id, it appears when it has ended": (
        operation(job_id=""), observed(nodes(4), jobs=(job("Completed"),)), Ages(),
        Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "running without a job id, several appear: counted": (
        operation(job_id=""), observed(jobs=(job(), job(key="other"))), NEARLY,
        Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running without a job id, nothing changes any more": (
        operation(job_id=""), observed(), SETTLED, Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "running by an order, jobs are not its": (
        operation(job_id="", order_id="CS1"), observed(jobs=(job(),)), SETTLED,
        Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "running by an order, nothing came for long: a person is asked": (
        operation(job_id="", order_id="CS1", request_time=LONG_AGO), observed(), SETTLED,
        Verb.STALL, Phase.RUNNING, "OutcomeUnknown",
    ),
    "running, adopted, job not listed, nothing changes any more": (
        operation(to_nodes=None), observed(), LOST, Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "running, adopted, job not listed, a node that does not serve stays so": (
        operation(to_nodes=None), observed(SICK), LOST, Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "running, adopted, job not listed for a moment": (
        operation(to_nodes=None), observed(), Ages(job_missing=LIMITS.job_missing - 1, nodes_unchanged=LONG),
        Verb.FOLLOW, Phase.RUNNING, "ScalingOut",
    ),
    "verifying, a node is still missing": (
        operation(Phase.VERIFYING), observed(nodes(3)), Ages(), Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "verifying, all there, one not healthy": (
        operation(Phase.VERIFYING), observed((*nodes(3), *nodes(1, status="creating", first=4))), NEARLY,
        Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "verifying, all there, instance still growing": (
        operation(Phase.VERIFYING), observed(nodes(4), status="GROWING"), Ages(),
        Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "verifying, all there and healthy": (
        operation(Phase.VERIFYING), observed(nodes(4)), Ages(), Verb.REST, Phase.SUCCEEDED, "AsDeclared",
    ),
    "verifying an adopted job waits until nothing changes": (
        operation(Phase.VERIFYING, to_nodes=None), observed(nodes(4)), NEARLY,
        Verb.VERIFY, Phase.VERIFYING, "Verifying",
    ),
    "verifying an adopted job, nothing changes": (
        operation(Phase.VERIFYING, to_nodes=None), observed(nodes(4)), SETTLED,
        Verb.REST, Phase.SUCCEEDED, "AsDeclared",
    ),
    "verifying what was only counted, too few for good": (
        operation(Phase.VERIFYING), observed(nodes(3)), SETTLED, Verb.STALL, Phase.VERIFYING, "OutcomeUnknown",
    ),
    "verifying, unhealthy for good": (
        operation(Phase.VERIFYING, progress_percent=100), observed(SICK), SETTLED,
        Verb.STALL, Phase.FAILED, "NodesFailed",
    ),
    "verifying, too few for good": (
        operation(Phase.VERIFYING, progress_percent=100), observed(nodes(3)), SETTLED,
        Verb.STALL, Phase.FAILED, "ScaleOutPartial",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_the_phase_table(row: tuple[Operation, Observed, Ages, Verb, str, str]) -> None:
    journal, seen, ages, verb, phase, reason = row
    decision = decide(case(seen=seen, journal=journal, ages=ages), KINDS)
    after = decision.operation or journal
    assert (decision.verb, after.phase, decision.reason) == (verb, phase, reason)
    assert after.id == journal.id


@pytest.mark.parametrize(
    ("journal", "reason"),
    [
        (operation(Phase.UNCONFIRMED), reasons.NEVER_EXECUTED),
        (operation(Phase.REQUESTING), reasons.NOT_SENT),
    ],
)
def test_what_did_not_happen_is_closed_before_it_is_planned_again(journal: Operation, reason: str) -> None:
    """One decision closes, the next pass begins: between them the journal is stored and everything is read afresh."""
    never_sent = journal.phase == Phase.REQUESTING
    decision = decide(case(journal=journal, ages=SETTLED, never_sent=never_sent), KINDS)
    assert decision.verb is not Verb.BEGIN
    assert decision.operation is not None
    assert (decision.operation.phase, decision.operation.reason) == (Phase.REJECTED, reason)
    again = decide(case(journal=decision.operation), KINDS)
    assert again.verb is Verb.BEGIN
    assert again.operation is not None
    assert again.operation.attempt == 2


def test_a_failed_job_keeps_the_cloud_s_reason_and_is_planned_again_after_a_pause() -> None:
    failed = observed(jobs=(job("Failed", fail_reason="No room."),))
    decision = decide(case(seen=failed, journal=operation()), KINDS)
    assert decision.operation is not None
    assert (decision.operation.phase, decision.operation.message) == (Phase.FAILED, "No room.")
    assert (decision.verb, decision.reason) == (Verb.WAIT, reasons.RETRYING)
    later = decide(case(seen=failed, journal=decision.operation, ages=Ages(closed=LONG)), KINDS)
    assert later.verb is Verb.BEGIN
    assert later.operation is not None
    assert later.operation.attempt == 2


def test_the_third_clean_failure_needs_a_person() -> None:
    journal = operation(Phase.FAILED, attempt=LIMITS.max_attempts, failures=LIMITS.max_attempts - 1, message="No room.")
    decision = decide(case(journal=journal, ages=Ages(closed=LONG)), KINDS)
    assert (decision.verb, decision.reason) == (Verb.STALL, reasons.SCALE_OUT_FAILED)
    assert "No room." in decision.message


@pytest.mark.parametrize("reported", [None, 0, 40])
@pytest.mark.parametrize("seen", [None, 5, 45, 49, 50, 99])
def test_progress_is_reported_in_steps_of_ten_points(reported: int | None, seen: int | None) -> None:
    journal = operation(progress_percent=reported)
    decision = decide(case(seen=observed(jobs=(job(progress_percent=seen),)), journal=journal), KINDS)
    assert decision.operation is not None
    expected = seen if seen is not None and (reported is None or seen - reported >= 10) else reported
    assert decision.operation.progress_percent == expected


@pytest.mark.parametrize("changes", [{"type": "ScaleIn"}, {"phase": "Draining"}, {"type": "", "phase": ""}])
def test_what_another_version_wrote_is_an_open_operation(changes: dict[str, str]) -> None:
    journal = operation(**{"phase": "Running", **changes})
    assert journal.open
    decision = decide(case(seen=observed(nodes(2)), journal=journal, ages=SETTLED), KINDS)
    assert (decision.verb, decision.reason, decision.operation) == (
        Verb.STALL, reasons.OPERATION_NOT_UNDERSTOOD, None,
    )  # fmt: skip


def test_a_job_that_an_earlier_operation_owns_is_no_evidence() -> None:
    earlier = operation(Phase.SUCCEEDED, id="op-0")
    status = Status(operation=operation(Phase.UNCONFIRMED), history=(earlier,))
    decision = decide(case(seen=observed(jobs=(job("Completed"),)), status=status, ages=NEARLY), KINDS)
    assert decision.verb is Verb.CONFIRM


def test_the_final_node_ids_are_recorded() -> None:
    decision = decide(case(seen=observed(nodes(4)), journal=operation(Phase.VERIFYING)), KINDS)
    assert decision.operation is not None
    assert decision.operation.final_node_ids == tuple(sorted(ids(4)))


def test_the_job_that_was_found_is_the_operation_s() -> None:
    for journal in (operation(Phase.UNCONFIRMED), operation(job_id="")):
        decision = decide(case(seen=observed(jobs=(job(key="j-9", progress_percent=30),)), journal=journal), KINDS)
        assert decision.operation is not None
        assert decision.operation.job_id == "j-9"
        assert "j-9" in decision.message


def test_a_completed_job_is_told_as_a_hundred_per_cent() -> None:
    decision = decide(case(seen=observed(jobs=(job("Completed"),)), journal=operation(progress_percent=80)), KINDS)
    assert decision.operation is not None
    assert decision.operation.progress_percent == 100


@pytest.mark.parametrize(
    ("members", "said"),
    [(nodes(3), ("3 of 4 nodes are there",)), (SICK, (f"{SICK[3].id} (enlargefail)",))],
)
def test_a_partial_scale_out_names_what_is_missing(members: tuple[Node, ...], said: tuple[str, ...]) -> None:
    journal = operation(Phase.VERIFYING, progress_percent=100)
    decision = decide(case(seen=observed(members), journal=journal, ages=SETTLED), KINDS)
    assert decision.operation is not None
    assert (decision.operation.phase, decision.operation.reason) == (Phase.FAILED, reasons.PARTIAL)
    assert decision.operation.completion_time == NOW
    assert all(text in decision.operation.message for text in said)


def test_an_open_operation_waits_for_an_instance_that_is_gone() -> None:
    decision = decide(case(seen=replace(observed(), row=None), journal=operation()), KINDS)
    assert (decision.verb, decision.reason, decision.operation) == (Verb.STALL, reasons.INSTANCE_NOT_FOUND, None)


@pytest.mark.parametrize(
    ("journal", "said"),
    [
        (operation(), f"Adding 2 nodes (2 to 4): job {JOB}."),
        (operation(progress_percent=0), f"Adding 2 nodes (2 to 4): job {JOB} at 0 %."),
        (operation(to_nodes=3), f"Adding 1 node (2 to 3): job {JOB}."),
        (operation(job_id=""), "Adding 2 nodes (2 to 4): its job is not listed, so the nodes are counted."),
        (operation(to_nodes=None), f"Following a scale-out that was not requested here: job {JOB}."),
    ],
)
def test_what_is_said_of_a_running_operation(journal: Operation, said: str) -> None:
    assert following(journal) == said
