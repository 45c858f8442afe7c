"""Claims: of several objects that name one instance, one may begin operations."""

from __future__ import annotations

from ddm_operator.domain.case import Case
from ddm_operator.domain.model import Resource


def claimed_by(case: Case) -> str | None:
    """``namespace/name`` of the object that keeps this one from beginning, or None.

    The older one may begin (creation time, then uid). It counts only once its own credential has seen the instance, so
    that nobody blocks a stranger's instance by naming it. An operation that any other one has open comes before age.
    """
    rivals = [rival for rival in case.rivals if _same_place(case, rival)]
    busy = [rival for rival in rivals if rival.status.operation is not None and rival.status.operation.open]
    older = [rival for rival in rivals if _seen(rival) and _age(rival) < (case.desired.created, case.desired.uid)]
    first = min(older or busy, key=_age, default=None)
    return f"{first.desired.namespace}/{first.desired.name}" if first else None


def unread_elder(case: Case) -> str | None:
    """``namespace/name`` of an older object for the instance of which nobody has said anything yet, or None.

    Its status may have been wiped a moment ago, and its claim with it: its own pass, which is due, says what it is.
    """
    older = [rival for rival in case.rivals if _age(rival) < (case.desired.created, case.desired.uid)]
    unread = min((rival for rival in older if rival.status.observed_generation < 0), key=_age, default=None)
    return f"{unread.desired.namespace}/{unread.desired.name}" if unread else None


def _age(rival: Resource) -> tuple[str, str]:
    return rival.desired.created, rival.desired.uid


def _seen(rival: Resource) -> bool:
    return rival.status.instance is not None and bool(rival.status.instance.project_id)


def _same_place(case: Case, rival: Resource) -> bool:
    """An instance id is unique in its cloud; a rival known to look elsewhere is none."""
    instance = rival.status.instance
    if instance is None:
        return True
    return (instance.region, instance.project_id) == (case.observed.region, case.observed.project_id)
