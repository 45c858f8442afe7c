"""The operator as its own process, between a real API server and a simulated cloud.

Fixtures: `stage`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddm_simulator.client import Credentials, Simulator
from tests.support.ddminstances import DDMInstances
from tests.support.keeper import Connection
from tests.support.kubeapi import Api, Json
from tests.support.process import Process

ACCOUNT = "ddm-operator"
RBAC = Path("deploy/base/rbac.yaml")
RULES = "/apis/rbac.authorization.k8s.io/v1"

CADENCE = {
    "POLL": "0.25",
    "RESYNC": "1",
    "STALLED_RECHECK": "1",
    "SETTLE": "4.5",
    "SEND_LIMIT": "1",
    "ENLARGE_TIMEOUT": "2",
    "ASSUMED_EXECUTION_DELAY": "0.7",
    "ASSUMED_READ_LAG": "0.3",
    "UNCONFIRMED_LIMIT": "20",
    "OPERATION_DEADLINE": "60",
    "JOB_MISSING": "1",
}
"""The operator's pace in tests: everything in proportion, about forty times as fast."""


class Stage:
    """One namespace, one project, one object, and the operators that a test starts."""

    def __init__(
        self,
        api: Api,
        connection: Connection,
        namespace: str,
        simulator: Simulator,
        project: Credentials,
        folder: Path,
        python: str = sys.executable,
    ) -> None:
        self.api = api
        self.connection = connection
        self.namespace = namespace
        self.cloud = simulator
        self.project = project
        self.folder = folder
        self.python = python
        self.objects = DDMInstances(api, namespace)
        self.processes: list[Process] = []
        self.kubeconfig = self._install()

    def operator(self, **environment: str) -> Process:
        """An operator that is not started yet; values given here win over the usual ones."""
        url = self.cloud.url
        name = f"operator-{len(self.processes)}"
        usual = {
            "KUBECONFIG": str(self.kubeconfig),
            "DDM_NAMESPACES": self.namespace,
            "DDM_CLOUD_REGION": self.project.region,
            "DDM_CLOUD_PROJECT_ID": self.project.project_id,
            "DDM_CLOUD_DDM_ENDPOINT": url,
            "DDM_CLOUD_IAM_ENDPOINT": url,
            "DDM_LEASE_NAMESPACE": self.namespace,
            "DDM_LEASE_DURATION_SECONDS": "2",
            "DDM_PROBES_HOST": "127.0.0.1",
            "DDM_PROBES_PORT": "0",
            "DDM_LOG_FORMAT": "json",
            "DDM_CREDENTIALS_OWN_NAMESPACES": self.namespace,
            "DDM_CREDENTIALS_REFUSED_SECONDS": "6",
            **{f"DDM_CADENCE_{key}_SECONDS": value for key, value in CADENCE.items()},
        }
        if not any(key.startswith(("HW_", "HUAWEICLOUD_")) or key == "DDM_CREDENTIALS_DIR" for key in environment):
            usual |= self.key
        arguments = ["-m", "ddm_operator", "run"]
        process = Process(arguments, self.folder / f"{name}.log", {**usual, **environment}, program=self.python)
        self.processes.append(process)
        return process

    def start(self, **environment: str) -> Process:
        """An operator that runs."""
        process = self.operator(**environment)
        process.start()
        return process

    @property
    def key(self) -> dict[str, str]:
        """The project's access key, as the environment has it."""
        return {"HUAWEICLOUD_SDK_AK": self.project.access_key, "HUAWEICLOUD_SDK_SK": self.project.secret_key}

    @property
    def user(self) -> dict[str, str]:
        """The project's user, as the environment has it."""
        return {
            "HW_USER_NAME": self.project.user,
            "HW_USER_PASSWORD": self.project.password,
            "HW_DOMAIN_NAME": self.project.domain,
        }

    def declare(self, nodes: int | None, name: str = "orders", **spec: Any) -> Json:
        """Create the object for the project's instance."""
        wanted = {"instanceId": self.project.instance_id, **spec}
        return self.objects.create({**wanted, "nodes": nodes} if nodes is not None else wanted, name=name)

    def scale(self, nodes: int, name: str = "orders") -> Json:
        return self.objects.patch_spec({"nodes": nodes}, name)

    def until(self, holds: Callable[[Json], bool], name: str = "orders", timeout: float = 40.0) -> Json:
        """Wait for a state of the object; an operator that died meanwhile is told with its log."""
        try:
            return self.api.until(self.objects.path(name), holds, timeout)
        except TimeoutError as error:
            logs = "\n".join(f"--- {process.log.name}\n{process.text[-5000:]}" for process in self.processes)
            raise AssertionError(
                f"{error}\n{json.dumps(self.cloud.ledger(self.project.instance_id))}\n{logs}"
            ) from None

    def until_ready(self, nodes: int, name: str = "orders", timeout: float = 40.0) -> Json:
        """Wait until the object says Ready for what its spec says now."""
        return self.until(lambda body: is_ready(body) and body["status"].get("nodes") == nodes, name, timeout)

    def until_reason(self, reason: str, name: str = "orders", timeout: float = 40.0) -> Json:
        """Wait until Ready has that reason for what the spec says now."""
        return self.until(lambda body: ready(body).get("reason") == reason and observed(body), name, timeout)

    def calls(self) -> list[Json]:
        """The enlarge calls that the cloud executed for the project's instance."""
        return [entry for entry in self.cloud.executed(self.project.instance_id) if entry["route"] == "enlarge"]

    def added(self) -> list[int]:
        """How many nodes each of them added."""
        return [call["body"]["node_number"] for call in self.calls()]

    def nodes(self) -> int:
        """How many nodes the instance truly has."""
        return len(self.cloud.instance(self.project.instance_id)["nodes"])

    def writes(self) -> list[Json]:
        """The operator's writing requests, from the API server's audit log."""
        events = map(json.loads, Path(self.connection.audit_log).read_text().splitlines())
        return [
            event
            for event in events
            if event["user"]["username"] == f"system:serviceaccount:{self.namespace}:{ACCOUNT}"
            and event["stage"] == "ResponseComplete"
            and event["verb"] not in ("get", "list", "watch")
        ]

    def events(self) -> list[Json]:
        """The Kubernetes Events in the namespace."""
        items: list[Json] = self.api.get(f"/api/v1/namespaces/{self.namespace}/events")["items"]
        return items

    def close(self) -> None:
        for process in self.processes:
            if process.running:
                process.kill()

    def _install(self) -> Path:
        """Give the operator the rights that the chart gives it, in this namespace only, and nothing else."""
        place = f"{RULES}/namespaces/{self.namespace}"
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        self.api.post(accounts, {"metadata": {"name": ACCOUNT}})
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace}
        for document in yaml.safe_load_all(RBAC.read_text()):
            if document["kind"] not in ("ClusterRole", "Role"):
                continue
            name = document["metadata"]["name"]
            self.api.post(f"{place}/roles", {"metadata": {"name": name}, "rules": document["rules"]})
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
            self.api.post(f"{place}/rolebindings", {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})
        wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
        token = self.api.post(f"{accounts}/{ACCOUNT}/token", wish)["status"]["token"]
        return self.write_kubeconfig(self.connection.server, token)

    def write_kubeconfig(self, server: str, token: str = "") -> Path:
        """The operator's kubeconfig for an address of the API server."""
        config = json.loads(Path(self.connection.kubeconfig).read_text())
        config["clusters"][0]["cluster"]["server"] = server
        if not token:
            token = json.loads(self.kubeconfig.read_text())["users"][0]["user"]["token"]
        config["users"][0]["user"] = {"token": token}
        path = self.folder / f"kubeconfig-{len(list(self.folder.glob('kubeconfig-*')))}.json"
        path.write_text(json.dumps(config))
        return path


def condition(body: Json, kind: str) -> Json:
    """A condition of an object; empty when it has none."""
    conditions: list[Json] = body.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind), {})


def ready(body: Json) -> Json:
    return condition(body, "Ready")


def observed(body: Json) -> bool:
    """Whether the status speaks of what the spec says now."""
    found: bool = body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"]
    return found


def is_ready(body: Json) -> bool:
    return observed(body) and ready(body).get("status") == "True"


def operation(body: Json) -> Json:
    found: Json = body.get("status", {}).get("operation", {})
    return found


def in_phase(*phases: str) -> Callable[[Json], bool]:
    return lambda body: operation(body).get("phase") in phases


@pytest.fixture
def stage(
    api: Api,
    crd: Json,  # noqa: ARG001  # must be there
    control_plane: Connection,
    namespace: str,
    simulator: Simulator,
    project: Credentials,
    tmp_path: Path,
) -> Iterator[Stage]:
    """Everything but the operator, which each test starts in its own way."""
    stage = Stage(api, control_plane, namespace, simulator, project, tmp_path)
    yield stage
    stage.close()
