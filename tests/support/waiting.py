"""Waiting for what another task or process brings about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return as soon as the condition holds.

    Raises:
        TimeoutError: It did not in time.
    """
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions of many kinds, none of which has an event
            await asyncio.sleep(0.01)
