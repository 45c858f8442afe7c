"""Claims: of several objects that name one instance, one may begin operations."""

from __future__ import annotations

from ddm_operator.domain.case import Case
from ddm_operator.domain.model import Resource


def claimed_by(case: Case) -> str | None:
    """``namespace/name`` of the object that keeps this one from beginning, or None.

    The older one may begin (creation time, then uid). It counts only once its own credential has seen the instance, so
    that nobody blocks a stranger's instance by naming it; that it has is not forgotten when its status is wiped. An
    operation that any other one has open comes before age.
    """
    rivals = [rival for rival in case.rivals if _same_place(case, rival)]
    busy = [rival for rival in rivals if rival.status.operation is not None and rival.status.operation.open]
    older = [rival for rival in rivals if _seen(rival) and _age(rival) < (case.desired.created, case.desired.uid)]
    first = min(older or busy, key=_age, default=None)
    return first.desired.key if first else None


def awaited(case: Case) -> str | None:
    """``namespace/name`` of an older one that nobody has looked at yet, or None: it may turn out to be the one.

    Only its first look is waited for, which it gets whatever its credential and its spec are like.
    """
    older = [rival for rival in case.rivals if _age(rival) < (case.desired.created, case.desired.uid)]
    unknown = [rival for rival in older if rival.status.observed_generation < 0]
    first = min(unknown, key=_age, default=None)
    return first.desired.key if first else None


def _age(rival: Resource) -> tuple[str, str]:
    return rival.desired.created, rival.desired.uid


def _seen(rival: Resource) -> bool:
    shown = rival.status.instance is not None and bool(rival.status.instance.project_id)
    return shown or rival.had_seen


def _same_place(case: Case, rival: Resource) -> bool:
    """An instance id is unique in its cloud; a rival known to look elsewhere is none."""
    instance = rival.status.instance
    if instance is None:
        return True
    return (instance.region, instance.project_id) == (case.observed.region, case.observed.project_id)
