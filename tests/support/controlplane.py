"""One real API server for a whole test run, shared by the workers of pytest-xdist.

The process that a person started has it, so that it ends with that process however that ends; a worker asks for it over
a local socket. It is started when tests that need it were collected and before the first of them runs: a first start
may have to build it, which takes longer than any test may.

Fixtures: `control_plane`, `kubeconfig`, `api`, `crd`, `namespace`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from devcluster import DevclusterError
from tests.support import crdschema
from tests.support.keeper import Connection, Keeper, RemoteKeeper
from tests.support.kubeapi import Api

CRD_PATH: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_MAX_NAMESPACE: Final = 63

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
    return install_crd(api, crdschema.load())


@pytest.fixture
def namespace(api: Api, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own, named after it; it goes away with the control plane."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    unique = secrets.token_hex(4)
    name = f"{test[: _MAX_NAMESPACE - len(unique) - 1].rstrip('-')}-{unique}"
    api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def install_crd(api: Api, wanted: dict[str, Any]) -> dict[str, Any]:
    """Apply a CRD and wait until it is served; as it is stored then."""
    path = f"{CRD_PATH}/{wanted['metadata']['name']}"
    api.apply(path, wanted)
    stored = api.until(path, _is_established)
    spec = wanted["spec"]
    api.until_served(f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}")
    return stored


def _say(config: pytest.Config, line: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line)


def _is_established(crd: dict[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
