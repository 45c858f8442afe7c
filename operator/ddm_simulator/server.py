"""The cloud on a port: a thin shell that brings requests in, waits where they wait, and ends connections as told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from ddm_simulator.cloud import Cloud
from ddm_simulator.messages import Ending, Exchange, Pause, Reply, Request

LOOK_SECONDS: Final = 0.02
"""How often a request that waits, and the cloud's own work, are looked at besides being woken."""

GRACE_SECONDS: Final = 0.2
"""How long connections may take to end when the server stops."""

Changed = Callable[[], None]


@dataclass
class Server:
    """A cloud on an address.

    Args:
        cloud: what answers.
        control: adds the control API's routes to the application.
        changed: called when the cloud's state may have changed; the state file is written then.
    """

    cloud: Cloud
    control: Callable[[web.Application, Server], None]
    changed: Changed = lambda: None
    port: int = 0
    _host: str = ""
    _runner: web.AppRunner | None = None
    _site: web.TCPSite | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, host: str, port: int) -> None:
        """Listen; ``port`` 0 takes a free one, which ``self.port`` tells.

        Raises:
            OSError: the address cannot be listened on.
        """
        app = web.Application(client_max_size=12 * 1024 * 1024)
        self.control(app, self)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=GRACE_SECONDS, keepalive_timeout=75
        )
        await self._runner.setup()
        self._host, self.port = host, port
        await self._listen()
        self._start(self._live())

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cloud.world.holds.release()
        if self._runner is not None:
            await self._runner.cleanup()

    async def poke(self) -> None:
        """Something changed: whatever waits looks again."""
        self.changed()
        async with self._news:
            self._news.notify_all()

    async def _listen(self) -> None:
        if self._runner is None:
            raise RuntimeError("not started")
        self._site = web.TCPSite(self._runner, self._host, self.port, reuse_address=True)
        await self._site.start()
        if self.port == 0 and self._site._server is not None:  # noqa: SLF001  # aiohttp tells the port nowhere else
            self.port = self._site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]  # noqa: SLF001  # as above

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        exchange = self.cloud.exchange(await _request(http))
        try:
            reply = await self._drive(exchange)
        finally:
            exchange.close()
            await self.poke()
        return await self._send(http, reply)

    async def _drive(self, exchange: Exchange) -> Reply:
        try:
            pause = next(exchange)
            while True:
                await self.poke()
                await self._wait(pause)
                pause = exchange.send(None)
        except StopIteration as end:
            reply: Reply = end.value
            return reply

    async def _wait(self, pause: Pause) -> None:
        loop = asyncio.get_running_loop()
        end = None if pause.timeout is None else loop.time() + pause.timeout
        while not pause.ready():
            if pause.at is not None and self.cloud.world.now() >= pause.at:
                return
            if end is not None and loop.time() >= end:
                return
            await self._news_or(LOOK_SECONDS)

    async def _news_or(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait()

    async def _live(self) -> None:
        """Let what is due happen while nobody asks."""
        while True:
            due = self.cloud.next_due()
            if due is not None and due <= self.cloud.world.now():
                self.cloud.settle()
                await self.poke()
            await self._news_or(LOOK_SECONDS)

    async def _send(self, http: web.Request, reply: Reply) -> web.StreamResponse:
        if reply.deaf_seconds:
            self._start(self._be_deaf(reply.deaf_seconds))
        if reply.ending is Ending.SILENCE:
            await asyncio.sleep(reply.silent_seconds)
        if reply.ending in (Ending.SILENCE, Ending.RESET):
            return _cut(http)
        if reply.ending is Ending.TRUNCATED:
            response = web.StreamResponse(status=reply.status, headers=reply.headers)
            response.content_length = len(reply.body)
            await response.prepare(http)
            await response.write(reply.body[: len(reply.body) // 2])
            return _cut(http, response)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    async def _be_deaf(self, seconds: float) -> None:
        if self._site is None:
            return
        await self._site.stop()
        await asyncio.sleep(seconds)
        await self._listen()

    def _start(self, work: asyncio.Future[None] | object) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[arg-type]  # a coroutine of ours
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _request(http: web.Request) -> Request:
    return Request(
        method=http.method,
        path=http.path,
        query=tuple(http.query.items()),
        headers={name.lower(): value for name, value in http.headers.items()},
        body=await http.read(),
    )


def _cut(http: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """End the connection as a failing network does."""
    if http.transport is not None:
        http.transport.abort()
    return response if response is not None else web.Response()
