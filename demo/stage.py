"""The stage: control plane, simulated cloud and operator, each its own process, and the end of all of them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from ddm_simulator.client import Simulator, SimulatorError
from demo.cluster import Cluster
from demo.processes import DemoError, Part
from devcluster import ControlPlane

ROOT = Path(__file__).resolve().parent.parent
CRD = ROOT / "crds" / "ddminstances.yaml"
EXAMPLES = ROOT / "examples"

SPEED = 60
"""Cloud minutes in one of ours: a scale-out of some minutes takes some seconds."""

REAPED_SECONDS = 1.0
"""How long after a connection broke its process may still look alive."""

Say = Callable[[str, str], None]


class Stage:
    """Everything that runs, in a folder of its own that goes with it."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self.folder = Path(tempfile.mkdtemp(prefix="ddm-demo-"))
        self.failed = False
        self._plane: ControlPlane | None = None
        self._parts: list[Part] = []

    def __enter__(self) -> Self:
        try:
            self._raise_curtain()
        except BaseException as error:
            self.failed = isinstance(error, Exception)
            self.strike()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.failed = isinstance(error, Exception)
        try:
            if isinstance(error, SimulatorError | httpx.HTTPError):
                self._explain(error)
        finally:
            self.strike()

    def _explain(self, error: Exception) -> None:
        """A question without an answer is the fault of whoever should have answered."""
        end = time.monotonic() + REAPED_SECONDS
        while time.monotonic() < end:
            self.check()
            time.sleep(0.05)
        raise DemoError(f"Something did not answer ({error}); logs: {self.folder}") from error

    def _raise_curtain(self) -> None:
        began = time.monotonic()
        self._plane = ControlPlane.start(progress=lambda line: self._say("demo", line))
        self.cluster = Cluster(self._plane)
        self._say("demo", f"a real Kubernetes API server is up ({time.monotonic() - began:.1f} s)")
        simulator = self._part("simulator", ["-m", "ddm_simulator", "--port", "0", "--speed", str(SPEED)], {})
        simulator.start()
        url = simulator.await_line(r"http://127\.0\.0\.1:\d+").group()
        self.cloud = Simulator(url)
        self._say("demo", f"a simulated DDM cloud is up, {SPEED} times as fast as time")
        self.cluster.apply(CRD)
        simulator.wait_until(lambda: self.cluster.established("ddminstances.ddm.huaweicloud.com"), 10, "saw no CRD")
        self.operator = self._part("operator", ["-m", "ddm_operator", "run"], self._operator_environment(url))
        self.start_operator()

    def start_operator(self) -> None:
        """Start the operator, for the first time or again."""
        self.operator.start()
        self._say("operator", f"started, process {self.operator.pid}")

    def check(self) -> None:
        """Say so when a part has ended by itself.

        Raises:
            DemoError: it has.
        """
        for part in self._parts:
            part.check()

    def strike(self) -> None:
        """End everything and, unless something failed, leave nothing lying about."""
        for part in reversed(self._parts):
            part.stop()
        if self._plane is not None:
            self.cluster.close()
            self._plane.stop()
        if not self.failed:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def kubeconfig(self) -> Path:
        """For a person's own kubectl."""
        if self._plane is None:
            raise DemoError("The control plane did not start.")
        return self._plane.kubeconfig

    def _part(self, name: str, arguments: list[str], environment: dict[str, str]) -> Part:
        own = {**environment, "TMPDIR": str(self.folder)}  # what a killed process leaves goes with the folder
        part = Part(name, arguments, own, self.folder / f"{name}.log")
        self._parts.append(part)
        return part

    def _operator_environment(self, cloud: str) -> dict[str, str]:
        """The operator as anybody would run it, only with the simulator's address and a quicker pace."""
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": os.environ["PATH"],
            "DDM_CLOUD_REGION": "cn-north-4",
            "DDM_CLOUD_DDM_ENDPOINT": cloud,
            "DDM_CLOUD_IAM_ENDPOINT": cloud,
            "DDM_CADENCE_POLL_SECONDS": "0.5",
            "DDM_CADENCE_RESYNC_SECONDS": "2",
            "DDM_LEASE_DURATION_SECONDS": "3",
            "DDM_PROBES_PORT": "0",
            "DDM_LOG_FORMAT": "json",
            "DDM_CREDENTIALS_OWN_NAMESPACES": "*",
            **CREDENTIALS,
        }


CREDENTIALS = {
    "HUAWEICLOUD_SDK_AK": "EXAMPLEACCESSKEY0001",
    "HUAWEICLOUD_SDK_SK": "ExampleSecretKeyForDocumentationOnly0001",
}
"""The simulator's default access key; it opens nothing else."""
