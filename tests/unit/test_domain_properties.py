"""What is never decided, whatever the case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import Phase as Stage
from hypothesis import find, given, settings
from hypothesis import strategies as st

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Case
from ddm_operator.domain.claims import claimed_by
from ddm_operator.domain.conditions import RECONCILING, STALLED
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import CLOSED, MAX_NODES, Operation, Phase
from ddm_operator.domain.report import announcements, next_status, worth_writing
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.anycase import cases
from tests.support.cases import LIMITS, NOW, rival

KINDS = (ScaleOut(),)
HEALTHY = {"normal", "running"}
OPEN_CASES = cases().filter(lambda some: some.status.operation is not None and some.status.operation.open)

many = settings(max_examples=200)


def decided(some: Case) -> Decision:
    return decide(some, KINDS)


def open_operation(some: Case) -> Operation:
    journal = some.status.operation
    assert journal is not None
    assert journal.open
    return journal


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_is_among_the_cases(verb: Verb) -> None:
    """The other properties are about something."""
    quickly = settings(max_examples=2000, database=None, phases=[Stage.generate])
    assert decided(find(cases(), lambda some: decided(some).verb is verb, settings=quickly)).verb is verb


@many
@given(cases())
def test_a_begin_asks_for_exactly_what_is_missing(some: Case) -> None:
    decision = decided(some)
    if decision.verb is not Verb.BEGIN:
        return
    plan = decision.operation
    assert plan is not None
    group = some.observed.group(plan.group_id)
    assert group is not None
    assert plan.from_nodes == group.nodes < (plan.to_nodes or 0) == some.desired.nodes
    assert (plan.to_nodes or 0) - group.nodes <= LIMITS.max_step
    assert sum(other.nodes for other in some.observed.tally) - group.nodes + (plan.to_nodes or 0) <= MAX_NODES
    assert (plan.phase, plan.type, plan.id, plan.job_id) == (Phase.REQUESTING, "ScaleOut", "", "")
    assert set(plan.baseline_job_ids) == {job.id for job in some.observed.jobs or ()}
    assert set(plan.baseline_node_ids) == some.observed.node_ids(plan.group_id)
    assert plan.attempt >= 1
    assert plan.generation == some.desired.generation


@many
@given(cases())
def test_nothing_is_begun_beside_anything_else(some: Case) -> None:
    if decided(some).verb is not Verb.BEGIN:
        return
    assert some.status.operation is None or some.status.operation.phase in CLOSED
    assert claimed_by(some) is None
    assert not some.desired.paused
    row = some.observed.row
    assert row is not None
    assert (row.status.upper(), row.order_id) == ("RUNNING", "")
    assert {node.status.lower() for node in some.observed.nodes or ()} <= HEALTHY
    assert {rds.status for schema in some.observed.schemas or () for rds in schema.data_nodes} <= {"normal"}
    assert len(some.observed.nodes or ()) in (0, sum(group.nodes for group in some.observed.tally))
    last = some.status.operation
    known = {*(last.baseline_job_ids if last else ()), *(past.job_id for past in some.status.history)}
    if last is not None and last.phase in (Phase.SUCCEEDED, Phase.FAILED):
        known.add(last.job_id)
    under_way = [job for job in some.observed.jobs or () if job.status not in ("Completed", "Failed")]
    assert {job.id for job in under_way} <= known


@many
@given(OPEN_CASES)
def test_while_an_operation_is_open_nothing_is_begun(some: Case) -> None:
    assert decided(some).verb is not Verb.BEGIN


@many
@given(cases())
def test_every_case_is_decided_and_always_the_same_way(some: Case) -> None:
    decision = decided(some)
    assert decided(replace(some)) == decision
    assert decision.reason in reasons.CONDITION_REASONS
    assert decision.message.strip()
    assert decision.requeue_after >= 0
    assert (decision.verb is Verb.STALL) == (decision.reason in reasons.STALLING)
    assert (decision.verb is Verb.REST) == (decision.reason in reasons.DONE)


@many
@given(cases())
def test_an_immediate_next_pass_is_asked_for_only_when_the_journal_moved(some: Case) -> None:
    """Or an object would be looked at without end."""
    decision = decided(some)
    if decision.requeue_after == 0:
        assert decision.operation not in (None, some.status.operation)


@many
@given(cases())
def test_passes_over_the_same_view_come_to_rest(some: Case) -> None:
    for _ in range(8):
        decision = decided(some)
        if decision.verb is Verb.BEGIN or decision.requeue_after > 0:
            return
        seen = some.observed
        after = next_status(some.desired, some.status, decision, seen, some.now)
        assert worth_writing(some.status, after)
        some = replace(some, status=after)
    pytest.fail("eight passes in a row asked for another one at once")


@many
@given(cases())
def test_ready_is_said_only_of_what_is_declared_and_serves(some: Case) -> None:
    decision = decided(some)
    if decision.verb is not Verb.REST or decision.reason == reasons.OBSERVE_ONLY:
        return
    group = some.observed.group(some.desired.group_id or some.observed.tally[0].id)
    assert group is not None
    assert (group.nodes, group.unhealthy_nodes) == (some.desired.nodes, 0)
    assert {node.status.lower() for node in some.observed.nodes or () if node.group_id == group.id} <= HEALTHY
    journal = decision.operation or some.status.operation
    assert journal is None or not journal.open


@many
@given(OPEN_CASES)
def test_an_accepted_job_is_closed_only_on_the_cloud_s_word_or_a_person_s(some: Case) -> None:
    journal = open_operation(some)
    if not journal.understood or not journal.job_id or journal.phase not in (Phase.RUNNING, Phase.VERIFYING):
        return
    decision = decided(some)
    after = decision.operation or journal
    told = {job.status for job in some.observed.jobs or () if job.id == journal.job_id}
    completed = journal.phase == Phase.VERIFYING and journal.progress_percent == 100
    assert after.phase != Phase.FAILED or told == {"Failed"} or completed
    assert after.phase not in (Phase.REJECTED, Phase.ABANDONED) or decision.resolved


@many
@given(OPEN_CASES)
def test_a_lost_answer_is_not_taken_for_a_refusal_before_a_settle_period(some: Case) -> None:
    journal = open_operation(some)
    decision = decided(some)
    if journal.phase != Phase.UNCONFIRMED or decision.operation is None or decision.operation.open:
        return
    assert decision.operation.phase in (Phase.REJECTED, Phase.ABANDONED)
    assert decision.resolved or (
        some.ages.operation >= LIMITS.settle
        and some.observed.row is not None
        and some.observed.row.status.upper() == "RUNNING"
        and not some.observed.node_ids(journal.group_id) - set(journal.baseline_node_ids)
    )


@many
@given(OPEN_CASES)
def test_a_deadline_changes_what_is_said_and_nothing_else(some: Case) -> None:
    journal = open_operation(some)
    endless = replace(some, status=replace(some.status, operation=replace(journal, deadline_time=None)))
    timed = decided(some).operation
    untimed = decided(endless).operation
    assert (timed and replace(timed, deadline_time=None)) == (untimed and replace(untimed, deadline_time=None))


@many
@given(OPEN_CASES, st.integers(1, 32))
def test_what_is_declared_meanwhile_does_not_touch_an_open_operation(some: Case, nodes: int) -> None:
    after = decided(some).operation
    wish = replace(some.desired, nodes=nodes, paused=True, flavor_id="f-9", group_id="another", region="elsewhere")
    other = replace(some, desired=wish, rivals=(rival(),))
    otherwise = decided(other).operation
    assert (after and after.open) == (otherwise and otherwise.open)
    assert (after and after.phase) == (otherwise and otherwise.phase)
    if after and after.open:
        assert after == otherwise


@many
@given(cases())
def test_an_answer_counts_only_where_the_question_is_open(some: Case) -> None:
    decision, journal = decided(some), some.status.operation
    unanswered = decided(replace(some, desired=replace(some.desired, resolve="")))
    settled = decision.operation is not None and decision.operation.reason == reasons.RESOLVED
    if journal is not None and settled and decision.operation != unanswered.operation:
        assert journal.open
        assert journal.reason == unanswered.reason == reasons.OUTCOME_UNKNOWN
        assert some.status.last_handled_resolve != some.desired.resolve
        assert some.desired.resolve == decision.resolved
        assert some.desired.resolve in (f"{journal.id}=retry", f"{journal.id}=abandon")
    else:
        silent = {"unfit_answer": "", "answer_withdrawn": False, "message": ""}
        assert replace(decision, **silent) == replace(unanswered, **silent)  # type: ignore[arg-type]  # fields of it


@many
@given(cases())
def test_the_same_is_said_and_written_once(some: Case) -> None:
    decision = decided(some)
    once = next_status(some.desired, some.status, decision, some.observed, NOW)
    again = next_status(some.desired, once, decision, some.observed, NOW)
    assert not worth_writing(once, again)
    assert announcements(once, again) == []
    types = [condition.type for condition in once.conditions]
    assert len(types) == len(set(types))
    assert not {STALLED, RECONCILING} <= set(types)
    assert {condition.observed_generation for condition in once.conditions} == {some.desired.generation}


@many
@given(cases())
def test_the_journal_changes_only_along_the_table(some: Case) -> None:
    before, after = some.status.operation, decided(some).operation
    if before is None or after is None or after.id != before.id or not before.understood:
        return
    onward: dict[str, set[str]] = {
        Phase.REQUESTING: {Phase.UNCONFIRMED, Phase.REJECTED},
        Phase.UNCONFIRMED: {Phase.RUNNING, Phase.REJECTED, Phase.ABANDONED},
        Phase.RUNNING: {Phase.VERIFYING, Phase.FAILED, Phase.REJECTED, Phase.ABANDONED},
        Phase.VERIFYING: {Phase.SUCCEEDED, Phase.FAILED, Phase.REJECTED, Phase.ABANDONED},
    }
    assert after.phase == before.phase or after.phase in onward.get(before.phase, set())
    for kept in ("from_nodes", "to_nodes", "group_id", "flavor_id", "region", "project_id", "generation",
                 "baseline_node_ids", "baseline_job_ids", "request_time", "deadline_time"):  # fmt: skip
        assert getattr(after, kept) == getattr(before, kept), kept
    if before.phase in (Phase.RUNNING, Phase.VERIFYING):  # before the answer there is no job to lose
        assert before.job_id in ("", after.job_id)
