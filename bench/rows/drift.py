"""Somebody scales by hand in the cloud: how long until the object says so, and how many requests that costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.ground import Ground, newest
from bench.results import OURS, Sheet
from bench.rows.counts import MINUTE, asked
from bench.size import Size
from bench.subjects import NO_CLOUD_LIMIT, Ours, Subject, daemons, handlers
from ddm_simulator.client import Simulator

OBJECTS = 200
AFTER = 3
"""Nodes, when one was added to two."""

RESYNC_SECONDS = 300.0
PATIENCE_SECONDS = 120.0


def run(ground: Ground, size: Size) -> Sheet:
    """Measure it, all at the same time, each with a cloud of its own."""
    sheet = Sheet("Drift")
    makers: list[Callable[[Ground, Simulator, float], Subject]] = [_ours]
    if size.name != "quick":
        makers += [handlers, daemons]
    subjects = [make(ground, ground.cloud(instances=OBJECTS, speed=size.speed), size.speed) for make in makers]
    with ThreadPoolExecutor(len(subjects)) as pool:
        for subject, measured in zip(subjects, pool.map(lambda each: _measure(each, size), subjects), strict=True):
            _tell(sheet, subject.name, *measured)
    sheet.note(
        f"{OBJECTS} objects, each looked at every {RESYNC_SECONDS:g} s; changes come at moments spread over that. "
        f"The cloud works {size.speed:g} times as fast as time, and the pace of all is as much faster."
    )
    return sheet


def _ours(ground: Ground, cloud: Simulator, speed: float) -> Ours:
    return Ours(ground.stage(cloud), speed, NO_CLOUD_LIMIT)


def _measure(subject: Subject, size: Size) -> tuple[list[float], float]:
    """Seconds until each change was told, and cloud requests per minute meanwhile."""
    subject.declare(newest(subject.cloud, OBJECTS))
    subject.start()
    subject.await_all_done(2, PATIENCE_SECONDS)
    delays: list[float] = []
    before, began = asked(subject.cloud), time.monotonic()
    for number in range(size.drifts):
        # Another moment of the pause every time; the golden ratio spreads them evenly.
        time.sleep(number * 0.618 % 1 * RESYNC_SECONDS / size.speed)
        name = subject.names[number]
        subject.cloud.add_nodes(subject.instances[name], 1)
        changed = time.monotonic()
        path = f"{subject.collection}/{name}"
        subject.stage.api.until(path, lambda body: body.get("status", {}).get("nodes") == AFTER, PATIENCE_SECONDS)
        delays.append((time.monotonic() - changed) * size.speed)
    minutes = (time.monotonic() - began) * size.speed / MINUTE
    return delays, (asked(subject.cloud) - before) / minutes


def _tell(sheet: Sheet, name: str, delays: list[float], requests: float) -> None:
    sheet.times("change in the cloud → told", name, delays, "s", RESYNC_SECONDS if name == OURS else None)
    sheet.times("cloud requests per minute", name, [requests], "")
