"""Runs the programs of one control plane and ends them with the process that asked for it.

    guard.py HOME LOCK_DESCRIPTOR

It is a process of its own because a person's process can be killed without a last word. Standard input is its lifeline:
the asking process holds the other end, and when that closes, for whatever reason, everything ends and HOME is removed.
Bytes on the lifeline are orders: `k` kills the programs and keeps the data, `r` runs them again, `d` detaches, after
which only SIGTERM ends it. On Linux the kernel kills the programs should the guard itself be killed.

Started by its path, it imports nothing of its package.
"""

import ctypes
import fcntl
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_LIFELINE = 0
_PR_SET_PDEATHSIG = 1
_END_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Programs:
    """The programs of one control plane: all of them run, or none."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> None:
        """Start all of them and report their process ids."""
        commands: list[list[str]] = json.loads((self._home / "commands.json").read_text())
        with (self._home / "control-plane.log").open("ab") as log:
            for command in commands:
                name = Path(command[0]).name
                try:
                    self._running[name] = _start(command, log.fileno())
                except OSError as error:
                    self.kill(ended=f"{name} could not be started: {error}")
                    return
        self._report(None)

    def kill(self, ended: str | None = None) -> None:
        """Kill all of them at once: their data are thrown away, or meant to see a crash."""
        for process in self._running.values():
            process.kill()
            process.wait()
        self._running.clear()
        self._report(ended or "killed on request")

    def reap(self) -> None:
        """Notice a program that ended by itself; then the others end too."""
        for name, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                self.kill(ended=f"{name} ended with {_describe(code)}")
                return

    def _report(self, ended: str | None) -> None:
        pids = {name: process.pid for name, process in self._running.items()}
        report = {"guard": os.getpid(), "pids": pids, "ended": ended}
        unfinished = self._home / "processes.json.new"
        unfinished.write_text(json.dumps(report))
        unfinished.replace(self._home / "processes.json")


def _start(command: list[str], log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        preexec_fn=_die_with_guard if sys.platform == "linux" else None,  # noqa: PLW1509 -- this process has one thread
    )


def _die_with_guard() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _describe(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _signals_as_bytes() -> int:
    """Make every watched signal a byte on a pipe; returns the end to read."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for watched in (*_END_SIGNALS, signal.SIGCHLD):
        signal.signal(watched, lambda _number, _frame: None)
    return reader


def _serve(programs: Programs, signals: int) -> None:
    """Obey the lifeline and the signals; returns when it is time to end."""
    selector = selectors.DefaultSelector()
    selector.register(signals, selectors.EVENT_READ)
    selector.register(_LIFELINE, selectors.EVENT_READ)
    while True:
        ready = {key.fd for key, _ in selector.select()}
        if signals in ready:
            if set(os.read(signals, 64)) & set(_END_SIGNALS):
                return
            programs.reap()
        if _LIFELINE in ready:
            orders = os.read(_LIFELINE, 64)
            if not orders:
                return
            for order in orders:
                if order == ord("k"):
                    programs.kill()
                elif order == ord("r"):
                    programs.run()
                elif order == ord("d"):
                    selector.unregister(_LIFELINE)


def main(home: Path, lock: int) -> None:
    """Run the control plane of a folder whose lock comes with an inherited descriptor."""
    fcntl.fcntl(lock, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    signals = _signals_as_bytes()
    programs = Programs(home)
    try:
        programs.run()
        _serve(programs, signals)
    finally:
        programs.kill()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
