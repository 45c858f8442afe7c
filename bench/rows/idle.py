"""Many objects at rest: memory, CPU and requests; how long a start takes; and how long nobody works after a crash.

The peers stop at a thousand objects. CPU and memory are the process's own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from bench.audit import Audit, tally
from bench.ground import Ground, newest
from bench.results import OURS, WATCHER, Sheet
from bench.rows.counts import MINUTE, asked
from bench.size import Size
from bench.subjects import KNOWN, NO_CLOUD_LIMIT, Ours, Subject, daemons, handlers, watcher
from bench.usage import Meter, cpu_seconds, resident_bytes, until_quiet
from tests.support.process import Process

KIB = 1024
MIB = KIB * KIB
HOUR = 3600.0
FIRST_SIGHT_SECONDS = 1_800.0
RATE_SECONDS = 0.5
BOUND_RESIDENT = {10_000: 110.0, 50_000: 250.0}
BOUND_START_CPU, BOUND_START_REQUESTS, BOUND_URGENT = 9.0, 100.0, 2.0
BOUND_OBJECT = 2.0
"""KiB that we may keep of each object above what Kopf does."""
BOUND_IDLE_PERCENT, BOUND_IDLE_REQUESTS = 2.0, 20.0
MOST_BOUNDED = 10_000
"""Objects that these are for; of more only the memory is bounded, see ``BOUND_RESIDENT``."""


@dataclass(frozen=True)
class Start:
    """What a start took until every object was looked at: seconds until all were known, and until the last look."""

    known: float
    looked: float
    cpu: float
    requests: int


@dataclass(frozen=True)
class Rest:
    """What a subject at rest has used."""

    resident: int
    cpu_percent: float
    requests_per_minute: float
    writes: int


def run(ground: Ground, size: Size) -> Sheet:
    """Measure it."""
    sheet = Sheet(f"{size.idle:,} objects at rest")
    cloud = ground.cloud(instances=size.idle, job_seconds=HOUR)
    ours = Ours(ground.stage(cloud))
    empty = empty_resident(ours)
    ours.declare(newest(cloud, size.idle))
    ground.say(f"{size.idle} objects are made")
    _first_sight(sheet, ours)
    process = _start_again(sheet, ours, size)
    _end(ours, 3)
    peers = [make(ground, ground.cloud(instances=size.idle_peers)) for make in _peers(size)]
    subjects: list[tuple[Subject, Process]] = [(ours, process), *((peer, _settled(peer, size)) for peer in peers)]
    rests = rest(subjects, ground.audit(), size.idle_seconds)
    for subject, _ in subjects:
        _tell(sheet, subject, rests[subject.name], size)
    grown = (rests[OURS].resident - empty) / size.idle / KIB
    kopfs = kopf_grown(ground, ours)
    sheet.times("resident memory for each object", OURS, [grown], "KiB")
    sheet.times("resident memory for each object", WATCHER, [kopfs], "KiB")
    sheet.times("above Kopf's own", OURS, [grown - kopfs], "KiB", None if size.name == "quick" else BOUND_OBJECT)
    if size.name != "quick":
        _failover(sheet, ours, process, size)
    sheet.note(
        f"Looked at for {size.idle_seconds:g} s, at the default pace, which looks at all every 300 s. Peers have "
        f"{size.idle_peers:,} objects. Start: from the process's start until every object was looked at."
    )
    return sheet


def _peers(size: Size) -> list[Callable[..., Subject]]:
    return [handlers, daemons] if size.idle_peers else []


def empty_resident(ours: Ours) -> int:
    """Resident bytes with no object at all."""
    process = ours.start()
    until_quiet(process.pid)
    resident = resident_bytes(process.pid)
    process.stop()
    return resident


def kopf_grown(ground: Ground, ours: Ours) -> float:
    """KiB that Kopf itself keeps of each object of ours, listed in pages: it sees all of them, and then none."""
    resident = []
    for stage, count in ((ours.stage, len(ours.names)), (ground.stage(ours.cloud), 0)):
        process = watcher(stage, count)
        process.await_line("Seen", seconds=FIRST_SIGHT_SECONDS)
        until_quiet(process.pid)
        resident.append(resident_bytes(process.pid))
        process.stop()
    return (resident[0] - resident[1]) / len(ours.names) / KIB


def first_sight(ours: Ours) -> tuple[Process, float]:
    """Have every new object get its first status; the process, and the seconds that it took.

    The operator's own limit of requests would decide the time.
    """
    process = ours.launch(**NO_CLOUD_LIMIT)
    began = time.monotonic()
    await_passes(process, len(ours.names), FIRST_SIGHT_SECONDS)
    return process, time.monotonic() - began


def _first_sight(sheet: Sheet, ours: Ours) -> None:
    process, seconds = first_sight(ours)
    sheet.times("first sight of all, no cloud limit: each gets its status", OURS, [seconds], "s")
    sheet.times("its CPU", OURS, [cpu_seconds(process.pid)], "s")
    _begin(ours, 3)
    until_quiet(process.pid)
    process.stop()


def _begin(ours: Ours, nodes: int) -> None:
    """Have one operation under way."""
    ours.scale(ours.names[-1], nodes)
    ours.stage.api.until(f"{ours.collection}/{ours.names[-1]}", _has_job, 30)


def _end(ours: Ours, nodes: int) -> None:
    """End it."""
    [job] = [job for job in ours.cloud.jobs() if job["status"] == "Running"]
    ours.cloud.finish_job(job["id"])
    ours.await_done(ours.names[-1], nodes, 60)


def _has_job(body: dict[str, object]) -> bool:
    status = body.get("status")
    operation = status.get("operation") if isinstance(status, dict) else None
    return isinstance(operation, dict) and operation.get("phase") == "Running"


def _reach(bound: float, size: Size) -> float | None:
    return bound if size.idle <= MOST_BOUNDED else None


def _start_again(sheet: Sheet, ours: Ours, size: Size) -> Process:
    before = asked(ours.cloud)
    jobs = ours.cloud.requests().get("jobs", 0)
    began = time.monotonic()
    process = ours.launch()
    while ours.cloud.requests().get("jobs", 0) == jobs:
        if time.monotonic() - began > FIRST_SIGHT_SECONDS:
            raise TimeoutError("the open operation was not followed after the start")
        time.sleep(RATE_SECONDS / 10)
    urgent = time.monotonic() - began
    start = started(ours, process, began, before)
    sheet.times("start: an open operation is followed after", OURS, [urgent], "s", _reach(BOUND_URGENT, size))
    sheet.times("start: every object is known after", OURS, [start.known], "s")
    sheet.times("start: the last object was looked at after", OURS, [start.looked], "s")
    sheet.times("start: CPU until then", OURS, [start.cpu], "s", _reach(BOUND_START_CPU, size))
    sheet.count("start: cloud requests until then", OURS, start.requests, bound=_reach(BOUND_START_REQUESTS, size))
    return process


def started(ours: Ours, process: Process, began: float, before: int) -> Start:
    """Wait until a start is over.

    Args:
        ours: whose it is.
        process: that starts.
        began: when it was launched (monotonic seconds).
        before: requests that the cloud had had by then.
    """
    process.await_line(KNOWN, seconds=FIRST_SIGHT_SECONDS)
    known = time.monotonic() - began
    await_passes(process, len(ours.names), FIRST_SIGHT_SECONDS)
    looked = time.monotonic() - began
    return Start(known, looked, cpu_seconds(process.pid), asked(ours.cloud) - before)


def await_passes(process: Process, count: int, seconds: float) -> None:
    """Wait until an operator has made so many passes since its start."""
    port = process.await_line(r"Probes and metrics on port (\d+)")[1]
    end = time.monotonic() + seconds
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http:
        while True:
            text = http.get("/metrics").text
            passes = re.findall(r"^ddm_operator_pass_duration_seconds_count\{.*\} (\S+)$", text, re.MULTILINE)
            waiting = re.findall(r"^ddm_operator_queue_depth (\S+)$", text, re.MULTILINE)
            if sum(map(float, passes)) >= count and waiting and float(waiting[0]) == 0:
                return
            if time.monotonic() > end:
                raise TimeoutError(f"{sum(map(float, passes)):.0f} passes of {count} after {seconds:.0f} s")
            time.sleep(RATE_SECONDS)


def _settled(peer: Subject, size: Size) -> Process:
    peer.declare(newest(peer.cloud, size.idle_peers))
    process = peer.start()
    peer.await_all_done(2, FIRST_SIGHT_SECONDS)
    until_quiet(process.pid)
    return process


def rest(subjects: list[tuple[Subject, Process]], audit: Audit, seconds: float) -> dict[str, Rest]:
    """What each has used, by its name, while nothing happened for so many seconds."""
    for _, process in subjects:
        until_quiet(process.pid)
    audit.skip()
    meters = {subject.name: Meter(process.pid) for subject, process in subjects}
    before = {subject.name: asked(subject.cloud) for subject, _ in subjects}
    time.sleep(seconds)
    written = audit.by_user()
    return {
        subject.name: Rest(
            resident=resident_bytes(process.pid),
            cpu_percent=meters[subject.name].read().cores * 100,
            requests_per_minute=(asked(subject.cloud) - before[subject.name]) * MINUTE / seconds,
            writes=sum(n for what, n in tally(written.get(subject.user, [])).items() if what.startswith("ddm")),
        )
        for subject, process in subjects
    }


def _tell(sheet: Sheet, subject: Subject, used: Rest, size: Size) -> None:
    name, ours = subject.name, subject.name == OURS
    count = len(subject.names)
    bound = BOUND_RESIDENT.get(size.idle) if ours else None
    sheet.times("resident memory", name, [used.resident / MIB], "MiB", bound)
    sheet.times(
        "CPU, percent of a core", name, [used.cpu_percent], "%", _reach(BOUND_IDLE_PERCENT, size) if ours else None
    )
    sheet.times("CPU per hour for 1,000 objects", name, [used.cpu_percent / 100 * HOUR / count * 1_000], "s")
    bound = _reach(BOUND_IDLE_REQUESTS, size) if ours else None
    sheet.times("cloud requests per minute", name, [used.requests_per_minute], "", bound)
    sheet.count("writes to objects meanwhile", name, used.writes, bound=0 if ours else None)


def _failover(sheet: Sheet, ours: Ours, leader: Process, size: Size) -> None:
    """The leader is killed; a standby that was there for a while goes on."""
    _begin(ours, 4)
    standby = ours.launch()
    standby.await_line("Standing by")
    jobs = ours.cloud.requests().get("jobs", 0)
    leader.kill()
    began = time.monotonic()
    while ours.cloud.requests().get("jobs", 0) == jobs:
        if time.monotonic() - began > FIRST_SIGHT_SECONDS:
            raise TimeoutError("the open operation was not followed after the crash")
        time.sleep(RATE_SECONDS / 10)
    sheet.times("leader killed: its open operation is followed again after", OURS, [time.monotonic() - began], "s")
    await_passes(standby, size.idle, FIRST_SIGHT_SECONDS)
    sheet.times("leader killed: every object was looked at after", OURS, [time.monotonic() - began], "s")
