"""Compare-and-swap on the real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ddm_operator.domain.model import Condition, Operation, Resource, Status
from ddm_operator.errors import AmbiguousError, ConflictError, StalledError
from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.connect import load_configuration
from ddm_operator.kube.objects import ApiObjects
from ddm_operator.kube.store import Differences, Store, key_of
from tests.support.kubeapi import Api
from tests.support.proxy import Proxy

COLLECTION = "/apis/ddm.huaweicloud.com/v1beta1/namespaces/{}/ddminstances"
INSTANCE = "28e8841d0b9c4f6a9a30742ee60e1068in09"

pytestmark = pytest.mark.usefixtures("crd")


@pytest.fixture
async def server(kubeconfig: Path) -> AsyncIterator[ApiServer]:
    server = ApiServer.over(await load_configuration({"KUBECONFIG": str(kubeconfig)}))
    yield server
    await server.close()


@pytest.fixture
def objects(server: ApiServer, namespace: str) -> ApiObjects:
    return ApiObjects(server, monotonic=lambda: 1.0, namespaces=(namespace,))


def create(api: Api, namespace: str, name: str = "orders", **spec: Any) -> dict[str, Any]:
    body = {"apiVersion": "ddm.huaweicloud.com/v1beta1", "kind": "DDMInstance", "metadata": {"name": name}}
    return api.post(COLLECTION.format(namespace), body | {"spec": {"instanceId": INSTANCE, "nodes": 4} | spec})


async def fetch(objects: ApiObjects, namespace: str, name: str = "orders") -> Resource:
    resource = await objects.get(namespace, name)
    assert resource is not None
    return resource


async def test_a_status_is_stored_whole_and_leaves_the_spec_alone(
    api: Api, objects: ApiObjects, namespace: str
) -> None:
    created = create(api, namespace)
    first = Status(
        observed_generation=1,
        nodes=2,
        selector="ddm.huaweicloud.com/uid=x",
        operation=Operation("op-1", "ScaleOut", "Running", job_id="j-1", to_nodes=4, extra={"later": {"deep": [1]}}),
        conditions=(Condition("Ready", "False", "ScalingOut", "adds 2 nodes"),),
    )
    written = await objects.put_status(await fetch(objects, namespace), first)
    assert written.status.operation == first.operation
    second = replace(first, operation=Operation("op-2", "ScaleOut", "Requesting"))
    written = await objects.put_status(written, second)
    assert written.status.operation == second.operation, "no field of the older operation survives"
    found = api.get(COLLECTION.format(namespace) + "/orders")
    assert (found["spec"], found["metadata"]["generation"]) == (created["spec"], created["metadata"]["generation"])
    assert "annotations" not in found["metadata"]
    assert "finalizers" not in found["metadata"]


async def test_of_two_writers_one_gets_a_conflict(api: Api, objects: ApiObjects, namespace: str) -> None:
    create(api, namespace)
    seen = await fetch(objects, namespace)
    await objects.put_status(seen, Status(observed_generation=1, nodes=2))
    with pytest.raises(ConflictError):
        await objects.put_status(seen, Status(observed_generation=1, nodes=3))
    assert (await fetch(objects, namespace)).status.nodes == 2


async def test_a_change_of_the_spec_is_a_conflict_too(api: Api, objects: ApiObjects, namespace: str) -> None:
    create(api, namespace)
    seen = await fetch(objects, namespace)
    api.patch(COLLECTION.format(namespace) + "/orders", {"spec": {"nodes": 5}})
    with pytest.raises(ConflictError):
        await objects.put_status(seen, Status(observed_generation=1))


async def test_an_object_that_was_replaced_is_a_conflict(api: Api, objects: ApiObjects, namespace: str) -> None:
    create(api, namespace)
    old = await fetch(objects, namespace)
    api.delete(COLLECTION.format(namespace) + "/orders")
    with pytest.raises(ConflictError):
        await objects.put_status(old, Status(observed_generation=1))
    assert await objects.get(namespace, "orders") is None
    create(api, namespace)
    new = await fetch(objects, namespace)
    with pytest.raises(ConflictError):
        await objects.put_status(old, Status(observed_generation=1))
    with pytest.raises(ConflictError):
        await objects.put_status(replace(old, resource_version=new.resource_version), Status(observed_generation=1))


async def test_a_status_that_the_schema_refuses_names_the_field(api: Api, objects: ApiObjects, namespace: str) -> None:
    create(api, namespace)
    bad = Status(observed_generation=1, extra={"groups": "not a list"})
    with pytest.raises(StalledError, match=r"status\.groups") as caught:
        await objects.put_status(await fetch(objects, namespace), bad)
    assert caught.value.reason == "StatusRefused"


async def test_a_lost_answer_leaves_open_what_is_stored(api: Api, kubeconfig: Path, namespace: str) -> None:
    create(api, namespace)
    configuration = await load_configuration({"KUBECONFIG": str(kubeconfig)})
    address = urlsplit(configuration.host)
    async with Proxy(str(address.hostname), int(address.port or 443)) as proxy:
        configuration.host, configuration.refresh_api_key_hook = f"https://127.0.0.1:{proxy.port}", None
        server = ApiServer.over(configuration, timeout=1)
        objects = ApiObjects(server, monotonic=lambda: 1.0)
        seen = await fetch(objects, namespace)
        proxy.answers = False
        with pytest.raises(AmbiguousError):
            await objects.put_status(seen, Status(observed_generation=1, nodes=2))
        proxy.answers = True
        assert (await fetch(objects, namespace)).status.nodes == 2
        await server.close()


async def test_the_list_shows_what_the_store_has_to_forget(api: Api, objects: ApiObjects, namespace: str) -> None:
    store = Store(monotonic=lambda: 2.0)
    for name in ("kept", "gone"):
        create(api, namespace, name)
        store.put(await fetch(objects, namespace, name))
    api.delete(COLLECTION.format(namespace) + "/gone")
    assert await store.reconcile(objects) == Differences((f"{namespace}/gone",), ())
    assert [key_of(await fetch(objects, namespace, "kept"))] == list(store)
    api.patch(COLLECTION.format(namespace) + "/kept", {"metadata": {"labels": {"changed": "yes"}}})
    create(api, namespace, "new")
    assert sorted((await store.reconcile(objects)).behind) == [f"{namespace}/kept", f"{namespace}/new"]


async def test_the_kind_is_served(objects: ApiObjects) -> None:
    assert await objects.served()


async def test_a_user_who_may_not_is_told_so(api: Api, kubeconfig: Path, namespace: str) -> None:
    account = api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "nobody"}})["metadata"][
        "name"
    ]
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", request)["status"]["token"]
    configuration = await load_configuration({"KUBECONFIG": str(kubeconfig)})
    configuration.refresh_api_key_hook = None
    configuration.api_key["BearerToken"] = f"Bearer {token}"
    configuration.cert_file = configuration.key_file = None
    stranger = ApiServer.over(configuration)
    with pytest.raises(StalledError, match="nobody") as caught:
        await ApiObjects(stranger, monotonic=lambda: 1.0).get(namespace, "orders")
    assert caught.value.reason == "PermissionDenied"
    await stranger.close()
