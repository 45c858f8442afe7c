"""The engine among stand-ins, in time that is skipped: an hour with hundreds of objects takes a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from random import Random
from typing import Any

from typing_extensions import override

from ddm_operator.cloud.limiter import Limiter, Pace
from ddm_operator.cloud.turns import Turns
from ddm_operator.domain.case import Limits
from ddm_operator.domain.model import (
    Flavor,
    Group,
    InstanceDetail,
    InstanceRow,
    Job,
    Node,
    Resource,
    Schema,
    Status,
)
from ddm_operator.engine.assemble import World, assemble
from ddm_operator.engine.lanes import lane_of
from ddm_operator.engine.queue import WorkQueue
from ddm_operator.errors import ConflictError, OperatorError, TransientError
from ddm_operator.knowledge import Knowledge
from ddm_operator.kube.store import Store, key_of
from ddm_operator.operations.scale_out import ScaleOut
from ddm_operator.ports import Accepted, CallOutcome, EnlargeRequest, Refused, Target
from tests.support.cases import CODE, FLAVOR, desired

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATENCY = 0.02
WORKERS = 8


class Skipping(selectors.SelectSelector):
    """Waits for nothing: the loop's time goes on by as much as it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("nothing will ever happen again")
        self.now += max(0.0, timeout)
        return super().select(0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes only while everybody waits."""

    def __init__(self) -> None:
        self._skipping = Skipping()
        super().__init__(self._skipping)

    @override
    def time(self) -> float:
        return self._skipping.now


def skip(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a story in skipped time."""
    loop = SkippingLoop()
    try:
        loop.run_until_complete(story())
    finally:
        while tasks := asyncio.all_tasks(loop):  # a worker that is cancelled may be replaced
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks))
        loop.close()


def now() -> float:
    return asyncio.get_running_loop().time()


class Clock:
    """``ports.Clock`` of the running loop; ``off`` is what somebody has set the calendar forward by."""

    off = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(START.timestamp() + now() + self.off, UTC).replace(microsecond=0)

    def monotonic(self) -> float:
        return now()


@dataclass(eq=False)
class Side:
    """A side of the world that may be away; it counts what it is asked, by name and by the second."""

    what: str
    away: bool = False
    asked: list[tuple[float, str]] = field(default_factory=list)

    async def reach(self, name: str) -> None:
        self.asked.append((now(), name))
        await asyncio.sleep(LATENCY)
        if self.away:
            raise TransientError("CloudUnreachable", f"{self.what} does not answer.")

    def since(self, moment: float, until: float = float("inf")) -> Counter[str]:
        """What was asked in a while, by name."""
        return Counter(name for at, name in self.asked if moment <= at < until)

    def busiest_minute(self, since: float) -> int:
        """The most that was asked in one minute from a moment on."""
        minutes = Counter(int((at - since) // 60) for at, _ in self.asked if at >= since)
        return max(minutes.values(), default=0)


class FakeCloud(Side):
    """``ports.Cloud`` over plain values: instances of two nodes, and jobs that end when they are told to."""

    def __init__(self) -> None:
        super().__init__("The cloud")
        self.target = Target("cn-north-4", "p1")
        self.sizes: dict[str, int] = {}
        self.statuses: dict[str, str] = {}
        self.jobs: dict[str, Job] = {}
        self.enlarged: list[EnlargeRequest] = []
        self.refusals: list[Refused] = []
        """Answers to the next enlarge calls, in place of doing what they ask for."""
        self.failures: list[OperatorError] = []
        """What the next questions of any kind end with."""
        self.turns = Turns(Limiter(Pace(100_000, 100_000, 100_000, 100_000), now), "ddm.example.com")

    @override
    async def reach(self, name: str) -> None:
        if name != "enlarge":
            await self.turns.read()
        await super().reach(name)
        if self.failures:
            raise self.failures.pop(0)

    def nodes(self, instance: str) -> tuple[Node, ...]:
        return _nodes(instance, self.sizes[instance])

    def complete(self, instance: str) -> None:
        """Let the instance's job end well."""
        job = next(job for job in self.jobs.values() if job.instance_id == instance and job.status == "Running")
        self.sizes[instance] += next(a.node_number for a in reversed(self.enlarged) if a.instance_id == instance)
        self.statuses[instance] = "RUNNING"
        self.jobs[job.id] = replace(job, status="Completed", progress_percent=None, ended_ago=0.0)

    async def prepare(self) -> None: ...

    def look(self, key: str) -> AbstractContextManager[None]:
        return self.turns.look(key)

    def turn(self, key: str) -> None:
        self.turns.call(key)

    def give_back(self) -> None:
        self.turns.limiter.writes.put_back()

    async def list_instances(self) -> tuple[InstanceRow, ...]:
        await self.reach("instances")
        return tuple(self._detail(instance) for instance in self.sizes)

    async def get_instance(self, instance_id: str) -> InstanceDetail | None:
        await self.reach("instance")
        return self._detail(instance_id)

    async def list_groups(self, instance_id: str) -> tuple[Group, ...]:
        await self.reach("groups")
        members = tuple(node.id for node in self.nodes(instance_id))
        return (Group(f"{instance_id}-group", "default", "rw", members),)

    async def list_jobs(self, start: datetime, end: datetime) -> tuple[Job, ...]:
        del start, end
        await self.reach("jobs")
        return tuple(self.jobs.values())

    async def get_job(self, job_id: str) -> Job | None:
        await self.reach("job")
        return self.jobs.get(job_id)

    async def list_schemas(self, instance_id: str) -> tuple[Schema, ...]:
        del instance_id
        await self.reach("schemas")
        return ()

    async def list_flavors(self, engine_version: str) -> tuple[Flavor, ...]:
        del engine_version
        await self.reach("flavors")
        return (Flavor(FLAVOR, CODE, {}),)

    async def enlarge(self, request: EnlargeRequest, *, may_leave: Callable[[], bool]) -> CallOutcome:
        await self.reach("enlarge")
        assert may_leave()
        if self.refusals:
            return self.refusals.pop(0)
        self.enlarged.append(request)
        self.statuses[request.instance_id] = "GROWING"
        job = Job(f"job-{len(self.enlarged)}", "EnlargeNode", "Running", request.instance_id, 20)
        self.jobs[job.id] = job
        return Accepted(job.id)

    def _detail(self, instance: str) -> InstanceDetail:
        nodes = self.nodes(instance)
        status = self.statuses.get(instance, "RUNNING")
        return InstanceDetail(instance, "ddm", status, "RUNNING", len(nodes), CODE, "3.0.8", "", (), nodes=nodes)


@cache
def _nodes(instance: str, size: int) -> tuple[Node, ...]:
    """Made once: a thousand instances are listed a thousand times."""
    return tuple(Node(f"{instance}-{n}", f"{instance}-group", "normal") for n in range(size))


class FakeObjects(Side):
    """``ports.Objects``: versions and the compare-and-swap."""

    def __init__(self) -> None:
        super().__init__("The API server")
        self.stored: dict[str, Resource] = {}
        self._versions = count(1)

    def keep(self, resource: Resource) -> Resource:
        kept = replace(resource, resource_version=str(next(self._versions)), seen_at=now())
        self.stored[key_of(kept)] = kept
        return kept

    def pause(self) -> float:
        return 0.0

    async def get(self, namespace: str, name: str, *, urgent: bool = False) -> Resource | None:
        del urgent
        await self.reach("get")
        found = self.stored.get(f"{namespace}/{name}")
        return replace(found, seen_at=now()) if found else None

    async def put_status(self, resource: Resource, status: Status, *, urgent: bool = False) -> Resource:
        del urgent
        await self.reach("put")
        found = self.stored.get(key_of(resource))
        if found is None or found.resource_version != resource.resource_version:
            raise ConflictError("Conflict", "Changed meanwhile.")
        return self.keep(replace(resource, status=status))


class Quiet:
    """Events, of which the reasons are counted; metrics and the lease."""

    def __init__(self) -> None:
        self.told = Counter[str]()

    def publish(self, resource: Resource, kind: str, reason: str, message: str) -> None:
        del resource, kind, message
        self.told[reason] += 1

    def pass_ended(self, outcome: str, seconds: float) -> None: ...
    def operation(self, event: str) -> None: ...
    def operation_ended(self, outcome: str, seconds: float) -> None: ...
    def observed(self, region: str, project_id: str, at: float) -> None: ...
    def held(self) -> bool:
        return True


class Fleet:
    """Many objects in one project, and the operator that works on them."""

    def __init__(self, number: int, objects: FakeObjects | None = None, cloud: FakeCloud | None = None) -> None:
        self.cloud, self.objects = cloud or FakeCloud(), objects or FakeObjects()
        self.clock, self.limits = Clock(), Limits()
        self.store = Store(monotonic=now)
        self.clouds: dict[str, FakeCloud] = {}
        """What namespaces see that have a credential of their own."""
        self.places: list[tuple[str | None, str | None]] = []
        """Where the cloud was looked for: region and project, as they were asked for."""
        quiet, ids, chance = Quiet(), count(1), Random(1)
        self.told = quiet.told
        world = World(self.objects, self.store, quiet, self, quiet, self.clock, quiet)
        reconciler, self.actor = assemble(world, self.limits, (ScaleOut(),), chance, lambda: f"op-{next(ids)}")
        lane = lane_of(self.store, "cn-north-4", None)
        self.queue = WorkQueue(reconciler.reconcile, workers=WORKERS, lane=lane, monotonic=now, random=chance)
        known = Knowledge(self.store, self.queue, self.objects)  # type: ignore[arg-type]  # nothing is listed here
        reconciler.observer.changed = known.changed
        for n in range(number):
            self.cloud.sizes[f"i{n}"] = 2
            wish = desired(2, uid=f"uid-{n}", name=f"o{n}", instance_id=f"i{n}", generation=1)
            self.show(self.objects.keep(Resource(wish, Status(), "")))

    async def cloud_for(
        self, namespace: str, region: str | None, project_id: str | None, *, following: bool = False
    ) -> FakeCloud:
        del following
        self.places.append((region, project_id))
        return self.clouds.get(namespace, self.cloud)

    def show(self, resource: Resource) -> None:
        """The watch shows an object."""
        if self.store.put(resource):
            self.queue.add(key_of(resource))

    def scale(self, number: int, nodes: int, **spec: Any) -> None:
        """Somebody declares another number for an object, or more than that."""
        known = self.objects.stored[f"shop/o{number}"]
        wish = replace(known.desired, nodes=nodes, generation=known.desired.generation + 1, **spec)
        self.show(self.objects.keep(replace(known, desired=wish)))

    def reasons(self) -> Counter[str]:
        """How many objects say what of themselves."""
        return Counter(
            next((said.reason for said in found.status.conditions if said.type == "Ready"), "")
            for found in self.objects.stored.values()
        )

    async def until(self, holds: Callable[[], bool], seconds: float) -> float:
        """Seconds until something holds."""
        began = now()
        while not holds():  # time is skipped, and many things may hold
            assert now() - began < seconds, self.reasons()
            await asyncio.sleep(1)
        return now() - began

    def status(self, number: int = 0) -> Status:
        return self.objects.stored[f"shop/o{number}"].status


async def running(number: int, objects: FakeObjects | None = None, cloud: FakeCloud | None = None) -> Fleet:
    """A fleet that has come to rest."""
    fleet = Fleet(number, objects, cloud)
    fleet.queue.start()
    await fleet.until(lambda: fleet.reasons() == {"AsDeclared": number}, 3600)
    return fleet
