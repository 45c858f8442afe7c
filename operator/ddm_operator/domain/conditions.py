"""Conditions as kstatus reads them: Ready, Available, and Reconciling or Stalled while they are true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Observed
from ddm_operator.domain.decide import SERVING
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Condition

READY, RECONCILING, STALLED, AVAILABLE = "Ready", "Reconciling", "Stalled", "Available"

GROWS = frozenset({"GROWING", "REDUCING"})
"""The instance serves while nodes come and go."""

DOWN = frozenset({"FROZEN", "ERROR", "CREATEFAILED", "CREATING", "CREATE", "RESTARTING", "DELETING", "DELETED"})
"""Statuses in which the instance certainly does not serve."""


def conditions(
    before: Iterable[Condition], decision: Decision, observed: Observed | None, *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions after a decision.

    ``lastTransitionTime`` moves only when a condition's status changes. Reconciling and Stalled are there only while
    they are True, and never both.
    """
    wanted = [_ready(decision), *_working(decision)]
    available = _available(observed)
    if available is not None:
        wanted.append(available)
    earlier = {condition.type: condition for condition in before}
    if available is None and AVAILABLE in earlier:
        wanted.append(earlier[AVAILABLE])
    return tuple(
        replace(new, observed_generation=generation, last_transition_time=_since(earlier.get(new.type), new, now))
        for new in wanted
    )


def _ready(decision: Decision) -> Condition:
    not_ready = "Unknown" if decision.reason in reasons.UNSURE else "False"
    status = "True" if decision.verb is Verb.REST else not_ready
    return Condition(READY, status, decision.reason, decision.message)


def _working(decision: Decision) -> list[Condition]:
    if decision.verb is Verb.STALL:
        return [Condition(STALLED, "True", decision.reason, decision.message)]
    if decision.verb is Verb.REST or decision.reason == reasons.PAUSED:
        return []
    return [Condition(RECONCILING, "True", decision.reason, decision.message)]


def _available(observed: Observed | None) -> Condition | None:
    if observed is None:
        return None
    if observed.row is None:
        return Condition(AVAILABLE, "False", reasons.INSTANCE_NOT_FOUND, "The cloud has no such instance.")
    status = observed.row.status.upper()
    if status in SERVING or status in GROWS:
        return Condition(AVAILABLE, "True", reasons.SERVING, f"The instance is {status}.")
    if status in DOWN:
        return Condition(AVAILABLE, "False", reasons.NOT_SERVING, f"The instance is {status}.")
    return Condition(AVAILABLE, "Unknown", reasons.STATUS_UNKNOWN, f"The instance is {status}.")


def _since(old: Condition | None, new: Condition, now: datetime) -> datetime:
    return (old.last_transition_time or now) if old is not None and old.status == new.status else now
