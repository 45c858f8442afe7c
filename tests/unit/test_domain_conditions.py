"""Conditions: what kstatus, ``kubectl wait`` and people read."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Observed
from ddm_operator.domain.conditions import AVAILABLE, DOWN, GROWS, READY, RECONCILING, STALLED, conditions
from ddm_operator.domain.decide import SERVING
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Condition
from tests.support.cases import NOW, observed

LATER = NOW + timedelta(hours=1)
WORKING = (Verb.BEGIN, Verb.CONFIRM, Verb.FOLLOW, Verb.VERIFY, Verb.WAIT)
HEALING = sorted(reasons.HEALING)
SEEN = observed()


def say(verb: Verb, reason: str, message: str = "Why.") -> Decision:
    return Decision(verb, reason, message, 1)


def made(
    decision: Decision, before: tuple[Condition, ...] = (), seen: Observed | None = SEEN, generation: int = 7
) -> dict[str, Condition]:
    found = conditions(before, decision, seen, generation=generation, now=NOW if not before else LATER)
    by_type = {condition.type: condition for condition in found}
    assert len(by_type) == len(found)
    return by_type


@pytest.mark.parametrize("reason", sorted(reasons.DONE))
def test_at_rest_the_object_is_ready_and_nothing_else(reason: str) -> None:
    found = made(say(Verb.REST, reason))
    assert {kind: condition.status for kind, condition in found.items()} == {READY: "True", AVAILABLE: "True"}
    assert (found[READY].reason, found[READY].message) == (reason, "Why.")


@pytest.mark.parametrize("reason", sorted(reasons.STALLING))
def test_when_a_person_must_act_it_is_stalled_and_not_reconciling(reason: str) -> None:
    found = made(say(Verb.STALL, reason))
    assert {kind: condition.status for kind, condition in found.items()} == {
        READY: "False",
        STALLED: "True",
        AVAILABLE: "True",
    }
    assert found[STALLED].reason == found[READY].reason == reason
    assert found[STALLED].message == found[READY].message == "Why."


@pytest.mark.parametrize("verb", WORKING)
@pytest.mark.parametrize("reason", [reason for reason in HEALING if reason != reasons.PAUSED])
def test_what_ends_by_itself_is_reconciling(verb: Verb, reason: str) -> None:
    found = made(say(verb, reason))
    ready = "Unknown" if reason in reasons.UNSURE else "False"
    assert {kind: condition.status for kind, condition in found.items()} == {
        READY: ready,
        RECONCILING: "True",
        AVAILABLE: "True",
    }
    assert found[RECONCILING].reason == reason


def test_paused_is_neither_reconciling_nor_stalled_nor_ready() -> None:
    found = made(say(Verb.WAIT, reasons.PAUSED))
    assert {kind: condition.status for kind, condition in found.items()} == {READY: "False", AVAILABLE: "True"}


@pytest.mark.parametrize("status", sorted(SERVING | GROWS))
def test_the_instance_serves_while_nodes_come_and_go(status: str) -> None:
    for spelled in (status, status.lower()):
        assert made(say(Verb.FOLLOW, reasons.SCALING_OUT), seen=observed(status=spelled))[AVAILABLE].status == "True"


@pytest.mark.parametrize("status", sorted(DOWN))
def test_the_instance_is_down(status: str) -> None:
    found = made(say(Verb.WAIT, reasons.INSTANCE_BUSY), seen=observed(status=status))[AVAILABLE]
    assert found.status == "False"
    assert status in found.message


def test_no_status_is_both_serving_and_down() -> None:
    assert not (SERVING | GROWS) & DOWN


@pytest.mark.parametrize("status", ["POLISHING", ""])
def test_of_a_status_that_nobody_knows_nothing_is_claimed(status: str) -> None:
    assert made(say(Verb.WAIT, reasons.INSTANCE_BUSY), seen=observed(status=status))[AVAILABLE].status == "Unknown"


def test_an_instance_that_is_gone_is_not_available() -> None:
    found = made(say(Verb.STALL, reasons.INSTANCE_NOT_FOUND), seen=replace(SEEN, row=None))
    assert (found[AVAILABLE].status, found[AVAILABLE].reason) == ("False", "InstanceNotFound")


def test_what_was_not_looked_at_stays_as_it_was() -> None:
    before = tuple(made(say(Verb.REST, reasons.AS_DECLARED)).values())
    found = made(say(Verb.WAIT, reasons.CLOUD_UNREACHABLE), before, seen=None, generation=8)
    kept = found[AVAILABLE]
    assert (kept.status, kept.reason, kept.last_transition_time) == ("True", "Serving", NOW)
    assert AVAILABLE not in made(say(Verb.WAIT, reasons.CLOUD_UNREACHABLE), seen=None)


EVERY_KIND = [
    say(Verb.REST, reasons.AS_DECLARED),
    say(Verb.STALL, reasons.GROUP_REQUIRED),
    say(Verb.STALL, reasons.STEP_TOO_LARGE),
    say(Verb.WAIT, reasons.SETTLING),
    say(Verb.FOLLOW, reasons.SCALING_OUT),
    say(Verb.WAIT, reasons.PAUSED),
    say(Verb.WAIT, reasons.THROTTLED),
]


@pytest.mark.parametrize(
    ("first", "second"), list(itertools.product(EVERY_KIND, EVERY_KIND)), ids=lambda decision: decision.reason
)
def test_a_transition_s_time_moves_with_the_status_only(first: Decision, second: Decision) -> None:
    before = made(first)
    after = made(replace(second, message="Otherwise."), tuple(before.values()), generation=8)
    for kind, condition in after.items():
        old = before.get(kind)
        same = old is not None and old.status == condition.status
        assert condition.last_transition_time == (NOW if same else LATER), kind
        assert condition.observed_generation == 8
    assert not {STALLED, RECONCILING} <= after.keys()


def test_a_condition_without_a_time_gets_one() -> None:
    """Somebody may have written the status by hand."""
    bare = Condition(READY, "True", reasons.AS_DECLARED, "")
    assert made(say(Verb.REST, reasons.AS_DECLARED), (bare,))[READY].last_transition_time == LATER


def test_conditions_of_others_and_of_the_past_are_not_carried_along() -> None:
    strange = Condition("Synced", "True", "Fine", "", NOW)
    stalled = Condition(STALLED, "True", reasons.GROUP_REQUIRED, "", NOW)
    found = made(say(Verb.REST, reasons.AS_DECLARED), (strange, stalled))
    assert found.keys() == {READY, AVAILABLE}


def test_every_reason_has_one_meaning() -> None:
    parts = (reasons.DONE, reasons.HEALING, reasons.STALLING)
    assert sum(map(len, parts)) == len(reasons.CONDITION_REASONS)
    assert reasons.UNSURE <= reasons.HEALING
    assert all(reason.isidentifier() and reason[0].isupper() for reason in reasons.CONDITION_REASONS)
