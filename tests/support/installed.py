"""The chart, installed by Helm on an API server of the test's own, and its operator as a process of its own.

Of its own because the resource, and what watches the whole cluster, belong to everybody on the shared one.

Fixtures: `installed`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddm_simulator.client import Credentials, Simulator
from devcluster import ControlPlane, DevclusterError
from tests.support.ddminstances import DDMInstances
from tests.support.helm import CHART, Helm
from tests.support.kubeapi import Api, Json
from tests.support.process import Process
from tests.support.stage import CADENCE

NAMESPACE = "ddm-system"
RELEASE = "ddm-operator"
SECRET = "cloud"
RESOURCE = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/ddminstances.ddm.huaweicloud.com"
SERVED = "/apis/ddm.huaweicloud.com/v1beta1/ddminstances"


class Installed:
    """One release on one API server, with one project of the simulated cloud."""

    def __init__(
        self, plane: ControlPlane, api: Api, helm: Helm, cloud: Simulator, project: Credentials, folder: Path
    ) -> None:
        self.plane = plane
        self.api = api
        self.helm = helm.against(plane.kubeconfig)
        self.cloud = cloud
        self.project = project
        self.folder = folder
        self.processes: list[Process] = []
        self.namespace(NAMESPACE)

    def namespace(self, name: str) -> DDMInstances:
        """A new namespace; its objects."""
        self.api.post("/api/v1/namespaces", {"metadata": {"name": name}})
        return DDMInstances(self.api, name)

    def values(self, **others: Any) -> Json:
        """For the simulated cloud, at the pace of the tests."""
        cadence = {camel_case(f"{key}_SECONDS"): float(value) for key, value in CADENCE.items()}
        endpoints = {"ddmEndpoint": self.cloud.url, "iamEndpoint": self.cloud.url}
        place = {"region": self.project.region, "projectId": self.project.project_id}
        settings = {"cadence": cadence, "cloud": {**endpoints, **place}, "lease": {"durationSeconds": 2}}
        return {"settings": settings, "credentials": {"existingSecret": SECRET, "ownNamespaces": ["*"]}, **others}

    def release(
        self, verb: str, chart: Path = CHART, values: Json | None = None, *options: str, name: str = RELEASE
    ) -> str:
        """Install or upgrade; what Helm prints. The values win over those of files among the options."""
        text = yaml.safe_dump(self.values() if values is None else values)
        command = (verb, name, chart, "--namespace", NAMESPACE, *options, "--values=-")
        said = self.helm.run(*command, text=text)
        self.api.until_served(SERVED)
        return said

    def manifest(self, release: str = RELEASE) -> list[Json]:
        """What Helm says that it installed."""
        text = self.helm.run("get", "manifest", release, "--namespace", NAMESPACE)
        return [one for one in yaml.safe_load_all(text) if one]

    def operator(self, release: str = RELEASE) -> Process:
        """One as the installed Deployment has it: its variables, and the token of its service account."""
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{release}"
        pod = self.api.get(path)["spec"]["template"]["spec"]
        [container] = pod["containers"]
        return self.process(container, pod["serviceAccountName"])

    def process(self, container: Json, account: str) -> Process:
        """A container of the chart as a process that is not started yet."""
        assert container["command"] == ["ddm-operator"]
        environment = {one["name"]: one.get("value", NAMESPACE) for one in container["env"]}
        name = f"{container['name']}-{len(self.processes)}"
        environment |= {
            "KUBECONFIG": str(self._kubeconfig(account, name)),
            "DDM_CREDENTIALS_DIR": str(self._credentials()),
            "DDM_PROBES_HOST": "127.0.0.1",
            "DDM_PROBES_PORT": "0",
            "DDM_LOG_FORMAT": "json",
        }
        process = Process(["-m", "ddm_operator", *container["args"]], self.folder / f"{name}.log", environment)
        self.processes.append(process)
        return process

    def requests(self, account: str = RELEASE) -> list[Json]:
        """What the service account asked of the API server, from its audit log."""
        assert self.plane.audit_log
        events = map(json.loads, self.plane.audit_log.read_text().splitlines())
        return [one for one in events if one["user"]["username"] == f"system:serviceaccount:{NAMESPACE}:{account}"]

    def close(self) -> None:
        for process in self.processes:
            if process.running:
                process.kill()

    def _credentials(self) -> Path:
        folder = self.folder / "credentials"
        folder.mkdir(exist_ok=True)
        (folder / "HUAWEICLOUD_SDK_AK").write_text(self.project.access_key)
        (folder / "HUAWEICLOUD_SDK_SK").write_text(self.project.secret_key)
        return folder

    def _kubeconfig(self, account: str, name: str) -> Path:
        wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token"
        token = self.api.post(path, wish)["status"]["token"]
        config = json.loads(self.plane.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": token}
        written = self.folder / f"kubeconfig-{name}.json"
        written.write_text(json.dumps(config))
        return written


def camel_case(name: str) -> str:
    first, *others = name.lower().split("_")
    return first + "".join(word.capitalize() for word in others)


@pytest.fixture
def installed(helm: Helm, simulator: Simulator, project: Credentials, tmp_path: Path) -> Iterator[Installed]:
    """Nothing is installed yet."""
    try:
        plane = ControlPlane.start()
    except DevclusterError as error:
        pytest.fail(f"There is no control plane: {error}", pytrace=False)
    assert plane.token
    assert plane.ca_file
    with plane, Api(plane.server, plane.token, plane.ca_file) as api:
        place = Installed(plane, api, helm, simulator, project, tmp_path)
        yield place
        place.close()
