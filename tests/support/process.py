"""Programs of ours that run as processes of their own while a test goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

START_SECONDS = 40.0
"""How long a program may take to come up on a machine where everything else starts too."""

OURS = ("DDM_", "HUAWEICLOUD_", "HW_", "KUBE")


class Process:
    """One program: its output goes to a file, it ends with the test.

    Args:
        arguments: of the Python interpreter.
        log: file that the output is appended to, over all starts.
        environment: added to the test's own, without what concerns our programs.
        program: that takes the arguments in place of the interpreter.
    """

    def __init__(
        self,
        arguments: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        program: str = sys.executable,
    ) -> None:
        self.program = program
        self.arguments = arguments
        self.log = log
        self.environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def text(self) -> str:
        """All that it has said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [self.program, *self.arguments],
                env={**clean, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def await_line(self, pattern: str, seconds: float = START_SECONDS, after: int = 0) -> re.Match[str]:
        """Wait until it has said something, from a character of its output on."""

        def said() -> re.Match[str] | None:
            return re.search(pattern, self.text[after:])

        self.until(lambda: said() is not None, f"say {pattern!r}", seconds)
        found = said()
        assert found is not None
        return found

    def until(self, true: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
        """Wait for something that needs this process.

        Raises:
            AssertionError: it ended, or it took too long; with its output.
        """
        end = time.monotonic() + seconds
        while not true():
            if not self.running:
                raise AssertionError(f"the process ended before it did {what}:\n{self.text[-6000:]}")
            if time.monotonic() > end:
                raise AssertionError(f"the process did not {what} in {seconds:.0f} s:\n{self.text[-6000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """As a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """In order; the exit code."""
        return self._end(signal.SIGTERM)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = 30.0) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def _end(self, number: int) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"the process did not end within 30 s:\n{self.text[-6000:]}") from None
