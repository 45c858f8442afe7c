"""The cloud on a port: a thin shell that brings requests in, waits where they wait, and ends connections as told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from ddm_simulator.cloud import Cloud
from ddm_simulator.messages import Ending, Exchange, Pause, Reply, Request

LOOK_SECONDS: Final = 1.0
"""How often a request that waits, and the cloud's own work, are looked at besides being woken: clocks may be set."""

RETRY_SECONDS: Final = 0.05
"""Between attempts to listen again, should somebody have taken the port meanwhile."""

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
    _deaf_until: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)
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
        """Stop listening and end every connection; what is held is not executed any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    def poke(self) -> None:
        """Something changed: it is kept, and whatever waits looks again."""
        self.changed()
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _listen(self) -> None:
        if self._runner is None:
            raise RuntimeError("not started")
        site = web.TCPSite(self._runner, self._host, self.port, reuse_address=True)
        await site.start()
        self._site, self.port = site, self._runner.addresses[0][1]

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        exchange = self.cloud.exchange(await _request(http))
        try:
            reply = await self._drive(exchange)
        finally:
            exchange.close()
            self.poke()
        return await self._send(http, reply)

    async def _drive(self, exchange: Exchange) -> Reply:
        try:
            pause = next(exchange)
            while True:
                self.poke()
                await self._wait(pause)
                pause = exchange.send(None)
        except StopIteration as end:
            reply: Reply = end.value
            return reply

    async def _wait(self, pause: Pause) -> None:
        loop = asyncio.get_running_loop()
        end = None if pause.timeout is None else loop.time() + pause.timeout
        while not pause.ready():
            left = LOOK_SECONDS
            if pause.at is not None:
                left = min(left, pause.at - self.cloud.world.now())
            if end is not None:
                left = min(left, end - loop.time())
            if left <= 0:
                return
            await self._news_or(left)

    async def _news_or(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _live(self) -> None:
        """Let what is due happen while nobody asks."""
        while True:
            due, now = self.cloud.next_due(), self.cloud.world.now()
            if due is None or due > now:
                await self._news_or(LOOK_SECONDS if due is None else min(due - now, LOOK_SECONDS))
            else:
                self.cloud.settle()
                self.poke()

    async def _send(self, http: web.Request, reply: Reply) -> web.StreamResponse:
        if reply.deaf_seconds:
            await self._be_deaf(reply.deaf_seconds)
        if reply.ending is Ending.SILENCE:
            await asyncio.sleep(reply.silent_seconds)
        if reply.ending in (Ending.SILENCE, Ending.RESET):
            _reset(http)
            return web.Response()
        if reply.ending is Ending.TRUNCATED:
            response = web.StreamResponse(status=reply.status, headers=reply.headers)
            response.content_length = len(reply.body)
            await response.prepare(http)
            await response.write(reply.body[: len(reply.body) // 2])
            if http.transport is not None:
                http.transport.close()
            return response
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    async def _be_deaf(self, seconds: float) -> None:
        """Refuse connections from now on; a second time while it lasts makes it last longer."""
        self._deaf_until = max(self._deaf_until, asyncio.get_running_loop().time() + seconds)
        if self._site is not None:
            site, self._site = self._site, None
            await site.stop()
            self._start(self._hear_again())

    async def _hear_again(self) -> None:
        loop = asyncio.get_running_loop()
        while self._site is None:
            await asyncio.sleep(max(RETRY_SECONDS, self._deaf_until - loop.time()))
            with contextlib.suppress(OSError):
                await self._listen()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
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


def _reset(http: web.Request) -> None:
    """End the connection as a failing network does: with a reset, not with an orderly end."""
    transport = http.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
