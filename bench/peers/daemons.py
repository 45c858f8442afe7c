"""A peer: an idiomatic Kopf operator with one daemon for each object.

Run as ``kopf run --standalone -n NAMESPACE -m bench.peers.daemons``. Storages and settings are Kopf's own. A daemon
that raises TemporaryError has its patch written and is called again after the delay.
"""

from __future__ import annotations

import time
from typing import Any

import kopf

from bench.peers.cloud import POLL_SECONDS, SPEED, Cloud

GROUP, VERSION, PLURAL = "peers.example.com", "v1", "ddmscalers"

TICK_SECONDS = 1.0
"""How often a daemon looks whether its spec has changed; nobody tells it."""

LOOK_SECONDS = 300.0 / SPEED
"""How often it looks at an instance where nothing is going on."""

cloud = Cloud()


@kopf.on.startup()
async def log_in(**_: Any) -> None:  # noqa: ANN401  # Kopf's handlers take anything
    """Before the first handler."""
    await cloud.log_in()


@kopf.on.cleanup()
async def close(**_: Any) -> None:  # noqa: ANN401  # Kopf's handlers take anything
    """After the last one."""
    await cloud.close()


@kopf.daemon(GROUP, VERSION, PLURAL)
async def keep(
    spec: kopf.Spec,
    status: kopf.Status,
    patch: kopf.Patch,
    stopped: kopf.DaemonStopped,
    **_: Any,  # noqa: ANN401  # Kopf's handlers take anything
) -> None:
    """Follow the job if there is one, else wait for a wish for more nodes."""
    if status.get("jobId"):
        await follow(spec, status["jobId"], patch)
        running = bool(patch.status["jobId"])
        raise kopf.TemporaryError("the job was looked at", delay=POLL_SECONDS if running else TICK_SECONDS)
    instance = await cloud.instance(spec["instanceId"])
    looked_at = time.monotonic()
    if instance["node_count"] != status.get("nodes") or status.get("phase") != "Ready":
        patch.status["nodes"] = instance["node_count"]
        patch.status["phase"] = "Ready"
    while spec["nodes"] <= instance["node_count"]:
        if patch or time.monotonic() - looked_at > LOOK_SECONDS:
            raise kopf.TemporaryError("there is something to write, or it is time to look", delay=TICK_SECONDS)
        if await stopped.wait(TICK_SECONDS):
            return
    missing = spec["nodes"] - instance["node_count"]
    patch.status["jobId"] = await cloud.enlarge(spec["instanceId"], spec["flavorId"], missing)
    patch.status["phase"] = "ScalingOut"
    raise kopf.TemporaryError("the scale-out has begun", delay=POLL_SECONDS)


async def follow(spec: kopf.Spec, job_id: str, patch: kopf.Patch) -> None:
    """Look at the job; what it says goes into the status."""
    job = await cloud.job(job_id)
    if job["status"] == "Running":
        patch.status["jobId"] = job_id
        patch.status["progress"] = job["process"]
        return
    instance = await cloud.instance(spec["instanceId"])
    patch.status["nodes"] = instance["node_count"]
    patch.status["jobId"] = None
    patch.status["progress"] = None
    patch.status["phase"] = "Ready" if job["status"] == "Completed" else "Failed"
