"""Events on the real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio.client import Configuration

from ddm_operator.domain.model import Desired, Resource, Status
from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.connect import load_configuration
from ddm_operator.kube.events import HELD_SECONDS, MERGE_FOR, ApiEvents
from tests.support.kubeapi import Api


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server(kubeconfig: Path) -> AsyncIterator[ApiServer]:
    server = ApiServer.over(await load_configuration({"KUBECONFIG": str(kubeconfig)}))
    yield server
    await server.close()


def resource(namespace: str, name: str = "orders") -> Resource:
    desired = Desired(uid="u-1", namespace=namespace, name=name, generation=1, created="1", instance_id="28e8")
    return Resource(desired, Status(), resource_version="41")


def stored(api: Api, namespace: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get(f"/api/v1/namespaces/{namespace}/events")["items"]
    return sorted(items, key=lambda item: (item["lastTimestamp"], item["message"]))


async def test_an_event_stands_on_the_object(api: Api, server: ApiServer, clock: Clock, namespace: str) -> None:
    events = ApiEvents(server, now=clock, instance="pod-1")
    events.start()
    events.publish(resource(namespace), "Normal", "ScaleOutRequested", "2 → 4 nodes" + "x" * 5000)
    await events.stop(10)
    (event,) = stored(api, namespace)
    assert event["involvedObject"]["uid"] == "u-1"
    assert event["involvedObject"]["kind"] == "DDMInstance"
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "ScaleOutRequested", 1)
    assert event["reportingComponent"] == "ddm-operator"
    assert event["message"].startswith("2 → 4 nodes")
    assert len(event["message"]) == 1024
    assert events.dropped == 0


async def test_the_same_again_raises_the_count(api: Api, server: ApiServer, clock: Clock, namespace: str) -> None:
    first = ApiEvents(server, now=clock, instance="pod-1")
    first.start()
    first.publish(resource(namespace), "Warning", "Stalled", "same")
    await first.flushed()
    clock.moment += timedelta(minutes=5)
    first.publish(resource(namespace), "Warning", "Stalled", "same")
    first.publish(resource(namespace), "Warning", "Stalled", "another")
    await first.stop(10)
    another, same = stored(api, namespace)
    assert (same["message"], same["count"]) == ("same", 2)
    assert (same["firstTimestamp"], same["lastTimestamp"]) == ("2026-11-24T02:00:00Z", "2026-11-24T02:05:00Z")
    assert (another["message"], another["count"]) == ("another", 1)


async def test_what_waits_is_merged_before_it_is_sent(
    api: Api, server: ApiServer, clock: Clock, namespace: str
) -> None:
    events = ApiEvents(server, now=clock, instance="pod-1")
    for _ in range(7):
        events.publish(resource(namespace), "Normal", "Same", "same")
    events.start()
    await events.stop(10)
    assert [event["count"] for event in stored(api, namespace)] == [7]


async def test_what_is_urgent_goes_first(api: Api, server: ApiServer, clock: Clock, namespace: str) -> None:
    """An Event waits for it, for what is left of the seconds that one may wait."""
    events = ApiEvents(server, now=clock, instance="pod-1")
    asked: list[float] = []
    over = asyncio.Event()

    async def calm(seconds: float) -> None:
        asked.append(seconds)
        await over.wait()

    events.calm = calm
    events.publish(resource(namespace), "Normal", "Same", "same")
    clock.moment += timedelta(seconds=2)
    events.start()
    sent = asyncio.create_task(events.flushed())
    done, _ = await asyncio.wait({sent}, timeout=0.2)
    assert not done
    assert stored(api, namespace) == []
    over.set()
    await sent
    assert [event["count"] for event in stored(api, namespace)] == [1]
    assert asked == [HELD_SECONDS - 2]
    await events.stop(10)


async def test_after_a_while_it_is_a_new_event(api: Api, server: ApiServer, clock: Clock, namespace: str) -> None:
    events = ApiEvents(server, now=clock, instance="pod-1")
    events.start()
    events.publish(resource(namespace), "Normal", "Same", "same")
    await events.flushed()
    clock.moment += MERGE_FOR + timedelta(seconds=1)
    events.publish(resource(namespace), "Normal", "Same", "same")
    await events.stop(10)
    assert [event["count"] for event in stored(api, namespace)] == [1, 1]


async def test_an_event_that_expired_is_made_anew(api: Api, server: ApiServer, clock: Clock, namespace: str) -> None:
    events = ApiEvents(server, now=clock, instance="pod-1")
    events.start()
    events.publish(resource(namespace), "Normal", "Same", "same")
    await events.flushed()
    (event,) = stored(api, namespace)
    api.delete(f"/api/v1/namespaces/{namespace}/events/{event['metadata']['name']}")
    events.publish(resource(namespace), "Normal", "Same", "same")
    await events.stop(10)
    assert [event["count"] for event in stored(api, namespace)] == [2]


async def test_a_full_line_drops_and_counts(api: Api, server: ApiServer, clock: Clock, namespace: str) -> None:
    events = ApiEvents(server, now=clock, instance="pod-1", waiting=2)
    for n in range(5):
        events.publish(resource(namespace), "Normal", "Many", f"number {n}")
    events.start()
    await events.stop(10)
    assert [event["message"] for event in stored(api, namespace)] == ["number 0", "number 1"]
    assert events.dropped == 3


async def test_without_an_api_server_nothing_raises_and_the_end_is_bounded(clock: Clock) -> None:
    configuration = Configuration()
    configuration.host = "http://127.0.0.1:1"
    server = ApiServer.over(configuration, timeout=1)
    events = ApiEvents(server, now=clock, instance="pod-1")
    events.start()
    for n in range(3):
        events.publish(resource("shop"), "Normal", "Many", f"number {n}")
    await events.stop(10)
    await server.close()
    assert events.dropped == 3
