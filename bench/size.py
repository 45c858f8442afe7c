"""How much a run measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Numbers of objects, and of runs.

    Attributes:
        name: as the documents say it.
        single_rounds: changes of one object, each subject.
        burst: objects that are changed at once, in so many ``burst_rounds``.
        minutes: simulated minutes of a job, and how many jobs of that length one after another.
        speed: how much faster than time the simulated cloud works where minutes are counted.
        running: operations at once, looked at for ``running_seconds``.
        idle: objects of ours at rest, ``idle_peers`` of each peer's, looked at for ``idle_seconds``.
        drifts: changes made behind the operator's back.
    """

    name: str
    single_rounds: int = 25
    burst: int = 500
    burst_rounds: int = 3
    minutes: tuple[tuple[float, int], ...] = ((10, 3), (1, 6), (30, 1))
    speed: float = 20.0
    running: int = 1_000
    running_seconds: float = 60.0
    idle: int = 10_000
    idle_peers: int = 1_000
    idle_seconds: float = 300.0
    drifts: int = 6


FULL = Size("full")
QUICK = Size(
    "quick",
    single_rounds=5,
    burst=60,
    burst_rounds=1,
    minutes=((10, 1), (1, 1)),
    speed=60.0,
    running=60,
    running_seconds=20.0,
    idle=300,
    idle_peers=0,
    idle_seconds=10.0,
    drifts=2,
)
LARGE = Size("large", idle=50_000, idle_peers=0)
