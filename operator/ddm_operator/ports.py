"""What the engine needs of the world, as protocols; ``cloud`` and ``kube`` provide it, ``wiring`` joins them.

Every method raises only the five errors of ``ddm_operator.errors``. A failed question raises; it is never an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ddm_operator.domain.model import Flavor, Group, InstanceDetail, InstanceRow, Job, Resource, Schema, Status


@dataclass(frozen=True)
class Target:
    """Where an instance lives. ``project_id`` may be empty: the credential's own, or the region's default project."""

    region: str
    project_id: str


@dataclass(frozen=True)
class EnlargeRequest:
    """Body of the enlarge call: ``node_number`` is how many nodes to *add*."""

    instance_id: str
    group_id: str
    flavor_id: str
    node_number: int


@dataclass(frozen=True)
class Accepted:
    """The cloud took the call: ``job_id`` (pay-per-use) or ``order_id`` (yearly/monthly)."""

    job_id: str
    order_id: str = ""


@dataclass(frozen=True)
class Refused:
    """Certainly not executed: never left, or answered with a code that is *refused before execution*.

    ``reason`` is a condition reason; ``heals`` tells whether the cause ends by itself.
    """

    reason: str
    message: str
    code: str
    heals: bool
    sent: bool


@dataclass(frozen=True)
class Unknown:
    """Sent, and nobody knows whether it was executed."""

    message: str
    code: str


CallOutcome = Accepted | Refused | Unknown


class Clock(Protocol):
    """Time. ``monotonic`` also counts suspension of the machine (CLOCK_BOOTTIME where there is one)."""

    def now(self) -> datetime:
        """UTC, in whole seconds."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""


class Cloud(Protocol):
    """DDM in one region and project, through one credential."""

    target: Target
    """With the project id filled in once ``prepare`` has run."""

    async def prepare(self) -> None:
        """Have a valid credential and the project's id, so that nothing slow comes later."""

    def look(self, key: str) -> AbstractContextManager[None]:
        """Room for all the reads before a call, so that the first is not old when the last is answered.

        Raises:
            WaitingError: too many look already; says when it is the turn of ``key``, whose place is kept.
        """

    def turn(self, key: str) -> None:
        """Take a turn for one call. Never waits; had before the intent is stored, because nothing may wait after it.

        Raises:
            WaitingError: there is none now; says when it is the turn of ``key``, whose place is kept.
        """

    def give_back(self) -> None:
        """A turn was had and no call left."""

    async def list_instances(self) -> tuple[InstanceRow, ...]:
        """Every instance of the project."""

    async def get_instance(self, instance_id: str) -> InstanceDetail | None:
        """One instance; None when the cloud says that there is none (never on a gateway's 404)."""

    async def list_groups(self, instance_id: str) -> tuple[Group, ...]:
        """The node groups of an instance, with the ids of their nodes."""

    async def list_jobs(self, start: datetime, end: datetime) -> tuple[Job, ...]:
        """Every job of the project in the window; raises TransientError when the pages do not add up."""

    async def get_job(self, job_id: str) -> Job | None:
        """One job; None when the cloud does not know the id."""

    async def list_schemas(self, instance_id: str) -> tuple[Schema, ...]:
        """The schemas of an instance, with the data nodes that they use."""

    async def list_flavors(self, engine_version: str) -> tuple[Flavor, ...]:
        """The classes of nodes that are sold for an engine version."""

    async def enlarge(self, request: EnlargeRequest, *, may_leave: Callable[[], bool]) -> CallOutcome:
        """Send the call at most once, without any retry; ``turn`` was had.

        ``may_leave`` is asked immediately before the first byte is written; False ends the attempt as Refused with
        ``sent=False``. Never raises for what happens to the call: that is its outcome.
        """


class Clouds(Protocol):
    """The cloud as one object's credential sees it."""

    async def cloud_for(
        self, namespace: str, region: str | None, project_id: str | None, *, following: bool = False
    ) -> Cloud:
        """The client for an object; the same value for the same namespace, credential and target.

        Args:
            namespace: the object's; its Secret is asked first.
            region: the object's or the journal's.
            project_id: likewise.
            following: an operation is open: while the Secret cannot be asked for, what it last held counts.

        Raises:
            StalledError: there is no credential for that namespace, or none that may be read.
            TransientError: the Secret could not be asked for.
        """


class Secrets(Protocol):
    """The one Secret of each namespace that may hold a credential."""

    async def read(self, namespace: str) -> Mapping[str, bytes] | None:
        """Its values as they are now, or were some seconds ago; None when there is no such Secret.

        Raises:
            StalledError: the operator may not read it.
            TransientError: the question failed.
        """

    def last(self, namespace: str) -> Mapping[str, bytes] | None:
        """What it held when it was last read; None when that was nothing."""


class Objects(Protocol):
    """The ``DDMInstance`` objects on the API server."""

    async def get(self, namespace: str, name: str, *, urgent: bool = False) -> Resource | None:
        """A fresh read; None when there is no such object. What is not urgent waits while ``pause`` does."""

    def pause(self) -> float:
        """Seconds for which the API server wants to be spared what may wait; 0 nearly always."""

    async def put_status(self, resource: Resource, status: Status, *, urgent: bool = False) -> Resource:
        """Replace the whole status by compare-and-swap on uid and resourceVersion; the stored object.

        What is not urgent waits while ``pause`` does.

        Raises:
            ConflictError: it was changed, or replaced by another one, meanwhile.
            AmbiguousError: sent, and no answer came.
            TransientError: certainly not stored (refused connection, 429, ...).
            StalledError: refused for good (permission, gone CRD).
        """


class Store(Protocol):
    """The objects as the watch last showed them, or as this process last wrote them."""

    def get(self, key: str) -> Resource | None:
        """The latest version known of ``namespace/name``."""

    def put(self, resource: Resource) -> bool:
        """Remember a version; False when it is not newer than the one that is known."""

    def rivals(self, resource: Resource) -> tuple[Resource, ...]:
        """Other objects that name the same instance id."""


class Events(Protocol):
    """Kubernetes Events on an object; never raises, repeated ones are merged."""

    def publish(self, resource: Resource, kind: str, reason: str, message: str) -> None:
        """``kind`` is ``Normal`` or ``Warning``."""


class Lease(Protocol):
    """Whether this process leads."""

    def held(self) -> bool:
        """True while nobody else may lead."""


class Metrics(Protocol):
    """What the engine counts; names and labels are telemetry's business."""

    def pass_ended(self, outcome: str, seconds: float) -> None:
        """``outcome``: done, or the word of the error that ended it."""

    def operation(self, event: str) -> None:
        """``event``: begun, followed, adopted, succeeded, failed, rejected, unconfirmed, abandoned."""

    def operation_ended(self, outcome: str, seconds: float) -> None:
        """``outcome``: succeeded, failed, rejected or abandoned, so long after the request."""

    def observed(self, region: str, project_id: str, at: float) -> None:
        """The cloud showed an instance of the project; ``at`` is when it was asked (monotonic seconds)."""
