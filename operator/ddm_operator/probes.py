"""``/healthz``, ``/readyz`` and ``/metrics`` over HTTP, served by the loop that does the work.

Neither answer depends on the cloud. A restart does not mend somebody else's outage, and it would lose what the process
knows of its own calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

PULSE_SECONDS = 1.0
"""Between two beats of the loop."""

LONGEST_PAUSE_SECONDS = 30.0
"""Without a beat. Collecting garbage and reading a long list take a second or two; half a minute is a hang."""


@dataclass
class Health:
    """What the process knows of its own state; whoever takes part says so here.

    Args:
        monotonic: seconds on a clock that never goes back.
        longest_pause: seconds without a beat after which the loop counts as hanging.
    """

    monotonic: Callable[[], float]
    longest_pause: float = LONGEST_PAUSE_SECONDS
    _parts: dict[str, tuple[bool, str]] = field(default_factory=dict)
    _last_beat: float | None = None

    def beat(self) -> None:
        """Show that the loop lives."""
        self._last_beat = self.monotonic()

    def ready(self, part: str, note: str = "") -> None:
        """A part works; ``note`` is for people, such as ``standing by, pod-1 leads``."""
        self._parts[part] = (True, note)

    def unready(self, part: str, reason: str) -> None:
        """A part does not work yet, or no longer; ``reason`` says what it waits for."""
        self._parts[part] = (False, reason)

    def alive(self) -> tuple[bool, str]:
        """Whether the loop's last beat is recent, and a sentence."""
        if self._last_beat is None:
            return False, "the loop has not begun"
        age = self.monotonic() - self._last_beat
        return age <= self.longest_pause, f"last beat {age:.1f} s ago"

    def is_ready(self) -> tuple[bool, str]:
        """Whether every part works, and one line per part."""
        lines = (
            f"[{'+' if works else '-'}] {part}: {note or 'ok'}" for part, (works, note) in sorted(self._parts.items())
        )
        works = bool(self._parts) and all(works for works, _ in self._parts.values())
        return works, "\n".join(lines) or "[-] nothing has started yet"


class Probes:
    """The HTTP server.

    Args:
        health: what is told.
        metrics: renders the metrics when they are asked for.
        content_type: of the metrics.
    """

    def __init__(self, health: Health, metrics: Callable[[], bytes], content_type: str) -> None:
        self._health = health
        self._metrics = metrics
        self._content_type = content_type
        self._runner: web.AppRunner | None = None
        self._pulse: asyncio.Task[None] | None = None

    async def start(self, host: str | None, port: int) -> int:
        """Listen, and begin to beat.

        Args:
            host: address; None is all of the machine's.
            port: 0 takes a free one.

        Returns:
            The port that is listened on.

        Raises:
            OSError: the address is in use, or is none of this machine's.
        """
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._render)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._health.beat()
        self._pulse = asyncio.create_task(self._beat(), name="pulse")
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening; nothing when it never began."""
        if self._pulse is not None:
            self._pulse.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _beat(self) -> None:
        while True:
            self._health.beat()
            await asyncio.sleep(PULSE_SECONDS)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _answer(*self._health.alive())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer(*self._health.is_ready())

    async def _render(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": self._content_type})


def _answer(works: bool, text: str) -> web.Response:  # noqa: FBT001  # the first half of what Health tells
    status = web.HTTPOk.status_code if works else web.HTTPServiceUnavailable.status_code
    return web.Response(text=text + "\n", status=status)
