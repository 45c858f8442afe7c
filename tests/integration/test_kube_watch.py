"""Kopf as a watcher on the real API server: what it shows, and what it leaves alone."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from kubernetes.aio.client import Configuration

from ddm_operator.handlers import build_settings, feed, watch
from ddm_operator.knowledge import Knowledge
from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.connect import credentials, load_configuration
from ddm_operator.kube.objects import ApiObjects
from ddm_operator.kube.store import Store
from devcluster import ControlPlane
from tests.support import crdschema
from tests.support.controlplane import CRD_PATH
from tests.support.ddminstances import DDMInstances
from tests.support.kubeapi import Api
from tests.support.proxy import Proxy
from tests.support.waiting import until


class Queue:
    """Remembers what events asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.passing: set[str] = set()

    def add(self, key: str) -> None:
        self.asked.append(("add", key.partition("/")[2]))

    def busy(self, key: str) -> bool:
        return key.partition("/")[2] in self.passing

    def start(self) -> None:
        """It only remembers."""

    def forget(self, key: str) -> None:
        self.asked.append(("forget", key.partition("/")[2]))


class Watching:
    """A running watch, and what a process has around it."""

    def __init__(self, configuration: Configuration, namespaces: tuple[str, ...]) -> None:
        self.server = ApiServer.over(configuration)
        self.objects = ApiObjects(self.server, monotonic=self.monotonic, namespaces=namespaces)
        self.store = Store(monotonic=self.monotonic)
        self.queue = Queue()
        self.known = Knowledge(self.store, self.queue, self.objects)
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        self.signals: list[str] = []
        self._configuration = configuration
        self._namespaces = namespaces

    def version(self, name: str) -> str:
        seen = (self.store.get(key) for key in self.store if key.endswith(f"/{name}"))
        return next((resource.resource_version for resource in seen if resource is not None), "")

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.signals.append, number.name)

    async def run(self) -> None:
        await watch(
            on_event=feed(self.store, self.queue, self.known.roll.seen, monotonic=self.monotonic),
            login=lambda: credentials(self._configuration),
            kind=self.objects,
            stop=self.stop,
            ready=self.ready,
            known=self.known,
            take_signals=self.take_signals,
            namespaces=self._namespaces,
        )


@asynccontextmanager
async def watching(configuration: Configuration, *namespaces: str) -> AsyncIterator[Watching]:
    around = Watching(configuration, namespaces)
    task = asyncio.create_task(around.run())
    try:
        yield around
        around.stop.set()
        await asyncio.wait_for(task, 10)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await around.server.close()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)


@pytest.fixture
async def configuration(kubeconfig: Path, crd: object) -> Configuration:
    assert crd
    return await load_configuration({"KUBECONFIG": str(kubeconfig)})


@pytest.fixture(autouse=True)
def _connections_that_kopf_leaves() -> Iterator[None]:
    """A watch that is cancelled leaves its connection to the collector, which complains in whatever test runs then."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddm_operator.handlers.PAUSE", 0.2)


@pytest.fixture
def instances(api: Api, namespace: str) -> DDMInstances:
    return DDMInstances(api, namespace)


def absences(caplog: pytest.LogCaptureFixture) -> int:
    """How often the log said that the CRD is not there."""
    return sum("is not installed" in record.getMessage() for record in caplog.records)


async def test_what_is_there_and_what_changes_is_seen(configuration: Configuration, instances: DDMInstances) -> None:
    instances.create(name="before")
    async with watching(configuration, instances.namespace) as around:
        await until(lambda: len(around.store) == 1)
        await asyncio.to_thread(instances.create, name="after")
        await until(lambda: len(around.store) == 2)
        await asyncio.to_thread(instances.patch_spec, {"nodes": 5}, "before")
        await until(lambda: ("add", "before") in around.queue.asked[2:])
        seen = around.store.get(f"{instances.namespace}/before")
        assert seen is not None
        assert seen.desired.nodes == 5
    assert around.queue.asked == [("add", "before"), ("add", "after"), ("add", "before")]


async def test_a_status_that_changes_during_a_pass_asks_for_no_other_pass(
    configuration: Configuration, instances: DDMInstances
) -> None:
    instances.create(name="orders")
    async with watching(configuration, instances.namespace) as around:
        await until(lambda: len(around.store) == 1)
        around.queue.asked.clear()
        around.queue.passing.add("orders")
        created = await asyncio.to_thread(instances.get, "orders")
        written = await asyncio.to_thread(instances.put_status, created["metadata"], {"observedGeneration": 1})
        await until(lambda: around.version("orders") == written["metadata"]["resourceVersion"])
        assert around.queue.asked == []
        around.queue.passing.clear()
        await asyncio.to_thread(instances.put_status, written["metadata"], {"observedGeneration": 0})
        await until(lambda: around.queue.asked == [("add", "orders")])


async def test_ready_means_that_all_was_seen(configuration: Configuration, instances: DDMInstances) -> None:
    for n in range(30):
        instances.create(name=f"orders-{n}")
    async with watching(configuration, instances.namespace) as around:
        await asyncio.wait_for(around.ready.wait(), 10)
        assert len(around.store) == 30


async def test_a_deleted_object_is_forgotten_and_its_rivals_are_looked_at(
    configuration: Configuration, instances: DDMInstances
) -> None:
    for name in ("first", "second"):
        instances.create(name=name)
    async with watching(configuration, instances.namespace) as around:
        await asyncio.wait_for(around.ready.wait(), 10)
        around.queue.asked.clear()
        await asyncio.to_thread(instances.api.delete, instances.path("first"))
        await until(lambda: len(around.queue.asked) == 3)
        assert around.queue.asked == [("forget", "first"), ("add", "first"), ("add", "second")]
        assert list(around.store) == [f"{instances.namespace}/second"]


async def test_nothing_is_ever_written(configuration: Configuration, instances: DDMInstances) -> None:
    created = instances.create()
    async with watching(configuration, instances.namespace) as around:
        await until(lambda: len(around.store) == 1)
        await asyncio.sleep(0.5)
    assert instances.get() == created
    events = instances.api.get(f"/api/v1/namespaces/{instances.namespace}/events")
    assert events["items"] == []


async def test_other_namespaces_are_not_looked_at(configuration: Configuration, instances: DDMInstances) -> None:
    instances.create()
    async with watching(configuration, "another-namespace") as around:
        await asyncio.wait_for(around.ready.wait(), 10)
        await asyncio.sleep(0.5)
        assert len(around.store) == 0


async def test_signals_stay_the_process_s_own(configuration: Configuration, instances: DDMInstances) -> None:
    async with watching(configuration, instances.namespace) as around:
        await asyncio.wait_for(around.ready.wait(), 10)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        await until(lambda: sorted(around.signals) == ["SIGINT", "SIGTERM"])
        await asyncio.to_thread(instances.create)
        await until(lambda: len(around.store) == 1)


async def test_tasks_of_others_outlive_the_watch_and_its_own_do_not(
    configuration: Configuration, instances: DDMInstances
) -> None:
    async def work() -> None:
        await asyncio.sleep(3600)

    earlier = asyncio.create_task(work())
    async with watching(configuration, instances.namespace) as around:
        await asyncio.wait_for(around.ready.wait(), 10)
        later = asyncio.create_task(work())
        await asyncio.to_thread(instances.create)
        await until(lambda: len(around.store) == 1)
    try:
        assert not earlier.done()
        assert not later.done()
        await until(lambda: asyncio.all_tasks() == {earlier, later, asyncio.current_task()})
    finally:
        for task in (earlier, later):
            task.cancel()
        await asyncio.gather(earlier, later, return_exceptions=True)


async def test_a_broken_connection_is_made_again(configuration: Configuration, instances: DDMInstances) -> None:
    for name in ("kept", "gone"):
        instances.create(name=name)
    address = urlsplit(configuration.host)
    async with Proxy(str(address.hostname), int(address.port or 443)) as proxy:
        configuration.host = f"https://127.0.0.1:{proxy.port}"
        configuration.refresh_api_key_hook = None
        async with watching(configuration, instances.namespace) as around:
            await until(lambda: len(around.store) == 2)
            proxy.requests = proxy.answers = False
            await asyncio.to_thread(instances.api.delete, instances.path("gone"))
            await asyncio.to_thread(instances.create, name="new")
            proxy.cut()
            proxy.requests = proxy.answers = True
            await until(lambda: around.store.get(f"{instances.namespace}/new") is not None)
            await around.store.reconcile(around.objects)
            assert around.store.get(f"{instances.namespace}/gone") is None


async def test_a_watch_that_dies_without_a_word_is_noticed(
    configuration: Configuration, instances: DDMInstances, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ends, nothing is reset: only the bookmark of every minute is missing."""
    assert build_settings().watching.inactivity_timeout == 70.0
    monkeypatch.setattr("ddm_operator.handlers.SILENCE", 1.5)
    address = urlsplit(configuration.host)
    async with Proxy(str(address.hostname), int(address.port or 443)) as proxy:
        configuration.host = f"https://127.0.0.1:{proxy.port}"
        configuration.refresh_api_key_hook = None
        async with watching(configuration, instances.namespace) as around:
            await asyncio.to_thread(instances.create, name="old")
            await until(lambda: around.version("old") != "")
            proxy.forget()
            await asyncio.to_thread(instances.create, name="new")
            # Idle connections of the last 15 s died with it, and may be tried first: each of them is found silent, too.
            await until(lambda: around.version("new") != "", 60)


async def test_without_the_crd_it_waits_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "CLUSTER"}
    plane = await asyncio.to_thread(ControlPlane.start, lambda _: None, env=environ)
    try:
        configuration = await load_configuration({"KUBECONFIG": str(plane.kubeconfig)})
        manifest = crdschema.load()
        assert plane.token is not None
        assert plane.ca_file is not None
        with Api(plane.server, plane.token, plane.ca_file) as api, caplog.at_level(logging.WARNING, "ddm_operator"):
            async with watching(configuration) as around:
                await until(lambda: absences(caplog) == 1)
                await asyncio.sleep(0.7)
                assert not around.ready.is_set()
                for time in (2, 3):
                    await asyncio.to_thread(api.post, CRD_PATH, manifest)
                    await asyncio.wait_for(around.ready.wait(), 20)
                    instances = DDMInstances(api, "default")
                    await asyncio.to_thread(api.until_served, instances.path())
                    await asyncio.to_thread(instances.create)
                    await until(lambda: len(around.store) == 1)
                    await asyncio.to_thread(api.delete, f"{CRD_PATH}/{manifest['metadata']['name']}")
                    await until(lambda time=time: absences(caplog) == time)  # type: ignore[misc]  # mypy cannot infer it
                    assert not around.ready.is_set()
                    around.store.remove("default/orders")
    finally:
        await asyncio.to_thread(plane.stop)
