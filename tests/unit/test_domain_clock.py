"""Somebody sets the machine's clock, an hour either way: nothing is begun twice, closed early or claimed for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Ages, Case, Observed
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Job, Operation, Phase, Resource, Status
from ddm_operator.engine.sightings import STEP, Sightings
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import LIMITS, LONG, NOW, case, desired, job, nodes, observed, operation

KINDS = (ScaleOut(),)
HOUR = 3600.0
BOTH_WAYS = pytest.mark.parametrize("step", [HOUR, -HOUR])

STATES: dict[str, tuple[Operation | None, Observed, Ages]] = {
    "requesting": (operation(Phase.REQUESTING), observed(), Ages(operation=20)),
    "unconfirmed": (operation(Phase.UNCONFIRMED), observed(), Ages(operation=LIMITS.settle - 1)),
    "unconfirmed, hidden": (operation(Phase.UNCONFIRMED), observed(status="BACKUP"), Ages(operation=LONG / 2)),
    "running": (operation(), observed(jobs=(job(progress_percent=40),)), Ages(operation=LONG)),
    "counting": (
        operation(),
        observed(nodes(3)),
        Ages(operation=LIMITS.settle, job_missing=LONG, nodes_unchanged=LONG),
    ),
    "verifying": (operation(Phase.VERIFYING), observed(nodes(3)), Ages(operation=LONG)),
    "failed": (operation(Phase.FAILED), observed(), Ages(operation=LONG, closed=LIMITS.settle - 1)),
    "refused": (operation(Phase.REJECTED, reason=reasons.INSTANCE_BUSY), observed(), Ages(operation=LONG, closed=1.0)),
    "abandoned": (operation(Phase.ABANDONED), observed(), Ages(operation=LONG, closed=LONG)),
    "somebody else's job": (None, observed(jobs=(Job("j-2", "ReduceNode", "Failed", "i", ended_ago=1.0),)), Ages()),
    "as declared": (operation(Phase.SUCCEEDED), observed(nodes(4)), Ages(operation=LONG, closed=LONG)),
}


def what(decision: Decision) -> tuple[object, ...]:
    """A decision without the times that it notes."""
    journal = decision.operation
    if journal is not None:
        journal = replace(journal, start_time=None, completion_time=None)
    return (*vars(replace(decision, operation=None)).values(), journal)


def stepped(given: Case, step: float, *, seen: bool = True) -> Case:
    """The same moment by a clock that was set; ``seen`` by this process, or before it was there."""
    ages = replace(given.ages, clock_step=step) if seen else given.ages
    return replace(given, now=given.now + timedelta(seconds=step), ages=ages)


@BOTH_WAYS
@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_a_clock_that_is_set_while_the_operator_runs_changes_nothing(
    state: tuple[Operation | None, Observed, Ages], step: float
) -> None:
    journal, seen, ages = state
    given = case(seen=seen, journal=journal, ages=ages)
    assert what(decide(stepped(given, step), KINDS)) == what(decide(given, KINDS))


@BOTH_WAYS
@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_a_clock_that_was_set_while_no_operator_ran_begins_and_closes_nothing(
    state: tuple[Operation | None, Observed, Ages], step: float
) -> None:
    journal, seen, _ = state
    given = case(seen=seen, journal=journal)
    before, after = decide(given, KINDS), decide(stepped(given, step, seen=False), KINDS)
    assert (after.verb is Verb.BEGIN) == (before.verb is Verb.BEGIN)
    was, now = before.operation or journal, after.operation or journal
    assert (was and (was.phase, was.job_id, was.reason)) == (now and (now.phase, now.job_id, now.reason))


def test_nobody_is_asked_before_this_process_has_looked_for_a_settle_period() -> None:
    """The clock says that half an hour has passed; it may have been set a moment ago."""
    hidden = case(seen=observed(status="BACKUP"), journal=operation(Phase.UNCONFIRMED))
    young = replace(hidden, ages=Ages(operation=LIMITS.settle - 1))
    assert decide(stepped(young, LIMITS.unconfirmed, seen=False), KINDS).reason == reasons.CONFIRMING
    old = replace(hidden, ages=Ages(operation=LIMITS.settle))
    assert decide(stepped(old, LIMITS.unconfirmed, seen=False), KINDS).reason == reasons.OUTCOME_UNKNOWN


def test_a_clock_that_was_set_back_keeps_no_question_from_being_asked() -> None:
    waited = Ages(operation=LIMITS.unconfirmed)
    hidden = case(seen=observed(status="BACKUP"), journal=operation(Phase.UNCONFIRMED), ages=waited)
    for seen in (True, False):
        assert decide(stepped(hidden, -HOUR, seen=seen), KINDS).reason == reasons.OUTCOME_UNKNOWN


def test_an_operation_that_a_wrong_clock_calls_overdue_is_followed_and_ends() -> None:
    """Set forward while no operator ran: nobody can know. It is said, closes nothing, and ends with its cause."""
    running = case(seen=observed(jobs=(job(progress_percent=40),)), journal=operation())
    wrong = stepped(running, 2 * HOUR, seen=False)
    claimed = decide(wrong, KINDS)
    assert (claimed.verb, claimed.reason) == (Verb.STALL, reasons.OPERATION_OVERDUE)
    assert claimed.operation is not None
    assert claimed.operation.phase == Phase.RUNNING
    put_right = replace(running, status=replace(running.status, operation=claimed.operation))
    assert decide(put_right, KINDS).reason == reasons.SCALING_OUT
    ended = replace(wrong, observed=observed(nodes(4), jobs=(job("Completed"),)))
    assert decide(ended, KINDS).verb is Verb.VERIFY


def note(sightings: Sightings, at: float, epoch: float, key: str = "op-1") -> float:
    resource = Resource(desired(), Status(operation=operation(id=key)), "1", seen_at=at)
    return sightings.note("shop/orders", resource, observed(), at, epoch).clock_step


@BOTH_WAYS
def test_a_step_is_measured_against_the_clock_that_never_steps(step: float) -> None:
    sightings = Sightings()
    epoch = NOW.timestamp()
    assert note(sightings, 10.0, epoch) == 0.0
    assert note(sightings, 20.0, epoch + 1.0) == 0.0, "whole seconds are rounded"
    assert note(sightings, 30.0, epoch + step) == step
    assert note(sightings, 40.0, epoch) == 0.0, "it was set back to what it was"
    assert note(sightings, 50.0, epoch + step) == step
    assert note(sightings, 60.0, epoch + step, "op-2") == 0.0, "what began after the step has its times from it"
    assert note(sightings, 70.0, epoch, "op-3") == -step, "set after it was planned, and before it was first seen"


@pytest.mark.parametrize(("moved", "said"), [(STEP - 1, 0.0), (STEP, STEP), (1 - STEP, 0.0), (-STEP, -STEP)])
def test_a_clock_that_wanders_was_not_set(moved: float, said: float) -> None:
    sightings = Sightings()
    note(sightings, 0.0, 0.0)
    assert note(sightings, 15.0, moved) == said
