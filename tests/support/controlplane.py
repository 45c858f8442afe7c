"""One real API server for a whole test run, shared by the workers of pytest-xdist.

The process that a person started has it, so that it ends with that process however that ends; a worker asks for it over
a local socket. It is started when tests that need it were collected and before the first of them runs: a first start
may have to build it, which takes longer than any test may.

Fixtures: `control_plane`, `kubeconfig`, `api`, `crd`, `namespace`.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any, Final

import pytest

from devcluster import ControlPlane, DevclusterError
from tests.support import crdschema
from tests.support.kubeapi import Api

CRD_PATH: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_START, _END = b"start", b"end"
_MAX_NAMESPACE = 63


@dataclass(frozen=True)
class Connection:
    """How to reach the control plane, and where it says what happened in it."""

    server: str
    token: str = field(repr=False)
    ca_file: str
    kubeconfig: str
    audit_log: str
    """One JSON audit event a line, of every worker's tests: filter by namespace or by user."""


class Keeper:
    """Has the control plane of this run; starts it when it is first asked for."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._plane: ControlPlane | None = None
        self._failure: DevclusterError | None = None
        self._listener: Listener | None = None
        self._thread = threading.Thread(target=self._serve, name="control-plane-keeper", daemon=True)

    @property
    def address(self) -> str:
        """The socket that workers ask at, in a folder that only this user can enter."""
        if self._listener is None:
            self._listener = Listener(family="AF_UNIX")
            self._thread.start()
        return str(self._listener.address)

    def connect(self) -> Connection:
        """The running control plane.

        Raises:
            DevclusterError: It could not be started; that is not tried twice.
        """
        if self._failure is not None:
            raise self._failure
        try:
            plane = self._plane = self._plane or ControlPlane.start(self._progress, env=_environment())
        except DevclusterError as error:
            self._failure = error
            raise
        places = (plane.ca_file, plane.kubeconfig, plane.audit_log)
        return Connection(plane.server, str(plane.token), *map(str, places))

    def stop(self) -> None:
        """End the control plane, if there is one."""
        if self._listener is not None:
            with Client(self._listener.address) as client:
                client.send_bytes(_END)
            self._thread.join()
            self._listener.close()
        if self._plane is not None:
            self._plane.stop()

    def _serve(self) -> None:
        assert self._listener is not None
        while True:
            with self._listener.accept() as client:
                if client.recv_bytes() == _END:
                    return
                client.send_bytes(json.dumps(self._answer()).encode())

    def _answer(self) -> dict[str, Any]:
        try:
            return {"connection": asdict(self.connect())}
        except DevclusterError as error:
            return {"failure": str(error)}


@dataclass(frozen=True)
class RemoteKeeper:
    """The keeper of the process that started this worker."""

    address: str

    def connect(self) -> Connection:
        """Ask for the control plane; raises as `Keeper.connect` does."""
        with Client(self.address) as client:
            client.send_bytes(_START)
            answer = json.loads(client.recv_bytes())
        if "failure" in answer:
            raise DevclusterError(answer["failure"])
        return Connection(**answer["connection"])


_KEEPER: Final = pytest.StashKey[Keeper | RemoteKeeper]()
_WORKER_INPUT: Final = "control_plane_address"


def pytest_configure(config: pytest.Config) -> None:
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.stash[_KEEPER] = RemoteKeeper(worker_input[_WORKER_INPUT])
    else:
        config.stash[_KEEPER] = Keeper(lambda line: _say(config, line))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist whom to ask."""
    node.workerinput[_WORKER_INPUT] = node.config.stash[_KEEPER].address


def pytest_collection_finish(session: pytest.Session) -> None:
    needed = any("control_plane" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly:
        try:
            session.config.stash[_KEEPER].connect()
        except DevclusterError as error:
            _say(session.config, f"The tests that need a control plane will fail: {error}")


def pytest_unconfigure(config: pytest.Config) -> None:
    keeper = config.stash.get(_KEEPER, None)
    if isinstance(keeper, Keeper):
        keeper.stop()


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> Connection:
    """The API server of this run. Never a cluster of the user's own: tests leave things behind."""
    try:
        return pytestconfig.stash[_KEEPER].connect()
    except DevclusterError as error:
        pytest.fail(f"There is no control plane: {error}", pytrace=False)


@pytest.fixture(scope="session")
def kubeconfig(control_plane: Connection) -> Path:
    """The administrator's kubeconfig."""
    return Path(control_plane.kubeconfig)


@pytest.fixture(scope="session")
def api(control_plane: Connection) -> Iterator[Api]:
    """The API server, as the administrator."""
    with Api(control_plane.server, control_plane.token, Path(control_plane.ca_file)) as api:
        yield api


@pytest.fixture(scope="session")
def crd(api: Api) -> dict[str, Any]:
    """The CRD, applied and served. Every worker does it; the second time changes nothing."""
    wanted = crdschema.load()
    path = f"{CRD_PATH}/{wanted['metadata']['name']}"
    api.apply(path, wanted)
    stored = api.until(path, _is_established)
    spec = wanted["spec"]
    api.until_served(f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}")
    return stored


@pytest.fixture
def namespace(api: Api, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own, named after it; it goes away with the control plane."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    unique = secrets.token_hex(4)
    name = f"{test[: _MAX_NAMESPACE - len(unique) - 1].rstrip('-')}-{unique}"
    api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "CLUSTER"}


def _say(config: pytest.Config, line: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line)


def _is_established(crd: dict[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
