"""Child processes of the demo: each with its own log, each ended with the demo."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

READY_SECONDS = 30.0
"""How long a process may take to come up; on a busy machine Python alone takes seconds."""


class DemoError(Exception):
    """The demo cannot go on; says which part failed and where its log is."""


@dataclass
class Part:
    """One process of the demo.

    Args:
        name: as the timeline calls it.
        arguments: of the Python interpreter.
        environment: added to the demo's own.
        log: where its output goes.
    """

    name: str
    arguments: list[str]
    environment: Mapping[str, str]
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)

    def start(self) -> None:
        """Start it; its output is appended to the log."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("DDM_", "HUAWEICLOUD_", "HW_"))}
        self._ended = False
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own programs
                [sys.executable, *self.arguments],
                env={**clean, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def await_line(self, pattern: str) -> re.Match[str]:
        """Wait until the log has a line like that."""
        found: list[re.Match[str]] = []

        def there() -> bool:
            match = re.search(pattern, self.log.read_text(errors="replace"), re.MULTILINE)
            if match:
                found.append(match)
            return bool(match)

        self.wait_until(there, READY_SECONDS, f"did not say {pattern!r}")
        return found[0]

    def check(self) -> None:
        """Say so when it ended although nobody ended it.

        Raises:
            DemoError: it has.
        """
        if self._process is not None and not self.running and not self._ended:
            raise DemoError(f"The {self.name} ended by itself; its log is {self.log}")

    def wait_until(self, true: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Wait for something that needs this process."""
        end = time.monotonic() + seconds
        while not true():
            self.check()
            if time.monotonic() > end:
                raise DemoError(f"The {self.name} {otherwise} within {seconds:.0f} s; its log is {self.log}")
            time.sleep(0.05)

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id, 0 when it was never started."""
        return self._process.pid if self._process else 0

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order, and not at all gently when that takes too long."""
        self._end(signal.SIGTERM)

    def _end(self, signum: int) -> None:
        if self._process is None:
            return
        self._ended = True
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signum)
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
