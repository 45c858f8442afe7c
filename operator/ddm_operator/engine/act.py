"""Act: begin one operation, so that a crash at any instruction neither doubles nor loses it.

The order is the safety: the object, then the cloud, then the intent by compare-and-swap, then the call, then its
answer. An object whose version is unchanged since before the cloud was read has had no operation begun or ended since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ddm_operator.domain import reasons
from ddm_operator.domain.again import healing
from ddm_operator.domain.case import Limits
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.follow import confirming, following
from ddm_operator.domain.model import Operation, Phase, Resource, Status
from ddm_operator.domain.report import next_status
from ddm_operator.engine.journal import Journal
from ddm_operator.engine.observe import Sight
from ddm_operator.errors import OperatorError, TransientError
from ddm_operator.operations.base import OperationKind
from ddm_operator.ports import Accepted, CallOutcome, Clock, Cloud, Lease, Refused

LOOK: Final = 1 / 3
"""Part of the settle period that a look may be old when its intent is written: what somebody else begins meanwhile has
certainly not ended and settled, so that the next look would show it as running."""


class Actor:
    """Writes the intent, sends the call once, writes the answer."""

    def __init__(
        self,
        journal: Journal,
        lease: Lease,
        clock: Clock,
        limits: Limits,
        kinds: Sequence[OperationKind],
        new_id: Callable[[], str],
    ) -> None:
        self._journal = journal
        self._lease = lease
        self._clock = clock
        self._limits = limits
        self._kinds = {kind.type: kind for kind in kinds}
        self._new_id = new_id
        self._calls: set[asyncio.Future[Resource]] = set()

    async def begin(self, cloud: Cloud, resource: Resource, decision: Decision, seen: Sight) -> Resource:
        """Begin what the decision carries; the object with the answer in its journal.

        Args:
            cloud: ready to call.
            resource: read from the API server *before* the cloud was.
            decision: made on that read and nothing older.
            seen: what the decision was made on, and since when it was looked at.

        Raises:
            WaitingError: it is not this object's turn; nothing was stored.
            ConflictError: somebody changed the object since; nothing was sent.
            TransientError: the look took so long that it may be wrong by now; nothing was sent.
            OperatorError: the intent could not be stored (nothing was sent), or the answer not yet (it is kept).
        """
        plan = decision.operation
        if decision.verb is not Verb.BEGIN or plan is None or not seen.observed.complete:
            raise ValueError("only a decision to begin, made on complete fresh reads, can be acted on")
        intent = replace(plan, id=self._new_id())
        call = asyncio.ensure_future(self._request(cloud, resource, replace(decision, operation=intent), intent, seen))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return await asyncio.shield(call)

    async def calm(self, seconds: float) -> None:
        """Wait until no call is under way, for so long at most: what may wait leaves the way to it."""
        until = self._clock.monotonic() + seconds
        while self._calls and (left := until - self._clock.monotonic()) > 0:
            await asyncio.wait(self._calls, timeout=left)

    async def finish(self, seconds: float) -> None:
        """Let calls in flight end and their answers be stored, for so long at most."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=seconds)

    async def _request(
        self, cloud: Cloud, resource: Resource, planned: Decision, intent: Operation, seen: Sight
    ) -> Resource:
        sent_at = self._clock.monotonic()
        self._recent(seen, sent_at)
        cloud.turn(resource.desired.key)  # now or not at all: what is stored may not wait
        status = next_status(resource.desired, resource.status, planned, seen.observed, self._clock.now())
        try:
            stored = await self._journal.write_intent(resource, status)
        except OperatorError:
            cloud.give_back()
            raise

        def may_leave() -> bool:
            return self._lease.held() and self._clock.monotonic() - sent_at <= self._limits.send

        outcome = await self._kinds[intent.type].begin(cloud, resource.desired.instance_id, intent, may_leave)
        if isinstance(outcome, Refused) and not outcome.sent:
            cloud.give_back()
        answer = self._answer(intent, outcome)

        def amend(current: Status, operation: Operation) -> Status:
            return next_status(stored.desired, current, _said(operation), seen.observed, self._clock.now())

        return await self._journal.write_answer(stored, answer, amend)

    def _recent(self, seen: Sight, now: float) -> None:
        """Raises TransientError when the nodes were counted too long ago."""
        most = LOOK * self._limits.settle
        if now - seen.at <= most:
            return
        text = f"Counting the nodes before a scale-out took {now - seen.at:.0f} s, and at most {most:.0f} s are right. "
        text += "Nothing was requested; they are counted again. If it goes on, the cloud throttles or is slow, or "
        text += "DDM_CLOUD_REQUESTS_PER_SECOND is too low for what is asked."
        raise TransientError(reasons.RETRYING, text)

    def _answer(self, intent: Operation, outcome: CallOutcome) -> Operation:
        now = self._clock.now()
        if isinstance(outcome, Accepted):
            named = f"job {outcome.job_id}" if outcome.job_id else f"order {outcome.order_id}"
            text = f"The cloud accepted the scale-out from {intent.from_nodes} to {intent.to_nodes} nodes as {named}."
            return replace(
                intent,
                phase=Phase.RUNNING,
                job_id=outcome.job_id,
                order_id=outcome.order_id,
                start_time=now,
                message=text,
            )
        if isinstance(outcome, Refused):
            reason = outcome.reason if outcome.sent else reasons.NOT_SENT
            closed = replace(intent, phase=Phase.REJECTED, reason=reason, completion_time=now)
            return replace(closed, error_code=outcome.code, message=outcome.message)
        text = (
            f"{outcome.message} Whether the cloud executed the call is being found out; nothing is requested meanwhile."
        )
        return replace(intent, phase=Phase.UNCONFIRMED, error_code=outcome.code, message=text)


def _said(operation: Operation) -> Decision:
    if operation.phase == Phase.RUNNING:
        return Decision(Verb.FOLLOW, reasons.SCALING_OUT, following(operation), 0.0, operation)
    if operation.phase == Phase.UNCONFIRMED:
        return Decision(Verb.CONFIRM, reasons.CONFIRMING, confirming(operation), 0.0, operation)
    stalled = operation.reason in reasons.STALLING
    reason = operation.reason if stalled else healing(operation.reason)
    return Decision(Verb.STALL if stalled else Verb.WAIT, reason, operation.message, 0.0, operation)
