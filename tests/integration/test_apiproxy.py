"""The proxy that the torture of the operator rests on: it holds what it is told to, and sends nothing of the dead."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devcluster import ControlPlane
from tests.support.apiproxy import ApiProxy, Hold, Request
from tests.support.ddminstances import API_VERSION, KIND, DDMInstances
from tests.support.keeper import Connection
from tests.support.kubeapi import Api, Json, RefusedError


@pytest.fixture
def proxy(control_plane: Connection) -> Iterator[ApiProxy]:
    with ApiProxy(control_plane.server, Path(control_plane.ca_file)) as proxy:
        yield proxy


@pytest.fixture
def through(proxy: ApiProxy, control_plane: Connection, ddminstances: DDMInstances) -> Iterator[DDMInstances]:
    """The test's objects as a caller behind the proxy has them."""
    with Api(proxy.url, control_plane.token, Path(control_plane.ca_file)) as api:
        yield DDMInstances(api, ddminstances.namespace)


def puts_status(request: Request) -> bool:
    return request.method == "PUT" and request.path.endswith("/status") and request.body["status"] == {"nodes": 7}


def nodes(body: Json) -> int | None:
    found: int | None = body["status"].get("nodes")
    return found


def die_while_writing(proxy: ApiProxy, control_plane: Connection, objects: DDMInstances, hold: Hold) -> None:
    """A caller whose status write is held and who goes away then."""
    metadata = objects.create()["metadata"]
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": {"nodes": 7}}
    token = {"Authorization": f"Bearer {control_plane.token}"}
    with httpx.Client(base_url=proxy.url, headers=token, trust_env=False) as client, pytest.raises(httpx.ReadTimeout):
        client.put(objects.path("orders", "status"), json=body, timeout=0.5)
    hold.wait_gone()


def test_requests_and_refusals_pass(through: DDMInstances, ddminstances: DDMInstances, proxy: ApiProxy) -> None:
    through.create()
    assert through.patch_spec({"nodes": 3})["spec"]["nodes"] == 3
    assert ddminstances.get()["spec"]["nodes"] == 3
    assert [row["cells"][0] for row in through.table()["rows"]] == ["orders"]
    with pytest.raises(RefusedError, match="AlreadyExists"):
        through.create()
    seen = [(write.request.method, write.status, write.stored) for write in proxy.writes]
    assert seen == [("POST", 201, True), ("PATCH", 200, True), ("POST", 409, False)]


def test_a_watch_is_streamed(proxy: ApiProxy, control_plane: Connection, ddminstances: DDMInstances) -> None:
    ddminstances.create()
    token = {"Authorization": f"Bearer {control_plane.token}"}
    watch = {"watch": "1", "timeoutSeconds": "20"}
    with (
        httpx.Client(base_url=proxy.url, headers=token, trust_env=False, timeout=30) as client,
        client.stream("GET", ddminstances.path(), params=watch) as answer,
    ):
        events = map(json.loads, answer.iter_lines())
        assert next(events)["type"] == "ADDED"
        ddminstances.patch_spec({"nodes": 5})
        changed = next(events)
    assert (changed["type"], changed["object"]["spec"]["nodes"]) == ("MODIFIED", 5)


@pytest.mark.parametrize(("when", "stored"), [("before", None), ("after", 7)])
def test_a_request_is_held_before_or_after_it_went_through(
    through: DDMInstances, ddminstances: DDMInstances, proxy: ApiProxy, when: Any, stored: int | None
) -> None:
    metadata = through.create()["metadata"]
    with proxy.hold(puts_status, when) as hold:
        caller = threading.Thread(target=through.put_status, args=(metadata, {"nodes": 7}))
        caller.start()
        hold.wait()
        assert nodes(ddminstances.get()) == stored
        assert hold.status == (200 if stored else None)
    caller.join()
    assert nodes(ddminstances.get()) == 7


def test_what_the_dead_sent_is_never_forwarded(
    ddminstances: DDMInstances, proxy: ApiProxy, control_plane: Connection
) -> None:
    with proxy.hold(puts_status, "before") as hold:
        die_while_writing(proxy, control_plane, ddminstances, hold)
    assert nodes(ddminstances.get()) is None
    assert hold.status is None
    assert proxy.writes == []


def test_unless_the_network_kept_it(ddminstances: DDMInstances, proxy: ApiProxy, control_plane: Connection) -> None:
    with proxy.hold(puts_status, "before", outlives=True) as hold:
        die_while_writing(proxy, control_plane, ddminstances, hold)
        assert nodes(ddminstances.get()) is None
    hold.wait_through()
    assert nodes(ddminstances.get()) == 7


def test_only_one_request_is_held(through: DDMInstances, proxy: ApiProxy) -> None:
    metadata = through.create()["metadata"]
    with proxy.hold(puts_status, "after") as hold:
        caller = threading.Thread(target=through.put_status, args=(metadata, {"nodes": 7}))
        caller.start()
        hold.wait()
        assert nodes(through.put_status(through.get()["metadata"], {"nodes": 7})) == 7
    caller.join()


def test_an_api_server_that_is_killed_ends_connections_and_serves_again_after_its_restart() -> None:
    with ControlPlane.start(audit=False) as plane:
        assert plane.ca_file is not None
        with ApiProxy(plane.server, plane.ca_file) as proxy, Api(proxy.url, str(plane.token), plane.ca_file) as api:
            assert api.get("/version")
            plane.crash()
            with pytest.raises(httpx.RemoteProtocolError):
                api.get("/version")
            plane.restart()
            assert api.get("/version")


def test_it_shows_no_token(through: DDMInstances, proxy: ApiProxy, control_plane: Connection) -> None:
    through.create()
    assert control_plane.token not in repr(proxy.writes)
    assert control_plane.token not in repr(vars(proxy))
