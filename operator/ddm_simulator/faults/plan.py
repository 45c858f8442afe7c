"""What is going to happen to one request, as its faults leave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from ddm_simulator.errors import RefusalError
from ddm_simulator.messages import Ending, Json, Response

Edit: TypeAlias = Callable[[Json], Json]


@dataclass(slots=True)
class Plan:
    """By default a request is executed and answered at once and truthfully."""

    execute: bool = True
    execute_after_seconds: float | None = None
    """It is executed this long after its answer was made up."""
    instead: Response | RefusalError | None = None
    """Answered in place of what the service says."""
    raw: bytes | None = None
    """The body, whatever the service says."""
    headers: dict[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    lag_seconds: float = 0.0
    ending: Ending = Ending.ANSWERED
    silent_seconds: float = 0.0
    deaf_seconds: float = 0.0
    expire_token: bool = False
    hidden_jobs: list[str | None] = field(default_factory=list)
    """Instances whose jobs are left out of the list; None: all jobs are."""
    edits: list[Edit] = field(default_factory=list)
    fault_ids: list[str] = field(default_factory=list)
