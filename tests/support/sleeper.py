"""A clock that goes on when somebody sleeps."""

from __future__ import annotations

import asyncio


class Sleeper:
    """Monotonic seconds, and the sleep that makes them pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)
