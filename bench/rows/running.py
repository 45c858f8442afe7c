"""Many operations under way at once: what it takes to follow them, for a while in the middle of long jobs.

All subjects at the same time, each with a cloud of its own: what is compared is counted, or is the process's own CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.audit import Audit, tally
from bench.ground import Ground, newest
from bench.results import OURS, TERRAFORM, Sheet
from bench.rows.counts import MINUTE, POLL_SECONDS, by_route
from bench.size import Size
from bench.subjects import NO_CLOUD_LIMIT, Ours, Subject, daemons, handlers, peer_environment
from bench.usage import Meter
from ddm_simulator.client import Simulator
from tests.support.process import Process
from tests.support.stage import Stage

JOB_SECONDS = 600.0
TERRAFORM_DELAY_SECONDS = 100.0
PATIENCE_SECONDS = 200.0
BOUND_PAGES = 10
"""List pages for each poll of a thousand operations."""


@dataclass(frozen=True)
class Follower:
    """A process that follows operations in a cloud."""

    name: str
    user: str
    cloud: Simulator
    process: Process


def run(ground: Ground, size: Size) -> Sheet:
    """Measure it; Terraform's long first pause passes while the others are made."""
    quick = size.name == "quick"
    sheet = Sheet(f"{size.running:,} operations at once")
    clouds = [ground.cloud(instances=size.running, job_seconds=JOB_SECONDS) for _ in range(1 if quick else 4)]
    makers: Sequence[Callable[[Ground, Simulator], Subject]] = (_ours,) if quick else (_ours, handlers, daemons)
    followers = [] if quick else [_terraform(ground.stage(clouds[-1]), size)]
    began = time.monotonic()
    subjects = [make(ground, cloud) for make, cloud in zip(makers, clouds, strict=False)]
    processes = [_ready(subject, size) for subject in subjects]
    for subject in subjects:
        subject.scale_all(3)
    followers += [
        Follower(subject.name, subject.user, subject.cloud, process)
        for subject, process in zip(subjects, processes, strict=True)
    ]
    _await_calls(sheet, followers, size.running)
    if not quick:
        time.sleep(max(POLL_SECONDS, began + TERRAFORM_DELAY_SECONDS + POLL_SECONDS - time.monotonic()))
    _watch(sheet, followers, ground.audit(), size.running_seconds)
    sheet.note(
        f"Jobs of {JOB_SECONDS / MINUTE:g} minutes, looked at for {size.running_seconds:g} s in their middle; a poll "
        "every 15 s, of Terraform every 10 s. Every subject has a cloud of its own; all run at the same time."
    )
    return sheet


def _ours(ground: Ground, cloud: Simulator) -> Ours:
    return Ours(ground.stage(cloud), environment=NO_CLOUD_LIMIT)


def _ready(subject: Subject, size: Size) -> Process:
    subject.declare(newest(subject.cloud, size.running))
    process = subject.start()
    subject.await_all_done(2, PATIENCE_SECONDS)
    return process


def _terraform(stage: Stage, size: Size) -> Follower:
    """One process makes the calls of all: what a thousand applies cost in memory is no fair comparison."""
    instances = newest(stage.cloud, size.running)
    arguments = ["-m", "bench.peers.terraform", stage.project.flavor_id, "3", *instances]
    apply = Process(arguments, stage.folder / "apply.log", peer_environment(stage, 1.0), program=stage.python)
    stage.processes.append(apply)
    apply.start()
    return Follower(TERRAFORM, "nobody", stage.cloud, apply)


def _await_calls(sheet: Sheet, followers: Sequence[Follower], count: int) -> None:
    """Wait until all operations are under way; a peer that is too slow is told, ours may not be."""
    late = list(followers)
    end = time.monotonic() + PATIENCE_SECONDS
    while late and time.monotonic() < end:
        time.sleep(0.5)
        late = [found for found in late if found.cloud.requests().get("enlarge", 0) < count]
    for found in late:
        text = f"{found.name}: {found.cloud.requests().get('enlarge', 0)} of {count} begun in {PATIENCE_SECONDS:.0f} s"
        if found.name == OURS:
            raise TimeoutError(text)
        sheet.note(f"{text}; its numbers are of these.")


def _watch(sheet: Sheet, followers: Sequence[Follower], audit: Audit, seconds: float) -> None:
    meters = {found.name: Meter(found.process.pid) for found in followers}
    before = {found.name: by_route(found.cloud) for found in followers}
    time.sleep(seconds)
    used = {name: meter.read() for name, meter in meters.items()}
    written = audit.by_user()
    for found in followers:
        name, ours = found.name, found.name == OURS
        after = by_route(found.cloud)
        requests = sum(after.values()) - sum(before[name].values())
        sheet.times("cloud requests per minute", name, [requests * MINUTE / seconds], "")
        if ours:
            pages = _grown(before[name], after, "jobs") * POLL_SECONDS / seconds
            sheet.times("of these list pages of jobs, each poll", name, [pages], "", BOUND_PAGES)
        if name != TERRAFORM:
            objects = sum(n for what, n in tally(written.get(found.user, [])).items() if what.startswith("ddm"))
            sheet.times("writes to objects per second", name, [objects / seconds], "")
            sheet.times("CPU, percent of a core", name, [used[name].cores * 100], "%")


def _grown(before: Mapping[str, int], after: Mapping[str, int], route: str) -> int:
    return after.get(route, 0) - before.get(route, 0)
