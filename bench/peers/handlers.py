"""A peer: an idiomatic Kopf operator with change handlers, a timer, and TemporaryError to look again.

Run as ``kopf run --standalone -n NAMESPACE -m bench.peers.handlers``. Storages and settings are Kopf's own.
Complete by itself, as its users would write it, though the other peer begins alike.
"""

from __future__ import annotations

from typing import Any

import kopf

from bench.peers.cloud import POLL_SECONDS, SPEED, Cloud

GROUP, VERSION, PLURAL = "peers.example.com", "v1", "ddmscalers"

cloud = Cloud()


@kopf.on.startup()
async def log_in(**_: Any) -> None:  # noqa: ANN401  # Kopf's handlers take anything
    """Before the first handler."""
    await cloud.log_in()


@kopf.on.cleanup()
async def close(**_: Any) -> None:  # noqa: ANN401  # Kopf's handlers take anything
    """After the last one."""
    await cloud.close()


@kopf.on.create(GROUP, VERSION, PLURAL)
@kopf.on.update(GROUP, VERSION, PLURAL, field="spec.nodes")
async def scale(
    spec: kopf.Spec,
    status: kopf.Status,
    patch: kopf.Patch,
    **_: Any,  # noqa: ANN401  # Kopf's handlers take anything
) -> None:
    """Begin a scale-out, and be called again until its job has ended."""
    job_id = status.get("jobId")
    if not job_id:
        instance = await cloud.instance(spec["instanceId"])
        missing = spec["nodes"] - instance["node_count"]
        if missing <= 0:
            patch.status["nodes"] = instance["node_count"]
            patch.status["phase"] = "Ready"
            return
        patch.status["jobId"] = await cloud.enlarge(spec["instanceId"], spec["flavorId"], missing)
        patch.status["phase"] = "ScalingOut"
        raise kopf.TemporaryError("the scale-out has begun", delay=POLL_SECONDS)
    job = await cloud.job(job_id)
    if job["status"] == "Running":
        patch.status["progress"] = job["process"]
        raise kopf.TemporaryError("the job is running", delay=POLL_SECONDS)
    instance = await cloud.instance(spec["instanceId"])
    patch.status["nodes"] = instance["node_count"]
    patch.status["jobId"] = None
    patch.status["progress"] = None
    patch.status["phase"] = "Ready" if job["status"] == "Completed" else "Failed"


@kopf.timer(GROUP, VERSION, PLURAL, interval=300 / SPEED, initial_delay=300 / SPEED)
async def observe(
    spec: kopf.Spec,
    status: kopf.Status,
    patch: kopf.Patch,
    **_: Any,  # noqa: ANN401  # Kopf's handlers take anything
) -> None:
    """Look whether somebody has changed the instance."""
    if status.get("jobId"):
        return
    instance = await cloud.instance(spec["instanceId"])
    if instance["node_count"] != status.get("nodes"):
        patch.status["nodes"] = instance["node_count"]
