"""Waiting for a control plane, and saying why it does not come."""

import http.client
import json
import shutil
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from devcluster.errors import DevclusterError
from devcluster.home import Home

POLL_SECONDS = 0.05

_READY_TIMEOUT_SECONDS = 60.0
"""A start takes 3 to 4 s on two free cores; test machines may have less than that."""

_GUARD_TIMEOUT_SECONDS = 15.0
_REQUEST_TIMEOUT_SECONDS = 5.0
_LOG_TAIL_LINES = 15
_READY_PATHS = ("/readyz", "/api/v1/namespaces/default")
"""What must answer 200. The namespace is made a moment after the server calls itself ready."""


@dataclass(frozen=True)
class Report:
    """What the guard says: process ids by program, and why the programs ended when they did."""

    guard: int
    pids: dict[str, int]
    ended: str | None


def read_report(home: Home) -> Report | None:
    """The guard's present report; None before its first one and after its end."""
    try:
        return Report(**json.loads(home.processes.read_text()))
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Waiting:
    """Waits for one control plane.

    Every method raises `DevclusterError` when it waits in vain, with the end of the log, which is kept in `failure_log`
    because the control plane's folder goes away.
    """

    home: Home
    failure_log: Path

    def for_end(self) -> None:
        """Wait until the guard has killed the programs."""
        self._wait(lambda: self._ended() is not None, "did not end", _GUARD_TIMEOUT_SECONDS)

    def for_run(self) -> None:
        """Wait until the guard has started the programs, again."""
        self._wait(lambda: self._ended() is None, "was not started", _GUARD_TIMEOUT_SECONDS)

    def for_ready(self, server: str, token: str) -> None:
        """Wait until the API server can be used."""

        def ready() -> bool:
            if ended := self._ended():
                raise self._failure(f"The control plane did not start: {ended}.")
            return all(_answers(self.home.ca_file, server, token, path) for path in _READY_PATHS)

        self._wait(ready, "was not ready", _READY_TIMEOUT_SECONDS)

    def _ended(self) -> str | None:
        report = read_report(self.home)
        return report.ended if report else None

    def _wait(self, condition: Callable[[], bool], what: str, timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            if time.monotonic() > deadline:
                raise self._failure(f"The control plane {what} within {timeout_seconds:.0f} s.")
            time.sleep(POLL_SECONDS)

    def _failure(self, happened: str) -> DevclusterError:
        try:
            lines = self.home.log.read_text(errors="replace").splitlines()
            shutil.copyfile(self.home.log, self.failure_log)
        except FileNotFoundError:
            return DevclusterError(f"{happened} It left no log.")
        return DevclusterError(
            happened,
            tried=["the last lines of its log:", *lines[-_LOG_TAIL_LINES:]],
            advice=[
                f"Read the whole log: {self.failure_log}",
                "Free memory, if that is short: a control plane needs about 400 MiB.",
            ],
        )


def _answers(ca_file: Path, server: str, token: str, path: str) -> bool:
    """Whether a GET is answered with 200; the server's certificate is verified."""
    address = urlsplit(server)
    try:
        context = ssl.create_default_context(cafile=str(ca_file))
        connection = http.client.HTTPSConnection(
            address.hostname or "", address.port, timeout=_REQUEST_TIMEOUT_SECONDS, context=context
        )
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False
