"""After a job that failed: what it left behind is named and is a person's to see to; what is clean is tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Verb
from ddm_operator.domain.model import Node, Operation, Phase, Status
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import JOB, LIMITS, LONG, case, desired, job, nodes, observed, operation

KINDS = (ScaleOut(),)
FAILED = operation(Phase.FAILED, reason=reasons.JOB_FAILED, message="No room for the machine.")
JUST_NOW = Ages(closed=LIMITS.settle - 1)
SETTLED = Ages(closed=LIMITS.settle)


def with_sick(sound: int, status: str, count: int = 1) -> tuple[Node, ...]:
    return (*nodes(sound), *nodes(count, status=status, first=sound + 1))


LEFT_BEHIND: dict[str, tuple[tuple[Node, ...], str]] = {
    # what is there after the job from two to four nodes → what is said of it
    "one came": (nodes(3), "3 of 4 nodes"),
    "one came and does not serve": (with_sick(2, "abnormal"), "3 of 4 nodes"),
    "both came and do not serve": (with_sick(2, "abnormal", 2), "4 of 4 nodes"),
    "an old one does not serve any more": (with_sick(1, "abnormal"), "2 of 4 nodes"),
    "one is gone": (nodes(1), "1 of 4 nodes"),
}


@pytest.mark.parametrize(("members", "said"), LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
def test_what_a_failed_job_left_behind_needs_a_person_once_it_has_settled(members: tuple[Node, ...], said: str) -> None:
    decision = decide(case(seen=observed(members), journal=FAILED, ages=SETTLED), KINDS)
    assert (decision.verb, decision.reason) == (Verb.STALL, reasons.SCALE_OUT_PARTIAL)
    for part in (said, "No room for the machine.", "reconcile-requested-at", "spec.nodes"):
        assert part in decision.message
    for node in members:
        assert (f"{node.id} ({node.status})" in decision.message) == (node.status != "normal")


@pytest.mark.parametrize(("members", "said"), LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
def test_counts_may_lag_behind_a_job_that_has_just_failed(members: tuple[Node, ...], said: str) -> None:
    decision = decide(case(seen=observed(members), journal=FAILED, ages=JUST_NOW), KINDS)
    assert (decision.verb, decision.reason) == (Verb.WAIT, reasons.RETRYING)
    assert said in decision.message


@pytest.mark.parametrize("status", ["enlargefail", "createfail"])
@pytest.mark.parametrize("ages", [Ages(), SETTLED])
def test_nodes_that_never_serve_are_told_at_once(status: str, ages: Ages) -> None:
    members = with_sick(2, status)
    decision = decide(case(seen=observed(members), journal=FAILED, ages=ages), KINDS)
    assert (decision.verb, decision.reason) == (Verb.STALL, reasons.SCALE_OUT_PARTIAL)
    assert f"{members[2].id} ({status})" in decision.message
    full = decide(case(seen=observed(with_sick(3, status)), journal=FAILED, ages=ages), KINDS)
    assert (full.verb, full.reason) == (Verb.STALL, reasons.NODES_FAILED)


@pytest.mark.parametrize("words", ["No room", "No room.", "No room. "])
def test_the_cloud_s_words_are_a_sentence_among_others(words: str) -> None:
    for seen, ages in ((observed(nodes(3)), SETTLED), (observed(nodes(3)), JUST_NOW), (observed(), JUST_NOW)):
        decision = decide(case(seen=seen, journal=replace(FAILED, message=words), ages=ages), KINDS)
        assert ": No room. " in decision.message


def test_what_was_verified_is_told_at_once() -> None:
    partial = replace(FAILED, reason=reasons.PARTIAL)
    decision = decide(case(seen=observed(nodes(3)), journal=partial), KINDS)
    assert (decision.verb, decision.reason) == (Verb.STALL, reasons.SCALE_OUT_PARTIAL)


@pytest.mark.parametrize(
    ("members", "verb", "reason"),
    [
        (nodes(4), Verb.REST, reasons.AS_DECLARED),
        (nodes(2), Verb.BEGIN, reasons.SCALING_OUT),
    ],
    ids=["they came to serve", "somebody deleted them"],
)
def test_it_ends_by_itself_when_nothing_is_left_of_it(members: tuple[Node, ...], verb: Verb, reason: str) -> None:
    decision = decide(case(seen=observed(members), journal=FAILED, ages=Ages(closed=LONG)), KINDS)
    assert (decision.verb, decision.reason) == (verb, reason)


def test_a_person_may_have_the_rest_added() -> None:
    asked = case(desired(reconcile_requested_at="now"), observed(nodes(3)), FAILED, SETTLED)
    first = decide(asked, KINDS)
    assert first.operation is not None
    second = decide(replace(asked, status=replace(asked.status, operation=first.operation)), KINDS)
    assert second.verb is Verb.BEGIN
    assert second.operation is not None
    assert (second.operation.from_nodes, second.operation.to_nodes, second.operation.attempt) == (3, 4, 1)


def test_clean_failures_are_tried_three_times_with_growing_pauses_and_each_stays_in_the_history() -> None:
    journal: Operation | None = None
    pauses = []
    for attempt in range(1, LIMITS.max_attempts + 1):
        begin = decide(case(journal=journal, ages=Ages(closed=LONG)), KINDS)
        assert begin.verb is Verb.BEGIN
        assert begin.operation is not None
        assert begin.operation.attempt == attempt
        running = replace(begin.operation, id=f"op-{attempt}", phase=Phase.RUNNING, job_id=JOB)
        failed = decide(case(seen=observed(jobs=(job("Failed", fail_reason="No room."),)), journal=running), KINDS)
        journal = failed.operation
        waits = (decide(case(journal=journal, ages=Ages(closed=float(age))), KINDS) for age in range(0, 2000, 10))
        pauses.append(sum(decision.verb is Verb.WAIT for decision in waits))
    assert pauses[0] < pauses[1]
    assert pauses[2] == 0
    decision = decide(case(journal=journal, ages=Ages(closed=LONG)), KINDS)
    assert (decision.verb, decision.reason) == (Verb.STALL, reasons.SCALE_OUT_FAILED)


@pytest.mark.parametrize(
    ("status", "phase"), [("Failed", Phase.FAILED), ("Completed", Phase.VERIFYING)], ids=["failed", "completed"]
)
def test_the_end_of_a_job_is_not_judged_on_nodes_that_nobody_looked_at(status: str, phase: Phase) -> None:
    """While a job is followed only the job is asked about; counts and status are those of before."""
    remembered = replace(observed(nodes(4), jobs=(job(status, fail_reason="No room."),)), nodes=None, groups=None)
    decision = decide(case(seen=remembered, status=Status(operation=operation(progress_percent=60))), KINDS)
    assert decision.operation is not None
    assert decision.operation.phase == phase
    assert decision.verb is not Verb.REST
    assert decision.requeue_after == 0.0
