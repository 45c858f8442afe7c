"""Day to day: observing, pausing, drift, requests by hand, probes, and an orderly end."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.kubeapi import Json
from tests.support.process import Process
from tests.support.proxy import Proxy
from tests.support.stage import Stage, condition, in_phase, is_ready, observed, operation, ready


def probes(operator: Process) -> str:
    """The address of an operator's probes."""
    port = operator.await_line(r'"port": ?(\d+)')[1]
    return f"http://127.0.0.1:{port}"


def test_without_nodes_it_only_observes(stage: Stage) -> None:
    stage.declare(None)
    stage.start()
    seen = stage.until(is_ready)
    assert ready(seen)["reason"] == "ObserveOnly"
    assert seen["status"]["nodes"] == 2
    stage.cloud.remove_nodes(stage.project.instance_id, 1)
    stage.until(lambda body: body["status"]["nodes"] == 1)
    assert stage.cloud.ledger(stage.project.instance_id) == []


def test_paused_begins_nothing_and_resumes(stage: Stage) -> None:
    stage.declare(3, paused=True)
    stage.start()
    paused = stage.until_reason("Paused")
    assert ready(paused)["status"] == "False"
    assert stage.cloud.ledger(stage.project.instance_id) == []
    stage.objects.patch_spec({"paused": False})
    stage.until_ready(3)
    assert stage.added() == [1]


def test_what_is_open_is_followed_although_paused(stage: Stage) -> None:
    stage.declare(4)
    stage.start()
    stage.until(in_phase("Running"))
    stage.objects.patch_spec({"paused": True})
    stage.until_ready(4)


def test_drift_downwards_is_mended(stage: Stage) -> None:
    stage.declare(2)
    stage.start()
    stage.until_ready(2)
    stage.cloud.remove_nodes(stage.project.instance_id, 1)
    stage.until(lambda body: operation(body).get("phase") == "Succeeded" and is_ready(body), timeout=60)
    assert stage.added() == [1]


def test_drift_upwards_is_told_and_nothing_is_removed(stage: Stage) -> None:
    stage.declare(2)
    stage.start()
    stage.until_ready(2)
    stage.cloud.add_nodes(stage.project.instance_id, 1)
    drifted = stage.until_reason("ScaleInForbidden")
    assert drifted["status"]["nodes"] == 3
    assert stage.nodes() == 3
    stage.scale(3)
    stage.until_ready(3)
    assert stage.cloud.ledger(stage.project.instance_id) == []


def test_a_reconcile_request_is_answered_at_once_and_echoed(stage: Stage) -> None:
    stage.declare(2)
    stage.start(DDM_CADENCE_RESYNC_SECONDS="600")
    stage.until_ready(2)
    stage.cloud.add_nodes(stage.project.instance_id, 1)
    key = "ddm.huaweicloud.com/reconcile-requested-at"
    stage.api.patch(stage.objects.path("orders"), {"metadata": {"annotations": {key: "now-please"}}})
    seen = stage.until(lambda body: body["status"].get("lastHandledReconcileAt") == "now-please")
    assert seen["status"]["nodes"] == 3


def _created_in_an_earlier_second(body: Json) -> bool:
    created = datetime.fromisoformat(body["metadata"]["creationTimestamp"])
    return datetime.now(UTC) - created > timedelta(seconds=1)


def test_of_two_objects_for_one_instance_the_older_works(stage: Stage) -> None:
    stage.declare(2, "elder")
    stage.start()
    stage.until_ready(2, "elder")
    stage.until(_created_in_an_earlier_second, "elder")  # of objects of one second their uids say which is older
    stage.declare(5, "younger")
    stalled = stage.until_reason("InstanceClaimed", "younger")
    assert f"{stage.namespace}/elder" in ready(stalled)["message"]
    assert stage.cloud.ledger(stage.project.instance_id) == []
    stage.api.delete(stage.objects.path("elder"))
    stage.until_ready(5, "younger")
    assert stage.added() == [3]


def test_deleting_the_object_leaves_the_instance_alone(stage: Stage) -> None:
    stage.declare(2)
    operator = stage.start()
    stage.until_ready(2)
    stage.api.delete(stage.objects.path("orders"))
    assert stage.objects.api.get(stage.objects.path())["items"] == []
    assert operator.running
    assert stage.nodes() == 2
    assert stage.cloud.ledger(stage.project.instance_id) == []


TROUBLES: list[tuple[str, Json, str, str]] = [
    ("error", {"status": 503}, "CloudInternalError", "Unknown"),
    ("throttled", {"retry_after": 1}, "Throttled", "Unknown"),
    ("error", {"status": 403, "code": "DBS.200010"}, "PermissionDenied", "False"),
    ("not-published", {}, "EndpointNotFound", "False"),
]


@pytest.mark.parametrize(("kind", "fields", "reason", "status"), TROUBLES, ids=[row[2] for row in TROUBLES])
def test_what_the_cloud_answers_is_said_and_ends_when_it_ends(
    stage: Stage, kind: str, fields: Json, reason: str, status: str
) -> None:
    stage.cloud.fault(kind, route="instance*", project=stage.project.project_id, **fields)
    stage.declare(2)
    stage.start()
    waiting = stage.until(lambda body: ready(body).get("reason") == reason)
    assert ready(waiting)["status"] == status
    assert bool(condition(waiting, "Stalled")) == (status == "False")
    assert bool(condition(waiting, "Reconciling")) == (status == "Unknown")
    stage.cloud.clear_faults(stage.project.project_id)
    stage.until_ready(2)


def test_it_is_quiet_when_nothing_happens(stage: Stage) -> None:
    stage.declare(2)
    operator = stage.start()
    stage.until_ready(2)
    operator.until(lambda: stage.cloud.requests().get("instances", 0) >= 1, "look again, its write long logged")
    operator.await_line("Watching; every object was seen")
    writes, lines = len(stage.writes()), len(operator.text.splitlines())
    looks = stage.cloud.requests()["instances"]
    operator.until(lambda: stage.cloud.requests()["instances"] >= looks + 3, "look three more times")
    assert [w["objectRef"]["resource"] for w in stage.writes()[writes:] if w["objectRef"]["resource"] != "leases"] == []
    assert len(operator.text.splitlines()) == lines


def test_probes_and_metrics(stage: Stage) -> None:
    stage.declare(3)
    operator = stage.start()
    stage.until_ready(3)
    with httpx.Client(base_url=probes(operator), trust_env=False) as http:
        assert http.get("/healthz").status_code == 200
        assert http.get("/readyz").status_code == 200
        metrics = http.get("/metrics").text
    assert re.search(r'^ddm_operator_operations_total\{event="succeeded"\} 1\.0$', metrics, re.MULTILINE)
    assert re.search(r'^ddm_operator_cloud_request_\w+_count\{.*route="enlarge".*\} 1\.0$', metrics, re.MULTILINE)
    assert stage.project.instance_id not in metrics


def test_it_stops_in_good_order_and_releases_the_lease(stage: Stage) -> None:
    stage.declare(2)
    operator = stage.start()
    stage.until_ready(2)
    assert operator.stop() == 0
    lease = stage.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{stage.namespace}/leases/ddm-operator")
    assert not lease["spec"].get("holderIdentity")


def test_a_call_in_flight_is_finished_and_its_answer_stored_before_the_end(stage: Stage) -> None:
    stage.declare(4)
    with stage.cloud.hold("enlarge", "after", stage.project.instance_id) as hold:
        operator = stage.operator(DDM_CADENCE_ENLARGE_TIMEOUT_SECONDS="10", DDM_CADENCE_SETTLE_SECONDS="15")
        operator.environment["DDM_CADENCE_UNCONFIRMED_LIMIT_SECONDS"] = "30"
        operator.start()
        hold.wait()
        operator.signal(15)
        operator.await_line("Stopping")
    assert operator.wait() == 0
    left = operation(stage.objects.get())
    assert left["phase"] == "Running"
    assert left["jobId"] == stage.calls()[0]["job_id"]


@contextmanager
def unreliable(server: str) -> Iterator[tuple[Proxy, asyncio.AbstractEventLoop]]:
    """A proxy before the API server, in a thread of its own."""
    address = urlsplit(server)
    assert address.hostname is not None
    assert address.port is not None
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy = Proxy(address.hostname, address.port)
    asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result(10)
    try:
        yield proxy, loop
    finally:
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def test_the_api_server_is_away_while_the_answer_arrives(stage: Stage) -> None:
    stage.declare(4)
    with unreliable(stage.connection.server) as (proxy, loop):
        kubeconfig = stage.write_kubeconfig(f"https://127.0.0.1:{proxy.port}")
        with stage.cloud.hold("enlarge", "after", stage.project.instance_id) as hold:
            operator = stage.start(KUBECONFIG=str(kubeconfig), DDM_LEASE_ENABLED="false")
            hold.wait()
            proxy.requests = proxy.answers = False
            loop.call_soon_threadsafe(proxy.cut)
        operator.await_line("answer|cannot be reached|did not answer|API server")
        assert operation(stage.objects.get())["phase"] == "Requesting"
        proxy.requests = proxy.answers = True
        loop.call_soon_threadsafe(proxy.cut)
        done = stage.until_ready(4, timeout=60)
    assert stage.added() == [2]
    assert operation(done)["jobId"] == stage.calls()[0]["job_id"]
    assert observed(done)


def test_a_watch_that_dies_without_a_word_hides_no_change(stage: Stage) -> None:
    """Its connection swallows everything and never ends; the objects are listed now and then all the same."""
    stage.declare(2)
    with unreliable(stage.connection.server) as (proxy, loop):
        kubeconfig = stage.write_kubeconfig(f"https://127.0.0.1:{proxy.port}")
        operator = stage.start(KUBECONFIG=str(kubeconfig), DDM_LEASE_ENABLED="false")
        stage.until_ready(2)
        loop.call_soon_threadsafe(proxy.forget)
        stage.scale(3)
        stage.until_ready(3)
        assert stage.added() == [1]
        assert "has not shown 1 objects as they are now" in operator.text
