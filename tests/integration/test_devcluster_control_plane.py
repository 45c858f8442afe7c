"""The embedded control plane itself: what it can do, and that it ends with whoever started it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from devcluster import ControlPlane, DevclusterError
from devcluster.cache import build_folder, this_machine
from devcluster.home import Home, remove_abandoned_homes
from devcluster.readiness import read_report

REPOSITORY = Path(__file__).parents[2]
LISTENING = "0A"
"""State of a socket in /proc/net/tcp."""


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def call(control_plane: ControlPlane, method: str, path: str, body: object = None, token: str | None = None) -> Any:
    """The answer's JSON; `urllib.error.HTTPError` for an answer that is no success."""
    request = urllib.request.Request(
        f"{control_plane.server}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token or control_plane.token}", "Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=control_plane.ca_file)
    with urllib.request.urlopen(request, context=context, timeout=10) as response:
        return json.load(response)


def refuses_connections(server: str) -> bool:
    address = urlsplit(server)
    try:
        socket.create_connection((address.hostname, address.port or 0), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture(scope="module")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane.start() as started:
        yield started


def test_it_is_the_kubernetes_that_it_says(control_plane: ControlPlane) -> None:
    assert call(control_plane, "GET", "/version")["gitVersion"].startswith("v1.36.")


def test_it_keeps_what_it_is_given(control_plane: ControlPlane) -> None:
    namespace = {"metadata": {"name": "kept"}}
    call(control_plane, "POST", "/api/v1/namespaces", namespace)
    assert call(control_plane, "GET", "/api/v1/namespaces/kept")["status"]["phase"] == "Active"


def test_service_accounts_get_tokens_and_are_held_to_their_rights(control_plane: ControlPlane) -> None:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    call(control_plane, "POST", accounts, {"metadata": {"name": "nobody"}})
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = call(control_plane, "POST", f"{accounts}/nobody/token", request)["status"]["token"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(control_plane, "GET", "/api/v1/secrets", token=token)
    refused.value.close()
    assert refused.value.code == 403


def test_the_audit_log_tells_who_did_what_to_which_object(control_plane: ControlPlane) -> None:
    call(control_plane, "POST", "/api/v1/namespaces", {"metadata": {"name": "audited"}})
    assert control_plane.audit_log is not None
    events = [json.loads(line) for line in control_plane.audit_log.read_text().splitlines()]
    (created,) = [
        event for event in events if event["verb"] == "create" and event.get("objectRef", {}).get("name") == "audited"
    ]
    assert created["user"]["username"] == "devcluster-admin"
    assert created["objectRef"]["resource"] == "namespaces"
    assert created["responseStatus"]["code"] == 201
    assert created["stage"] == "ResponseComplete"
    assert not [event for event in events if event["requestURI"].startswith("/readyz")]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists a process's ports in /proc")
def test_it_takes_no_port_but_its_own(control_plane: ControlPlane) -> None:
    held = {str(entry.readlink()) for entry in Path(f"/proc/{control_plane.pid}/fd").iterdir() if entry.is_symlink()}
    tables = (Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6"))
    rows = (line.split() for table in tables for line in table)
    ours = [row[1] for row in rows if row[3] == LISTENING and f"socket:[{row[9]}]" in held]
    port = urlsplit(control_plane.server).port
    assert ours == [f"0100007F:{port:04X}"]


def test_a_crash_and_a_restart_lose_nothing() -> None:
    with ControlPlane.start(audit=False) as control_plane:
        assert control_plane.audit_log is None
        call(control_plane, "POST", "/api/v1/namespaces", {"metadata": {"name": "survivor"}})
        before, kubeconfig = control_plane.pid, control_plane.kubeconfig.read_bytes()
        control_plane.crash()
        assert refuses_connections(control_plane.server)
        assert not control_plane.pid
        control_plane.restart()
        assert call(control_plane, "GET", "/api/v1/namespaces/survivor")["metadata"]["name"] == "survivor"
        assert control_plane.pid not in {before, None}
        assert control_plane.kubeconfig.read_bytes() == kubeconfig
    assert refuses_connections(control_plane.server)
    assert not control_plane.kubeconfig.parent.exists()
    control_plane.stop()
    with pytest.raises(DevclusterError, match="stopped or detached already"):
        control_plane.restart()


OWNER = """
import sys
from devcluster import ControlPlane
control_plane = ControlPlane.start(lambda text: None)
print(control_plane.server, control_plane.kubeconfig.parent, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def owned() -> Iterator[tuple["subprocess.Popen[str]", str, Home]]:
    """A process that has started a control plane, the control plane's address and its folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    server, folder = process.stdout.readline().split()
    yield process, server, Home(Path(folder))
    process.kill()
    process.communicate()


def test_it_ends_with_a_process_that_is_killed(owned: tuple["subprocess.Popen[str]", str, Home]) -> None:
    process, server, home = owned
    assert not refuses_connections(server)
    process.kill()
    eventually(lambda: refuses_connections(server))
    eventually(lambda: not home.path.exists())


def test_it_ends_with_a_process_that_forgets_it(owned: tuple["subprocess.Popen[str]", str, Home]) -> None:
    process, server, home = owned
    process.communicate(input="")
    assert process.returncode == 0
    eventually(lambda: refuses_connections(server))
    eventually(lambda: not home.path.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux alone tells a child of its parent's end")
def test_it_ends_with_its_guard_and_its_data_go_at_the_next_start(
    owned: tuple["subprocess.Popen[str]", str, Home],
) -> None:
    _, server, home = owned
    report = read_report(home)
    assert report is not None
    os.kill(report.guard, signal.SIGKILL)
    eventually(lambda: refuses_connections(server))
    eventually(lambda: not home.is_alive())
    remove_abandoned_homes()
    assert not home.path.exists()


def test_etcd_and_kube_apiserver_may_be_two_programs(tmp_path: Path) -> None:
    program = build_folder(os.environ, this_machine()) / "controlplane"
    if not program.exists():
        # Where they were downloaded, or named by the user, every other test already runs on two programs.
        pytest.skip("the programs that were found are two already, or another's")
    for name in ("etcd", "kube-apiserver"):
        (tmp_path / name).symlink_to(program)
    with ControlPlane.start(env={**os.environ, "KUBEBUILDER_ASSETS": str(tmp_path)}) as control_plane:
        report = read_report(Home(control_plane.kubeconfig.parent))
        assert report is not None
        assert list(report.pids) == ["etcd", "kube-apiserver"]
        assert control_plane.pid == report.pids["kube-apiserver"]
        assert call(control_plane, "GET", "/api/v1/namespaces/default")["status"]["phase"] == "Active"
        control_plane.restart()
        assert call(control_plane, "GET", "/api/v1/namespaces/default")["status"]["phase"] == "Active"
    assert refuses_connections(control_plane.server)
