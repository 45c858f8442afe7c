"""Operations that last too long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ddm_operator.domain import reasons
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Verb
from ddm_operator.domain.model import Phase
from ddm_operator.operations.scale_out import ScaleOut
from tests.support.cases import JOB, LIMITS, NOW, case, job, nodes, observed, operation

KINDS = (ScaleOut(),)


@pytest.mark.parametrize("phase", [Phase.REQUESTING, Phase.UNCONFIRMED, Phase.RUNNING, Phase.VERIFYING])
def test_a_deadline_closes_nothing(phase: Phase) -> None:
    journal = operation(phase, deadline_time=NOW - timedelta(seconds=1))
    seen = observed(nodes(3), jobs=(job(progress_percent=60),) if phase is Phase.RUNNING else ())
    if phase in (Phase.REQUESTING, Phase.UNCONFIRMED):
        seen = observed()
    decision = decide(case(seen=seen, journal=journal), KINDS)
    assert (decision.operation or journal).open
    if phase is not Phase.REQUESTING:  # it moves on to Unconfirmed first
        assert (decision.verb, decision.reason) == (Verb.STALL, reasons.OPERATION_OVERDUE)


def test_an_overdue_operation_is_followed_slowly_and_its_progress_still_counts() -> None:
    overdue = operation(deadline_time=NOW, progress_percent=10)
    decision = decide(case(seen=observed(jobs=(job(progress_percent=60),)), journal=overdue), KINDS)
    assert (decision.reason, decision.requeue_after) == (reasons.OPERATION_OVERDUE, LIMITS.recheck)
    assert JOB in decision.message
    assert decision.operation is not None
    assert decision.operation.progress_percent == 60


def test_an_overdue_operation_that_ends_is_not_overdue_any_more() -> None:
    overdue = operation(deadline_time=NOW - timedelta(hours=9))
    ended = decide(case(seen=observed(nodes(4), jobs=(job("Completed"),)), journal=overdue), KINDS)
    assert ended.verb is Verb.VERIFY
    verified = decide(case(seen=observed(nodes(4)), journal=ended.operation), KINDS)
    assert (verified.verb, verified.reason) == (Verb.REST, reasons.AS_DECLARED)
