"""Passes that could not be finished: when the next one comes, and when it is worth a word."""

from __future__ import annotations

from random import Random

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.decision import Verb
from ddm_operator.engine.setbacks import FIRST_PAUSE, PATIENCE, Setback, Setbacks
from ddm_operator.errors import (
    AmbiguousError,
    ConflictError,
    OperatorError,
    StalledError,
    TransientError,
    WaitingError,
)
from tests.support.cases import LIMITS

KEY = "shop/orders"
AWAY = TransientError(reasons.CLOUD_UNREACHABLE, "No answer.")
DENIED = StalledError(reasons.PERMISSION_DENIED, "Grant it.")


class Chance(Random):
    """In the middle of every spread."""

    def random(self) -> float:  # type: ignore[explicit-override]  # of the base class, which has it from C
        return 0.5


@pytest.fixture
def setbacks() -> Setbacks:
    return Setbacks(LIMITS, Chance())


def pauses(setbacks: Setbacks, error: OperatorError, times: int) -> list[float]:
    return [setbacks.add(KEY, error).decision.requeue_after for _ in range(times)]


def test_a_question_that_fails_is_asked_later_each_time_and_never_given_up(setbacks: Setbacks) -> None:
    found = pauses(setbacks, AWAY, 40)
    assert found[:4] == pytest.approx([FIRST_PAUSE, 2.0, 4.0, 8.0])
    assert found == sorted(found)
    assert found[-1] == pytest.approx(LIMITS.recheck)


def test_what_a_person_must_mend_is_looked_at_slowly_from_the_start(setbacks: Setbacks) -> None:
    assert pauses(setbacks, DENIED, 3) == pytest.approx([LIMITS.recheck] * 3)


@pytest.mark.parametrize("reason", [reasons.CREDENTIALS_MISSING, reasons.CREDENTIALS_REJECTED])
def test_a_credential_is_looked_for_soon_and_then_slower(setbacks: Setbacks, reason: str) -> None:
    """Whoever has made an object makes its Secret next; in the end it is looked at like anything that waits."""
    found = pauses(setbacks, StalledError(reason, "Make the Secret."), 10)
    assert found[:3] == pytest.approx([LIMITS.poll, 2 * LIMITS.poll, 4 * LIMITS.poll])
    assert found == sorted(found)
    assert found[-1] == pytest.approx(LIMITS.recheck)


@pytest.mark.parametrize(("asked", "times", "pause"), [(60.0, 1, 60.0), (2.0, 4, 8.0), (0.0, 1, FIRST_PAUSE)])
def test_the_cloud_s_wish_for_quiet_counts(setbacks: Setbacks, asked: float, times: int, pause: float) -> None:
    throttled = TransientError(reasons.THROTTLED, "Too many.", retry_after=asked)
    assert pauses(setbacks, throttled, times)[-1] == pytest.approx(pause)


def test_what_is_known_to_end_is_waited_for(setbacks: Setbacks) -> None:
    waiting = WaitingError(reasons.SETTLING, "Soon.", requeue_after=17.0)
    assert pauses(setbacks, waiting, 2) == pytest.approx([17.0, 17.0])


def test_passes_that_failed_together_do_not_come_back_together() -> None:
    spread = Setbacks(LIMITS, Random(1))
    found = {spread.add(f"shop/o{n}", DENIED).decision.requeue_after for n in range(50)}
    assert len(found) == 50
    assert min(found) >= 0.9 * LIMITS.recheck
    assert max(found) <= 1.1 * LIMITS.recheck


def said(found: Setback) -> tuple[Verb, str, str]:
    return found.decision.verb, found.decision.reason, found.decision.message


def test_a_hiccup_is_not_worth_a_write_and_what_lasts_is(setbacks: Setbacks) -> None:
    reported = [setbacks.add(KEY, AWAY).worth_reporting for _ in range(PATIENCE + 1)]
    assert reported == [False] * (PATIENCE - 1) + [True, True]
    assert said(setbacks.add(KEY, AWAY)) == (Verb.WAIT, reasons.CLOUD_UNREACHABLE, "No answer.")


def test_what_a_person_must_mend_is_said_at_once(setbacks: Setbacks) -> None:
    found = setbacks.add(KEY, DENIED)
    assert found.worth_reporting
    assert said(found) == (Verb.STALL, reasons.PERMISSION_DENIED, "Grant it.")


@pytest.mark.parametrize("kind", [ConflictError, AmbiguousError])
def test_a_write_that_was_lost_is_nobody_s_business_but_needs_a_fresh_read(
    setbacks: Setbacks, kind: type[OperatorError]
) -> None:
    for _ in range(2 * PATIENCE):
        found = setbacks.add(KEY, kind("Conflict", "Changed meanwhile."))
        assert (found.news, found.worth_reporting) == (False, False)
    assert setbacks.stale(KEY)
    setbacks.over(KEY)
    assert not setbacks.stale(KEY)


def test_each_cause_is_logged_once(setbacks: Setbacks) -> None:
    causes = [AWAY, AWAY, DENIED, DENIED, AWAY]
    assert [setbacks.add(KEY, cause).news for cause in causes] == [True, False, True, False, True]
    setbacks.over(KEY)
    assert setbacks.add(KEY, AWAY).news


def test_a_network_that_fails_in_many_ways_is_told_in_the_words_of_the_first(setbacks: Setbacks) -> None:
    """Or each of a thousand objects would be written again for each of its questions."""
    failures = [TransientError(reasons.CLOUD_UNREACHABLE, f"It failed: {how}.") for how in ("reset", "timeout", "TLS")]
    assert {setbacks.add(KEY, failure).decision.message for failure in failures} == {"It failed: reset."}
    other = setbacks.add(KEY, TransientError(reasons.THROTTLED, "Too many.", retry_after=60.0))
    assert (other.decision.message, other.news) == ("Too many.", True)
    denied = [setbacks.add(KEY, StalledError(reasons.PERMISSION_DENIED, f"Grant {what}.")) for what in ("a", "b")]
    assert [found.decision.message for found in denied] == ["Grant a.", "Grant b."]


def test_a_pass_that_goes_well_begins_the_pauses_anew(setbacks: Setbacks) -> None:
    pauses(setbacks, AWAY, 10)
    setbacks.over(KEY)
    assert pauses(setbacks, AWAY, 1) == pytest.approx([FIRST_PAUSE])
    assert not setbacks.add("shop/another", AWAY).worth_reporting
