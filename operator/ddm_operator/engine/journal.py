"""The journal's writes: every one a compare-and-swap of the whole status, none assumed, none forgotten.

An intent, its answer and what is put back never wait, because safety rests on them; what is merely told may.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from ddm_operator.domain.model import Operation, Phase, Resource, Status
from ddm_operator.domain.reasons import STATUS_REFUSED
from ddm_operator.domain.report import Announcement, announcements, put_back_event
from ddm_operator.engine.chorus import Chorus
from ddm_operator.engine.memory import Memory
from ddm_operator.engine.write_pace import WritePace
from ddm_operator.errors import AmbiguousError, ConflictError, StalledError
from ddm_operator.ports import Events, Metrics, Objects, Store

log = logging.getLogger(__name__)

Amend = Callable[[Status, Operation], Status]
"""Puts an operation's new state into a status that was read afresh."""

ATTEMPTS = 5
"""Times an answer is written again after a lost compare-and-swap within one pass; then the next pass goes on."""


class Journal:
    """Stores intents and answers, and remembers what it could not store."""

    def __init__(
        self,
        objects: Objects,
        store: Store,
        events: Events,
        metrics: Metrics,
        memory: Memory,
        chorus: Chorus,
        pace: WritePace,
    ) -> None:
        self._objects = objects
        self._chorus = chorus
        self._pace = pace
        self._memory = memory
        self._store = store
        self._events = events
        self._metrics = metrics
        self._kept: dict[str, tuple[Operation, Amend]] = {}
        self._never_sent: set[str] = set()

    def never_sent(self, operation: Operation | None) -> bool:
        """Whether this process wrote that intent and knows that its call did not leave."""
        return operation is not None and operation.id in self._never_sent

    async def write(self, resource: Resource, status: Status) -> Resource:
        """Write a status that must not wait, and announce what happened once it is stored.

        Raises:
            ConflictError: the object was changed meanwhile; start again from a fresh read.
            AmbiguousError: no answer; the next pass reads back.
        """
        return await self._write(resource, status, announcements(resource.status, status))

    async def tell(self, resource: Resource, status: Status) -> float:
        """Write a status that may wait, or say how long it has to; raises like ``write``.

        Returns:
            Seconds until it may be written: the pass comes back then, and writes what is true then. 0: it is written.
        """
        wait = self._objects.pause() or self._pace.rest(resource.desired.uid)
        if not wait:
            await self._pace.turn()
            await self._write(resource, status, announcements(resource.status, status), urgent=False)
            self._pace.written(resource.desired.uid)
        return wait

    def rest(self, resource: Resource) -> float:
        """Seconds until another status of the object may be told: a look before that is one for nothing."""
        return self._pace.rest(resource.desired.uid)

    async def put_back(self, resource: Resource, status: Status, lost: Operation) -> Resource:
        """Write a status that has again what it had lost; see ``Memory``. Raises like ``write``."""
        return await self._write(resource, status, [put_back_event(lost)])

    async def _write(
        self, resource: Resource, status: Status, news: list[Announcement], *, urgent: bool = True
    ) -> Resource:
        stored = await self._objects.put_status(resource, status, urgent=urgent)
        self._store.put(stored)
        self._memory.note(stored)
        for said in news:
            if not said.of_many or self._chorus.solo(stored.desired.key, said.reason):
                level = logging.WARNING if said.kind == "Warning" else logging.INFO
                log.log(level, "%s: %s", said.reason, said.message, extra=fields(stored))
            self._events.publish(stored, said.kind, said.reason, said.message)
            if said.counted:
                self._metrics.operation(said.counted)
                self._measure(said.counted, stored.status.operation)
        return stored

    def _measure(self, outcome: str, operation: Operation | None) -> None:
        if operation is not None and operation.request_time and operation.completion_time:
            self._metrics.operation_ended(outcome, (operation.completion_time - operation.request_time).total_seconds())

    async def write_intent(self, resource: Resource, status: Status) -> Resource:
        """Write the intent of a call that is sent only after this returned.

        Until then the call certainly did not leave, whatever becomes of the write: if it turns up stored after all, the
        intent is withdrawn.
        """
        intent = status.operation
        if intent is None:
            raise ValueError("a status without an operation holds no intent")
        self._never_sent.add(intent.id)
        stored = await self.write(resource, status)
        if not _is_kept(stored.status.operation, intent):
            text = "The API server took the status and did not keep the intent of a call in it. Nothing is requested. "
            text += "Install the CRD that belongs to this version of the operator, and see what else changes statuses."
            raise StalledError(STATUS_REFUSED, text)
        self._never_sent.discard(intent.id)
        return stored

    async def write_answer(self, resource: Resource, answer: Operation, amend: Amend) -> Resource:
        """Write the answer to a call; it is kept until it is stored, however long the API server is away."""
        self._kept[resource.desired.uid] = (answer, amend)
        return await self.deliver(resource)

    async def deliver(self, resource: Resource) -> Resource:
        """Store the answer that is kept for an object, if there is one; the object's latest version.

        Raises:
            OperatorError: it could not be stored yet and stays kept.
        """
        kept = self._kept.get(resource.desired.uid)
        if kept is None:
            return resource
        answer, amend = kept
        latest: Resource | None = resource
        for _ in range(ATTEMPTS):
            if latest is None or not _open_for(latest, resource.desired.uid, answer):
                if latest is None or latest.desired.uid != resource.desired.uid or latest.status.operation is None:
                    self._memory.note(resource, answer)
                del self._kept[resource.desired.uid]
                return latest or resource
            try:
                stored = await self.write(latest, amend(latest.status, _merge(latest.status.operation, answer)))
            except (ConflictError, AmbiguousError):
                latest = await self._objects.get(resource.desired.namespace, resource.desired.name, urgent=True)
                continue
            del self._kept[resource.desired.uid]
            return stored
        raise ConflictError("Conflict", "The object changes faster than the answer can be stored; it is kept.")


def fields(resource: Resource) -> dict[str, str]:
    """What every log line about an object carries."""
    operation = resource.status.operation
    return {
        "object": resource.desired.key,
        "instance": resource.desired.instance_id,
        "operation": operation.id if operation else "",
        "job": operation.job_id if operation else "",
    }


def _open_for(resource: Resource, uid: str, answer: Operation) -> bool:
    """Whether the object's journal still waits for that answer."""
    operation = resource.status.operation
    if resource.desired.uid != uid or operation is None or operation.id != answer.id:
        return False
    if operation.phase in (Phase.REQUESTING, Phase.UNCONFIRMED):
        return True
    return operation.phase == Phase.RUNNING and bool(answer.job_id) and not operation.job_id


def _is_kept(operation: Operation | None, intent: Operation) -> bool:
    """Whether what is stored is the intent with all that its evidence will be compared with."""
    if operation is None:
        return False
    baselines = operation.baseline_job_ids, operation.baseline_node_ids
    return (operation.id, operation.phase, *baselines) == (
        intent.id,
        intent.phase,
        intent.baseline_job_ids,
        intent.baseline_node_ids,
    )


def _merge(operation: Operation | None, answer: Operation) -> Operation:
    """The answer, or its job id alone where somebody has found out meanwhile that the call was executed."""
    if operation is not None and operation.phase == Phase.RUNNING:
        return replace(operation, job_id=answer.job_id)
    return answer
