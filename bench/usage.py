"""What a process uses, by the kernel's own books: its CPU time and its resident memory, nobody else's."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_UTIME, _STIME = 11, 12
"""Places in /proc/PID/stat after the name in brackets."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process since its start, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    """Resident set of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


@dataclass(frozen=True)
class Used:
    """CPU seconds in so many seconds of time."""

    cpu: float
    seconds: float

    @property
    def cores(self) -> float:
        """Part of one core, on average."""
        return self.cpu / self.seconds


class Meter:
    """Counts from its making on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu = cpu_seconds(pid)
        self._at = time.monotonic()

    def read(self) -> Used:
        """What was used since."""
        return Used(cpu_seconds(self._pid) - self._cpu, time.monotonic() - self._at)


def until_quiet(pid: int, *, cores: float = 0.1, window: float = 0.5, seconds: float = 10.0) -> None:
    """Wait until a process does next to nothing, for so many seconds at most: some never rest."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        meter = Meter(pid)
        time.sleep(window)
        if meter.read().cores < cores:
            return
