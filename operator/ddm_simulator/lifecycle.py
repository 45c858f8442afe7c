"""How an accepted operation goes on until it has ended.

A job runs for `job_seconds`. Then four facts become true, one after another: new nodes are listed (or removed ones are
gone), they are healthy, the instance is RUNNING again, the job is Completed. Order and gaps are settings, for no source
promises them. When `count` comes first, new nodes are listed as `creating` long before the end already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from ddm_simulator.model import Fact, Fate, Instance, Job, Node, Order
from ddm_simulator.schedule import Step
from ddm_simulator.world import World

Kind: TypeAlias = Literal["EnlargeNode", "ReduceNode"]

EARLY: Final = 0.2
"""The part of a job's time after which new nodes are listed, when `count` is the first fact."""

BUSY: Final[dict[Kind, str]] = {"EnlargeNode": "GROWING", "ReduceNode": "REDUCING"}


def begin(
    world: World,
    instance: Instance,
    now: float,
    fate: Fate,
    *,
    added: Sequence[Node] = (),
    removed: Sequence[str] = (),
) -> Job:
    """Start adding or removing nodes."""
    kind: Kind = "EnlargeNode" if added else "ReduceNode"
    length = world.settings.job_seconds / world.clock.speed
    job = Job(
        id=world.ids.uuid(),
        name=kind,
        project_id=instance.project_id,
        instance_id=instance.id,
        instance_name=instance.name,
        created=now,
        expected=now + length,
        added=tuple(added),
        removed=tuple(removed),
        fate=fate,
    )
    world.jobs.put(job.id, job, now)
    world.instances.put(instance.id, replace(instance, status=BUSY[kind], updated=now), now)
    _plan(world, job, now, length)
    return job


def finish(world: World, job: Job, fate: Fate, now: float) -> None:
    """End a running job now, in the order that is set."""
    world.schedule.drop(job.id, now)
    world.jobs.put(job.id, replace(job, fate=fate, expected=now), now)
    _plan(world, replace(job, fate=fate), now, 0.0)


def pay(world: World, order: Order, now: float) -> Job:
    """Start what a yearly/monthly instance's order asks for.

    Raises:
        LookupError: The instance is gone, or it is paid already.
    """
    instance = world.instances.get(order.instance_id)
    if instance is None or order.job_id:
        raise LookupError(order.id)
    job = begin(world, instance, now, order.fate, added=order.added, removed=order.removed)
    world.orders.put(order.id, replace(order, job_id=job.id), now)
    return job


def progress(job: Job, now: float) -> str:
    """As the task centre shows it: ``60%``, and nothing once the job has ended."""
    if job.status != "Running":
        return ""
    length = job.expected - job.created
    percent = 99 if length <= 0 else min(99, max(0, int(100 * (now - job.created) / length)))
    return f"{min(percent, job.fate.percent) if job.fate.ends == 'never' else percent}%"


def apply(world: World, step: Step) -> None:
    """Let a fact become true."""
    job = world.jobs.get(step.job_id)
    instance = world.instances.get(job.instance_id) if job is not None else None
    if job is None or step.fact is None:
        return
    if step.fact == "job":
        failed = job.fate.ends == "fails"
        job = replace(job, status="Failed" if failed else "Completed", ended=step.due, fail_reason=job.fate.reason)
    elif instance is not None:
        changed = replace(_changed(instance, job, step.fact), updated=step.due)
        world.instances.put(instance.id, changed, step.due)
    world.jobs.put(job.id, replace(job, facts=(*job.facts, step.fact)), step.due)


def _plan(world: World, job: Job, now: float, length: float) -> None:
    order = world.settings.settle_order
    moment = now + length
    for fact, gap in zip(order, (*world.settings.gaps(), 0.0), strict=True):
        early = fact == "count" and fact == order[0] and bool(job.added)
        due = now + EARLY * length if early else moment
        if fact not in job.facts and (early or job.fate.ends != "never"):
            world.schedule.fact(due, job.id, fact)
        moment += gap / world.clock.speed


def _changed(instance: Instance, job: Job, fact: Fact) -> Instance:
    if fact == "status":
        return replace(instance, status="RUNNING") if instance.status == BUSY[job.name] else instance
    if fact == "count":
        listed = outcome(job) if "health" in job.facts else tuple(replace(n, status="creating") for n in job.added)
        gone = set(job.removed) if job.fate.ends == "completes" else set()
        return replace(instance, nodes=(*(node for node in instance.nodes if node.id not in gone), *listed))
    if "count" not in job.facts:
        return instance
    present = {node.id for node in instance.nodes}
    ours = {node.id for node in job.added}
    settled = (node for node in outcome(job) if node.id in present)
    return replace(instance, nodes=(*(node for node in instance.nodes if node.id not in ours), *settled))


def outcome(job: Job) -> tuple[Node, ...]:
    """The new nodes as they are in the end."""
    if job.fate.ends != "fails":
        return job.added
    kept = job.added[: job.fate.kept_nodes]
    failed = job.added[job.fate.kept_nodes : job.fate.kept_nodes + job.fate.failed_nodes]
    return (*kept, *(replace(node, status="enlargefail") for node in failed))
