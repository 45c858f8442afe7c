"""Many changed at once: how long until the cloud has each call, and what it costs the operator.

The clock of each runs from the first PATCH of all, because whoever changes five hundred at once waits for the last.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from bench.ground import Ground, newest
from bench.results import OURS, Sheet, percentile
from bench.size import Size
from bench.subjects import NO_CLOUD_LIMIT, Ours, Subject, daemons, handlers
from bench.usage import Meter, until_quiet
from ddm_simulator.client import Simulator
from tests.support.process import Process

JOB_SECONDS = 12.0
"""Nobody looks before the first poll, 15 s after the call: no end is noticed in a burst, and the next is soon."""

PATIENCE_SECONDS = 120.0
MILLISECONDS = 1000.0
BOUND_MEDIAN, BOUND_P99, BOUND_CPU = 3.5, 6.0, 10.0


@dataclass(frozen=True)
class Burst:
    """One burst: seconds until each call, CPU seconds of all, and instances with more or fewer than one call."""

    since_first: list[float]
    since_own: list[float]
    cpu: float
    wrong: int


def run(ground: Ground, size: Size) -> Sheet:
    """Measure it, one operator after the other: each has the machine for itself."""
    sheet = Sheet(f"{size.burst} changed at once")
    cloud = ground.cloud(instances=3 * size.burst, job_seconds=JOB_SECONDS)
    ids = newest(cloud, 3 * size.burst)
    ours = Ours(ground.stage(cloud), environment=NO_CLOUD_LIMIT)
    peers = [] if size.name == "quick" else [handlers(ground, cloud), daemons(ground, cloud)]
    for place, subject in enumerate((ours, *peers)):
        subject.declare(ids[place * size.burst : (place + 1) * size.burst])
        process = subject.start()
        subject.await_all_done(2, PATIENCE_SECONDS)
        until_quiet(process.pid)
        rounds = size.burst_rounds if subject is ours else 1
        warm = 1 if subject is ours and size.name != "quick" else 0
        bursts: list[Burst] = []
        for number in range(rounds + warm):
            if bursts:
                subject.await_all_done(2 + number, PATIENCE_SECONDS)
            bursts.append(burst(subject, process, 3 + number))
        _tell(sheet, subject, bursts[warm:])
        process.stop()
    sheet.note(
        f"No limit of requests per second, 8 workers; a first burst of ours warms up and is not counted; "
        f"{size.burst_rounds} bursts of ours, one of each peer. CPU is the operator's alone, from the "
        "first PATCH until it rests again."
    )
    return sheet


def burst(subject: Subject, process: Process, nodes: int) -> Burst:
    """Change all, and wait for all calls and for the quiet after them; the jobs go on."""
    cloud = subject.cloud
    before = _calls(cloud)
    mark = _latest(cloud)
    meter = Meter(process.pid)
    sent = subject.scale_all(nodes)
    end = time.monotonic() + PATIENCE_SECONDS
    while _calls(cloud) < before + len(sent) and time.monotonic() < end:
        time.sleep(0.05)
    until_quiet(process.pid)
    cpu = meter.read().cpu
    entries = [entry for entry in cloud.get(f"ledger?since={mark}")["entries"] if entry["route"] == "enlarge"]
    arrived = {entry["instance"]: datetime.fromisoformat(entry["time"]).timestamp() for entry in reversed(entries)}
    calls = Counter(entry["instance"] for entry in entries if entry["executed"])
    first = min(sent.values())
    return Burst(
        since_first=[arrived[key] - first for key in sent if key in arrived],
        since_own=[arrived[key] - at for key, at in sent.items() if key in arrived],
        cpu=cpu,
        wrong=sum(calls[key] != 1 for key in sent),
    )


def _tell(sheet: Sheet, subject: Subject, bursts: list[Burst]) -> None:
    name, ours = subject.name, subject.name == OURS
    for what, percent, bound in (("median", 50, BOUND_MEDIAN), ("p99", 99, BOUND_P99)):
        values = [percentile(burst.since_first, percent) for burst in bursts]
        sheet.times(f"first PATCH → enlarge received, {what}", name, values, "s", bound if ours else None)
    own = [percentile(burst.since_own, 50) for burst in bursts]
    sheet.times("its own PATCH → enlarge received, median", name, own, "s")
    each = [burst.cpu / len(burst.since_first) * MILLISECONDS for burst in bursts]
    sheet.times("CPU of the operator for each", name, each, "ms", BOUND_CPU if ours else None)
    wrong = sum(burst.wrong for burst in bursts)
    sheet.count("changes with more or fewer calls than one", name, wrong, bound=0 if ours else None)


def _calls(cloud: Simulator) -> int:
    return cloud.requests().get("enlarge", 0)


def _latest(cloud: Simulator) -> int:
    entries = cloud.ledger()
    return int(entries[-1]["id"]) if entries else 0
