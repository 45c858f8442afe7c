"""The API server of the schedules is a faithful one: the same steps on it and on a real one give the same answers."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, cast

import httpx
import pytest

from ddm_operator.domain.model import MAX_TEXT, Condition, GroupStatus, InstanceStatus, Operation, Phase, Status
from ddm_operator.kube.client import JSON, MERGE_PATCH, ApiServer
from ddm_operator.kube.connect import load_configuration
from ddm_operator.kube.objects import ApiObjects
from ddm_operator.kube.resource import write_status
from tests.support.ddminstances import PLAIN_SPEC
from tests.support.keeper import Connection
from tests.support.kubeapi import Json
from tests.support.steps import (
    ABSENT,
    DELETE,
    Request,
    Seen,
    Step,
    annotate,
    create,
    entity,
    get,
    patch,
    patch_at,
    put,
    put_aimed,
    put_status,
    take,
)
from tests.torture.apiserver import ROOT, Change, StandIn

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANOTHER = "2f7c1d2e-0000-4000-8000-000000000000"
LATER: Json = {"drain": {"nodeIds": ["a"], "strict": True}}
"""Written by another version."""

OPERATION = Operation(
    id="op-1",
    type="ScaleOut",
    phase=Phase.FAILED,
    group_id="group",
    flavor_id="flavor",
    region="cn-north-4",
    project_id="p1",
    from_nodes=2,
    to_nodes=4,
    baseline_node_ids=("n1", "n2"),
    baseline_job_ids=("j0",),
    final_node_ids=("n1", "n2", "n3"),
    generation=7,
    job_id="j1",
    order_id="o1",
    progress_percent=60,
    request_time=NOW,
    start_time=NOW,
    completion_time=NOW,
    deadline_time=NOW,
    attempt=2,
    failures=1,
    reason="Partial",
    error_code="DBS.200019",
    message="\u4e91" * MAX_TEXT,
    extra=LATER,
)
STATUS = Status(
    observed_generation=7,
    last_handled_reconcile_at="now",
    last_handled_resolve="op-0=retry",
    nodes=3,
    selector="ddm.huaweicloud.com/uid=x",
    instance=InstanceStatus("orders", "cn-north-4", "p1", "\u6269\u5bb9\u4e2d", "3.0.8", "ddm.c6", "postPaid", 3),
    groups=(GroupStatus("g1", "one", "rw", 3, 4, 1), GroupStatus("g2", "two", "r", 1, 1, 1)),
    operation=OPERATION,
    history=(replace(OPERATION, id="op-0"), Operation("op", "Shrink", "Draining", extra=LATER)),
    conditions=(Condition("Ready", "False", "Partial", "See.", NOW, 7), Condition("Later", "Maybe", "", "", NOW, 6)),
    extra=LATER,
)
WRITTEN = write_status(STATUS)
STRANGE: Json = {
    "operation": {"id": "op-3", **LATER},
    "instance": {"name": "orders", **LATER},
    "groups": [{"id": "g", **LATER}],
    "conditions": [{"type": "Ready", **LATER}],
    **LATER,
}
NULLS = {"later": None, "deep": {"one": None, "two": [None]}}
WIPED = dict.fromkeys(("observedGeneration", "nodes", "operation"))
SEQUENCES = {
    "made": [
        Step("listed", "GET"),
        get("404"),
        create("newer", status={"nodes": 7}, metadata={"uid": ANOTHER, "generation": 7, "labels": {"a": "b"}}),
        get(),
        create("409"),
        get(),
        get("404", "another"),
    ],
    "listed": [
        create(),
        create(name="zebra"),
        create(name="again", spec={**PLAIN_SPEC, "paused": None, "approval": "Automatic", "unknown": 1}),
        Step("listed", "GET"),
        DELETE,
        Step("listed", "GET"),
    ],
    "the first write changes the version": [
        create(),
        patch("newer", spec={"nodes": 2}),
        patch("same", spec={"nodes": 2}),
        create(name="again"),
        patch("newer", "again/status", status={}),
        patch("same", "again", metadata={"annotations": {"a": None}}),
        create(name="third"),
        patch("newer", "third", metadata={"annotations": {"a": None}}),
        patch("same", "third/status", status={"observedGeneration": -1}),
    ],
    "spec": [
        create(),
        patch("newer", spec={"nodes": 4}),
        patch("same", spec={"nodes": 4}),
        patch("same", spec={"paused": None, "unknown": 1}, status={"nodes": 9}),
        patch("newer", spec={"paused": True, "groupId": "g1"}),
        patch("newer", spec={"paused": None, "groupId": None, "nodes": None}),
        patch("newer", spec={"nodes": 5}, metadata={"labels": {"a": "b"}}, status={"nodes": 9}),
        get(),
    ],
    "metadata": [
        create(),
        annotate("newer", "op-1=retry"),
        annotate("same", "op-1=retry"),
        annotate("newer", "op-1=abandon"),
        annotate("newer", None),
        annotate("same", None),
        patch("newer", metadata={"labels": {"a": "b"}, "annotations": {"c": "d"}}),
        patch("newer", metadata={"labels": None}),
        patch("same", metadata={"generation": 9, "creationTimestamp": "2020-01-01T00:00:00Z", "unknown": 9}),
        patch("newer", metadata={"annotations": {}, "labels": {"a": "b"}}),
        get(),
    ],
    "object replaced": [
        create(),
        put("newer", 0, spec={**PLAIN_SPEC, "nodes": 3}, status={"nodes": 9}),
        put("same", 1),
        put("same", 1, spec={**PLAIN_SPEC, "nodes": 3, "paused": None}, status=ABSENT, metadata={"uid": ABSENT}),
        put("409", 0),
        put("newer", 1, metadata={"labels": {"a": "b"}, "annotations": {"c": "d"}, "generation": 7}),
        put("newer", 5, metadata={"labels": ABSENT, "namespace": ABSENT, "creationTimestamp": ABSENT}),
        put("422", 6, metadata={"resourceVersion": ABSENT}),
        put("409", 6, metadata={"uid": ANOTHER}),
        put("newer", 6, metadata={"annotations": {}}, spec={**PLAIN_SPEC, "nodes": None}),
        get(),
    ],
    "patch with preconditions": [
        create(),
        patch("newer", spec={"nodes": 3}, metadata={"uid": None}),
        patch_at("409", 0, "orders", spec={"nodes": 4}),
        patch_at("409", 0, "orders/status", status={"nodes": 4}),
        patch("422", spec={"nodes": 4}, metadata={"uid": ANOTHER}),
        patch("422", spec={"nodes": 4}, metadata={"resourceVersion": None}),
        patch("422", "orders/status", status={"nodes": 4}, metadata={"resourceVersion": ""}),
        patch_at("newer", 1, "orders", spec={"nodes": 4}),
        patch_at("newer", 7, "orders/status", status={"nodes": 4}),
        patch("newer", "orders/status", status={"nodes": 5}, metadata={"uid": ANOTHER}),
        get(),
    ],
    "status": [
        create(),
        put_status("newer", 0, {"observedGeneration": 1, "nodes": 2}),
        put_status("same", 1, {"observedGeneration": 1, "nodes": 2}),
        put_status("409", 0, {"nodes": 3}),
        put_status("409", 1, {"nodes": 3}, uid=ANOTHER),
        put_status("422", 1, {"nodes": 3}, resourceVersion=ABSENT),
        put_status("422", 1, {"nodes": 3}, resourceVersion=""),
        put_status("409", 1, {"nodes": 3}, resourceVersion="", uid=ANOTHER),
        put_status("same", 1, {"observedGeneration": 1, "nodes": 2}, uid=""),
        put_status("newer", 1, {"nodes": 3}, uid=ABSENT),
        put_status("newer", 9, {"nodes": 4}, labels={"a": "b"}, annotations={"c": "d"}, generation=9),
        put("newer", 10, "orders/status", spec={**PLAIN_SPEC, "nodes": 9}, status={"nodes": 5}),
        get(),
        get("same", "orders/status"),
    ],
    "status emptied": [
        create(),
        put_status("newer", 0, {}),
        put_status("same", 1, {}),
        put_status("newer", 1, ABSENT),
        put_status("same", 3, ABSENT),
        put_status("newer", 3, {"observedGeneration": 1, "nodes": 2, "operation": {"id": "op-1"}}),
        patch("newer", "orders/status", status=WIPED),
        patch("same", "orders/status", status=WIPED),
        patch("newer", "orders/status", status=None),
        patch("newer", "orders/status", status={"operation": {"id": "op-1", "phase": "Running"}}, spec={"nodes": 9}),
        patch("newer", "orders/status", status={"operation": {"phase": None, "jobId": "j1"}}),
        patch("newer", "orders/status", status={"operation": None}, metadata={"labels": {"a": "b"}}),
        get(),
    ],
    "deleted": [
        create(),
        put_status("newer", 0, {"nodes": 2}),
        DELETE,
        put_status("404", 1, {"nodes": 3}),
        put_status("404", 1, {"nodes": 3}, uid=ABSENT),
        patch("404", spec={"nodes": 3}),
        patch("404", "orders/status", status={"nodes": 3}),
        put("404", 1),
        Step("404", "DELETE", "orders"),
        get("404"),
    ],
    "made anew": [
        create(),
        patch("newer", spec={"nodes": 3}),
        put_status("newer", 1, {"nodes": 3}),
        DELETE,
        create(),
        put_status("409", 2, {"nodes": 4}),
        put_aimed("409", version_of=4, uid_of=2),
        put_aimed("409", version_of=2, uid_of=4),
        put_status("newer", 4, {"nodes": 4}),
        get(),
    ],
    "everything that is written": [
        create(),
        put_status("newer", 0, WRITTEN),
        put_status("same", 1, WRITTEN),
        patch("newer", spec={"nodes": 3}),
        put_status("newer", 3, {"operation": {"id": "op-2"}}),
        put_status("newer", 4, STRANGE),
        put_status("newer", 5, {"operation": {"id": None, "jobId": None, **NULLS}, "groups": None, "nodes": None}),
        get(),
    ],
}


@pytest.fixture
async def server(crd: Json, kubeconfig: Path) -> AsyncIterator[ApiServer]:
    assert crd
    server = ApiServer.over(await load_configuration({"KUBECONFIG": str(kubeconfig)}))
    yield server
    await server.close()


def real(server: ApiServer) -> Request:
    async def request(method: str, path: str, body: Json | None) -> Json:
        content = MERGE_PATCH if method == "PATCH" else JSON
        return await server.request(method, path, body=body, content_type=content)

    return request


def stood_in(stand_in: StandIn) -> Request:
    async def request(method: str, path: str, body: Json | None) -> Json:
        return stand_in.request(method, path, body)

    return request


@asynccontextmanager
async def watched(connection: Connection, collection: str) -> AsyncIterator[AsyncIterator[Json]]:
    """A watch that is open now; its events."""
    context = ssl.create_default_context(cafile=connection.ca_file)
    headers = {"Authorization": f"Bearer {connection.token}"}
    async with httpx.AsyncClient(
        base_url=connection.server, headers=headers, verify=context, trust_env=False, timeout=30.0
    ) as client:
        version = (await client.get(collection)).json()["metadata"]["resourceVersion"]
        params = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "100"}
        async with client.stream("GET", collection, params=params) as answer:
            yield (json.loads(line) async for line in answer.aiter_lines())


async def until_the_end(events: AsyncIterator[Json], request: Request, collection: str) -> list[tuple[str, Any]]:
    """The events of a real watch up to now: until an object shows that is made now."""
    await request("POST", collection, entity(metadata={"name": "end"}, spec=PLAIN_SPEC))
    found, seen = list[tuple[str, Any]](), Seen()
    async for event in events:
        if event["object"]["metadata"]["name"] == "end":
            return found
        found.append((event["type"], seen.item(event["object"])))
    raise AssertionError("the watch has ended")


@pytest.mark.parametrize("steps", SEQUENCES.values(), ids=SEQUENCES)
async def test_the_same_steps_give_the_same_answers(
    server: ApiServer, control_plane: Connection, namespace: str, steps: list[Step]
) -> None:
    collection = f"{ROOT}/namespaces/{namespace}/ddminstances"
    stand_in, events, seen = StandIn(lambda: NOW, Random(1)), list[tuple[str, Any]](), Seen()

    def tell(change: Change) -> None:
        assert str(change.version) == change.body["metadata"]["resourceVersion"]
        events.append((change.kind, seen.item(change.body)))

    stand_in.watchers.append(tell)
    async with watched(control_plane, collection) as shown:
        answers = await take(steps, real(server), collection)
        true_events = await until_the_end(shown, real(server), collection)
    assert [how for how, _ in answers] == [step.expected for step in steps]
    assert await take(steps, stood_in(stand_in), collection) == answers
    assert events == true_events


class Standing:
    """The stand-in in the place of the product's connection to the API server."""

    def __init__(self) -> None:
        self.api = StandIn(lambda: NOW, Random(1))

    async def request(self, method: str, path: str, *, body: Json | None = None, **_: object) -> Json:
        return self.api.request(method, path, body)


def test_the_status_of_these_tests_has_every_field() -> None:
    assert STATUS.instance is not None
    for value in (STATUS, OPERATION, STATUS.instance, STATUS.groups[0], STATUS.conditions[0]):
        assert [f.name for f in fields(value) if getattr(value, f.name) in (f.default, "", 0, (), {})] == []


@pytest.mark.parametrize("where", ["real", "stand-in"])
async def test_everything_that_the_operator_writes_is_kept(server: ApiServer, namespace: str, where: str) -> None:
    """Fields of another version are kept where it matters: in the journal."""
    api = server if where == "real" else cast("ApiServer", Standing())
    collection = f"{ROOT}/namespaces/{namespace}/ddminstances"
    await api.request("POST", collection, body=entity(metadata={"name": "orders"}, spec=PLAIN_SPEC))
    objects = ApiObjects(api, monotonic=lambda: 1.0, namespaces=(namespace,))
    created = await objects.get(namespace, "orders")
    assert created is not None
    stored = await objects.put_status(created, STATUS)
    assert await objects.get(namespace, "orders") == stored
    assert stored.status == replace(STATUS, extra={})
    assert [(found.key, found.version) async for found in objects.listed()] == [
        (f"{namespace}/orders", stored.resource_version)
    ]
