"""The probes, asked over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from ddm_operator.probes import Health, Probes

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Served:
    """Running probes and a way to ask them."""

    def __init__(self, probes: Probes, health: Health, watch: Watch, session: aiohttp.ClientSession, port: int) -> None:
        self.probes = probes
        self.health = health
        self.watch = watch
        self.port = port
        self._session = session

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text()

    async def content_type(self, path: str) -> str:
        async with self._session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.headers["Content-Type"]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    watch = Watch()
    health = Health(watch)
    probes = Probes(health, lambda: b"metric 1\n", TEXT)
    port = await probes.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        yield Served(probes, health, watch, session, port)
    await probes.stop()


async def test_a_loop_that_beats_is_healthy(served: Served) -> None:
    status, body = await served.get("/healthz")
    assert (status, body) == (200, "last beat 0.0 s ago\n")


async def test_a_loop_that_has_hung_is_not(served: Served) -> None:
    served.watch.seconds += 31
    status, body = await served.get("/healthz")
    assert (status, body) == (503, "last beat 31.0 s ago\n")


async def test_the_loop_beats_by_itself(served: Served) -> None:
    served.watch.seconds += 31
    while (await served.get("/healthz"))[0] != 200:
        pass


async def test_ready_is_when_every_part_is(served: Served) -> None:
    assert await served.get("/readyz") == (503, "[-] nothing has started yet\n")
    served.health.unready("crd", "DDMInstance is not installed")
    served.health.ready("watch", "standing by, pod-1 leads")
    status, body = await served.get("/readyz")
    assert status == 503
    assert body == "[-] crd: DDMInstance is not installed\n[+] watch: standing by, pod-1 leads\n"
    served.health.ready("crd")
    assert await served.get("/readyz") == (200, "[+] crd: ok\n[+] watch: standing by, pod-1 leads\n")


async def test_what_was_ready_may_cease_to_be(served: Served) -> None:
    served.health.ready("watch")
    served.health.unready("watch", "stopping")
    assert (await served.get("/readyz"))[0] == 503


async def test_an_unready_operator_is_healthy(served: Served) -> None:
    served.health.unready("crd", "DDMInstance is not installed")
    assert (await served.get("/healthz"))[0] == 200


async def test_metrics_are_rendered_when_asked_for(served: Served) -> None:
    assert await served.get("/metrics") == (200, "metric 1\n")
    assert await served.content_type("/metrics") == TEXT


async def test_there_is_nothing_else(served: Served) -> None:
    assert (await served.get("/"))[0] == 404


async def test_a_port_in_use_is_an_error(served: Served) -> None:
    second = Probes(Health(Watch()), lambda: b"", TEXT)
    with pytest.raises(OSError, match="in use"):
        await second.start("127.0.0.1", served.port)
    await second.stop()


async def test_stopping_frees_the_port(served: Served) -> None:
    await served.probes.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await served.get("/healthz")
