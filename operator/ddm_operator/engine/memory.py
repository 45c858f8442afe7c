"""What this process knows of each instance's latest operation, whatever becomes of the objects that tell of it.

A status may be wiped or replaced by an older one, and an object deleted and made anew, while its call is in the cloud
and nothing there shows it yet. As long as the process lives that has seen the journal, what was lost is put back
instead of being planned again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ddm_operator.domain.case import Limits
from ddm_operator.domain.model import Operation, Phase, Resource
from ddm_operator.ports import Clock

KEPT_ORDER: Final = 32
"""Operations of one instance whose order is known; a journal holds six."""


@dataclass(frozen=True)
class _Known:
    operation: Operation
    uid: str
    """Of the object whose journal had it last."""
    namespace: str
    closed_at: float | None
    """When it was first known to be closed (monotonic seconds)."""


class Memory:
    """The operations of each instance that still matter, by their ids.

    Which of two came first is known by the order in which this process saw them, never by their times: a calendar tells
    whole seconds, and may be set.
    """

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._known: dict[str, dict[str, _Known]] = {}
        self._order: dict[str, tuple[str, ...]] = {}
        """By instance: ids of operations, the oldest first."""

    def note(self, resource: Resource, operation: Operation | None = None) -> None:
        """Remember what an object's journal says, or what is known besides; an empty journal says nothing.

        What was rejected is not remembered: nothing of it can be under way, and nothing waits to be shown.
        """
        operation = operation or resource.status.operation
        if operation is None or not operation.id:
            return
        instance, uid = resource.desired.instance_id, resource.desired.uid
        self._line_up(instance, (*(past.id for past in reversed(resource.status.history)), operation.id))
        known = self._known.get(instance, {})
        before = known.pop(operation.id, None)
        since = before.closed_at if before is not None and before.closed_at is not None else self._clock.monotonic()
        noted = _Known(operation, uid, resource.desired.namespace, None if operation.open else since)
        self._known[instance] = {
            key: found
            for key, found in known.items()
            if self._matters(found, found.uid) and not (found.uid == uid and self._tells(resource, found.operation))
        }
        if operation.phase != Phase.REJECTED:
            self._known[instance][operation.id] = noted

    def _line_up(self, instance: str, ids: Iterable[str]) -> None:
        known = self._order.get(instance, ())
        new = tuple(one for one in ids if one not in known)
        if new:
            self._order[instance] = (*known, *new)[-KEPT_ORDER:]

    def lost(
        self, resource: Resource, others: Iterable[Resource], *, seen_in: tuple[str, str] | None = None
    ) -> Operation | None:
        """The operation that belongs into a journal: an open one, or one that reads may not show yet.

        A journal may have been emptied, or replaced by one from before that operation, or from the middle of it. One
        that holds another open operation is left alone: that comes first. What an object of another namespace had is
        nothing to this one until its own credential has seen the instance.

        Args:
            resource: the object.
            others: the objects that name the same instance; what one of them had is for that one to get back.
            seen_in: region and project where the object's credential has just seen the instance.
        """
        operation = resource.status.operation
        if operation is not None and operation.open:
            return self._further(resource, operation)
        theirs = {other.desired.uid for other in others}
        home = resource.desired.namespace
        missing = [
            found.operation
            for found in self._mattering(resource)
            if found.uid not in theirs
            and not self._tells(resource, found.operation)
            and (found.namespace == home or seen_in == (found.operation.region, found.operation.project_id))
        ]
        return self._latest(resource, missing)

    def _further(self, resource: Resource, operation: Operation) -> Operation | None:
        """What is known of the very operation, where its journal has gone back."""
        found = self._known.get(resource.desired.instance_id, {}).get(operation.id)
        if found is None or found.uid != resource.desired.uid or not operation.understood:
            return None
        known = found.operation
        return known if not known.open or (known.job_id and not operation.job_id) else None

    def missing_elsewhere(self, resource: Resource, others: Iterable[Resource]) -> Operation | None:
        """An operation that the journal of another living object should tell of and does not: nothing may begin."""
        by_uid = {other.desired.uid: other for other in others}
        missing = [
            found.operation
            for found in self._mattering(resource)
            if found.uid in by_uid and not self._tells(by_uid[found.uid], found.operation)
        ]
        return self._latest(resource, missing)

    def _mattering(self, resource: Resource) -> list[_Known]:
        known = self._known.get(resource.desired.instance_id, {}).values()
        return [found for found in known if self._matters(found, resource.desired.uid)]

    def _matters(self, found: _Known, uid: str) -> bool:
        """Open, or not yet certainly visible; what a person has abandoned holds for as long as the object lives."""
        if found.closed_at is None or (found.operation.phase == Phase.ABANDONED and found.uid == uid):
            return True
        return self._clock.monotonic() - found.closed_at < self._limits.settle

    def _latest(self, resource: Resource, missing: Iterable[Operation]) -> Operation | None:
        order = self._order.get(resource.desired.instance_id, ())
        return max(
            missing, key=lambda operation: order.index(operation.id) if operation.id in order else -1, default=None
        )

    def _tells(self, resource: Resource, operation: Operation) -> bool:
        """Whether a journal has an operation, or one that came after it."""
        latest = resource.status.operation
        if latest is None:
            return False
        if operation.id in {latest.id, *(past.id for past in resource.status.history)}:
            return True
        order = self._order.get(resource.desired.instance_id, ())
        if latest.id in order and operation.id in order:
            return order.index(latest.id) > order.index(operation.id)
        return bool(operation.job_id) and operation.job_id in latest.baseline_job_ids
