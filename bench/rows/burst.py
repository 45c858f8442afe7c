"""Many changed at once: how long until the cloud has each call, and what it costs the operator.

The clock of each runs from the first PATCH of all, because whoever changes five hundred at once waits for the last.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from bench.ground import Ground, in_another_project, newest
from bench.results import DAEMONS, HANDLERS, OURS, Sheet, percentile
from bench.size import Size
from bench.subjects import NO_CLOUD_LIMIT, Ours, Subject, daemons, handlers
from bench.usage import Meter, until_quiet
from ddm_simulator.client import Simulator
from tests.support.process import Process

WARM_UP = 20
PATIENCE_SECONDS = 120.0
MILLISECONDS = 1000.0
BOUND_MEDIAN, BOUND_P99, BOUND_CPU = 3.5, 6.0, 10.0
BOUND_HANGING = 1.5
"""How many times as long it may take while another project hangs."""

HANGING_SECONDS = 120.0
"""What the cloud takes for each answer about a project that hangs: longer than anybody waits."""


@dataclass(frozen=True)
class Burst:
    """One burst: seconds until each call, CPU seconds of all, and instances with more or fewer than one call."""

    since_first: list[float]
    since_own: list[float]
    cpu: float
    wrong: int


def run(ground: Ground, size: Size) -> Sheet:
    """Measure it, one operator after the other: each has the machine for itself, and a cloud without a past."""
    sheet = Sheet(f"{size.burst} changed at once")
    alone = [_one(ground, _ours, size) for _ in range(size.burst_rounds)]
    _tell(sheet, OURS, alone)
    _compare(sheet, alone, [_one(ground, _ours, size, hanging=size.burst // 5) for _ in range(size.burst_rounds)])
    for make, name in () if size.name == "quick" else ((handlers, HANDLERS), (daemons, DAEMONS)):
        try:
            _tell(sheet, name, [_one(ground, make, size)])
        except TimeoutError:
            sheet.note(f"{name}: it did not come to rest with {size.burst} objects, and was not measured.")
            ground.clear()
    sheet.note(
        f"No limit of requests per second; {WARM_UP} changes of other objects warm up. {size.burst_rounds} "
        "bursts of ours, each with a cloud of its own, one of each peer. CPU is the operator's alone, from the first "
        "PATCH until it rests again. A project that hangs is one of the same user, with a fifth as many objects, all "
        f"changed just before; its answers take {HANGING_SECONDS:.0f} s."
    )
    return sheet


def _ours(ground: Ground, cloud: Simulator) -> Subject:
    return Ours(ground.stage(cloud), environment=NO_CLOUD_LIMIT)


def _one(ground: Ground, make: Callable[[Ground, Simulator], Subject], size: Size, hanging: int = 0) -> Burst:
    """One burst of a process that has done everything once; ``hanging``: objects of a project that does not answer."""
    subject = make(ground, ground.cloud(instances=size.burst + WARM_UP))
    subject.declare(newest(subject.cloud, size.burst + WARM_UP))
    measured = subject.names[WARM_UP:]
    instances, elsewhere = in_another_project(subject.cloud, hanging)
    neighbours = subject.declare(instances, spec=elsewhere)
    process = subject.start()
    subject.await_all_done(2, PATIENCE_SECONDS)
    subject.scale_all(3, subject.names[:WARM_UP])
    _await_calls(subject.cloud, WARM_UP)
    until_quiet(process.pid)
    if neighbours:
        subject.cloud.fault("slow", project=elsewhere["projectId"], seconds=HANGING_SECONDS)
        subject.scale_all(3, neighbours)
    result = burst(subject, process, measured)
    ground.clear()
    return result


def burst(subject: Subject, process: Process, names: Sequence[str]) -> Burst:
    """Change all, and wait for all calls and for the quiet after them; the jobs go on."""
    cloud = subject.cloud
    before = _calls(cloud)
    meter = Meter(process.pid)
    sent = subject.scale_all(3, names)
    _await_calls(cloud, before + len(sent))
    until_quiet(process.pid)
    cpu = meter.read().cpu
    entries = [entry for entry in cloud.ledger() if entry["route"] == "enlarge"]
    arrived = {entry["instance"]: datetime.fromisoformat(entry["time"]).timestamp() for entry in reversed(entries)}
    calls = Counter(entry["instance"] for entry in entries if entry["executed"])
    first = min(sent.values())
    return Burst(
        since_first=[arrived[key] - first for key in sent if key in arrived],
        since_own=[arrived[key] - at for key, at in sent.items() if key in arrived],
        cpu=cpu,
        wrong=sum(calls[key] != 1 for key in sent),
    )


def _await_calls(cloud: Simulator, count: int) -> None:
    """Wait until so many calls came; what is missing after a while is told by the count of wrong ones."""
    end = time.monotonic() + PATIENCE_SECONDS
    while _calls(cloud) < count and time.monotonic() < end:
        time.sleep(0.05)


def _tell(sheet: Sheet, name: str, bursts: Sequence[Burst]) -> None:
    ours = name == OURS
    for what, percent, bound in (("median", 50, BOUND_MEDIAN), ("p99", 99, BOUND_P99)):
        values = [percentile(burst.since_first, percent) for burst in bursts]
        sheet.times(f"first PATCH → enlarge received, {what}", name, values, "s", bound if ours else None)
    own = [percentile(burst.since_own, 50) for burst in bursts]
    sheet.times("its own PATCH → enlarge received, median", name, own, "s")
    each = [burst.cpu / len(burst.since_first) * MILLISECONDS for burst in bursts]
    sheet.times("CPU of the operator for each", name, each, "ms", BOUND_CPU if ours else None)
    wrong = sum(burst.wrong for burst in bursts)
    sheet.count("changes with more or fewer calls than one", name, wrong, bound=0 if ours else None)


def _compare(sheet: Sheet, alone: Sequence[Burst], beside: Sequence[Burst]) -> None:
    """How much longer it takes beside a project that hangs."""
    for what, percent in (("median", 50), ("p99", 99)):
        usual = median(percentile(burst.since_first, percent) for burst in alone)
        ratios = [percentile(burst.since_first, percent) / usual for burst in beside]
        sheet.times(f"the same while another project hangs, {what}", OURS, ratios, "times", BOUND_HANGING)
    sheet.count("changes with more or fewer calls than one, then", OURS, sum(b.wrong for b in beside), bound=0)


def _calls(cloud: Simulator) -> int:
    return cloud.requests().get("enlarge", 0)
