"""A control plane of ours: its folder, its guard and its port."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from devcluster import credentials
from devcluster.commands import Binaries, audit_policy, command_lines
from devcluster.errors import DevclusterError
from devcluster.home import Home, create_home
from devcluster.readiness import Waiting, read_report

END_TIMEOUT_SECONDS = 15.0
"""How long the guard may take to kill its programs and to remove their data: it takes well below a second."""


class Embedded:
    """Starts when made and is ready then; ends with `stop`, or with this process."""

    def __init__(self, binaries: Binaries, failure_log: Path, *, audit: bool) -> None:
        self._detached = False
        self._port = _reserve_port()
        port: int = self._port.getsockname()[1]
        self.server = f"https://127.0.0.1:{port}"
        self.token = credentials.new_token()
        self.home, lock = create_home()
        self._waiting = Waiting(self.home, failure_log)
        try:
            _furnish(self.home, self.token)
            commands = command_lines(binaries, self.home, port, audit=audit)
            credentials.write_private(self.home.commands, json.dumps(commands))
            self._guard = _start_guard(self.home, lock)
        finally:
            os.close(lock)
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int | None:
        """Process id of kube-apiserver, or of the program that it is part of; None while it does not run."""
        report = read_report(self.home)
        # The API server is the last one to start, with etcd or after it.
        return list(report.pids.values())[-1] if report and report.pids else None

    def crash(self) -> None:
        """Kill the programs; data, address and credentials stay."""
        self._order(b"k")
        self._waiting.for_end()

    def restart(self) -> None:
        """Run the programs again on the same data; returns when they are ready."""
        self.crash()
        self._order(b"r")
        self._waiting.for_run()
        self._await_ready()

    def detach(self) -> None:
        """Let it live on after this process."""
        self._order(b"d")
        self._detached = True
        self._close_lifeline()
        self._port.close()

    def stop(self) -> None:
        """End it and remove its data, unless it was detached; safe to repeat."""
        if self._detached:
            return
        self._close_lifeline()
        try:
            self._guard.wait(END_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            # Its programs die with it on Linux; its folder is removed by the next start.
            self._guard.kill()
            self._guard.wait()
        self._port.close()

    def _await_ready(self) -> None:
        self._waiting.for_ready(self.server, self.token)
        ca = self.home.ca_file.read_bytes()
        credentials.write_private(self.home.kubeconfig, credentials.kubeconfig(self.server, ca, self.token))

    def _order(self, order: bytes) -> None:
        if self._guard.stdin is None or self._guard.stdin.closed or self._guard.poll() is not None:
            raise DevclusterError("The control plane was stopped or detached already.")
        self._guard.stdin.write(order)
        self._guard.stdin.flush()

    def _close_lifeline(self) -> None:
        if self._guard.stdin:
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()


def _furnish(home: Home, token: str) -> None:
    home.etcd.mkdir(mode=0o700)
    credentials.write_private(home.service_account_key, credentials.new_service_account_key())
    credentials.write_private(home.tokens, credentials.token_table(token))
    credentials.write_private(home.audit_policy, audit_policy())


def _start_guard(home: Home, lock: int) -> "subprocess.Popen[bytes]":
    guard = Path(__file__).with_name("guard.py")
    with home.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", str(guard), str(home.path), str(lock)],
            stdin=subprocess.PIPE,
            # Never the caller's own: whoever reads those to their end would wait for a detached control plane's.
            stdout=log,
            stderr=log,
            pass_fds=[lock],
            # Ctrl-C on the terminal is for the process that asked; the guard ends with it, after it.
            start_new_session=True,
        )


def _reserve_port() -> socket.socket:
    """A free port of 127.0.0.1 that stays ours, before kube-apiserver has it and while it is restarted.

    A socket that is bound and does not listen gets no connections; SO_REUSEPORT lets kube-apiserver of the same user
    bind the port too.
    """
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved
