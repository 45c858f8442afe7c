"""One operator process: the real engine and cloud client on a loop of their own, to be abandoned at any await."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import httpx
from typing_extensions import override

from ddm_operator.cloud.clouds import CloudClients
from ddm_operator.cloud.enlarge import FIRST_BYTE
from ddm_operator.domain.case import Limits
from ddm_operator.domain.model import Resource, Status
from ddm_operator.engine.act import Actor
from ddm_operator.engine.journal import Journal
from ddm_operator.engine.observe import Observer
from ddm_operator.engine.queue import WorkQueue
from ddm_operator.engine.reconcile import Reconciler
from ddm_operator.engine.setbacks import Setbacks
from ddm_operator.engine.sightings import Sightings
from ddm_operator.errors import AmbiguousError, TransientError
from ddm_operator.kube.store import Store
from ddm_operator.operations.scale_out import ScaleOut
from ddm_operator.settings import Settings
from ddm_operator.wiring import limits
from ddm_simulator.messages import Ending, Exchange, Pause, Request
from tests.support.universe import PROJECT, Universe

LATENCY = 0.02
"""Seconds that everything takes on its way, each way; there lie the moments to die in."""


class Loop(asyncio.SelectorEventLoop):
    """Its time is the universe's; it never waits by itself."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        super().__init__()

    @override
    def time(self) -> float:
        return self._universe.time

    def turn(self) -> None:
        """Run what is ready, once."""
        self.call_soon(self.stop)
        self.run_forever()

    @property
    def idle(self) -> bool:
        """Nothing is ready now."""
        due = self.next_due
        ready: Any = self._ready  # type: ignore[attr-defined]  # asyncio tells it nowhere else
        return not ready and (due is None or due > self.time())

    @property
    def next_due(self) -> float | None:
        """When the next timer rings."""
        waiting: Any = self._scheduled  # type: ignore[attr-defined]  # as above
        return min((handle.when() for handle in waiting if not handle.cancelled()), default=None)


class Wire(httpx.AsyncBaseTransport):
    """Brings requests to the simulated cloud; what was received is executed although its sender has died."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self.under_way: list[Exchange] = []

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        trace = request.extensions.get("trace")
        if trace is not None:
            await trace(FIRST_BYTE, {"request": SimpleNamespace(method=request.method.encode())})
        body = await request.aread()
        await asyncio.sleep(LATENCY)
        exchange = self._universe.cloud.exchange(
            Request(
                request.method,
                request.url.path,
                tuple(request.url.params.multi_items()),
                {name.lower(): value for name, value in request.headers.items()},
                body,
            )
        )
        self.under_way.append(exchange)
        reply = await self._drive(exchange)
        self.under_way.remove(exchange)
        await asyncio.sleep(LATENCY)
        if reply.ending is Ending.SILENCE:
            await asyncio.sleep(reply.silent_seconds)
        if reply.ending is not Ending.ANSWERED:
            raise httpx.ReadError("the connection was cut", request=request)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body, request=request)

    async def _drive(self, exchange: Exchange) -> Any:
        try:
            pause = next(exchange)
            while True:
                while not self._over(pause):  # noqa: ASYNC110  # the cloud's own time has no event
                    await asyncio.sleep(0.1)
                pause = exchange.send(None)
        except StopIteration as end:
            return end.value

    def _over(self, pause: Pause) -> bool:
        return pause.ready() or (pause.at is not None and self._universe.clock.now() >= pause.at)


class Objects:
    """The API server as one replica reaches it."""

    def __init__(self, universe: Universe, chance: Random) -> None:
        self._universe = universe
        self._chance = chance
        self.away = False
        self.loses_answers = 0.0

    async def get(self, namespace: str, name: str) -> Resource | None:
        await self._travel()
        found = self._universe.kubernetes.stored.get(f"{namespace}/{name}")
        await self._travel()
        return None if found is None else self._seen(found)

    async def put_status(self, resource: Resource, status: Status) -> Resource:
        await self._travel()
        if self._chance.random() < self.loses_answers / 2:
            raise AmbiguousError("StatusRefused", "No answer.")
        stored = self._universe.kubernetes.put_status(resource, status)
        if self._chance.random() < self.loses_answers:
            raise AmbiguousError("StatusRefused", "No answer.")
        await self._travel()
        return self._seen(stored)

    async def _travel(self) -> None:
        await asyncio.sleep(LATENCY)
        if self.away:
            raise TransientError("CloudUnreachable", "The API server is away.")

    def _seen(self, resource: Resource) -> Resource:
        return replace(resource, seen_at=self._universe.time)


class Nobody:
    """Events, metrics and the lease, of which nothing here depends."""

    def publish(self, resource: Resource, kind: str, reason: str, message: str) -> None: ...
    def pass_ended(self, outcome: str, seconds: float) -> None: ...
    def operation(self, event: str) -> None: ...
    def held(self) -> bool:
        return True


class Time:
    """The universe's time as the engine asks for it."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe

    def now(self) -> datetime:
        return self._universe.now()

    def monotonic(self) -> float:
        return self._universe.time


class Replica:
    """One process."""

    def __init__(self, universe: Universe, settings: Settings, number: int) -> None:
        self.universe = universe
        self.loop = Loop(universe)
        self.chance = Random(number)
        self.objects = Objects(universe, self.chance)
        self.wire = Wire(universe)
        self.passes = 0
        clock, nobody, bounds = Time(universe), Nobody(), limits(settings)
        self.store = Store(monotonic=clock.monotonic)
        client = httpx.AsyncClient(transport=self.wire, timeout=None, trust_env=False)
        self.reconciler = self._engine(clock, nobody, bounds, CloudClients(settings, client, clock, lambda *_: None))
        self.queue = WorkQueue(self._pass, workers=2, monotonic=clock.monotonic, random=self.chance)
        self.loop.call_soon(self.queue.start)
        self.seen: dict[str, str] = {}

    def _engine(self, clock: Time, nobody: Nobody, bounds: Limits, clouds: CloudClients) -> Reconciler:
        kinds = (ScaleOut(),)
        journal = Journal(self.objects, self.store, nobody, nobody)
        return Reconciler(
            objects=self.objects,
            store=self.store,
            clouds=clouds,
            clock=clock,
            limits=bounds,
            kinds=kinds,
            observer=Observer(clock, bounds),
            journal=journal,
            actor=Actor(journal, nobody, clock, bounds, kinds, self._new_id),
            sightings=Sightings(),
            setbacks=Setbacks(bounds, self.chance),
            metrics=nobody,
            instances=WeakValueDictionary(),
        )

    def _new_id(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    async def _pass(self, key: str) -> float | None:
        self.passes += 1
        return await self.reconciler.reconcile(key)

    def bury(self) -> None:
        """Free what it holds, once nobody looks any more."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    def watch(self) -> None:
        """The watch catches up with what is stored."""
        stored = self.universe.kubernetes.stored
        for key, resource in stored.items():
            if self.seen.get(key) != resource.resource_version:
                self.seen[key] = resource.resource_version
                self._show(key, resource)
        for key in [key for key in self.seen if key not in stored]:
            del self.seen[key]
            self.store.remove(key)
            self.loop.call_soon(self.queue.forget, key)

    def _show(self, key: str, resource: Resource) -> None:
        known = self.store.get(key)
        if known is not None and known.desired.uid != resource.desired.uid:
            self.store.remove(key)
        if self.store.put(replace(resource, seen_at=self.universe.time)):
            self.loop.call_soon(self.queue.add, key)


def settings() -> Settings:
    """The operator's own, for the simulated cloud."""
    return Settings.model_validate(
        {
            "cloud": {
                "region": "cn-north-4",
                "project_id": PROJECT,
                "ddm_endpoint": "http://cloud",
                "iam_endpoint": "http://cloud",
                "requests_per_second": 1000,
                "burst_requests": 1000,
            }
        }
    )
