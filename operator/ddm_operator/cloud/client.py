"""DDM in one project, through one credential: the questions that the engine asks, and its one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, TypeVar

from ddm_operator.cloud import wire
from ddm_operator.cloud.auth import Session
from ddm_operator.cloud.classify import Word, meaning
from ddm_operator.cloud.endpoints import path, usable
from ddm_operator.cloud.enlarge import enlarge
from ddm_operator.cloud.exchange import rejected
from ddm_operator.cloud.http import Answer, Ask
from ddm_operator.cloud.paging import LIMIT, MOST_PAGES, collect
from ddm_operator.domain import reasons
from ddm_operator.domain.model import Flavor, Group, InstanceDetail, InstanceRow, Job, Schema
from ddm_operator.ports import CallOutcome, EnlargeRequest, Target

Wire = TypeVar("Wire", bound=wire.Model)

DELETED: Final = "DELETED"
"""Status that some paths show for an instance that is gone, with HTTP 200."""


class DdmCloud:
    """Implements ``ports.Cloud``; compared by identity, so that answers can be shared between those who have the same.

    Args:
        session: authenticated access to the DDM endpoint.
        region: the instances' region.
        project_id: empty when the session has to find it.
        enlarge_timeout: seconds for the enlarge call.
    """

    def __init__(self, session: Session, region: str, project_id: str, enlarge_timeout: float) -> None:
        self._session = session
        self._enlarge_timeout = enlarge_timeout
        self.target = Target(region, project_id)

    async def prepare(self) -> None:
        """Have a valid credential and the project's id."""
        await self._session.ready()
        if self.target.project_id != self._session.project_id:
            self.target = Target(self.target.region, self._session.project_id)

    def look(self, key: str) -> AbstractContextManager[None]:
        """Room for all reads before a call; see ``ports.Cloud``."""
        return self._session.http.turns.look(key)

    def turn(self, key: str) -> None:
        """Take a turn for one call; see ``ports.Cloud``."""
        self._session.http.turns.call(key)

    def give_back(self) -> None:
        """See ``ports.Cloud``."""
        self._session.http.limiter.writes.put_back()

    async def list_instances(self) -> tuple[InstanceRow, ...]:
        """Every instance of the project (v1)."""

        async def page(offset: int, limit: int) -> tuple[Sequence[InstanceRow], int | None]:
            found = await self._read(wire.Instances, "list_instances", "/v1", ("instances",), *_slice(offset, limit))
            return [instance.row() for instance in found.instances], found.total

        return tuple(row for row in await collect(page, lambda row: row.id) if row.status != DELETED)

    async def get_instance(self, instance_id: str) -> InstanceDetail | None:
        """One instance with its nodes (v1); None when the cloud says by a code of DDM's own that there is none."""
        answer = await self._ask("get_instance", "/v1", ("instances", instance_id))
        if answer.accepted:
            found = wire.read(wire.Instance, answer.body)
            return None if found.status == DELETED else found.detail()
        if meaning(answer.status, answer.code).reason == reasons.INSTANCE_NOT_FOUND:
            return None
        raise self._error(answer)

    async def list_groups(self, instance_id: str) -> tuple[Group, ...]:
        """The node groups (v3)."""

        async def page(offset: int, limit: int) -> tuple[Sequence[wire.Group], int | None]:
            parts = ("instances", instance_id, "groups")
            found = await self._read(wire.Groups, "list_groups", "/v3", parts, *_slice(offset, limit))
            return found.group_list, found.total

        return tuple(group.value() for group in await collect(page, lambda group: group.id))

    async def list_jobs(self, start: datetime, end: datetime) -> tuple[Job, ...]:
        """Every job of the project in the window (v3, epoch milliseconds)."""
        window = (("start_time", _milliseconds(start)), ("end_time", _milliseconds(end)))

        async def page(offset: int, limit: int) -> tuple[Sequence[Job], int | None]:
            answer = await self._ask("list_jobs", "/v3", ("jobs",), *window, *_slice(offset, limit))
            found = self._value(wire.Jobs, answer)
            return [job.value(answer.date) for job in found.jobs], found.total

        return await collect(page, lambda job: job.id, grows=True)  # a day back; the cloud keeps them for a month

    async def get_job(self, job_id: str) -> Job | None:
        """One job (v3); None when the cloud does not know the id (DBS.300400)."""
        if not usable(job_id):
            return None  # the cloud gave this id and cannot be asked for it; the job is looked for among the nodes
        answer = await self._ask("get_job", "/v3", ("jobs", job_id))
        if answer.accepted:
            return wire.read(wire.OneJob, answer.body).job.value(answer.date)
        if meaning(answer.status, answer.code).word is Word.GONE:
            return None
        raise self._error(answer)

    async def list_schemas(self, instance_id: str) -> tuple[Schema, ...]:
        """The schemas with the data nodes that they use (v1)."""

        async def page(offset: int, limit: int) -> tuple[Sequence[wire.Schema], int | None]:
            parts = ("instances", instance_id, "databases")
            found = await self._read(wire.Schemas, "list_schemas", "/v1", parts, *_slice(offset, limit))
            return found.databases, found.total

        return tuple(schema.value() for schema in await collect(page, lambda schema: schema.name))

    async def list_flavors(self, engine_version: str) -> tuple[Flavor, ...]:
        """The classes of both architectures (v3); each is counted by itself, so the longer one decides."""
        flavors: dict[str, Flavor] = {}
        for number in range(MOST_PAGES):
            query = (("engine_version", engine_version), *_slice(number * LIMIT, LIMIT))
            found = await self._read(wire.Flavors, "list_flavors", "/v3", ("flavors",), *query)
            flavors.update((flavor.id, flavor.value()) for group in found.flavor_groups for flavor in group.flavors)
            if (number + 1) * LIMIT >= max((group.total for group in found.flavor_groups), default=0):
                return tuple(flavors.values())
        raise wire.unreadable("a list without an end")

    async def enlarge(self, request: EnlargeRequest, *, may_leave: Callable[[], bool]) -> CallOutcome:
        """Send the call at most once (v2)."""
        return await enlarge(self._session, request, self._enlarge_timeout, may_leave)

    async def _ask(self, route: str, version: str, parts: Sequence[str], *query: tuple[str, str]) -> Answer:
        await self._session.ready()
        where = path(version, self._session.project_id, *parts)
        return await self._session.ask(Ask(route, "GET", where, query))

    async def _read(
        self, shape: type[Wire], route: str, version: str, parts: Sequence[str], *query: tuple[str, str]
    ) -> Wire:
        return self._value(shape, await self._ask(route, version, parts, *query))

    def _value(self, shape: type[Wire], answer: Answer) -> Wire:
        if not answer.accepted:
            raise self._error(answer)
        return wire.read(shape, answer.body)

    def _error(self, answer: Answer) -> Exception:
        return rejected(answer, f"in project {self._session.project_id} of region {self.target.region}")


def _slice(offset: int, limit: int) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("offset", str(offset)), ("limit", str(limit))


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
