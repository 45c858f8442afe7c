"""A peer: an idiomatic Kopf operator with one daemon for each object.

Run as ``kopf run --standalone -n NAMESPACE -m bench.peers.daemons``. Storages and settings are Kopf's own.
Complete by itself, as its users would write it, though the other peer begins alike. A daemon
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
    memo: kopf.Memo,
    stopped: kopf.DaemonStopped,
    **_: Any,  # noqa: ANN401  # Kopf's handlers take anything
) -> None:
    """Follow the job if there is one, else wait for a wish for more nodes.

    What was written last is in the memo: the view of the status is behind when many objects change.
    """
    if "job" not in memo:
        memo.job, memo.nodes = status.get("jobId"), status.get("nodes")
    if memo.job:
        await follow(memo, patch)
    if memo.job:
        raise kopf.TemporaryError("the job is running", delay=POLL_SECONDS)
    instance = await cloud.instance(spec["instanceId"])
    if memo.nodes != instance["node_count"]:
        memo.nodes = instance["node_count"]
        patch.status.update({"nodes": memo.nodes, "jobId": None, "progress": None, "phase": "Ready"})
    looked_at = time.monotonic()
    while not patch and spec["nodes"] <= memo.nodes:
        if await stopped.wait(TICK_SECONDS):
            return
        if time.monotonic() - looked_at > LOOK_SECONDS:
            raise kopf.TemporaryError("it is time to look at the instance", delay=TICK_SECONDS)
    if not patch:
        missing = spec["nodes"] - memo.nodes
        memo.job = await cloud.enlarge(spec["instanceId"], spec["flavorId"], missing)
        patch.status.update({"jobId": memo.job, "phase": "ScalingOut"})
    raise kopf.TemporaryError("the object is looked at again", delay=POLL_SECONDS if memo.job else TICK_SECONDS)


async def follow(memo: kopf.Memo, patch: kopf.Patch) -> None:
    """Look at the job; when it has ended, well or not, the nodes are what counts."""
    job = await cloud.job(memo.job)
    if job["status"] == "Running":
        patch.status["progress"] = job["process"]
    else:
        memo.job, memo.nodes = None, 0
