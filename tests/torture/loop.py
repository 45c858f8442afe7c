"""An event loop that runs one callback when it is told to, in time that belongs to somebody else.

Between two callbacks nothing of a process is under way: there it can be abandoned or frozen, and there are exactly as
many such moments as the program has awaits that really wait.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any

from typing_extensions import override


class Loop(asyncio.BaseEventLoop):
    """Has no selector and no sockets; what comes from outside is put into it between two steps.

    Args:
        time: seconds, from anywhere.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._outside = time
        self.failures: list[dict[str, Any]] = []
        """What a callback raised and nobody took; a process would have logged it."""
        super().__init__()
        self.set_exception_handler(lambda _, context: self.failures.append(context))

    @override
    def time(self) -> float:
        return self._outside()

    def step(self) -> bool:
        """Run one callback that is ready; False when none is."""
        ready, scheduled = self._queues()
        now = self._outside()
        while scheduled and (scheduled[0].cancelled() or scheduled[0].when() <= now):
            handle = heapq.heappop(scheduled)
            handle._scheduled = False  # asyncio's own bookkeeping of cancelled timers
            if not handle.cancelled():
                ready.append(handle)
        if not ready:
            return False
        handle = ready.popleft()
        if not handle.cancelled():
            asyncio._set_running_loop(self)  # as run_forever does
            try:
                handle._run()
            finally:
                asyncio._set_running_loop(None)
        return True

    @property
    def next_due(self) -> float | None:
        """When the next timer rings; None: there is none."""
        _, scheduled = self._queues()
        while scheduled and scheduled[0].cancelled():
            heapq.heappop(scheduled)._scheduled = False
        return scheduled[0].when() if scheduled else None

    def bury(self) -> None:
        """Let everything that is left end, once nobody looks any more."""
        self._run_out()  # what was never begun begins now, and is ended with the rest
        while tasks := asyncio.all_tasks(self):
            for task in tasks:
                task.cancel()
            self._run_out()
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.exception()
        self.close()

    def _run_out(self) -> None:
        for _ in range(100_000):
            if not self.step():
                return

    def _queues(self) -> tuple[Any, Any]:
        return self._ready, self._scheduled  # type: ignore[attr-defined]  # asyncio shows them nowhere else
