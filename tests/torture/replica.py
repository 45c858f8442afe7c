"""One operator process: the product's own parts, on a loop that can be abandoned or frozen at any await."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Protocol
from uuid import UUID

from ddm_operator.cloud.clouds import CloudClients
from ddm_operator.domain.case import Limits
from ddm_operator.domain.model import Resource
from ddm_operator.engine.assemble import World, assemble
from ddm_operator.engine.lanes import lane_of
from ddm_operator.engine.queue import WorkQueue
from ddm_operator.errors import OperatorError
from ddm_operator.handlers import PAUSE, feed
from ddm_operator.knowledge import Knowledge
from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.objects import ApiObjects
from ddm_operator.kube.secrets import ApiSecrets
from ddm_operator.kube.store import Store
from ddm_operator.operations.scale_out import ScaleOut
from ddm_operator.settings import Settings
from ddm_operator.wiring import limits
from tests.torture.apiserver import Change
from tests.torture.loop import Loop
from tests.torture.network import ApiLine, CloudLine, Witness
from tests.torture.universe import PROJECT, Universe


class Hearer(Witness, Protocol):
    """A witness that also hears what an operator says."""

    def says(self, text: str) -> None:
        """A line of a log, an Event's sentence."""


@dataclass
class Clock:
    """The machine's clocks; the calendar may be wrong and may be set, the other one counts on."""

    universe: Universe
    wrong_by: timedelta = timedelta()

    def now(self) -> datetime:
        return self.universe.now() + self.wrong_by

    def monotonic(self) -> float:
        return self.universe.time


@dataclass
class Outside:
    """Events, metrics and the Lease: heard, counted, and always held; nothing may depend on them."""

    says: Callable[[str], None]
    passes: int = 0

    def publish(self, resource: Resource, kind: str, reason: str, message: str) -> None:
        self.says(f"{resource.desired.name}: {kind} {reason}: {message}")

    def pass_ended(self, outcome: str, seconds: float) -> None:
        del outcome, seconds
        self.passes += 1

    def operation(self, event: str) -> None:
        del event

    def operation_ended(self, outcome: str, seconds: float) -> None:
        del outcome, seconds

    def observed(self, region: str, project_id: str, at: float) -> None:
        del region, project_id, at

    def held(self) -> bool:
        return True


class Replica:
    """One process from its start to its death.

    Args:
        universe: where it runs.
        witness: is told of all that it sends and says.
        number: different for each process; its chance is drawn from it.
        settings: the operator's.
    """

    def __init__(self, universe: Universe, witness: Hearer, number: int, settings: Settings) -> None:
        self.universe = universe
        self.number = number
        self.loop = Loop(lambda: universe.time)
        self.clock = Clock(universe)
        self.outside = Outside(witness.says)
        self.api = ApiLine(universe, witness, number)
        self.cloud = CloudLine(universe, witness, number)
        self.frozen_until = 0.0
        self.deaf_until = 0.0
        """The watch shows nothing before that."""
        self.watch_delay = universe.chance.choice((0.001, 0.02, 0.02, 0.5, 3.0))
        self._pending: deque[Change] = deque()
        self._watching = False
        universe.api.watchers.append(self._changed)
        self._start(settings, Random(number))

    def _start(self, settings: Settings, chance: Random) -> None:
        monotonic = self.clock.monotonic
        api: ApiServer = self.api  # type: ignore[assignment]  # stands in its place
        secrets = ApiSecrets(api, settings.credentials.secret_name, monotonic=monotonic)
        clouds = CloudClients(settings, self.cloud, self.clock, lambda *_: None, secrets, chance.random)
        objects = ApiObjects(api, monotonic=monotonic)
        self.store = Store(monotonic=monotonic)
        world = World(objects, self.store, self.outside, clouds, self.outside, self.clock, self.outside)
        reconciler, _ = assemble(world, self.limits(settings), (ScaleOut(),), chance, lambda: _uuid(chance))
        defect = reconciler.defect
        lane = lane_of(self.store, settings.cloud.region, settings.cloud.project_id)
        self.queue = WorkQueue(
            reconciler.reconcile, workers=2, lane=lane, monotonic=monotonic, random=chance, defect=defect
        )
        self.known = Knowledge(self.store, self.queue, objects)
        reconciler.observer.changed = self.known.changed
        self.show = feed(self.store, self.queue, self.known.roll.seen, monotonic=monotonic)
        self._beginning = self.loop.create_task(self._begin())
        self._mending = self.loop.create_task(self.known.mend(settings.cadence.resync_seconds))

    @staticmethod
    def limits(settings: Settings) -> Limits:
        return limits(settings)

    @property
    def frozen(self) -> bool:
        return self.universe.time < self.frozen_until

    @property
    def next_due(self) -> float:
        """When it has something to do next; infinite: never."""
        if self.frozen:
            return self.frozen_until
        due = self.loop.next_due
        return float("inf") if due is None else due

    def busy(self, key: str) -> bool:
        """Whether a pass over the object is under way."""
        return self.queue.busy(key)

    def set_clock(self, hours: float) -> None:
        """Set the calendar forward or back."""
        self.clock.wrong_by += timedelta(hours=hours)

    @property
    def wrong_hours(self) -> float:
        """How far the calendar is ahead."""
        return self.clock.wrong_by / timedelta(hours=1)

    def die(self) -> None:
        """As kill -9: nothing of it runs any more, no ``finally`` and no ``except``."""
        self.universe.api.watchers.remove(self._changed)
        self.api.dead = True
        self.cloud.die()

    def bury(self) -> None:
        """Free what it holds, once nobody looks any more."""
        self.api.dead = self.cloud.dead = True
        self.loop.bury()

    async def _begin(self) -> None:
        """All objects are listed, and the work begins; then the watch lists them by itself, and shows what changes."""
        while True:
            try:
                await self.known.gather()
            except OperatorError:
                await asyncio.sleep(PAUSE)
            else:
                break
        self._pending.clear()
        self._watching = True
        for body in list(self.universe.api.stored.values()):
            self.show(None, body)

    def _changed(self, change: Change) -> None:
        """Something was stored; the watch shows it in order, and as late as it is."""
        if not self.api.dead:
            self._pending.append(change)
            self.universe.later(self.watch_delay, self._deliver)

    def _deliver(self) -> None:
        if self.api.dead or not self._watching or not self._pending:
            return
        if self.universe.time < self.deaf_until:
            self.universe.later(self.deaf_until - self.universe.time, self._deliver)
        else:
            self.loop.call_soon(self._take)

    def _take(self) -> None:
        while self._pending:
            change = self._pending.popleft()
            self.show(change.kind, change.body)


def _uuid(chance: Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def operator_settings() -> Settings:
    """The operator's own, for the simulated cloud; a person is asked sooner, or stories would take long."""
    cloud = {
        "region": "cn-north-4",
        "project_id": PROJECT,
        "ddm_endpoint": "http://cloud",
        "iam_endpoint": "http://cloud",
        "requests_per_second": 1000,
        "burst_requests": 1000,
        "calls_per_second": 0.02,
        "burst_calls": 1,
    }
    cadence = {"unconfirmed_limit_seconds": 240.0}
    return Settings.model_validate({"cloud": cloud, "cadence": cadence, "credentials": {"own_namespaces": ["*"]}})
