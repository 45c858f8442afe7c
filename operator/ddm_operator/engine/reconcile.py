"""Reconcile: one pass over one object. Observe, decide, act, report; every pass starts from what is really there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from ddm_operator.domain import reasons
from ddm_operator.domain.case import Case, Limits, Observed
from ddm_operator.domain.conditions import STALLED
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Operation, Resource
from ddm_operator.domain.report import next_status, putting_back, worth_writing
from ddm_operator.engine.act import Actor
from ddm_operator.engine.chorus import Chorus
from ddm_operator.engine.journal import Journal, fields
from ddm_operator.engine.memory import Memory
from ddm_operator.engine.observe import Observer, Sight
from ddm_operator.engine.setbacks import Setbacks, long_wait
from ddm_operator.engine.sightings import Sightings
from ddm_operator.errors import OperatorError, StalledError, WaitingError
from ddm_operator.operations.base import OperationKind
from ddm_operator.ports import Clock, Cloud, Clouds, Metrics, Objects, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reconciler:
    """Everything that a pass needs, and nothing that outlives the process."""

    objects: Objects
    store: Store
    clouds: Clouds
    clock: Clock
    limits: Limits
    kinds: Sequence[OperationKind]
    observer: Observer
    journal: Journal
    memory: Memory
    actor: Actor
    sightings: Sightings
    setbacks: Setbacks
    chorus: Chorus
    metrics: Metrics
    instances: WeakValueDictionary[str, asyncio.Lock]
    """Held during a pass: two objects that name one instance take turns."""

    async def reconcile(self, key: str) -> float | None:
        """One pass over the object ``namespace/name``.

        Returns:
            Seconds until the next pass; None when the object is gone.
        """
        resource = self.store.get(key)
        if resource is None:
            self._over(key)
            self.sightings.forget(key)
            self.observer.forget(key)
            return None
        instance = self.instances.setdefault(resource.desired.instance_id, asyncio.Lock())
        async with instance:
            began, outcome = self.clock.monotonic(), "defect"
            try:
                wait = await self._pass(await self._latest(key, resource))
                outcome = "done"
            except OperatorError as error:
                outcome = type(error).__name__.removesuffix("Error").lower()
                return await self._set_back(key, resource, error)
            finally:
                self.metrics.pass_ended(outcome, self.clock.monotonic() - began)
        self._over(key)
        return wait

    async def defect(self, key: str, error: BaseException) -> None:
        """Say in the status that a pass raised what no pass should raise; nothing is silent, not even a defect."""
        resource = self.store.get(key)
        if resource is not None:
            text = f"A pass over this object failed unexpectedly ({type(error).__name__}). That is a defect of the "
            text += "operator: its log has the details. Nothing is lost; it is tried again, less and less often."
            await self._set_back(key, resource, WaitingError(reasons.RETRYING, text))

    async def _pass(self, resource: Resource) -> float:
        resource = await self._whole(await self.journal.deliver(resource))
        if resource.problem:
            raise StalledError(reasons.INVALID_SPEC, resource.problem)
        cloud = await self._cloud(resource)
        if _asks_for_more(resource):
            return await self._pass_closely(cloud, resource)
        sight = await self.observer.look(cloud, resource)
        decision = self._decide(resource, sight)
        if _needs_closer_look(decision, resource, sight):
            return await self._pass_closely(cloud, resource)
        return await self._conclude(cloud, resource, decision, sight)

    async def _pass_closely(self, cloud: Cloud, resource: Resource) -> float:
        """Everything that a begin depends on, afresh, then the decision.

        The object is as it was known before that: if the API server has another, the intent loses its compare-and-swap.
        """
        if self.objects.pause():
            resource = await self._whole(await self._read_again(resource))  # no sooner than what may wait
        with cloud.look(resource.desired.key):
            sight = await self.observer.inspect(cloud, resource)
        if await self._got_back(resource, cloud, sight):
            return 0.0
        return await self._conclude(cloud, resource, self._decide(resource, sight), sight)

    async def _conclude(self, cloud: Cloud, resource: Resource, decision: Decision, sight: Sight) -> float:
        self.metrics.observed(cloud.target.region, cloud.target.project_id, sight.at)
        if decision.verb is Verb.BEGIN:
            self._accounted_for(resource)
            resource = await self.actor.begin(cloud, resource, decision, sight)
            return self.limits.poll if resource.status.operation and resource.status.operation.open else 0.0
        untold = await self._report(resource, decision, sight.observed)
        look = self.observer.next_look(cloud, resource, decision, sight)
        return _soonest(look, untold) if look else untold or self.journal.rest(resource)

    def _decide(self, resource: Resource, sight: Sight) -> Decision:
        now = self.clock.now()
        epoch = now.timestamp() - self.clock.monotonic()
        ages = self.sightings.note(resource.desired.key, resource, sight.observed, sight.at, epoch)
        desired = replace(resource.desired, paused=True) if resource.deleting else resource.desired
        return decide(
            Case(
                desired=desired,
                status=resource.status,
                observed=sight.observed,
                now=now,
                limits=self.limits,
                ages=ages,
                rivals=self.store.rivals(resource),
                never_sent=self.journal.never_sent(resource.status.operation),
            ),
            self.kinds,
        )

    async def _report(self, resource: Resource, decision: Decision, observed: Observed | None) -> float:
        """Say it in the status; seconds until it may be said, 0 when it is."""
        status = next_status(resource.desired, resource.status, decision, observed, self.clock.now())
        return await self.journal.tell(resource, status) if worth_writing(resource.status, status) else 0.0

    async def _set_back(self, key: str, resource: Resource, error: OperatorError) -> float:
        """A pass that could not be finished: say so when it lasts, and come back later each time."""
        latest = self.store.get(key)
        if latest is not None and latest.desired == resource.desired:
            resource = latest  # the pass may have written before it failed; a newer spec was not looked at yet
        setback = self.setbacks.add(key, error)
        if setback.news and self.chorus.solo(key, error.reason):
            log.warning("%s: %s", error.reason, error.message, extra=fields(resource))
        new = resource.desired.generation != resource.status.observed_generation
        told_to_wait = long_wait(error, new=new)
        worth = setback.worth_reporting or told_to_wait
        untold = await self._report(resource, setback.decision, None) if worth else 0.0
        if told_to_wait and untold:
            return untold  # whoever waits for its turn keeps its place, and says meanwhile that it waits
        return max(setback.decision.requeue_after, untold)  # sooner would undo the growing pauses

    def _over(self, key: str) -> None:
        """A pass went well, or the object is gone."""
        self.setbacks.over(key)
        resource = self.store.get(key)
        stalled = (said.reason for said in resource.status.conditions if said.type == STALLED) if resource else ()
        self.chorus.left(key, still=next(iter(stalled), ""))

    async def _cloud(self, resource: Resource) -> Cloud:
        """The cloud as the object's credential sees it; an open operation stays where it was begun."""
        desired, operation = resource.desired, resource.status.operation
        region, project = desired.region, desired.project_id
        following = operation is not None and operation.open
        if operation is not None and following:
            region, project = operation.region or region, operation.project_id or project
        cloud = await self.clouds.cloud_for(desired.namespace, region, project, following=following)
        await cloud.prepare()
        return cloud

    async def _latest(self, key: str, resource: Resource) -> Resource:
        """The object as the watch or this process last saw it; read afresh after a pass that lost a write."""
        return await self._read_again(resource) if self.setbacks.stale(key) else resource

    async def _whole(self, resource: Resource) -> Resource:
        """The object with its journal; what somebody took out of it is put back."""
        lost = self.memory.lost(resource, self.store.rivals(resource))
        if lost is None:
            self.memory.note(resource)
            return resource
        return await self._put_back(resource, lost)

    async def _got_back(self, resource: Resource, cloud: Cloud, sight: Sight) -> bool:
        """Whether the object, moved here from another namespace, had lost something that its credential may see."""
        if sight.observed.row is None:
            return False
        place = cloud.target.region, cloud.target.project_id
        lost = self.memory.lost(resource, self.store.rivals(resource), seen_in=place)
        if lost is not None:
            await self._put_back(resource, lost)
        return lost is not None

    async def _put_back(self, resource: Resource, lost: Operation) -> Resource:
        status = next_status(resource.desired, resource.status, putting_back(lost), None, self.clock.now())
        return await self.journal.put_back(resource, status, lost)

    def _accounted_for(self, resource: Resource) -> None:
        """Raises WaitingError while another object's journal lacks an operation that this process knows of."""
        missing = self.memory.missing_elsewhere(resource, self.store.rivals(resource))
        if missing is not None:
            text = f"The status of another object for this instance has lost operation {missing.id}. It is put back "
            text += "first; nothing is requested before that."
            raise WaitingError(reasons.SETTLING, text, requeue_after=self.limits.poll)

    async def _read_again(self, resource: Resource) -> Resource:
        fresh = await self.objects.get(resource.desired.namespace, resource.desired.name)
        if fresh is None:
            return resource
        self.store.put(fresh)
        return fresh


def _soonest(next_look: float, untold: float) -> float:
    """Seconds until the next pass, when a status may have to wait for so long before it is written."""
    return min(next_look, untold) if untold else next_look


def _asks_for_more(resource: Resource) -> bool:
    """Whether somebody has just declared more nodes than there were: a begin is likely, and a first look is spared."""
    desired, status = resource.desired, resource.status
    idle = status.operation is None or not status.operation.open
    new = desired.generation != status.observed_generation and not (desired.paused or resource.deleting)
    return idle and new and desired.nodes is not None and status.nodes is not None and desired.nodes > status.nodes


def _needs_closer_look(decision: Decision, resource: Resource, sight: Sight) -> bool:
    """Before a begin, and when nodes come that the journal knows nothing of."""
    if sight.observed.complete or resource.desired.nodes is None:
        return False
    operation = resource.status.operation
    idle = operation is None or not operation.open
    grows = sight.observed.row is not None and sight.observed.row.status.upper() == "GROWING"
    return decision.verb is Verb.BEGIN or (idle and grows and decision.reason != reasons.INSTANCE_CLAIMED)
