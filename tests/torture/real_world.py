"""An API server and a simulated cloud of a test's own, to be killed and started again on what they have kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ddm_simulator.client import Simulator
from devcluster import ControlPlane
from tests.support import crdschema
from tests.support.controlplane import CRD_PATH
from tests.support.keeper import Connection
from tests.support.kubeapi import Api, RefusedError
from tests.support.process import Process
from tests.support.simulator import JOB_SECONDS, launch
from tests.support.stage import Stage
from tests.torture.real_lane import LOOK_SECONDS, PATIENCE_SECONDS

NAMESPACE = "shop"


@dataclass(frozen=True)
class World:
    """A stage and the two servers behind it; ``API server`` and ``simulator`` are their names."""

    stage: Stage
    plane: ControlPlane
    cloud: Process

    def kill(self, server: str) -> None:
        """As a power cut does."""
        if server == "simulator":
            self.cloud.kill()
        else:
            self.plane.crash()

    def restart(self, server: str) -> None:
        """On its data, under its address; it answers when this returns."""
        if server == "simulator":
            before = len(self.cloud.text)
            self.cloud.start()
            self.cloud.await_line("Listening on", after=before)
        else:
            self.plane.restart()
            # It answers 429 for a resource of a CRD for a moment after it calls itself ready.
            end = time.monotonic() + PATIENCE_SECONDS
            while not self._serves():
                assert time.monotonic() < end, "the objects are not served again"
                time.sleep(LOOK_SECONDS)

    def _serves(self) -> bool:
        try:
            self.stage.api.get(self.stage.objects.path())
        except RefusedError:
            return False
        return True


@contextmanager
def start_world(folder: Path) -> Iterator[World]:
    """Never a cluster of the user's own: it is killed."""
    environment = {name: value for name, value in os.environ.items() if name != "CLUSTER"}
    with ControlPlane.start(lambda _: None, env=environment) as plane:
        connection = Connection(
            plane.server, str(plane.token), *map(str, (plane.ca_file, plane.kubeconfig, plane.audit_log))
        )
        with Api(plane.server, connection.token, Path(connection.ca_file)) as api:
            _install(api)
            cloud, client = _simulator(folder)
            stage = Stage(api, connection, NAMESPACE, client, client.add_project(), folder)
            yield World(stage, plane, cloud)
            stage.close()
            client.close()
            cloud.stop()


def _simulator(folder: Path) -> tuple[Process, Simulator]:
    """One that keeps its state in a file, and comes back on the same port."""
    state = ("--state", str(folder / "cloud.db"), "--job-seconds", str(JOB_SECONDS))
    first = launch(folder, "--port", "0", *state)
    port = first.url.rpartition(":")[2]
    first.process.arguments = ["-m", "ddm_simulator", "--port", port, *state]
    return first.process, first.client


def _install(api: Api) -> None:
    wanted = crdschema.load()
    path = f"{CRD_PATH}/{wanted['metadata']['name']}"
    api.apply(path, wanted)
    api.until(path, lambda body: any(c["type"] == "Established" for c in body["status"].get("conditions") or ()))
    spec = wanted["spec"]
    api.until_served(f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}")
    api.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
