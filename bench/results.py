"""What was measured: a figure is one number of one subject, with the spread of its runs and its bound."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

OURS = "ddm-operator"
HANDLERS = "Kopf, handlers and a timer"
DAEMONS = "Kopf, a daemon each"
WATCHER = "Kopf that only watches"
TERRAFORM = "Terraform's calls"
BARE = "bare calls"
SUBJECTS = (OURS, HANDLERS, DAEMONS, WATCHER, TERRAFORM, BARE)


@dataclass(frozen=True)
class Figure:
    """One number.

    Args:
        row: of the benchmark.
        what: was measured, with its circumstances.
        subject: whose it is.
        value: the median of the runs, or the count.
        unit: as it is printed; empty for counts.
        low, high: smallest and largest run; equal to ``value`` when there was one.
        runs: how many.
        bound: what is to be reached; None: nothing was promised.
        kind: ``count`` is exact and asserted by the quick run, ``time`` is the machine's.
    """

    row: str
    what: str
    subject: str
    value: float
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    runs: int = 1
    bound: float | None = None
    kind: Literal["count", "time"] = "time"

    @property
    def reached(self) -> bool | None:
        """Whether it is within its bound; None without one."""
        return None if self.bound is None else self.value <= self.bound


@dataclass
class Sheet:
    """The figures of one row."""

    row: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def times(self, what: str, subject: str, values: Sequence[float], unit: str, bound: float | None = None) -> None:
        """Add the median of several runs."""
        middle = statistics.median(values)
        self.figures.append(Figure(self.row, what, subject, middle, unit, min(values), max(values), len(values), bound))

    def count(self, what: str, subject: str, value: float, unit: str = "", bound: float | None = None) -> None:
        """Add a number that is the same on every machine."""
        self.figures.append(Figure(self.row, what, subject, value, unit, value, value, 1, bound, "count"))

    def note(self, text: str) -> None:
        """Add a sentence that a reader needs to understand the figures."""
        self.notes.append(text)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent are not above; the largest when there are too few to tell."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * percent // 100) - 1)]
