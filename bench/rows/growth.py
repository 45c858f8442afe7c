"""What grows with the number of objects: more and more of them, in one project of one cloud."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.ground import Ground, first_project, newest
from bench.results import OURS
from bench.rows.counts import asked
from bench.rows.idle import HOUR, MIB, empty_resident, first_sight, rest, started
from bench.subjects import Ours
from bench.usage import until_quiet
from ddm_simulator.client import Simulator

NODES = 2
"""Of each instance, as ``Ground.cloud`` makes them."""


@dataclass(frozen=True)
class Point:
    """What one operator costs with so many objects.

    Attributes:
        objects: that it knows, each with an instance of its own in the same project.
        resident: MiB, at rest.
        empty: MiB with no object.
        start_cpu: CPU seconds from the process's start until each object was looked at.
        known: seconds from the process's start until it knows each object.
        cpu_percent: of a core, at rest.
        requests: to the cloud per minute, at rest.
        rest_seconds: that it was looked at, at rest.
    """

    objects: int
    resident: float
    empty: float
    start_cpu: float
    known: float
    cpu_percent: float
    requests: float
    rest_seconds: float


def measure(ground: Ground, sizes: Sequence[int], rest_seconds: float) -> Iterator[Point]:
    """One point after another; those that are there stay, and the cloud has as many instances as there are objects.

    Args:
        ground: where.
        sizes: numbers of objects, growing.
        rest_seconds: to look at each, at rest. All objects are looked at once in 300 s.
    """
    cloud = ground.cloud(instances=sizes[0], job_seconds=HOUR)
    ours = Ours(ground.stage(cloud))
    empty = empty_resident(ours) / MIB
    for size in sizes:
        more = size - len(ours.names)
        if ours.names:
            _add_instances(cloud, more)
        ours.declare(newest(cloud, more), NODES)
        ground.say(f"{size:,} objects are made")
        process, _ = first_sight(ours)
        until_quiet(process.pid)
        process.stop()
        yield _point(ground, ours, empty, rest_seconds)


def _point(ground: Ground, ours: Ours, empty: float, rest_seconds: float) -> Point:
    before, began = asked(ours.cloud), time.monotonic()
    process = ours.launch()
    start = started(ours, process, began, before)
    used = rest([(ours, process)], ground.audit(), rest_seconds)[OURS]
    process.stop()
    if used.writes:
        raise AssertionError(f"{used.writes} writes to objects at rest")
    return Point(
        objects=len(ours.names),
        resident=used.resident / MIB,
        empty=empty,
        start_cpu=start.cpu,
        known=start.known,
        cpu_percent=used.cpu_percent,
        requests=used.requests_per_minute,
        rest_seconds=rest_seconds,
    )


def _add_instances(cloud: Simulator, count: int) -> None:
    for _ in range(count):
        cloud.add_instance(project=first_project().project_id, groups=[{"name": "group-default", "nodes": NODES}])
