"""The engine's parts, joined: what a process runs, and what every test of the engine runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from weakref import WeakValueDictionary

from ddm_operator.domain.case import Limits
from ddm_operator.engine.act import Actor
from ddm_operator.engine.chorus import Chorus
from ddm_operator.engine.journal import Journal
from ddm_operator.engine.memory import Memory
from ddm_operator.engine.observe import Observer
from ddm_operator.engine.reconcile import Reconciler
from ddm_operator.engine.setbacks import Setbacks
from ddm_operator.engine.sightings import Sightings
from ddm_operator.engine.write_pace import DEFAULT, WritePace, WriteRate
from ddm_operator.operations.base import OperationKind
from ddm_operator.ports import Clock, Clouds, Events, Lease, Metrics, Objects, Store


@dataclass(frozen=True)
class World:
    """Everything outside of the engine, as it reaches it."""

    objects: Objects
    store: Store
    events: Events
    clouds: Clouds
    lease: Lease
    clock: Clock
    metrics: Metrics


def assemble(
    world: World,
    limits: Limits,
    kinds: Sequence[OperationKind],
    chance: Random,
    new_id: Callable[[], str],
    rate: WriteRate = DEFAULT,
) -> tuple[Reconciler, Actor]:
    """Join the parts.

    Args:
        world: what is outside.
        limits: how long and how much.
        kinds: the long-running operations that it knows.
        chance: spreads pauses.
        new_id: an operation's id, never the same twice.
        rate: how often statuses are written that may wait.
    """
    memory = Memory(world.clock, limits)
    chorus = Chorus(world.clock.monotonic)
    pace = WritePace(rate, world.clock.monotonic)
    journal = Journal(world.objects, world.store, world.events, world.metrics, memory, chorus, pace)
    actor = Actor(journal, world.lease, world.clock, limits, kinds, new_id)
    reconciler = Reconciler(
        objects=world.objects,
        store=world.store,
        clouds=world.clouds,
        clock=world.clock,
        limits=limits,
        kinds=kinds,
        observer=Observer(world.clock, limits),
        journal=journal,
        memory=memory,
        actor=actor,
        sightings=Sightings(),
        setbacks=Setbacks(limits, chance),
        chorus=chorus,
        metrics=world.metrics,
        instances=WeakValueDictionary(),
    )
    return reconciler, actor
