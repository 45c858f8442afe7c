"""A peer: the calls that the Terraform provider makes for ``node_num``, one apply for each instance, all at once.

Run as ``python -m bench.peers.terraform FLAVOR NODES INSTANCE...``. Prints a line when an apply has ended.
Terraform does not run between two applies: it has no idle cost, and sees no change that nobody asks it for.
"""

from __future__ import annotations

import asyncio
import sys
import time

from bench.peers.cloud import SPEED, Cloud

DELAY_SECONDS = 100.0 / SPEED
INTERVAL_SECONDS = 10.0 / SPEED


async def apply(cloud: Cloud, key: str, flavor: str, nodes: int) -> None:
    """Refresh, enlarge, wait as the provider waits, refresh."""
    instance = await cloud.instance(key)
    await cloud.parameters(key)
    await cloud.enlarge(key, flavor, nodes - instance["node_count"])
    await asyncio.sleep(DELAY_SECONDS)
    while (await cloud.instance(key))["status"] != "RUNNING":  # noqa: ASYNC110  # an HTTP API has no events
        await asyncio.sleep(INTERVAL_SECONDS)
    await cloud.instance(key)
    await cloud.parameters(key)
    print(f"done {key} {time.time():.6f}", flush=True)


async def main() -> None:
    """All applies at once."""
    cloud = Cloud()
    await cloud.log_in()
    await asyncio.gather(*(apply(cloud, key, sys.argv[1], int(sys.argv[2])) for key in sys.argv[3:]))
    await cloud.close()


if __name__ == "__main__":
    asyncio.run(main())
