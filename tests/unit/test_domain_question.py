"""Questions that only a person can answer: when they are asked, what answers them, and what never does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages, Case, Observed
from ddm_operator.domain.conditions import STALLED
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Desired, Operation, Phase, Status
from ddm_operator.domain.report import announcements, next_status
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import JOB, LIMITS, LONG, NOW, case, desired, job, nodes, observed, operation

KINDS = (ScaleOut(),)
TWO_JOBS = observed(jobs=(job(), job(key="other")))
HIDDEN = observed(status="BACKUP")
WAITED = Ages(operation=LIMITS.unconfirmed, nodes_unchanged=LONG, job_missing=LONG)


def asked(phase: Phase = Phase.UNCONFIRMED, **changes: object) -> Operation:
    """An operation about which a person was asked."""
    return replace(operation(phase, reason=reasons.OUTCOME_UNKNOWN), **changes)  # type: ignore[arg-type]  # fields of it


def go_on(wish: Desired, before: Status, seen: Observed, ages: Ages | None = None) -> tuple[Decision, Status]:
    """One pass: what is decided, and the status after it."""
    decision = decide(case(wish, seen, ages=ages, status=before), KINDS)
    return decision, next_status(wish, before, decision, seen, NOW)


def events(before: Status, after: Status) -> list[str]:
    return [told.reason for told in announcements(before, after)]


QUESTIONS: dict[str, tuple[Operation, Observed, Ages]] = {
    "several jobs": (operation(Phase.UNCONFIRMED), TWO_JOBS, Ages()),
    "the instance hides it": (operation(Phase.UNCONFIRMED), HIDDEN, WAITED),
    "accepted, and no trace": (operation(), observed(), WAITED),
    "nobody said how the job ended": (operation(Phase.VERIFYING), observed(nodes(3)), WAITED),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
@pytest.mark.parametrize(("answer", "phase"), [("op-1=retry", Phase.REJECTED), ("op-1=abandon", Phase.ABANDONED)])
def test_a_question_is_asked_stored_and_then_answered_once(
    question: tuple[Operation, Observed, Ages], answer: str, phase: Phase
) -> None:
    journal, seen, ages = question
    first, stored = go_on(desired(), Status(operation=journal), seen, ages)
    assert (first.verb, first.reason) == (Verb.STALL, reasons.OUTCOME_UNKNOWN)
    assert stored.operation is not None
    assert stored.operation.reason == reasons.OUTCOME_UNKNOWN
    for part in ("op-1=retry", "op-1=abandon", "task center"):
        assert part in first.message
    decision, after = go_on(desired(resolve=answer), stored, seen, ages)
    assert (decision.resolved, after.last_handled_resolve) == (answer, answer)
    assert after.operation is not None
    assert (after.operation.phase, after.operation.reason) == (phase, reasons.RESOLVED)
    assert answer in after.operation.message
    assert "ResolveRefused" not in events(stored, after)
    again, last = go_on(desired(resolve=answer), after, observed(), Ages(closed=LONG))
    assert again.resolved == ""
    assert events(after, last)[:1] != ["ResolveRefused"]


def test_the_jobs_that_could_be_it_are_named() -> None:
    decision, _ = go_on(desired(), Status(operation=operation(Phase.UNCONFIRMED)), TWO_JOBS)
    assert JOB in decision.message
    assert "other" in decision.message
    assert decision.requeue_after == LIMITS.recheck


def test_what_a_person_settled_stays_in_the_history_with_the_answer() -> None:
    answered, stored = go_on(desired(resolve="op-1=retry"), Status(operation=asked()), TWO_JOBS)
    assert answered.resolved == "op-1=retry"
    begin = decide(case(desired(resolve="op-1=retry"), ages=Ages(closed=LONG), status=stored), KINDS)
    assert begin.verb is Verb.BEGIN
    assert begin.operation is not None
    intent = replace(begin, operation=replace(begin.operation, id="op-2"))
    after = next_status(desired(resolve="op-1=retry"), stored, intent, observed(), NOW)
    assert [(past.id, past.reason) for past in after.history] == [("op-1", reasons.RESOLVED)]
    assert "op-1=retry" in after.history[0].message


EARLY: dict[str, tuple[Operation, Observed]] = {
    "it is being found out": (operation(Phase.UNCONFIRMED), observed()),
    "the job runs": (operation(), observed(jobs=(job(),))),
    "the nodes are verified": (operation(Phase.VERIFYING), observed(nodes(3))),
    "it is asked in this very pass": (operation(Phase.UNCONFIRMED), TWO_JOBS),
}


@pytest.mark.parametrize("early", EARLY.values(), ids=EARLY.keys())
@pytest.mark.parametrize("verb", ["retry", "abandon"])
def test_an_answer_that_comes_before_its_question_is_refused_and_never_acts(
    early: tuple[Operation, Observed], verb: str
) -> None:
    """A judgement that was made before there was a question must not settle it later."""
    journal, seen = early
    wish = desired(resolve=f"op-1={verb}")
    decision, stored = go_on(wish, Status(operation=journal), seen)
    assert decision.resolved == ""
    assert stored.last_handled_resolve == f"op-1={verb}"
    told = next(told for told in announcements(Status(operation=journal), stored) if told.reason == "ResolveRefused")
    for part in (f"op-1={verb}", "before its question", "not later", "remove the annotation", "OutcomeUnknown"):
        assert part in told.message
    for _ in range(3):
        decision, after = go_on(wish, replace(stored, operation=asked()), HIDDEN, WAITED)
        assert (decision.reason, decision.resolved) == (reasons.OUTCOME_UNKNOWN, "")
        assert "remove the annotation" in decision.message
        assert "ResolveRefused" not in events(stored, after)
        stored = after


def test_a_refused_answer_counts_when_it_is_taken_away_and_set_anew() -> None:
    refused = Status(operation=asked(), last_handled_resolve="op-1=retry")
    without, forgotten = go_on(desired(), refused, HIDDEN, WAITED)
    assert without.answer_withdrawn
    assert forgotten.last_handled_resolve == ""
    assert "ResolveRefused" not in events(refused, forgotten)
    decision, after = go_on(desired(resolve="op-1=retry"), forgotten, HIDDEN, WAITED)
    assert decision.resolved == "op-1=retry"
    assert after.operation is not None
    assert after.operation.phase == Phase.REJECTED


def test_another_answer_counts_although_one_was_refused() -> None:
    refused = Status(operation=asked(), last_handled_resolve="op-1=retry")
    decision, _ = go_on(desired(resolve="op-1=abandon"), refused, HIDDEN, WAITED)
    assert decision.resolved == "op-1=abandon"


@pytest.mark.parametrize(
    "answer", ["op-2=retry", "op-1=again", "op-1", "retry", "op-1=retry ", "yes", "=retry", "op-1=Retry"]
)
@pytest.mark.parametrize("journal", [asked(), operation(), operation(Phase.SUCCEEDED), None])
def test_an_answer_to_nothing_is_refused_once(answer: str, journal: Operation | None) -> None:
    before = Status(operation=journal)
    decision, after = go_on(desired(resolve=answer), before, TWO_JOBS)
    assert (decision.unfit_answer, decision.resolved) == (answer, "")
    assert events(before, after).count("ResolveRefused") == 1
    told = next(told for told in announcements(before, after) if told.reason == "ResolveRefused")
    assert answer in told.message
    _, later = go_on(desired(resolve=answer), after, TWO_JOBS)
    assert "ResolveRefused" not in events(after, later)


def test_a_second_answer_to_what_was_settled_is_refused() -> None:
    """The first one acted; the second says something else about the same operation."""
    settled = operation(Phase.REJECTED, reason=reasons.RESOLVED)
    before = Status(operation=settled, last_handled_resolve="op-1=retry")
    _, after = go_on(desired(9, resolve="op-1=abandon"), before, observed(status="BACKUP"))
    assert events(before, after).count("ResolveRefused") == 1


EVIDENCE: dict[str, tuple[Operation, Observed, Ages, Phase]] = {
    "the job is listed": (asked(), observed(jobs=(job(),)), WAITED, Phase.RUNNING),
    "nodes came": (asked(), observed(nodes(4)), WAITED, Phase.RUNNING),
    "nothing, and nothing hides it": (asked(), observed(), WAITED, Phase.REJECTED),
    "its job is listed again": (asked(Phase.RUNNING), observed(jobs=(job(),)), WAITED, Phase.RUNNING),
    "all nodes came and stay": (asked(Phase.RUNNING), observed(nodes(4)), WAITED, Phase.VERIFYING),
    "all nodes serve": (asked(Phase.VERIFYING), observed(nodes(4)), Ages(), Phase.SUCCEEDED),
}


@pytest.mark.parametrize("evidence", EVIDENCE.values(), ids=EVIDENCE.keys())
@pytest.mark.parametrize("verb", ["retry", "abandon"])
def test_evidence_comes_before_an_answer(evidence: tuple[Operation, Observed, Ages, Phase], verb: str) -> None:
    journal, seen, ages, phase = evidence
    decision, after = go_on(desired(resolve=f"op-1={verb}"), Status(operation=journal), seen, ages)
    assert decision.resolved == ""
    assert after.operation is not None
    assert after.operation.phase == phase
    assert after.operation.reason in ("", reasons.NEVER_EXECUTED)
    _, later = go_on(desired(resolve=f"op-1={verb}"), after, seen, ages)
    assert events(after, later).count("ResolveRefused") == 1


@pytest.mark.parametrize("phase", [Phase.UNCONFIRMED, Phase.RUNNING, Phase.VERIFYING])
def test_a_question_stays_open_until_evidence_answers_it(phase: Phase) -> None:
    """An operator that was started anew has waited for nothing yet; what was asked was asked all the same."""
    seen = observed(nodes(3), status="BACKUP") if phase is Phase.VERIFYING else HIDDEN
    decision, after = go_on(desired(), Status(operation=asked(phase)), seen, Ages())
    assert decision.reason == reasons.OUTCOME_UNKNOWN
    assert after.operation == asked(phase)
    answered, _ = go_on(desired(resolve="op-1=retry"), after, seen, Ages())
    assert answered.resolved == "op-1=retry"


def test_a_cloud_that_cannot_be_asked_closes_no_question() -> None:
    """The condition says what is the matter now; the journal still says what was asked."""
    unreachable = Decision(Verb.WAIT, reasons.CLOUD_UNREACHABLE, "No answer.", 1)
    away = next_status(desired(), Status(operation=asked()), unreachable, None, NOW)
    assert {c.type for c in away.conditions}.isdisjoint({STALLED})
    decision, _ = go_on(desired(resolve="op-1=abandon"), away, HIDDEN, Ages())
    assert decision.resolved == "op-1=abandon"


def test_an_instance_that_is_gone_answers_no_question() -> None:
    given: Case = case(desired(resolve="op-1=retry"), replace(HIDDEN, row=None), status=Status(operation=asked()))
    decision = decide(given, KINDS)
    assert (decision.reason, decision.operation, decision.resolved) == (reasons.INSTANCE_NOT_FOUND, None, "")
