"""The composition root: makes the parts, joins them, and ends them in order."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from random import SystemRandom
from typing import Any, Protocol
from uuid import uuid4

from ddm_operator.clock import SystemClock
from ddm_operator.cloud.clouds import open_clouds
from ddm_operator.domain.case import Limits
from ddm_operator.engine.assemble import World, assemble
from ddm_operator.engine.lanes import lane_of
from ddm_operator.engine.queue import WorkQueue
from ddm_operator.engine.write_pace import WriteRate
from ddm_operator.errors import CannotStartError
from ddm_operator.knowledge import Knowledge, Line
from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.connect import Credentials, credentials, load_configuration, own_namespace
from ddm_operator.kube.events import ApiEvents
from ddm_operator.kube.lease import LeaseElection, Timing
from ddm_operator.kube.objects import ApiObjects
from ddm_operator.kube.restraint import Restraint
from ddm_operator.kube.secrets import ApiSecrets
from ddm_operator.kube.store import Store
from ddm_operator.operations.scale_out import ScaleOut
from ddm_operator.ports import Lease
from ddm_operator.probes import Health, Probes
from ddm_operator.settings import Settings
from ddm_operator.telemetry import Telemetry

log = logging.getLogger(__name__)

FAILED = 1
"""Exit code after an error or the loss of the Lease."""

STOP_SECONDS = 1.5
"""How long passes may take to end once the process is told to stop: nobody works meanwhile, and a pass that is broken
off loses nothing that the next leader does not read again. A call in flight has its own time-out."""

STORE_SECONDS = 10.0
"""How long the answer of a call in flight may take to be stored after that."""

EVENTS_SECONDS = 1.0
"""How long Events that wait may take to be sent at the end."""


LOOK_SECONDS = 1.0
"""How often it is looked whether the watch still runs."""


class Watching(Protocol):
    """What brings the objects; ``handlers`` is it."""

    def feed(
        self, store: Store, queue: Line, shown: Callable[[str], None], *, monotonic: Callable[[], float]
    ) -> OnEvent:
        """What takes an event into the store and the queue."""

    async def watch(
        self,
        *,
        on_event: OnEvent,
        login: Callable[[], Awaitable[Credentials]],
        kind: ApiObjects,
        stop: asyncio.Event,
        ready: asyncio.Event,
        take_signals: Callable[[], None],
        known: Knowledge,
        namespaces: Collection[str] = (),
    ) -> None:
        """Watch until ``stop`` is set."""


OnEvent = Callable[[str | None, Mapping[str, Any]], None]


@dataclass
class Ending:
    """How the process comes to its end: by a signal in good order, or for a reason."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = 0

    def take_signals(self) -> None:
        """Let SIGTERM and SIGINT stop the process in order."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.stop.set)

    def fail(self) -> None:
        """Stop, and be started again by whoever watches over the process."""
        self.code = FAILED
        self.stop.set()


async def run(settings: Settings, watching: Watching) -> int:
    """Run until a signal, or until the Lease is lost; the exit code."""
    ending = Ending()
    ending.take_signals()
    try:
        return await _run(settings, watching, ending)
    except CannotStartError as error:
        log.error("%s", error)  # noqa: TRY400  # a traceback says nothing that the sentence does not
        return FAILED


async def _run(settings: Settings, watching: Watching, ending: Ending) -> int:
    clock = SystemClock()
    telemetry = Telemetry(version("ddm-operator"))
    health = Health(clock.monotonic)
    async with AsyncExitStack() as parts:
        configuration = await load_configuration()
        api = ApiServer.over(configuration)
        parts.push_async_callback(api.close)
        await parts.enter_async_context(_probes(settings, health, telemetry))
        calm = replace(api, restraint=Restraint(clock.monotonic, SystemRandom().random))
        urgent = replace(calm, patient=False)
        objects = ApiObjects(calm, monotonic=clock.monotonic, namespaces=settings.namespaces, urgent=urgent)
        lease = await parts.enter_async_context(_lease(settings, api, clock, (health, telemetry), ending))
        if ending.stop.is_set():
            return ending.code
        known = await parts.enter_async_context(_operator(settings, calm, objects, lease, clock, telemetry))
        ready = asyncio.Event()
        tasks = [
            asyncio.create_task(_tell_of_watch(ready, health), name="readiness"),
            asyncio.create_task(known.mend(settings.cadence.resync_seconds), name="store"),
        ]
        await watching.watch(
            on_event=watching.feed(known.store, known.queue, known.roll.seen, monotonic=clock.monotonic),
            login=lambda: credentials(configuration),
            kind=objects,
            stop=ending.stop,
            ready=ready,
            known=known,
            take_signals=ending.take_signals,
            namespaces=settings.namespaces,
        )
        log.info("Stopping: no new pass begins, a call in flight is finished and its answer stored.")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return ending.code


def limits(settings: Settings) -> Limits:
    """The engine's limits, as the settings have them."""
    cadence = settings.cadence
    return Limits(
        poll=cadence.poll_seconds,
        resync=cadence.resync_seconds,
        recheck=cadence.stalled_recheck_seconds,
        settle=cadence.settle_seconds,
        unconfirmed=cadence.unconfirmed_limit_seconds,
        deadline=cadence.operation_deadline_seconds,
        job_missing=cadence.job_missing_seconds,
        send=cadence.send_limit_seconds,
        max_step=settings.scaling.max_step,
        max_attempts=settings.scaling.max_attempts,
    )


@asynccontextmanager
async def _probes(settings: Settings, health: Health, telemetry: Telemetry) -> AsyncIterator[None]:
    probes = Probes(health, telemetry.render, telemetry.content_type)
    health.unready("watch", "not started")
    try:
        port = await probes.start(settings.probes.host, settings.probes.port)
    except OSError as error:
        text = f"The probes cannot listen on port {settings.probes.port}: {error.strerror}. "
        text += "Set DDM_PROBES_PORT (--probes-port) to a free one, or to 0 for any, and start the operator anew."
        raise CannotStartError(text) from None
    log.info("Probes and metrics on port %d", port, extra={"port": port})
    try:
        yield
    finally:
        await probes.stop()


@asynccontextmanager
async def _lease(
    settings: Settings, api: ApiServer, clock: SystemClock, told: tuple[Health, Telemetry], ending: Ending
) -> AsyncIterator[Lease]:
    """Lead, or wait for it; yields once this process leads or was told to stop."""
    health, telemetry = told
    if not settings.lease.enabled:
        alone = AlwaysLeading()
        telemetry.show_leader(alone.held, lambda: 0.0)
        yield alone
        return
    duration = float(settings.lease.duration_seconds)
    timing = Timing(duration, renew_deadline=duration * 2 / 3, retry=duration / 7.5, request=duration / 3.75)
    lease = LeaseElection(
        api,
        namespace=settings.lease.namespace or own_namespace(),
        name=settings.lease.name,
        identity=f"{socket.gethostname()}_{uuid4().hex[:12]}",
        now=clock.now,
        monotonic=clock.monotonic,
        on_lost=ending.fail,
        timing=timing,
    )
    lease.on_look = lambda: _tell(lease, health)
    telemetry.show_leader(lease.held, lambda: clock.monotonic() - lease.answered)
    health.unready("lease", "asking the API server who leads")
    health.ready("watch", "begins when this replica leads")
    acquiring = asyncio.create_task(lease.acquire(), name="lease acquisition")
    stopping = asyncio.create_task(ending.stop.wait(), name="stop")
    await asyncio.wait({acquiring, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (acquiring, stopping):
        task.cancel()
    await asyncio.gather(acquiring, stopping, return_exceptions=True)
    if not acquiring.cancelled() and (error := acquiring.exception()) is not None:
        log.error(
            "The Lease could not be asked for, for a reason that nobody expected; the process ends", exc_info=error
        )
        ending.fail()
    try:
        yield lease
    finally:
        await lease.release()


def _tell(lease: LeaseElection, health: Health) -> None:
    """A replica that does not know who leads could not take over: it must not count as one that stands by."""
    if lease.held():
        health.ready("lease", "leading")
    elif lease.trouble is None:
        health.ready("lease", f"standing by, {lease.leader or 'nobody'} leads")
    else:
        health.unready("lease", f"not known who leads, asked again: {lease.trouble}")


@asynccontextmanager
async def _operator(
    settings: Settings, api: ApiServer, objects: ApiObjects, lease: Lease, clock: SystemClock, telemetry: Telemetry
) -> AsyncIterator[Knowledge]:
    events = ApiEvents(api, now=clock.now, instance=socket.gethostname())
    store = Store(monotonic=clock.monotonic)
    chance = SystemRandom()
    secrets = ApiSecrets(api, settings.credentials.secret_name, monotonic=clock.monotonic)
    async with open_clouds(settings, clock, telemetry.request, secrets, chance.random) as clouds:
        world = World(objects, store, events, clouds, lease, clock, telemetry)
        rate = WriteRate(settings.status.writes_per_second, settings.status.seconds_apart)
        reconciler, actor = assemble(world, limits(settings), (ScaleOut(),), chance, lambda: str(uuid4()), rate)
        queue = WorkQueue(
            reconciler.reconcile,
            workers=settings.workers,
            lane=lane_of(store, settings.cloud.region, settings.cloud.project_id),
            monotonic=clock.monotonic,
            random=chance,
            defect=reconciler.defect,
        )
        telemetry.show_queue(lambda: queue.depth, lambda: queue.oldest_age)
        telemetry.show_objects(store.census, clock.now)
        telemetry.show_cloud(clouds.pressure, clock.monotonic, lambda: store.census.projects)
        events.calm = actor.calm
        events.start()
        known = Knowledge(store, queue, objects)
        reconciler.observer.changed = known.changed
        try:
            yield known
        finally:
            await queue.stop(STOP_SECONDS)
            reconciler.chorus.sum_up()
            await actor.finish(settings.cadence.enlarge_timeout_seconds + STORE_SECONDS)
            await events.stop(EVENTS_SECONDS)


class AlwaysLeading:
    """The Lease of a single replica that was told not to ask for one."""

    def held(self) -> bool:
        """Always."""
        return True


async def _tell_of_watch(ready: asyncio.Event, health: Health) -> None:
    health.unready("watch", "waiting for the API server to show the DDMInstance objects; is the CRD installed?")
    while True:
        await ready.wait()
        health.ready("watch")
        while ready.is_set():  # noqa: ASYNC110  # an event cannot be awaited to be cleared
            await asyncio.sleep(LOOK_SECONDS)
        health.unready("watch", "the watch of the DDMInstance objects was lost and is started again")
