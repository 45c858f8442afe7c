"""What this process knows of each instance's latest operation, whatever becomes of the objects that tell of it.

A status may be wiped, and an object deleted and made anew, while its call is in the cloud and nothing there shows it
yet. As long as the process lives that has seen the journal, what was lost is put back instead of being planned again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ddm_operator.domain.case import Limits
from ddm_operator.domain.model import Operation, Resource
from ddm_operator.ports import Clock


@dataclass(frozen=True)
class _Known:
    operation: Operation
    uid: str
    """Of the object whose journal had it last."""
    namespace: str
    closed_at: float | None
    """When it was first known to be closed (monotonic seconds)."""


class Memory:
    """The operations of each instance that still matter, by their ids; the latest comes last."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._known: dict[str, dict[str, _Known]] = {}

    def note(self, resource: Resource, operation: Operation | None = None) -> None:
        """Remember what an object's journal says, or what is known besides; an empty journal says nothing."""
        operation = operation or resource.status.operation
        if operation is None or not operation.id:
            return
        instance = resource.desired.instance_id
        known = self._known.get(instance, {})
        before = known.pop(operation.id, None)
        since = before.closed_at if before is not None and before.closed_at is not None else self._clock.monotonic()
        noted = _Known(operation, resource.desired.uid, resource.desired.namespace, None if operation.open else since)
        self._known[instance] = {key: found for key, found in known.items() if self._matters(found)}
        self._known[instance][operation.id] = noted

    def lost(
        self, resource: Resource, others: Iterable[Resource], *, seen_in: tuple[str, str] | None = None
    ) -> Operation | None:
        """The operation that belongs into an empty journal: an open one, or one that reads may not show yet.

        What an object of another namespace had is nothing to this one until its own credential has seen the instance.

        Args:
            resource: the object with the empty journal.
            others: the objects that name the same instance; what one of them had is for that one to get back.
            seen_in: region and project where the object's credential has just seen the instance.
        """
        if resource.status.operation is not None:
            return None
        theirs = {other.desired.uid for other in others}
        known = self._known.get(resource.desired.instance_id, {}).values()
        home = resource.desired.namespace
        missing = [
            found.operation
            for found in known
            if found.uid not in theirs
            and self._matters(found)
            and (found.namespace == home or seen_in == (found.operation.region, found.operation.project_id))
        ]
        return missing[-1] if missing else None

    def _matters(self, found: _Known) -> bool:
        return found.closed_at is None or self._clock.monotonic() - found.closed_at < self._limits.settle
