"""One time for everything that happens: the API server stand-in, the simulated cloud, and the replicas that run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ddm_operator.domain.model import Desired, Operation, Phase, Resource, Status
from ddm_operator.errors import ConflictError
from ddm_simulator import seed
from ddm_simulator.clock import ManualClock
from ddm_simulator.cloud import Cloud
from ddm_simulator.ids import Ids
from ddm_simulator.settings import Settings
from ddm_simulator.world import World

START = 1_767_225_600.0
PROJECT = "055d9f4ee780d4d42f96c01c1bc3c50c"
INSTANCE = "73f27bb0b26d4a79a9b0c58a4c700c4fin09"
KEY = "shop/orders"


@dataclass
class Kubernetes:
    """The rules of the API server that the journal rests on: versions, generations, and the status apart."""

    stored: dict[str, Resource] = field(default_factory=dict)
    declared: dict[tuple[str, int], int | None] = field(default_factory=dict)
    """``spec.nodes`` by uid and generation."""
    wrote: list[Status] = field(default_factory=list)
    intents: list[tuple[str, Operation]] = field(default_factory=list)
    """Every intent that was ever stored, with its object's uid."""
    version: int = 0
    made: int = 0

    def create(self, nodes: int | None, name: str = "orders") -> Resource:
        """A new object; another one of the same name must be gone."""
        self.made += 1
        created = f"2026-01-01T00:00:{self.made:02d}Z"
        wish = Desired(f"uid-{self.made}", "shop", name, 1, created, INSTANCE, nodes=nodes)
        return self._store(Resource(wish, Status(), ""))

    def change(self, key: str, **spec: Any) -> None:
        """Somebody edits the spec."""
        known = self.stored[key]
        wish = replace(known.desired, **spec, generation=known.desired.generation + 1)
        self._store(replace(known, desired=wish))

    def wipe(self, key: str) -> None:
        """Somebody restores the object without its status."""
        self._store(replace(self.stored[key], status=Status()))

    def delete(self, key: str) -> None:
        """Gone."""
        self.version += 1
        del self.stored[key]

    def put_status(self, resource: Resource, status: Status) -> Resource:
        """Compare and swap on uid and version.

        Raises:
            ConflictError: either differs.
        """
        known = self.stored.get(f"{resource.desired.namespace}/{resource.desired.name}")
        same = known is not None and known.desired.uid == resource.desired.uid
        if known is None or not same or known.resource_version != resource.resource_version:
            raise ConflictError("Conflict", "The object was changed meanwhile.")
        self.wrote.append(status)
        operation = status.operation
        if operation is not None and operation.phase == Phase.REQUESTING:
            self.intents.append((known.desired.uid, operation))
        return self._store(replace(known, status=status))

    def _store(self, resource: Resource) -> Resource:
        self.version += 1
        stored = replace(resource, resource_version=str(self.version))
        wish = stored.desired
        self.stored[f"{wish.namespace}/{wish.name}"] = stored
        self.declared[wish.uid, wish.generation] = wish.nodes
        return stored


class Universe:
    """Time passes here and nowhere else."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.clock = ManualClock(START)
        self.world = World(self.clock, Ids("torture"), settings or Settings())
        seed.plant(self.world, seed.default())
        self.cloud = Cloud(self.world)
        self.kubernetes = Kubernetes()
        self.alarms: list[Callable[[], None]] = []

    @property
    def time(self) -> float:
        """Seconds since the beginning."""
        return self.clock.now() - START

    def now(self) -> datetime:
        """The calendar, in whole seconds."""
        return datetime.fromtimestamp(self.clock.now(), UTC).replace(microsecond=0)

    def advance(self, seconds: float) -> None:
        """Let time pass, and the cloud do what is due in between."""
        end = self.clock.now() + seconds
        while (due := self.cloud.next_due()) is not None and due <= end:
            self.clock.advance(max(0.0, due - self.clock.now()))
            self.cloud.settle()
        self.clock.advance(max(0.0, end - self.clock.now()))
        self.cloud.settle()

    def nodes(self) -> int:
        """How many the instance truly has."""
        instance = self.world.instances.get(INSTANCE)
        return len(instance.nodes) if instance else 0

    def healthy(self) -> int:
        """How many of them serve."""
        instance = self.world.instances.get(INSTANCE)
        return sum(node.status == "normal" for node in instance.nodes) if instance else 0

    def enlarged(self) -> list[dict[str, Any]]:
        """The enlarge calls that were executed."""
        return [entry.json() for entry in self.world.entries.values() if entry.route == "enlarge" and entry.executed]
