"""Whether a change may be requested again after it ended, when, and as which attempt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.again import RETRY_BASE, RETRY_CAP, asked_again, failures, forbidden, next_attempt, same_change
from ddm_operator.domain.backoff import pause
from ddm_operator.domain.case import Ages, Case
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import GroupStatus, Operation, Phase, Status
from tests.support.cases import GROUP, LIMITS, LONG, OTHER_GROUP, case, desired, nodes, observed, operation

SETTLE, RECHECK = LIMITS.settle, LIMITS.recheck


def group_of(given: Case) -> GroupStatus:
    group = given.observed.group(GROUP)
    assert group is not None
    return group


def ask(journal: Operation | None, closed: float = 0.0, count: int = 2, wanted: int = 4) -> Decision | None:
    given = case(desired(wanted), observed(nodes(count)), journal, Ages(closed=closed))
    return forbidden(given, group_of(given))


def test_an_empty_journal_forbids_nothing() -> None:
    assert ask(None) is None


def test_success_forbids_nothing() -> None:
    assert ask(operation(Phase.SUCCEEDED)) is None


def test_abandoned_forbids_the_same_change_however_long_ago() -> None:
    veto = ask(operation(Phase.ABANDONED), closed=100 * RETRY_CAP)
    assert veto is not None
    assert (veto.verb, veto.reason) == (Verb.STALL, reasons.OPERATION_ABANDONED)
    assert ask(operation(Phase.ABANDONED), wanted=5) is None


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_clean_failure_is_planned_again_after_a_settle_period_at_least(attempt: int) -> None:
    failed = operation(Phase.FAILED, attempt=attempt, message="No room.")
    veto = ask(failed, closed=SETTLE - 1)
    assert veto is not None
    assert (veto.verb, veto.reason) == (Verb.WAIT, reasons.RETRYING)
    assert "No room." in veto.message
    assert 0 < veto.requeue_after <= LIMITS.poll
    assert ask(failed, closed=LONG) is None


@pytest.mark.parametrize("before", [LIMITS.max_attempts - 1, LIMITS.max_attempts])
def test_too_many_clean_failures_need_a_person(before: int) -> None:
    veto = ask(operation(Phase.FAILED, attempt=before + 1, failures=before), closed=LONG)
    assert veto is not None
    assert (veto.verb, veto.reason) == (Verb.STALL, reasons.SCALE_OUT_FAILED)
    assert "reconcile-requested-at" in veto.message


def test_refusals_are_no_failures() -> None:
    assert ask(operation(Phase.FAILED, attempt=9, failures=LIMITS.max_attempts - 2), closed=LONG) is None


@pytest.mark.parametrize(
    ("journal", "before"),
    [
        (None, 0),
        (operation(Phase.FAILED, attempt=1), 1),
        (operation(Phase.FAILED, attempt=5, failures=1), 2),
        (operation(Phase.REJECTED, attempt=5, failures=1), 1),
        (operation(Phase.FAILED, attempt=0, failures=1), 0),
        (operation(Phase.FAILED, failures=1, to_nodes=5), 0),
        (operation(Phase.SUCCEEDED, failures=1), 0),
    ],
)
def test_failures_are_counted_apart(journal: Operation | None, before: int) -> None:
    given = case(desired(4), observed(nodes(2)), journal)
    assert failures(given, group_of(given)) == before


def test_what_was_given_up_stays_so_whatever_another_group_did_since() -> None:
    elsewhere = operation(Phase.SUCCEEDED, id="op-2", group_id=OTHER_GROUP)
    given = case(desired(4), observed(nodes(2)), elsewhere, Ages(closed=LONG))
    given = replace(given, status=replace(given.status, history=(operation(Phase.ABANDONED),)))
    veto = forbidden(given, group_of(given))
    assert veto is not None
    assert veto.reason == reasons.OPERATION_ABANDONED


def test_a_job_that_was_only_followed_settles_nothing() -> None:
    """Somebody else's job may come and go: what a person abandoned, or what failed too often, stays so."""
    followed = operation(Phase.SUCCEEDED, id="adopted-7", to_nodes=None)
    base = case(desired(4), observed(nodes(2)), followed, Ages(closed=LONG))

    def after(past: Operation, latest: Operation = followed) -> str | None:
        given = replace(base, status=replace(base.status, operation=latest, history=(past,)))
        veto = forbidden(given, group_of(given))
        return veto.reason if veto is not None else None

    failed = operation(Phase.FAILED, failures=LIMITS.max_attempts)
    assert after(operation(Phase.ABANDONED)) == reasons.OPERATION_ABANDONED
    assert after(failed) == reasons.SCALE_OUT_FAILED
    assert after(failed, replace(followed, attempt=0)) is None
    assert after(operation(Phase.ABANDONED), replace(followed, attempt=0)) == reasons.OPERATION_ABANDONED


@pytest.mark.parametrize("count", [1, 3])
def test_a_failure_that_changed_the_count_needs_a_person(count: int) -> None:
    """Half a scale-out is looked at before more money is spent."""
    veto = ask(operation(Phase.FAILED), closed=LONG, count=count)
    assert veto is not None
    assert (veto.verb, veto.reason) == (Verb.STALL, reasons.SCALE_OUT_PARTIAL)
    assert f"{count} of 4 nodes" in veto.message


@pytest.mark.parametrize(
    ("journal", "wanted"),
    [
        (operation(Phase.FAILED, attempt=3), 5),
        (operation(Phase.FAILED, attempt=3, group_id=OTHER_GROUP), 4),
        (operation(Phase.FAILED, attempt=3, to_nodes=None), 4),
        (operation(Phase.FAILED, id="adopted-7", to_nodes=None), 4),
        (operation(Phase.FAILED, attempt=0), 4),
    ],
    ids=["another number", "another group", "an adopted job of before", "an adopted job", "asked for by a person"],
)
def test_after_a_failure_anything_else_waits_a_settle_period_only(journal: Operation, wanted: int) -> None:
    """Counts may lag behind a job that has just failed."""
    for count in (2, 3):
        veto = ask(journal, SETTLE - 1, count, wanted)
        assert veto is not None
        assert (veto.verb, veto.reason) == (Verb.WAIT, reasons.RETRYING)
        assert ask(journal, SETTLE, count, wanted) is None


@pytest.mark.parametrize("reason", [reasons.NOT_SENT, reasons.NEVER_EXECUTED, reasons.RESOLVED])
def test_what_never_ran_is_planned_again_at_once_and_then_after_growing_pauses(reason: str) -> None:
    assert ask(operation(Phase.REJECTED, reason=reason)) is None
    for attempt in (2, 3, 4):
        wait = pause(attempt, base=RETRY_BASE, cap=RECHECK)
        rejected = operation(Phase.REJECTED, reason=reason, attempt=attempt)
        veto = ask(rejected, closed=wait - 1)
        assert veto is not None
        assert (veto.verb, veto.reason) == (Verb.WAIT, reasons.RETRYING)
        assert ask(rejected, closed=wait) is None


@pytest.mark.parametrize("reason", [reasons.INSTANCE_BUSY, reasons.FLAVOR_SOLD_OUT, reasons.DATA_NODES_NOT_READY])
@pytest.mark.parametrize("attempt", [1, 2, 9])
def test_a_refusal_that_heals_is_named_and_planned_again(reason: str, attempt: int) -> None:
    wait = min(RETRY_BASE * 2 ** (attempt - 1), RECHECK)
    rejected = operation(Phase.REJECTED, reason=reason, attempt=attempt, message="The cloud was busy.")
    veto = ask(rejected, closed=wait - 0.1)
    assert veto is not None
    assert (veto.verb, veto.reason) == (Verb.WAIT, reason)
    assert "The cloud was busy." in veto.message
    assert veto.requeue_after <= wait
    assert ask(rejected, closed=wait) is None


@pytest.mark.parametrize(("attempt", "wait"), [(1, RECHECK), (2, 2 * RECHECK), (5, RETRY_CAP), (500, RETRY_CAP)])
def test_a_refusal_for_a_person_is_tried_again_slowly(attempt: int, wait: float) -> None:
    rejected = operation(Phase.REJECTED, reason=reasons.QUOTA_EXCEEDED, attempt=attempt)
    veto = ask(rejected, closed=wait - 1)
    assert veto is not None
    assert (veto.verb, veto.reason) == (Verb.STALL, reasons.QUOTA_EXCEEDED)
    assert f"every {wait:.0f} s" in veto.message
    assert ask(rejected, closed=wait) is None


@pytest.mark.parametrize("changes", [{"generation": 6}, {"attempt": 0}, {"to_nodes": 5}, {"group_id": OTHER_GROUP}])
def test_a_refusal_is_over_when_somebody_changed_or_asked_something(changes: dict[str, object]) -> None:
    refused = operation(Phase.REJECTED, reason=reasons.QUOTA_EXCEEDED)
    assert ask(refused) is not None
    assert ask(replace(refused, **changes)) is None  # type: ignore[arg-type]  # a table of single fields


@pytest.mark.parametrize(
    ("journal", "attempt"),
    [
        (None, 1),
        (operation(Phase.SUCCEEDED, attempt=2), 1),
        (operation(Phase.ABANDONED, attempt=2), 1),
        (operation(Phase.FAILED, attempt=2), 3),
        (operation(Phase.REJECTED, attempt=2), 3),
        (operation(Phase.FAILED, attempt=0), 1),
        (operation(Phase.FAILED, attempt=2, to_nodes=5), 1),
        (operation(Phase.FAILED, attempt=2, to_nodes=None), 1),
        (operation(Phase.FAILED, attempt=2, group_id=OTHER_GROUP), 1),
    ],
)
def test_attempts_count_requests_for_the_same_change(journal: Operation | None, attempt: int) -> None:
    given = case(journal=journal)
    assert next_attempt(given, group_of(given)) == attempt


def test_the_same_change_is_the_same_group_and_the_same_number() -> None:
    given = case()
    group = group_of(given)
    assert same_change(given, operation(), group)
    assert same_change(given, operation(from_nodes=3, generation=1), group)
    assert not same_change(given, operation(to_nodes=5), group)
    assert not same_change(given, operation(group_id=OTHER_GROUP), group)


@pytest.mark.parametrize(
    ("asked", "handled", "answer"), [("", "", False), ("t1", "", True), ("t1", "t1", False), ("t2", "t1", True)]
)
def test_a_request_by_hand_counts_once(asked: str, handled: str, answer: object) -> None:
    given = case(desired(reconcile_requested_at=asked), status=Status(last_handled_reconcile_at=handled))
    assert asked_again(given) is answer


def test_withdrawing_the_annotation_asks_for_nothing() -> None:
    assert not asked_again(case(status=Status(last_handled_reconcile_at="t1")))
