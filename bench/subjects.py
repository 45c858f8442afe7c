"""Who is measured: ddm-operator and the two Kopf peers, each in a namespace of its own, each as its own process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from typing_extensions import override

from bench.crowd import Crowd
from bench.ground import Ground
from bench.results import DAEMONS, HANDLERS, OURS
from ddm_operator.settings import Cadence, StatusWrites
from ddm_simulator.client import Simulator
from tests.support.process import Process
from tests.support.stage import ACCOUNT, RULES, Stage, is_ready

Json = dict[str, Any]

NO_CLOUD_LIMIT = {"DDM_CLOUD_REQUESTS_PER_SECOND": "1000", "DDM_CLOUD_BURST_REQUESTS": "10000"}

KNOWN, WATCHING = "Working; every object is known", "Watching; every object was seen"
"""What the operator says of itself when its start is over: first the one, then the other."""

ROOT = Path(__file__).resolve().parents[1]


class Subject(ABC):
    """One operator with its objects.

    Args:
        name: in the tables.
        stage: its namespace and its account.
        path: of its resource: ``GROUP/VERSION``.
        plural: of its resource.
    """

    def __init__(self, name: str, stage: Stage, path: str, plural: str) -> None:
        self.name = name
        self.stage = stage
        self.plural = plural
        self.collection = f"/apis/{path}/namespaces/{stage.namespace}/{plural}"
        self.crowd = Crowd(stage.connection, self.collection)
        self.names: list[str] = []
        self.instances: dict[str, str] = {}

    @property
    def user(self) -> str:
        """Its name in the audit log."""
        return f"system:serviceaccount:{self.stage.namespace}:{ACCOUNT}"

    @property
    def cloud(self) -> Simulator:
        """The cloud that it asks."""
        return self.stage.cloud

    def declare(self, instances: Sequence[str], nodes: int = 2, spec: Mapping[str, str] | None = None) -> list[str]:
        """Make an object for each instance, with a ``spec`` besides the usual; it wants what is there. Their names."""
        made = {f"ddm-{len(self.names) + place:05d}": key for place, key in enumerate(instances)}
        self.crowd.create(
            {**self._kind, "metadata": {"name": name}, "spec": {**self._spec(key), **(spec or {}), "nodes": nodes}}
            for name, key in made.items()
        )
        self.names += made
        self.instances |= made
        return list(made)

    def scale(self, name: str, nodes: int) -> None:
        """Change one object, and return when the API server has it."""
        self.stage.api.patch(f"{self.collection}/{name}", {"spec": {"nodes": nodes}})

    def scale_all(self, nodes: int, names: Sequence[str] | None = None) -> dict[str, float]:
        """Change many at once; when each change was sent, by instance."""
        wanted = self.names if names is None else names
        sent = self.crowd.patch({name: {"spec": {"nodes": nodes}} for name in wanted})
        return {self.instances[name]: at for name, at in sent.items()}

    def await_done(self, name: str, nodes: int, seconds: float) -> None:
        """Wait until one object says that it is as it shall be."""
        self.stage.api.until(f"{self.collection}/{name}", lambda body: self.done(body, nodes), seconds)

    def await_all_done(self, nodes: int, seconds: float) -> float:
        """Wait until all say it; the seconds that it took."""
        return self.crowd.until(lambda body: self.done(body, nodes), seconds)

    @abstractmethod
    def start(self) -> Process:
        """Start it; it has begun to watch when this returns."""

    @abstractmethod
    def done(self, body: Json, nodes: int) -> bool:
        """Whether an object says that it has so many nodes, and rests."""

    @abstractmethod
    def _spec(self, instance: str) -> Json:
        """The spec of an object for an instance, without the nodes."""

    @property
    @abstractmethod
    def _kind(self) -> Json:
        """Its apiVersion and kind."""


class Ours(Subject):
    """ddm-operator with its defaults, at the pace of an accelerated cloud.

    Args:
        speed: how much faster than time the cloud works.
        environment: settings that differ from the defaults.
    """

    def __init__(self, stage: Stage, speed: float = 1.0, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(OURS, stage, "ddm.huaweicloud.com/v1beta1", "ddminstances")
        self.environment = {**pace(speed), "DDM_LEASE_DURATION_SECONDS": "15", **(environment or {})}

    @override
    def start(self) -> Process:
        process = self.launch()
        process.await_line(WATCHING, seconds=120)
        return process

    def launch(self, **environment: str) -> Process:
        """Start it, and return at once."""
        return self.stage.start(**{**self.environment, **environment})

    @override
    def done(self, body: Json, nodes: int) -> bool:
        return is_ready(body) and body["status"].get("nodes") == nodes

    @override
    def _spec(self, instance: str) -> Json:
        return {"instanceId": instance}

    @property
    @override
    def _kind(self) -> Json:
        return {"apiVersion": "ddm.huaweicloud.com/v1beta1", "kind": "DDMInstance"}


class KopfPeer(Subject):
    """One of the Kopf operators in ``bench/peers``."""

    def __init__(self, name: str, module: str, stage: Stage, speed: float = 1.0) -> None:
        super().__init__(name, stage, "peers.example.com/v1", "ddmscalers")
        self._module = module
        self._speed = speed
        self._allow()

    @override
    def start(self) -> Process:
        process = run_kopf(self.stage, self._module, self.peer_environment)
        process.await_line("Activity 'log_in' succeeded")
        return process

    @cached_property
    def peer_environment(self) -> dict[str, str]:
        """What ``bench/peers/cloud.py`` reads."""
        return peer_environment(self.stage, self._speed)

    @override
    def done(self, body: Json, nodes: int) -> bool:
        status = body.get("status", {})
        return status.get("phase") == "Ready" and status.get("nodes") == nodes and not status.get("jobId")

    @override
    def _spec(self, instance: str) -> Json:
        return {"instanceId": instance, "flavorId": self.stage.project.flavor_id}

    @property
    @override
    def _kind(self) -> Json:
        return {"apiVersion": "peers.example.com/v1", "kind": "DDMScaler"}

    def _allow(self) -> None:
        """What Kopf's documentation gives an operator that watches one namespace."""
        own = {"apiGroups": ["peers.example.com"], "resources": ["*"], "verbs": ["*"]}
        events = {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}
        scan = {"apiGroups": ["apiextensions.k8s.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
        spaces = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]}
        name, api = f"peer-{self.stage.namespace}", self.stage.api
        subjects = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.stage.namespace}]
        group = "rbac.authorization.k8s.io"
        for place, kind, rules in (
            (f"{RULES}/namespaces/{self.stage.namespace}", "", [own, events]),
            (RULES, "Cluster", [scan, spaces]),
        ):
            role = {"apiGroup": group, "kind": f"{kind}Role", "name": name}
            plural = kind.lower()
            api.post(f"{place}/{plural}roles", {"metadata": {"name": name}, "rules": rules})
            api.post(
                f"{place}/{plural}rolebindings", {"metadata": {"name": name}, "roleRef": role, "subjects": subjects}
            )


def handlers(ground: Ground, cloud: Simulator, speed: float = 1.0) -> KopfPeer:
    """The peer with change handlers and a timer."""
    return KopfPeer(HANDLERS, "bench.peers.handlers", ground.stage(cloud), speed)


def daemons(ground: Ground, cloud: Simulator, speed: float = 1.0) -> KopfPeer:
    """The peer with one daemon for each object."""
    return KopfPeer(DAEMONS, "bench.peers.daemons", ground.stage(cloud), speed)


def watcher(stage: Stage, objects: int) -> Process:
    """Kopf that only watches our objects; it says ``Seen`` when it has seen so many."""
    environment = {"PYTHONPATH": str(ROOT), "PEER_OBJECTS": str(objects)}
    return run_kopf(stage, "bench.peers.watcher", environment, "--quiet")


def run_kopf(stage: Stage, module: str, environment: Mapping[str, str], *options: str) -> Process:
    """Start one of the operators in ``bench/peers``, by Kopf's own command."""
    process = Process(
        ["-m", "kopf", "run", "--standalone", *options, "-n", stage.namespace, "-m", module],
        stage.folder / f"peer-{len(stage.processes)}.log",
        {**environment, "KUBECONFIG": str(stage.kubeconfig)},
        program=stage.python,
    )
    stage.processes.append(process)
    process.start()
    return process


def pace(speed: float) -> dict[str, str]:
    """The operator's default pauses, so much shorter."""
    pauses = {f"CADENCE_{name}": value for name, value in Cadence().model_dump().items()}
    pauses["STATUS_SECONDS_APART"] = StatusWrites().seconds_apart
    return {f"DDM_{name.upper()}": f"{value / speed:g}" for name, value in pauses.items()}


def peer_environment(stage: Stage, speed: float) -> dict[str, str]:
    """The cloud and the credential of a stage, as the peers read them."""
    return {
        "PYTHONPATH": str(ROOT),
        "PEER_ENDPOINT": stage.cloud.url,
        "PEER_PROJECT": stage.project.project_id,
        "PEER_USER": stage.project.user,
        "PEER_PASSWORD": stage.project.password,
        "PEER_DOMAIN": stage.project.domain,
        "PEER_SPEED": f"{speed:g}",
    }
