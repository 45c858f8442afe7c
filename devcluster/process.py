"""What the demo and the tests use: a control plane from its start to its end, whichever it is."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from devcluster.cache import Progress, cache_folder
from devcluster.embedded import Embedded
from devcluster.errors import DevclusterError
from devcluster.find import find
from devcluster.foreign import ForeignCluster
from devcluster.home import remove_abandoned_homes


class ControlPlane:
    """An API server that lives as long as this object, or as the process that has it.

    Namespaces stay Terminating, owner references are not collected and no service accounts are made by themselves:
    there is no controller manager.

    Attributes:
        kubeconfig: The administrator's kubeconfig.
        server: The API server's URL.
        token: The administrator's bearer token; None for a cluster of the user's own.
        ca_file: Certificates to verify the server with; None for a cluster of the user's own.
        audit_log: One JSON audit event a line; None when not asked for, and for a cluster of the user's own.
        log: What etcd and kube-apiserver print; None for a cluster of the user's own.
    """

    def __init__(self, cluster: Embedded | ForeignCluster, *, audit: bool) -> None:
        self._embedded = cluster if isinstance(cluster, Embedded) else None
        self.server: str = cluster.server
        self.token: str | None = None
        self.ca_file: Path | None = None
        self.audit_log: Path | None = None
        self.log: Path | None = None
        if isinstance(cluster, Embedded):
            self.kubeconfig: Path = cluster.home.kubeconfig
            self.token = cluster.token
            self.ca_file = cluster.home.ca_file
            self.audit_log = cluster.home.audit_log if audit else None
            self.log = cluster.home.log
        else:
            self.kubeconfig = cluster.kubeconfig

    @classmethod
    def start(
        cls,
        progress: Progress = print,
        *,
        audit: bool = True,
        env: Mapping[str, str] = os.environ,
    ) -> Self:
        """Find a control plane, building one when there is none, start it and wait until it is ready.

        Args:
            progress: Is told what happens, line by line.
            audit: Whether to keep an audit log.
            env: Environment variables that decide which control plane is taken: see `devcluster.find`.

        Raises:
            DevclusterError: None was found, or it did not become ready.
        """
        found = find(env, progress)
        if isinstance(found, ForeignCluster):
            return cls(found, audit=False)
        for path in remove_abandoned_homes():
            progress(f"removed {path}, left behind by a control plane that was killed")
        began = time.monotonic()
        embedded = Embedded(found, cache_folder(env) / "last-failure.log", audit=audit)
        progress(f"control plane ready after {time.monotonic() - began:.1f} s at {embedded.server}")
        return cls(embedded, audit=audit)

    @property
    def pid(self) -> int | None:
        """Process id of kube-apiserver, which a restart changes; None for a cluster of the user's own."""
        return self._embedded.pid if self._embedded else None

    def crash(self) -> None:
        """Kill etcd and kube-apiserver with SIGKILL; data, address and credentials stay for `restart`."""
        self._own("crash").crash()

    def restart(self) -> None:
        """Run etcd and kube-apiserver again on the same data, under the same address; returns when they are ready."""
        self._own("restart").restart()

    def detach(self) -> None:
        """Let it live on after this process; `devcluster.detached` knows how to end it then."""
        self._own("detach").detach()

    def stop(self) -> None:
        """End it and remove its data. Safe to repeat; nothing is done to a detached one and to a user's own cluster."""
        if self._embedded:
            self._embedded.stop()

    def _own(self, action: str) -> Embedded:
        if self._embedded is None:
            raise DevclusterError(f"Cannot {action} {self.server}: it is a cluster of your own (CLUSTER=kubeconfig).")
        return self._embedded

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
