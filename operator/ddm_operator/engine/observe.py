"""Observe: as few questions as the object's state allows, every one asked after the object was known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from ddm_operator.domain.case import HEALTHY_NODE, SCALING_JOBS, Limits, Observed, tally
from ddm_operator.domain.conditions import READY
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import InstanceRow, Job, Operation, Phase, Resource
from ddm_operator.domain.pace import next_look
from ddm_operator.engine.shared import FRESH, Answer, Project
from ddm_operator.ports import Clock, Cloud

PRE_PAID = "prePaid"

UNUSED_LOOKS = 4
"""Slow looks in a row that nobody has taken at a project before its lists are dropped: its credential was replaced."""


@dataclass(frozen=True)
class Sight:
    """An observation and when it began (monotonic seconds)."""

    observed: Observed
    at: float


class Observer:
    """Answers are shared between objects where they may be, and read afresh where money depends on them."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._unused = UNUSED_LOOKS * max(limits.resync, limits.recheck)
        self._projects: dict[Cloud, Project] = {}
        self._used_at: dict[Cloud, float] = {}
        self._pauses: dict[str, float] = {}
        self._forgot_at = clock.monotonic()
        self.changed: Callable[[str], None] = _nobody
        """Takes the id of an instance that a list shows otherwise than the one before: nobody waits for a next look."""

    async def look(self, cloud: Cloud, resource: Resource) -> Sight:
        """What a pass needs to see: for an open operation what its phase asks for, else whether anything changed."""
        operation = resource.status.operation
        if operation is not None and operation.open:
            return await self._pursue(cloud, resource, operation)
        return await self._glance(cloud, resource)

    async def inspect(self, cloud: Cloud, resource: Resource) -> Sight:
        """Everything that a begin depends on, never from a cache.

        But for what can be bought where: that changes slowly, and the cloud refuses by itself what is sold out.
        """
        at = self._clock.monotonic()
        sight = await self._detail(cloud, resource)
        row = sight.observed.row
        if row is None:
            return sight
        project = self._project(cloud)
        jobs, schemas, flavors = await asyncio.gather(
            project.jobs(at, self._clock.now()),
            cloud.list_schemas(row.id),
            project.flavors(row.engine_version).get(at - self._limits.poll),
        )
        mine = _of_instance(jobs, row.id)
        return Sight(replace(sight.observed, jobs=mine, schemas=schemas, flavors=flavors.value, complete=True), at)

    def next_look(self, cloud: Cloud, resource: Resource, decision: Decision, sight: Sight) -> float:
        """Seconds until the next pass: what the decision asks for, or what a running job's length lets expect."""
        key, operation = resource.desired.key, decision.operation
        job = _own_job(operation, sight)
        if decision.verb is not Verb.FOLLOW or operation is None or job is None:
            self.forget(key)
            return decision.requeue_after
        now = self._clock.now()
        age = (now - (job.created or operation.request_time or now)).total_seconds()
        lengths = self._project(cloud).lengths(job.name)
        pause = next_look(age, job.progress_percent, lengths, self._limits.poll)
        if operation.deadline_time is not None:
            left = (operation.deadline_time - now).total_seconds()
            pause = min(pause, left) if left > 0 else pause
        self._pauses[key] = pause
        return pause

    def forget(self, key: str) -> None:
        """Nothing of it is followed any more."""
        self._pauses.pop(key, None)

    async def _glance(self, cloud: Cloud, resource: Resource) -> Sight:
        project = self._project(cloud)
        since, age, usual = self._wanted(resource)
        if _asked(resource) or not project.lists(since, age, usual):
            return await self._detail(cloud, resource)
        rows = await project.rows.get(since)
        row = rows.value.get(resource.desired.instance_id)
        if row is not None and _unchanged(row, resource):
            return Sight(_remembered(cloud, resource, row), rows.began)
        return await self._detail(cloud, resource)

    def _wanted(self, resource: Resource) -> tuple[float, float, float]:
        """When the list must have been asked for at the earliest (monotonic seconds); how old it may be, and usually.

        What waits for something is looked at as often as it asks; and no answer judges a journal that is newer.
        """
        at_rest = any(said.type == READY and said.status == "True" for said in resource.status.conditions)
        usual = FRESH * (self._limits.resync if at_rest else self._limits.poll)
        recent = self._clock.monotonic() - usual
        if resource.status.operation is not None and resource.seen_at > recent:
            return resource.seen_at, FRESH * self._limits.poll, usual
        return recent, usual, usual

    async def _pursue(self, cloud: Cloud, resource: Resource, operation: Operation) -> Sight:
        if operation.phase == Phase.VERIFYING:
            return await self._detail(cloud, resource)
        jobs = await self._jobs(cloud, resource, operation)
        followed = any(job.id == operation.job_id for job in jobs.value)
        remembered = resource.status.instance is not None and bool(resource.status.groups)
        if operation.phase == Phase.RUNNING and followed and remembered and operation.progress_percent is not None:
            row = _remembered_row(resource)
            return Sight(replace(_remembered(cloud, resource, row), jobs=jobs.value), jobs.began)
        sight = await self._detail(cloud, resource)
        return Sight(replace(sight.observed, jobs=jobs.value), jobs.began)

    async def _jobs(self, cloud: Cloud, resource: Resource, operation: Operation) -> Answer[tuple[Job, ...]]:
        """The instance's jobs since the request; the operation's own is asked for by id when the list lacks it."""
        project, poll = self._project(cloud), self._limits.poll
        age = project.age_of_jobs(self._pauses.get(resource.desired.key, poll))
        recent = max(resource.seen_at, self._clock.monotonic() - age)
        moment = operation.request_time or self._clock.now()
        answer = await project.jobs(recent, moment)
        jobs = _of_instance(answer, resource.desired.instance_id)
        if operation.job_id and all(job.id != operation.job_id for job in jobs):
            own = await cloud.get_job(operation.job_id)
            jobs = (*jobs, own) if own is not None else jobs
        return Answer(jobs, answer.began)

    async def _detail(self, cloud: Cloud, resource: Resource) -> Sight:
        at = self._clock.monotonic()
        nothing = Observed(row=None, region=cloud.target.region, project_id=cloud.target.project_id)
        detail = await cloud.get_instance(resource.desired.instance_id)
        if detail is None:
            return Sight(nothing, at)
        groups = await cloud.list_groups(detail.id)
        counted = tally(detail, groups, resource.desired)
        return Sight(replace(nothing, row=detail, tally=counted, nodes=detail.nodes, groups=groups), at)

    def _tell(self, instance_id: str) -> None:
        self.changed(instance_id)

    def _project(self, cloud: Cloud) -> Project:
        now = self._clock.monotonic()
        if now - self._forgot_at >= self._unused / 4:
            self._used_at = {key: at for key, at in self._used_at.items() if now - at < self._unused}
            self._projects = {key: self._projects[key] for key in self._used_at}
            self._forgot_at = now
        if cloud not in self._projects:
            self._projects[cloud] = Project(self._clock, cloud, self._limits.poll, self._tell)
        self._used_at[cloud] = now
        return self._projects[cloud]


def _nobody(_instance_id: str) -> None:
    """Nobody is told."""


def _own_job(operation: Operation | None, sight: Sight) -> Job | None:
    if operation is None or not operation.job_id:
        return None
    return next((job for job in sight.observed.jobs or () if job.id == operation.job_id), None)


def _asked(resource: Resource) -> bool:
    """Whether a person has just said something: the answer is not taken from an older look."""
    desired, status = resource.desired, resource.status
    changed = desired.generation != status.observed_generation
    answered = desired.resolve != status.last_handled_resolve
    return changed or answered or desired.reconcile_requested_at not in ("", status.last_handled_reconcile_at)


def _of_instance(jobs: Answer[tuple[Job, ...]], instance_id: str) -> tuple[Job, ...]:
    return tuple(job for job in jobs.value if job.instance_id == instance_id and job.name in SCALING_JOBS)


def _unchanged(row: InstanceRow, resource: Resource) -> bool:
    """Whether the row says what the status says already, so that the groups need no new look."""
    known = resource.status.instance
    groups = resource.status.groups
    return (
        known is not None
        and (known.status, known.flavor, known.node_count) == (row.status, row.flavor, row.node_count)
        and row.node_status.lower() in HEALTHY_NODE
        and sum(group.nodes for group in groups) == row.node_count
        and not any(group.unhealthy_nodes for group in groups)
    )


def _remembered(cloud: Cloud, resource: Resource, row: InstanceRow) -> Observed:
    groups = resource.status.groups
    desired = resource.desired
    chosen = desired.group_id or (groups[0].id if len(groups) == 1 else "")
    counted = tuple(replace(group, desired_nodes=desired.nodes if group.id == chosen else None) for group in groups)
    return Observed(row=row, tally=counted, region=cloud.target.region, project_id=cloud.target.project_id)


def _remembered_row(resource: Resource) -> InstanceRow:
    """The last row as the status keeps it: while a job is followed, only the job is asked about."""
    known = resource.status.instance
    return InstanceRow(
        id=resource.desired.instance_id,
        name=known.name if known else "",
        status=known.status if known else "",
        node_status="",
        node_count=known.node_count if known else 0,
        flavor=known.flavor if known else "",
        engine_version=known.engine_version if known else "",
        order_id=known.charge_mode if known and known.charge_mode == PRE_PAID else "",
        zones=(),
    )
