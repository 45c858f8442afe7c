"""Passes for the work queue that do nothing but take their time."""

from __future__ import annotations

import asyncio

from tests.support.skipping import now


class Recorder:
    """Passes that take a second and are written down."""

    def __init__(self, *answers: float | None) -> None:
        self.answers = list(answers)
        self.started: list[tuple[str, float]] = []
        self.running = 0
        self.most = 0

    async def __call__(self, key: str) -> float | None:
        self.started.append((key, now()))
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(1)
        self.running -= 1
        return self.answers.pop(0) if self.answers else None
