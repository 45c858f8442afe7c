"""Who wrote what to the API server, from its audit log, read onwards from where the last reading ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

READS = ("get", "list", "watch")
SUCCESS = 300


@dataclass(frozen=True)
class Write:
    """A writing request that was accepted."""

    user: str
    verb: str
    resource: str
    """With the subresource: ``ddminstances/status``."""
    name: str
    at: float
    """When the API server received it (seconds since the epoch)."""
    body: dict[str, Any]
    """Empty for what the audit policy keeps no bodies of."""


class Audit:
    """Reads forward only; a log of ten thousand objects has a hundred megabytes."""

    def __init__(self, log: str) -> None:
        self._log = Path(log)
        self._offset = self._log.stat().st_size

    def skip(self) -> None:
        """Forget all that was written until now."""
        self._offset = self._log.stat().st_size

    def writes(self, user: str) -> list[Write]:
        """A user's since the last reading; all others' in between are skipped too."""
        return [write for write in map(_write, self._lines(user.encode())) if write and write.user == user]

    def by_user(self) -> dict[str, list[Write]]:
        """Everybody's since the last reading."""
        found: dict[str, list[Write]] = {}
        for write in map(_write, self._lines(b"")):
            if write:
                found.setdefault(write.user, []).append(write)
        return found

    def _lines(self, needle: bytes) -> Iterator[bytes]:
        with self._log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                if needle in line:
                    yield line


def tally(writes: list[Write]) -> Counter[str]:
    """How many by resource, the status counted with its object."""
    return Counter(write.resource.partition("/")[0] for write in writes)


def _write(line: bytes) -> Write | None:
    event = json.loads(line)
    if event["verb"] in READS or event["stage"] != "ResponseComplete" or event["responseStatus"]["code"] >= SUCCESS:
        return None
    target = event.get("objectRef", {})
    resource = "/".join(part for part in (target.get("resource", ""), target.get("subresource", "")) if part)
    body = event.get("requestObject")
    return Write(
        user=event["user"]["username"],
        verb=event["verb"],
        resource=resource,
        name=target.get("name", ""),
        at=datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp(),
        body=body if isinstance(body, dict) else {},
    )
