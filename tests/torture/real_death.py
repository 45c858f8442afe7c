"""What is told of one kill: plain values, because they travel between the processes of a test run."""

from __future__ import annotations

from typing import TypedDict

DEATHS = "deaths"
RESTARTS = "restarts"
"""Names of the test properties that carry them, and the operators that ended by themselves."""


class Death(TypedDict):
    """One kill, and what became of it; times in seconds.

    ``recovery`` is from the restart to Ready, with what is waited in it by design: ``lease`` until a process leads,
    ``settle`` for the evidence that nothing was executed. None where the next death came before Ready.
    """

    deed: str
    window: str
    recovery: float | None
    lease: float
    settle: float
    duplicates: int
    losses: int
