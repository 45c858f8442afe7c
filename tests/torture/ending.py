"""The end of a story: nothing disturbs any more, people do what they are asked to, and everything comes to rest."""

from __future__ import annotations

from typing import Final

from tests.torture.apiserver import Json
from tests.torture.story import BrokenPromiseError, Story

ROUNDS: Final = 16
ROUND_SECONDS: Final = 900.0
CALM_SECONDS: Final = 3600.0
PASSES_PER_HOUR: Final = 20
"""Of one object at rest: every five minutes, and what a reconcile of the store or a token brings besides."""


def end(story: Story) -> None:
    """Let everything come to rest, and see that it did.

    Raises:
        BrokenPromiseError: it did not.
    """
    calm(story)
    for _ in range(ROUNDS):
        story.run(ROUND_SECONDS)
        if not any(unrest(story, body) for body in story.universe.api.stored.values()):
            break
        if any(job.fate.ends == "never" for job in story.running_jobs()):
            story.finish_job(well=True)
        story.people.help()
    broken = [found for body in story.universe.api.stored.values() if (found := unrest(story, body))]
    before = sum(replica.outside.passes for replica in story.replicas)
    story.run(CALM_SECONDS)
    passes = sum(replica.outside.passes for replica in story.replicas) - before
    most = PASSES_PER_HOUR * len(story.replicas) * len(story.universe.api.stored)
    if passes > most:
        broken.append(f"{passes} passes in an hour in which nothing happened, at most {most} are right")
    if broken:
        story.oracle.violations += broken
        raise BrokenPromiseError(story.tell())


def calm(story: Story) -> None:
    """End every fault that is there."""
    universe = story.universe
    story.told.append(f"{universe.time:9.2f} s  nothing disturbs any more")
    universe.weather.until = universe.deaf_until = 0.0
    universe.api.secrets.clear()
    for fault in list(universe.world.fault_table.values()):
        universe.world.fault_table.remove(fault.id, universe.clock.now())


def unrest(story: Story, body: Json) -> str:
    """What is not yet as it should be in the end; empty when all is well."""
    name, spec, status = body["metadata"]["name"], body["spec"], body["status"]
    conditions = {said["type"]: said for said in status.get("conditions", ())}
    ready = conditions.get("Ready", {})
    wanted, there = spec.get("nodes"), story.universe.instance.nodes
    if status.get("observedGeneration") != body["metadata"]["generation"]:
        return f"{name} was never looked at as it is now: {ready}"
    elder = min(story.universe.api.stored.values(), key=_age)
    if elder is not body:
        right = ready.get("reason") == "InstanceClaimed"
    elif wanted is None:
        right = ready.get("reason") == "ObserveOnly" and ready["status"] == "True"
    elif len(there) > wanted:
        right = ready.get("reason") == "ScaleInForbidden"
    elif len(there) < wanted:
        right = spec["paused"] and ready.get("reason") == "Paused"
    else:
        right = ready.get("status") == "True" and all(node.status == "normal" for node in there)
    if not right:
        return f"{name} wants {wanted} nodes, there are {len(there)}, and in the end it says {ready}"
    return _job(story, status.get("operation") or {})


def _job(story: Story, operation: Json) -> str:
    """A job that the cloud has shown all the time is the journal's."""
    entries = {intent.id: entry for entry, intent in story.oracle.by_entry.items()}
    entry = story.universe.world.entries.get(entries.get(operation.get("id", ""), ""))
    if entry is None or story.hidden or operation.get("phase") != "Succeeded" or not entry.executed:
        return ""
    found = operation.get("jobId", "")
    return "" if found == entry.job_id else f"the job {entry.job_id} is not in the journal, which says {found!r}"


def _age(body: Json) -> tuple[str, str]:
    return body["metadata"]["creationTimestamp"], body["metadata"]["uid"]
