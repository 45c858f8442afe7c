"""Who has the control plane of a test run, and how the run's other processes come by it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Client, Listener
from typing import Any

from devcluster import ControlPlane, DevclusterError

_START, _END = b"start", b"end"


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


def _environment() -> dict[str, str]:
    """Never a cluster of the user's own: tests leave things behind."""
    return {name: value for name, value in os.environ.items() if name != "CLUSTER"}
