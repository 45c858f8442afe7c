"""Where the measurements happen: a real API server, simulated clouds, and namespaces, all as processes of their own."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Self

import yaml

from bench import runtime
from bench.audit import Audit
from ddm_simulator import seed
from ddm_simulator.client import Credentials, Simulator
from tests.support import crdschema
from tests.support.controlplane import install_crd
from tests.support.keeper import Keeper
from tests.support.kubeapi import Api
from tests.support.simulator import RunningSimulator, launch
from tests.support.stage import Stage

PEERS_CRD = Path(__file__).with_name("peers") / "crd.yaml"


class Ground:
    """Has the API server for the whole run, and all that the rows have started on it.

    Args:
        folder: for logs and kubeconfigs.
        say: is told how it goes on.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.say = say
        self._python = runtime.interpreter(say)
        self._keeper = Keeper(say)
        self._numbers = itertools.count()
        self._clouds: list[RunningSimulator] = []
        self._stages: list[Stage] = []
        self.connection = self._keeper.connect()
        self.api = Api(self.connection.server, self.connection.token, Path(self.connection.ca_file))
        for crd in (crdschema.load(), yaml.safe_load(PEERS_CRD.read_text())):
            install_crd(self.api, crd)

    def cloud(self, *, instances: int = 0, job_seconds: float = 300.0, speed: float = 1.0) -> Simulator:
        """A cloud of one's own, with so many instances of two nodes in its first project."""
        options = ("--instances", instances, "--job-seconds", job_seconds, "--speed", speed)
        running = launch(self._subfolder("cloud"), "--port", "0", *map(str, options))
        self._clouds.append(running)
        return running.client

    def stage(self, cloud: Simulator) -> Stage:
        """A namespace of one's own, with the operator's account in it, and the first project of a cloud."""
        folder = self._subfolder("stage")
        namespace = f"bench-{folder.name}-{secrets.token_hex(2)}"
        self.api.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        stage = Stage(self.api, self.connection, namespace, cloud, first_project(), folder, self._python)
        self._stages.append(stage)
        return stage

    def audit(self) -> Audit:
        """A reader of the audit log that begins now."""
        return Audit(self.connection.audit_log)

    def clear(self) -> None:
        """End all that a row has started; the API server stays."""
        for stage in self._stages:
            stage.close()
        for cloud in self._clouds:
            cloud.client.close()
            cloud.process.kill()
        self._stages.clear()
        self._clouds.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        self.api.close()
        self._keeper.stop()

    def _subfolder(self, what: str) -> Path:
        path = self.folder / f"{what}-{next(self._numbers)}"
        path.mkdir(parents=True)
        return path


def first_project() -> Credentials:
    """The project that the simulator's ``--instances`` go to, as its built-in seed has it."""
    planted = seed.default()
    project, user, instance = planted.projects[0], planted.users[0], planted.instances[0]
    flavors = {flavor.code: flavor.id for flavor in planted.flavors}
    return Credentials(
        project_id=project.id,
        region=project.name,
        user=user.name,
        password=user.password,
        domain=user.domain,
        access_key=user.access_keys[0].access,
        secret_key=user.access_keys[0].secret,
        instance_id=instance.id,
        group_id=instance.groups[0].id,
        flavor_id=flavors[instance.groups[0].flavor],
        identity_provider=user.identity_provider,
        provider_urn="",
        agency_urn="",
    )


def in_another_project(cloud: Simulator, count: int) -> tuple[list[str], dict[str, str]]:
    """So many instances in the second project of the built-in seed, and what a spec says to be about it."""
    planted = seed.default()
    project, like = planted.projects[1], planted.instances[0].groups[0]
    group = {"name": like.name, "flavor": like.flavor, "nodes": 2}
    made = [cloud.add_instance(project=project.id, groups=[group])["id"] for _ in range(count)]
    return made, {"region": project.name, "projectId": project.id}


def newest(cloud: Simulator, count: int) -> list[str]:
    """Ids of the instances that ``instances=`` has made, in order."""
    found: list[str] = cloud.get("instances")["instances"]
    return found[len(found) - count :]
