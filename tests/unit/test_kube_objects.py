"""What each way of failing means, against a server that fails in exactly that way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from kubernetes.aio.client import Configuration

from ddm_operator.domain.model import Desired, Operation, Resource, Status
from ddm_operator.errors import AmbiguousError, ConflictError, OperatorError, StalledError, TransientError
from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.objects import ApiObjects
from ddm_operator.kube.restraint import Restraint

Act = Callable[[asyncio.StreamWriter], Awaitable[None]]

DESIRED = Desired(
    uid="u-1", namespace="shop", name="orders", generation=7, created="2026-11-24T02:00:00Z", instance_id="28e8"
)
RESOURCE = Resource(DESIRED, Status(), resource_version="41")
STATUS = Status(observed_generation=7, operation=Operation("op-1", "ScaleOut", "Requesting", to_nodes=4))
OBJECT_GONE = {"kind": "Status", "reason": "NotFound", "message": "no orders", "details": {"name": "orders"}}


@dataclass
class Server:
    """Answers one request after the other as it was told, and remembers them."""

    acts: list[Act] = field(default_factory=list)
    requests: list[tuple[str, str, Any]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().split("\r\n")
                headers = dict(part.lower().split(": ", 1) for part in lines if part)
                text = await reader.readexactly(int(headers.get("content-length", "0")))
                method, path, _ = line.split(" ")
                self.requests.append((method, path, json.loads(text) if text else None))
                await self.acts.pop(0)(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(status: int, body: Any = None, *headers: str) -> Act:
    text = (
        body
        if isinstance(body, bytes)
        else json.dumps(body or {"kind": "Status", "message": f"said {status}"}).encode()
    )

    async def act(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(text)}", "Content-Type: application/json", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode() + text)
        await writer.drain()

    return act


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def half(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"metadata":')
    await writer.drain()
    writer.transport.abort()


async def silence(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


def stored(version: str = "42") -> dict[str, Any]:
    metadata = {"name": "orders", "namespace": "shop", "uid": "u-1", "resourceVersion": version}
    metadata |= {"creationTimestamp": "2026-11-24T02:00:00Z"}
    return {"metadata": metadata, "spec": {"instanceId": "28e8"}, "status": {"observedGeneration": 7}}


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def objects(server: Server) -> AsyncIterator[ApiObjects]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        api = connection(listener.sockets[0].getsockname()[1])
        yield ApiObjects(api, monotonic=lambda: 12.5)
        await api.close()


def connection(port: int, timeout: float = 0.5) -> ApiServer:
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{port}"
    return ApiServer.over(configuration, timeout=timeout)


async def test_the_whole_status_is_put_under_uid_and_version(server: Server, objects: ApiObjects) -> None:
    server.acts = [answer(200, stored())]
    written = await objects.put_status(RESOURCE, STATUS)
    assert (written.resource_version, written.seen_at) == ("42", 12.5)
    method, path, body = server.requests[0]
    assert (method, path) == ("PUT", "/apis/ddm.huaweicloud.com/v1beta1/namespaces/shop/ddminstances/orders/status")
    assert set(body) == {"apiVersion", "kind", "metadata", "status"}
    assert body["metadata"] == {"name": "orders", "namespace": "shop", "uid": "u-1", "resourceVersion": "41"}
    assert body["status"]["operation"]["toNodes"] == 4


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (answer(409), ConflictError),
        (answer(404, OBJECT_GONE), ConflictError),
        (answer(404, b"404 page not found\n"), StalledError),
        (answer(401), TransientError),
        (answer(403), StalledError),
        (answer(400), StalledError),
        (answer(413), StalledError),
        (answer(422), StalledError),
        (answer(429), TransientError),
        (answer(500), AmbiguousError),
        (answer(503, None, "Retry-After: 1"), AmbiguousError),
        (answer(504), AmbiguousError),
        (answer(200, b"<html>"), AmbiguousError),
        (answer(200, b"[]"), AmbiguousError),
        (reset, AmbiguousError),
        (half, AmbiguousError),
        (silence, AmbiguousError),
    ],
)
async def test_a_failed_write_says_whether_it_may_be_stored(
    server: Server, objects: ApiObjects, act: Act, error: type[OperatorError]
) -> None:
    server.acts = [act, answer(200, stored())]
    with pytest.raises(OperatorError) as caught:
        await objects.put_status(RESOURCE, STATUS)
    assert type(caught.value) is error
    assert len(server.requests) == 1, "a write is never repeated by itself"


async def test_a_write_on_a_connection_used_before_is_not_repeated_either(server: Server, objects: ApiObjects) -> None:
    server.acts = [answer(200, stored()), reset, answer(200, stored())]
    await objects.get("shop", "orders")
    with pytest.raises(AmbiguousError):
        await objects.put_status(RESOURCE, STATUS)
    assert [method for method, _, _ in server.requests] == ["GET", "PUT"]


async def test_a_refused_connection_is_certainly_not_stored() -> None:
    async with await asyncio.start_server(Server().serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
    api = connection(port)
    with pytest.raises(TransientError):
        await ApiObjects(api, monotonic=lambda: 0.0).put_status(RESOURCE, STATUS)
    await api.close()


async def test_what_a_throttling_server_asks_for_is_passed_on(server: Server, objects: ApiObjects) -> None:
    server.acts = [answer(429, None, "Retry-After: 3")]
    with pytest.raises(TransientError) as caught:
        await objects.put_status(RESOURCE, STATUS)
    assert caught.value.retry_after == 3.0


async def test_a_refused_status_names_its_fields(server: Server, objects: ApiObjects) -> None:
    causes = [{"field": "status.operation.toNodes"}, {"field": "status.nodes"}, {"reason": "x"}]
    server.acts = [answer(422, {"message": "invalid", "details": {"causes": causes}})]
    with pytest.raises(StalledError, match=r"status\.nodes, status\.operation\.toNodes") as caught:
        await objects.put_status(RESOURCE, STATUS)
    assert caught.value.reason == "StatusRefused"


async def test_a_write_is_stored_whatever_the_spec_is_like(server: Server, objects: ApiObjects) -> None:
    server.acts = [answer(200, stored() | {"spec": {}})]
    assert (await objects.put_status(RESOURCE, STATUS)).resource_version == "42"


async def test_an_absent_object_is_none_and_an_absent_kind_is_not(server: Server, objects: ApiObjects) -> None:
    server.acts = [answer(404, OBJECT_GONE), answer(404, b"404 page not found\n")]
    assert await objects.get("shop", "orders") is None
    with pytest.raises(StalledError, match="CRD"):
        await objects.get("shop", "orders")


@pytest.mark.parametrize(
    "act", [answer(401), answer(429), answer(500), answer(503), answer(200, b"<html>"), half, silence]
)
async def test_a_failed_read_is_asked_again(server: Server, objects: ApiObjects, act: Act) -> None:
    server.acts = [act]
    with pytest.raises(TransientError):
        await objects.get("shop", "orders")


async def test_a_read_that_is_not_allowed_needs_a_person(server: Server, objects: ApiObjects) -> None:
    server.acts = [answer(403)]
    with pytest.raises(StalledError) as caught:
        await objects.get("shop", "orders")
    assert caught.value.reason == "PermissionDenied"


async def test_a_list_that_breaks_off_raises(server: Server, objects: ApiObjects) -> None:
    item = {"metadata": {"namespace": "shop", "name": "orders", "uid": "u-1", "resourceVersion": "7"}}
    server.acts = [answer(200, {"metadata": {"continue": "a b"}, "items": [item]}), answer(410)]
    seen = []
    with pytest.raises(TransientError):  # noqa: PT012 - what came before the error counts too
        async for entry in objects.listed():
            seen.append(entry)  # noqa: PERF401 - it raises half-way
    assert seen == [("shop/orders", "u-1", "7")]
    assert server.requests[1][1].endswith("ddminstances?limit=200&continue=a%20b")


async def test_whether_the_kind_is_served(server: Server, objects: ApiObjects) -> None:
    server.acts = [answer(404, b"404 page not found\n"), answer(200, {"items": []}), answer(503)]
    assert not await objects.served()
    assert await objects.served()
    with pytest.raises(TransientError):
        await objects.served()


async def test_after_a_429_what_may_wait_waits_and_the_rest_does_not(server: Server) -> None:
    """The lease's own connection knows nothing of the pause; an intent's write does not look at it."""
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        api = connection(listener.sockets[0].getsockname()[1])
        calm = replace(api, restraint=Restraint(asyncio.get_running_loop().time, lambda: 0.0))
        objects = ApiObjects(calm, monotonic=lambda: 12.5, urgent=replace(calm, patient=False))
        server.acts = [answer(429, None, "Retry-After: 30"), *[answer(200, stored())] * 3]
        with pytest.raises(TransientError):
            await objects.get("shop", "orders")
        assert 29 < objects.pause() <= 30
        waiting = [asyncio.create_task(objects.get("shop", f"o{n}")) for n in range(5)]
        await objects.put_status(RESOURCE, STATUS, urgent=True)
        await objects.get("shop", "orders", urgent=True)
        await api.request("GET", "/apis/coordination.k8s.io/v1/namespaces/ddm/leases/ddm-operator")
        assert [method for method, _, _ in server.requests] == ["GET", "PUT", "GET", "GET"]
        for task in waiting:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*waiting, return_exceptions=True)
        )
        await api.close()


async def test_what_does_not_wait_teaches_the_rest_and_ends_no_pause(server: Server) -> None:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        api = connection(listener.sockets[0].getsockname()[1])
        calm = replace(api, restraint=Restraint(asyncio.get_running_loop().time, lambda: 0.0))
        objects = ApiObjects(calm, monotonic=lambda: 12.5, urgent=replace(calm, patient=False))
        server.acts = [answer(404, OBJECT_GONE), answer(429, None, "Retry-After: 30"), answer(200, stored())]
        with pytest.raises(ConflictError):
            await objects.put_status(RESOURCE, STATUS, urgent=True)
        assert objects.pause() == 0, "that one was answered"
        with pytest.raises(TransientError):
            await objects.put_status(RESOURCE, STATUS, urgent=True)
        assert 29 < objects.pause() <= 30
        await objects.put_status(RESOURCE, STATUS, urgent=True)
        assert 29 < objects.pause() <= 30
        await api.close()


async def test_an_api_server_that_does_not_answer_in_time_is_spared_and_one_that_resets_is_not(server: Server) -> None:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        api = connection(listener.sockets[0].getsockname()[1], timeout=0.1)
        calm = replace(api, restraint=Restraint(asyncio.get_running_loop().time, lambda: 0.0))
        objects = ApiObjects(calm, monotonic=lambda: 12.5)
        server.acts = [reset, silence]
        for spared in (False, True):
            with pytest.raises(TransientError):
                await objects.get("shop", "orders")
            assert (objects.pause() > 0) is spared
        await api.close()
