"""What a pass says: conditions, the status as a whole, and what is announced."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import named
from ddm_operator.domain.conditions import conditions
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import MAX_HISTORY, MAX_TEXT, Condition, Node, Operation, Phase, Status
from ddm_operator.domain.report import announcements, next_status, worth_writing
from ddm_operator.kube.resource import read_status, write_status
from tests.support.cases import GROUP, NOW, OTHER_GROUP, desired, nodes, observed, operation

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


@pytest.mark.parametrize("phase", [Phase.ABANDONED, Phase.FAILED])
def test_others_jobs_never_push_out_what_was_requested_here(phase: Phase) -> None:
    """What a person abandoned stays so, however often somebody scales in the console since."""
    own = operation(phase, id="own")
    followed = tuple(operation(Phase.SUCCEEDED, id=f"adopted-{n}") for n in range(MAX_HISTORY))
    found = journal_after(followed[0], operation(Phase.RUNNING, id="adopted-9"), (*followed[1:], own))
    assert found == ("adopted-0", "adopted-1", "adopted-2", "adopted-3", "own")
    assert "own" not in journal_after(followed[0], operation(id="next"), (*followed[1:], own))


def test_a_repeated_refusal_does_not_churn_the_history() -> None:
    assert journal_after(operation(Phase.REJECTED, id="last"), operation(id="next")) == ()
    assert journal_after(operation(Phase.REJECTED, id="last", to_nodes=9), operation(id="next")) == ("last",)
    assert journal_after(operation(Phase.REJECTED, id="last", group_id=OTHER_GROUP), operation(id="next")) == ("last",)


def test_what_a_person_settled_stays_in_the_history() -> None:
    settled = operation(Phase.REJECTED, id="last", reason=reasons.RESOLVED, message="Settled by a person: last=retry.")
    past = (operation(Phase.REJECTED, id="before", reason=reasons.RESOLVED),)
    assert journal_after(settled, operation(id="next"), past) == ("last", "before")


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        (operation(Phase.SUCCEEDED, id="before"), ("last", "before")),
        (operation(Phase.REJECTED, id="before", reason=reasons.RESOLVED), ("last", "before")),
        (operation(Phase.REJECTED, id="before", reason=reasons.NEVER_EXECUTED), ("last",)),
        (operation(Phase.REJECTED, id="before", reason=reasons.NEVER_EXECUTED, to_nodes=9), ("last", "before")),
    ],
)
def test_of_calls_that_were_never_executed_the_latest_stays(before: Operation, kept: tuple[str, ...]) -> None:
    """It left the operator, so it is told; a row of them must not push out what else happened."""
    last = operation(Phase.REJECTED, id="last", reason=reasons.NEVER_EXECUTED)
    assert journal_after(last, operation(id="next"), (before,)) == kept


def test_refusals_between_them_change_nothing_about_it() -> None:
    history: tuple[Operation, ...] = ()
    causes = [reasons.NEVER_EXECUTED, reasons.INSTANCE_BUSY, reasons.NOT_SENT] * 4
    for attempt, cause in enumerate(causes, start=1):
        ended = operation(Phase.REJECTED, id=f"op-{attempt}", reason=cause, attempt=attempt)
        decision = Decision(Verb.BEGIN, reasons.SCALING_OUT, "Adding.", 15, operation(id=f"op-{attempt + 1}"))
        history = next_status(desired(), Status(operation=ended, history=history), decision, observed(), NOW).history
    assert [past.id for past in history] == ["op-10"]


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


def test_a_text_that_is_too_long_for_the_status_is_written_once() -> None:
    """What is read back is what was compared, or every pass would write it again."""
    long = [Node(f"4a2b97b7f5e3462c9c78aae93b46{n:04}no09", GROUP, "abnormal") for n in range(32)]
    reason = "The machine could not be made. " * 50
    journal = operation(Phase.FAILED, message=reason)
    decision = Decision(Verb.WAIT, reasons.NODES_UNHEALTHY, f"{named(long)} {reason}", 15, journal)
    first = next_status(desired(), Status(), decision, observed(), NOW)
    stored = read_status(write_status(first))
    assert stored == first
    assert max(len(condition.message) for condition in first.conditions) <= MAX_TEXT
    assert not worth_writing(stored, next_status(desired(), stored, decision, observed(), NOW))


@pytest.mark.parametrize(("count", "said"), [(1, ""), (8, ""), (9, " and 1 more"), (32, " and 24 more")])
def test_of_many_nodes_some_are_named(count: int, said: str) -> None:
    text = named(nodes(count, status="abnormal"))
    assert text.count("(abnormal)") == min(count, 8)
    assert text.endswith(said)
    assert ("more" in text) == bool(said)
