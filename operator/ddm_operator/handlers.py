"""The only place that knows Kopf: it watches the objects and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import kopf
from kopf._core.reactor.inventory import (  # no public name leads to what spawn_tasks takes
    ResourceMemories,
    ResourceMemory,
)
from typing_extensions import override

from ddm_operator.domain.model import Resource
from ddm_operator.errors import OperatorError
from ddm_operator.kube.connect import Credentials
from ddm_operator.kube.resource import GROUP, PLURAL, VERSION, InvalidSpecError, read_resource
from ddm_operator.kube.store import Store, key_of

logger = logging.getLogger(__name__)

OnEvent = Callable[[str | None, Mapping[str, Any]], None]
"""Takes the watch event's type (None: from a list) and the whole object."""

Login = Callable[[], Awaitable[Credentials]]

PREFIX = f"operator.{GROUP}"

PAUSE = 5.0
"""Seconds between a watch that failed, or a look for a CRD that is not there, and the next attempt."""

IDENTITY = "ddm-operator"
"""For peering, which is off. Kopf would ask the system for the user's name, and in an image the user has none."""

SILENCE = 70.0
"""Seconds after which a watch that says nothing is dead: the API server sends a bookmark every minute. A connection
that some machine on the way has forgotten ends with neither a word nor an error."""


class Queue(Protocol):
    """What events do to the work queue."""

    def add(self, key: str) -> None:
        """Ask for a pass."""

    def busy(self, key: str) -> bool:
        """Whether a pass over it is running."""

    def forget(self, key: str) -> None:
        """The object is gone."""


class Kind(Protocol):
    """Knows whether the API server has the CRD."""

    async def served(self) -> bool:
        """Raises OperatorError when the question failed."""


class Known(Protocol):
    """Knows the objects besides the watch. Both raise OperatorError when they could not be listed."""

    async def gather(self) -> None:
        """List every object."""

    async def caught_up(self) -> None:
        """Wait until the watch has shown what was listed."""


def feed(store: Store, queue: Queue, shown: Callable[[str], None], *, monotonic: Callable[[], float]) -> OnEvent:
    """Take what the watch shows into the store, and ask for a pass over what is new; ``shown`` takes each uid.

    A status that changes during a pass was written by that pass, unless it goes back; had somebody else written it, the
    pass's own write fails and the object is read again.
    """

    def on_event(kind: str | None, body: Mapping[str, Any]) -> None:
        metadata = body["metadata"]
        shown(metadata["uid"])
        seen = f"{metadata['namespace']}/{metadata['name']}"
        if kind != "DELETED" and store.has(seen, metadata["uid"], metadata["resourceVersion"]):
            return
        try:
            resource = read_resource(body, seen_at=monotonic())
        except InvalidSpecError as error:
            resource = error.resource
        key = key_of(resource)
        if kind != "DELETED":
            known = store.get(key)
            if store.put(resource) and not (queue.busy(key) and _by_a_pass(known, resource)):
                queue.add(key)
        elif store.remove(key, resource.desired.uid):
            queue.forget(key)
            queue.add(key)  # a last pass drops what is remembered of it
            for rival in store.rivals(resource):
                queue.add(key_of(rival))

    return on_event


def _by_a_pass(known: Resource | None, resource: Resource) -> bool:
    """Whether a pass may have made the change: it writes nothing but the status, and never one from before."""
    if known is None or (known.desired, known.deleting) != (resource.desired, resource.deleting):
        return False
    before, now = known.status, resource.status
    if now.observed_generation < before.observed_generation:
        return False
    return before.operation is None or (now.operation is not None and now.operation not in before.history)


def register(registry: kopf.OperatorRegistry, *, on_event: OnEvent, login: Login) -> None:
    """Register the event handler and the login; a registry of one's own has neither."""

    @kopf.on.login(registry=registry)
    async def log_in(**_: object) -> kopf.ConnectionInfo:
        return _connection(await login())

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def see(event: Mapping[str, Any], **_: object) -> None:
        on_event(event["type"], event["object"])


def build_settings() -> kopf.OperatorSettings:
    """Kopf's settings for an operator that only watches.

    Nothing is ever persisted by Kopf here; the names are set so that a handler added later would not use Kopf's own.
    """
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.chunk_size = 100  # what a page takes up beside the objects is not given back to the system
    settings.queueing.worker_limit = None  # a limit lets idle objects keep others waiting
    settings.queueing.idle_timeout = 0.01  # an idle object's worker is memory
    settings.watching.inactivity_timeout = SILENCE
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.process.ultimate_exiting_timeout = None  # Kopf's end is not the process's
    settings.persistence.finalizer = f"{PREFIX}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=PREFIX)
    settings.persistence.diffbase_storage = _NoEssence()
    return settings


async def watch(
    *,
    on_event: OnEvent,
    login: Login,
    kind: Kind,
    stop: asyncio.Event,
    ready: asyncio.Event,
    take_signals: Callable[[], None],
    known: Known,
    namespaces: Collection[str] = (),
) -> None:
    """Watch the objects, and start again whenever that fails.

    Args:
        on_event: called for every object listed and every change, in the loop.
        login: where the API server is, and as whom.
        kind: asked for the CRD before every start, because Kopf idles silently without it.
        stop: ends the watch; signals do not.
        ready: set while a watch runs that has caught up, cleared while there is none.
        take_signals: installs the process's own signal handlers; called each time Kopf has put its own in their place.
        known: lists every object before each start, and knows when the watch has shown them.
        namespaces: where to look; empty for everywhere.
    """
    watching = _Watch(on_event, login, kind, take_signals, known, namespaces)
    while not stop.is_set():
        if await _unless(stop, watching.find(stop)):
            # Gathered, because whatever Kopf raises ends this watch and not the process.
            [failure] = await asyncio.gather(watching.run(stop, ready), return_exceptions=True)
            if isinstance(failure, asyncio.CancelledError):
                raise failure
            if failure is not None:
                logger.error("The watch failed and is started again", exc_info=failure)
        ready.clear()
        await _wait(stop)


@dataclass(frozen=True)
class _Watch:
    on_event: OnEvent
    login: Login
    kind: Kind
    take_signals: Callable[[], None]
    known: Known
    namespaces: Collection[str]

    async def find(self, stop: asyncio.Event) -> bool:
        """Wait for the CRD, and for a list of all objects; False when stopped meanwhile."""
        said = ""
        while not stop.is_set():
            try:
                if await self.kind.served():
                    await self.known.gather()
                    return True
                text = (
                    f"The CRD {PLURAL}.{GROUP} is not installed. Apply it (crds/); the operator goes on by itself then."
                )
            except OperatorError as error:
                text = error.message
            if text != said:
                logger.warning("%s", text)
                said = text
            await _wait(stop)
        return False

    async def run(self, stop: asyncio.Event, ready: asyncio.Event) -> None:
        registry = kopf.OperatorRegistry()
        register(registry, on_event=self.on_event, login=self.login)
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=build_settings(),
            clusterwide=not self.namespaces,
            namespaces=self.namespaces,
            stop_flag=stop,
            memories=_NoMemories(),
            identity=IDENTITY,  # type: ignore[arg-type]  # a str by a name that Kopf keeps to itself
        )
        self.take_signals()
        announcing = asyncio.create_task(self._announce(ready), name="readiness")
        try:
            await kopf.run_tasks(tasks, ignored=_EveryTask())
        finally:
            announcing.cancel()

    async def _announce(self, ready: asyncio.Event) -> None:
        while True:
            try:
                await self.known.caught_up()
            except OperatorError as error:
                logger.warning("Whether all objects were seen is not known: %s", error.message)
                await asyncio.sleep(PAUSE)
            else:
                logger.info("Watching; every object was seen")
                ready.set()
                return


class _NoEssence(kopf.DiffBaseStorage):
    """Kopf's copy of each object's essence, a tenth of a start's time, is for handlers that this operator lacks."""

    @override
    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    @override
    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return None

    @override
    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Nothing is ever kept on the object."""


class _NoMemories(ResourceMemories):
    """Kopf's notes on each object are for handlers that this operator lacks, and a quarter of its memory."""

    @override
    async def recall(self, raw_body: Any, **options: Any) -> ResourceMemory:
        return await super().recall(raw_body, **{**options, "ephemeral": True})


class _EveryTask:
    """All tasks there are, also those to come.

    At its end Kopf cancels every task of the loop that is not "ignored", among them what a call in flight has started
    since. Its own tasks end with its root tasks.
    """

    def __contains__(self, task: object) -> bool:
        return True

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(asyncio.all_tasks())

    def __len__(self) -> int:
        return len(asyncio.all_tasks())


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, bool]) -> bool:
    """What comes of work that may wait for the API server; False when stopped meanwhile."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, stopping):
            task.cancel()
    [done, _] = await asyncio.gather(working, stopping, return_exceptions=True)
    if isinstance(done, Exception):
        raise done
    return done is True


async def _wait(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(PAUSE):
            await stop.wait()
    except TimeoutError:
        return


def _connection(credentials: Credentials) -> kopf.ConnectionInfo:
    scheme, _, token = credentials.authorization.partition(" ")
    return kopf.ConnectionInfo(
        server=credentials.server,
        ca_path=credentials.ca_file,
        insecure=not credentials.verify,
        scheme=scheme or None,
        token=token or None,
        certificate_path=credentials.certificate_file,
        private_key_path=credentials.key_file,
        proxy_url=credentials.proxy,
    )
