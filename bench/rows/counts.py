"""One scale-out from its change to its end: what it costs in requests and writes, and when its end is noticed.

All subjects go at the same time, each with a cloud of its own, whose work is accelerated; so is everybody's pace.
Seconds are the cloud's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from bench.audit import Audit, Write, tally
from bench.ground import Ground, newest
from bench.results import OURS, TERRAFORM, Sheet
from bench.size import Size
from bench.subjects import Ours, Subject, daemons, handlers, peer_environment
from ddm_simulator.client import Simulator
from tests.support.process import Process
from tests.support.stage import Stage

MINUTE = 60.0
BOUND_FIXED, BOUND_KNOWN, BOUND_WRITES, BOUND_NOTICED = 52, 35, 4, 5.0
TEN_MINUTES = 10.0
POLL_SECONDS = 15.0
SETTLE_SECONDS = 0.5
"""After the end was told: what is still written then belongs to it."""


@dataclass(frozen=True)
class ScaleOut:
    """What one cost: requests to the cloud, writes to the object, reported steps, seconds until its end was told."""

    minutes: float
    routes: dict[str, int]
    writes: int
    steps: int
    noticed: float

    @property
    def requests(self) -> int:
        """To the DDM API."""
        return sum(self.routes.values())


Scale = Callable[[int, float], None]
"""Brings the instance to so many nodes, and returns when the end is told; within so many seconds."""


class Counter:
    """Counts the scale-outs of one subject."""

    def __init__(self, cloud: Simulator, instance: str, audit: Audit, user: str, speed: float) -> None:
        self._cloud = cloud
        self._instance = instance
        self._audit = audit
        self._user = user
        self._speed = speed
        self._nodes = 2

    def measure(self, size: Size, scale: Scale) -> list[ScaleOut]:
        """All lengths, one after another."""
        return [self._one(minutes, number, scale) for minutes, times in size.minutes for number in range(times)]

    def _one(self, minutes: float, number: int, scale: Scale) -> ScaleOut:
        # Shorter by parts of a poll that the golden ratio spreads, or every end would come at the moment of a look.
        seconds = minutes * MINUTE - (0.5 + number * 0.618) % 1 * POLL_SECONDS
        self._cloud.settings(job_seconds=seconds)
        self._nodes += 1
        self._audit.skip()
        before = by_route(self._cloud)
        scale(self._nodes, minutes * MINUTE / self._speed + 60)
        told = time.time()
        time.sleep(SETTLE_SECONDS)
        after = by_route(self._cloud)
        job = self._cloud.jobs(self._instance)[-1]
        ended = datetime.fromisoformat(job["created"]).timestamp() + seconds / self._speed
        writes = self._audit.writes(self._user)
        return ScaleOut(
            minutes=minutes,
            routes={route: n - before.get(route, 0) for route, n in after.items() if n > before.get(route, 0)},
            writes=sum(count for resource, count in tally(writes).items() if resource.startswith("ddm")),
            steps=reported_steps(writes),
            noticed=(told - ended) * self._speed,
        )


def run(ground: Ground, size: Size) -> Sheet:
    """Measure it."""
    sheet = Sheet("One scale-out")
    threads: list[Callable[[], tuple[str, list[ScaleOut]]]] = []
    for make in (_ours, handlers, daemons):
        cloud = ground.cloud(instances=1, speed=size.speed)
        threads.append(_operator(ground, make(ground, cloud, size.speed), size))
    cloud = ground.cloud(instances=1, speed=size.speed)
    threads.append(_terraform(ground, ground.stage(cloud), size))
    with ThreadPoolExecutor(len(threads)) as pool:
        measured = dict(future.result() for future in [pool.submit(thread) for thread in threads])
    for name, scale_outs in measured.items():
        for minutes, _ in size.minutes:
            _tell(sheet, name, minutes, [found for found in scale_outs if found.minutes == minutes])
        delays = [found.noticed for found in scale_outs]
        sheet.times("job's end → told, all lengths", name, delays, "s", BOUND_NOTICED if name == OURS else None)
    last = measured[OURS][0]
    routes = ", ".join(f"{count} {route}" for route, count in sorted(last.routes.items()))
    sheet.note(f"ddm-operator's requests for {last.minutes:g} min, the first: {routes}.")
    sheet.note(
        "Lengths vary by parts of a poll, so that ends come at any moment of it. "
        f"The cloud works {size.speed:g} times as fast as time, and the pace of all is as much faster; its API tells "
        f"times in whole seconds, which are {size.speed:g} of its own here. A poll every "
        "15 s, of Terraform every 10 s after 100 s. A write is an accepted request that changes the object or its "
        "status; Events, the Lease and tokens are apart. The end is noticed when the object says so (Terraform: the "
        "apply has ended)."
    )
    return sheet


def by_route(cloud: Simulator) -> dict[str, int]:
    """Requests to the DDM API so far; a token is had once a day, and not at all with an access key."""
    return {route: count for route, count in cloud.requests().items() if route != "token"}


def asked(cloud: Simulator) -> int:
    """All of them."""
    return sum(by_route(cloud).values())


def _tell(sheet: Sheet, name: str, minutes: float, found: list[ScaleOut]) -> None:
    ours = name == OURS
    label = f"{minutes:g} min"
    first, later = found[0], found[-1]
    bounded = ours and minutes == TEN_MINUTES
    sheet.count(f"{label}, cloud requests, the first", name, first.requests, bound=BOUND_FIXED if bounded else None)
    if len(found) > 1:
        known = BOUND_KNOWN if bounded else None
        sheet.count(f"{label}, cloud requests, once the length is known", name, later.requests, bound=known)
    if name != TERRAFORM:
        sheet.count(f"{label}, writes to the object", name, max(one.writes for one in found))
    if ours:
        over = max(one.writes - one.steps for one in found)
        sheet.count(f"{label}, writes that report no step", name, over, bound=BOUND_WRITES)
    delays = [one.noticed for one in found]
    sheet.times(f"{label}, job's end → told", name, delays, "s")


def reported_steps(writes: list[Write]) -> int:
    """How many different percentages were reported while the job ran, the first one too."""
    said = [write.body.get("status", {}).get("operation", {}) for write in writes]
    running = [state for state in said if state.get("phase") == "Running"]
    return len({state["progressPercent"] for state in running if state.get("progressPercent") is not None})


def _ours(ground: Ground, cloud: Simulator, speed: float) -> Ours:
    return Ours(ground.stage(cloud), speed)


def _operator(ground: Ground, subject: Subject, size: Size) -> Callable[[], tuple[str, list[ScaleOut]]]:
    [instance] = newest(subject.cloud, 1)

    def go() -> tuple[str, list[ScaleOut]]:
        subject.declare([instance])
        subject.start()
        [name] = subject.names
        subject.await_done(name, 2, 60)

        def scale(nodes: int, seconds: float) -> None:
            subject.scale(name, nodes)
            subject.await_done(name, nodes, seconds)

        counter = Counter(subject.cloud, instance, ground.audit(), subject.user, size.speed)
        return subject.name, counter.measure(size, scale)

    return go


def _terraform(ground: Ground, stage: Stage, size: Size) -> Callable[[], tuple[str, list[ScaleOut]]]:
    [instance] = newest(stage.cloud, 1)
    environment = peer_environment(stage, size.speed)

    def scale(nodes: int, seconds: float) -> None:
        arguments = ["-m", "bench.peers.terraform", stage.project.flavor_id, str(nodes), instance]
        apply = Process(arguments, stage.folder / f"apply-{nodes}.log", environment, program=stage.python)
        stage.processes.append(apply)
        apply.start()
        apply.await_line("done ", seconds)

    def go() -> tuple[str, list[ScaleOut]]:
        counter = Counter(stage.cloud, instance, ground.audit(), "nobody", size.speed)
        return TERRAFORM, counter.measure(size, scale)

    return go
