"""Kopf and nothing else: it watches ``DDMInstance`` objects and does nothing, so what it keeps of each is Kopf's own.

Run as ``kopf run --standalone -n NAMESPACE -m bench.peers.watcher``. Says ``Seen`` when it has seen so many as
``PEER_OBJECTS`` tells. Storages and settings are Kopf's own, but for lists, which come in pages as ours do.
"""

from __future__ import annotations

import os
from typing import Any

import kopf

EXPECTED = int(os.environ["PEER_OBJECTS"])

seen: set[str] = set()


@kopf.on.startup()
def begin(settings: kopf.OperatorSettings, **_: Any) -> None:  # noqa: ANN401  # Kopf's handlers take anything
    """Nothing is to be seen when nothing is there."""
    settings.watching.chunk_size = 100  # or what it keeps of one huge list hides what it keeps of each object
    _tell()


@kopf.on.event("ddm.huaweicloud.com", "v1beta1", "ddminstances")
def see(uid: str | None, **_: Any) -> None:  # noqa: ANN401  # Kopf's handlers take anything
    """Count it."""
    seen.add(uid or "")
    _tell()


def _tell() -> None:
    if len(seen) == EXPECTED:
        print("Seen", flush=True)
