"""Since when: what this process has seen of each object, measured by its own monotonic clock.

Nothing here is stored. A process that starts anew measures anew, which only ever makes it wait longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ddm_operator.domain.case import ENDED_JOB, Ages, Observed
from ddm_operator.domain.follow import RUNNING
from ddm_operator.domain.model import NOTHING, Operation, Phase, Resource

STEP = 60.0
"""Seconds that the wall clock may wander against the monotonic one while an operation is open."""


@dataclass(slots=True)
class _Since:
    """First moments, in monotonic seconds, of what is so now; None while it is not so."""

    uid: str
    operation_id: str = ""
    operation: float = 0.0
    epoch: float = 0.0
    """Of the wall clock that told the operation's times: an operation was planned when it was last looked before it."""
    last_epoch: float | None = None
    closed: float | None = None
    nodes: frozenset[str] | None = None
    nodes_unchanged: float = 0.0
    job_missing: float | None = None
    nodes_missed: float | None = None
    verifying: bool = False
    jobs_ended: Mapping[str, float] = field(default_factory=lambda: NOTHING)


class Sightings:
    """First moments of every object, by key; another object of the same name begins anew."""

    def __init__(self) -> None:
        self._since: dict[str, _Since] = {}

    def forget(self, key: str) -> None:
        """Drop what is known of an object that is gone."""
        self._since.pop(key, None)

    def note(self, key: str, resource: Resource, observed: Observed, at: float, epoch: float = 0.0) -> Ages:
        """Take in one observation and say how old everything is.

        Args:
            key: ``namespace/name``.
            resource: the object, known to be stored before the observation began.
            observed: what was seen.
            at: when the observation began (monotonic seconds).
            epoch: how far the wall clock is ahead of the monotonic one now (seconds); it changes when somebody sets it.
        """
        operation = resource.status.operation
        uid = resource.desired.uid
        since = self._since.get(key)
        if since is None or since.uid != uid:
            since = _Since(uid)
        if operation is not None and since.operation_id != operation.id:
            planned = epoch if since.last_epoch is None else since.last_epoch
            since = _Since(uid, operation.id, resource.seen_at, planned, jobs_ended=since.jobs_ended)
        self._since[key] = since
        since.last_epoch = epoch
        if operation is not None:
            _note_operation(since, operation, observed, resource.seen_at, at)
            if observed.nodes is not None:
                group = resource.desired.group_id or operation.group_id
                missed = resource.status.nodes_of(group) - observed.node_ids(group)
                since.nodes_missed = _first(since.nodes_missed, at) if missed else None
        for job in observed.jobs or ():
            if job.status in ENDED_JOB and job.id not in since.jobs_ended:
                since.jobs_ended = {**since.jobs_ended, job.id: at}
        return Ages(
            operation=at - since.operation if operation else 0.0,
            closed=_age(since.closed, at),
            nodes_unchanged=at - since.nodes_unchanged if since.nodes is not None else 0.0,
            job_missing=_age(since.job_missing, at),
            nodes_missed=_age(since.nodes_missed, at),
            jobs_ended={job: at - first for job, first in since.jobs_ended.items()},
            clock_step=_step(epoch - since.epoch) if operation else 0.0,
        )


def _note_operation(since: _Since, operation: Operation, observed: Observed, seen_at: float, at: float) -> None:
    since.closed = None if operation.open else _first(since.closed, seen_at)
    if operation.phase == Phase.VERIFYING and not since.verifying:
        since.nodes = None  # counts may lag behind the job's end: what they were before it says nothing of them
    since.verifying = operation.phase == Phase.VERIFYING
    if observed.jobs is not None and operation.job_id:
        missing = all(job.id != operation.job_id for job in observed.jobs)
        since.job_missing = _first(since.job_missing, at) if missing else None
    if observed.nodes is None:
        since.nodes = None  # what nobody looked at did not stay the same
        return
    nodes = observed.node_ids(operation.group_id)
    if observed.row is None or observed.row.status.upper() != RUNNING:
        since.nodes = None
    elif since.nodes != nodes:
        since.nodes, since.nodes_unchanged = nodes, at


def _step(moved: float) -> float:
    """A clock that is disciplined in small steps was not set."""
    return moved if abs(moved) >= STEP else 0.0


def _first(since: float | None, at: float) -> float:
    return at if since is None else since


def _age(since: float | None, at: float) -> float:
    return 0.0 if since is None else at - since
