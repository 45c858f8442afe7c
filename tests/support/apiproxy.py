"""An HTTP proxy before the API server that stops chosen requests, before or after they went through.

Plain HTTP on 127.0.0.1 towards the operator, verified TLS towards the API server. It runs in a thread of the test's
process with a loop of its own, so that a test waits for it and kills meanwhile. Of headers it keeps nothing: the token
is passed on and never shown.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

from tests.support.kubeapi import Json

T = TypeVar("T")
When = Literal["before", "after"]

PATIENCE_SECONDS = 30.0
LARGEST_BODY = 8 * 1024 * 1024
CONNECTION_S_OWN = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"})
"""Headers that are not passed on: they speak of one connection, or of a body that is passed on decoded."""


@dataclass(frozen=True)
class Request:
    """A request on its way; ``body`` is empty when it is no JSON object."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Json

    @property
    def watches(self) -> bool:
        return self.query.get("watch") in ("1", "true")


@dataclass(frozen=True)
class Write:
    """A request other than GET that was answered.

    ``at`` is when the answer came to the proxy (seconds since the epoch): nobody behind the proxy knew it before.
    """

    request: Request
    status: int
    at: float

    @property
    def stored(self) -> bool:
        return self.status < HTTPStatus.BAD_REQUEST


class Hold:
    """Stops the first request that it chooses.

    A request that is held ``before`` and whose caller goes away is never forwarded; with ``outlives`` it is, once it is
    released, like one that a network kept for a while.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, chooses: Callable[[Request], bool], when: When, *, outlives: bool
    ) -> None:
        self.chooses = chooses
        self.when = when
        self.outlives = outlives
        self.request: Request | None = None
        """The request that it has chosen."""
        self.status: int | None = None
        """What the API server answered to it."""
        self._loop = loop
        self._held = threading.Event()
        self._gone = threading.Event()
        self._through = threading.Event()
        self._going_on = asyncio.Event()

    def held(self) -> bool:
        """Whether it has stopped a request."""
        return self._held.is_set()

    def gone(self) -> bool:
        """Whether the caller of that request has gone away, and the proxy has noticed."""
        return self._gone.is_set()

    def wait(self) -> None:
        """Wait until it has stopped a request."""
        if not self._held.wait(PATIENCE_SECONDS):
            raise TimeoutError("no request came to be held")

    def wait_gone(self) -> None:
        """Wait until the caller's end was noticed."""
        if not self._gone.wait(PATIENCE_SECONDS):
            raise TimeoutError("the caller did not go away")

    def release(self) -> None:
        """Let it go on; safe to repeat."""
        self._loop.call_soon_threadsafe(self._going_on.set)

    def wait_through(self) -> None:
        """Wait until the API server has answered it."""
        if not self._through.wait(PATIENCE_SECONDS):
            raise TimeoutError("the request did not go through")

    async def stop(self) -> None:
        """The proxy stops the request here."""
        self._held.set()
        await self._going_on.wait()

    def answered(self, status: int) -> None:
        """The proxy has the API server's answer."""
        self.status = status
        self._through.set()

    def lose_caller(self) -> None:
        """The proxy sees the caller's end."""
        self._gone.set()


@dataclass(frozen=True)
class Trouble:
    """What the API server seems to be in; such requests never get there.

    Attributes:
        chooses: whom it hits.
        retry_after: seconds in the header of a 429; None: there is no answer at all.
        hit: when each was hit (seconds of ``time.monotonic``), and what it was.
    """

    chooses: Callable[[Request], bool]
    retry_after: int | None
    hit: list[tuple[float, Request]] = field(default_factory=list)

    def lasted(self) -> float:
        """Seconds from the first that was hit to the last one so far."""
        return self.hit[-1][0] - self.hit[0][0] if self.hit else 0.0


class ApiProxy:
    """Passes on to ``server``, whose certificate ``ca_file`` vouches for; ``writes`` is what went through it."""

    def __init__(self, server: str, ca_file: Path) -> None:
        self.url = ""
        self.writes: list[Write] = []
        self._server = server
        self._tls = ssl.create_default_context(cafile=str(ca_file))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api proxy", daemon=True)
        self._holds: list[Hold] = []
        self._troubles: list[Trouble] = []
        self._tasks: set[asyncio.Task[web.StreamResponse]] = set()
        self._runner: web.AppRunner | None = None
        self._behind: aiohttp.ClientSession | None = None

    @contextmanager
    def hold(self, chooses: Callable[[Request], bool], when: When, *, outlives: bool = False) -> Iterator[Hold]:
        """Stop the first request that is chosen from now on; at the end it goes on."""
        hold = Hold(self._loop, chooses, when, outlives=outlives)
        self._holds.append(hold)
        try:
            yield hold
        finally:
            self._holds.remove(hold)
            hold.release()

    @contextmanager
    def trouble(self, chooses: Callable[[Request], bool], retry_after: int | None) -> Iterator[Trouble]:
        """Turn away whom it chooses, or leave them without an answer, until the end; those stay without one."""
        trouble = Trouble(chooses, retry_after)
        self._troubles.append(trouble)
        try:
            yield trouble
        finally:
            self._troubles.remove(trouble)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _open(self) -> None:
        # Without a time-out: the callers have theirs, and a watch is endless.
        self._behind = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            middlewares=(_once,),
        )
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self) -> None:
        assert self._runner is not None
        assert self._behind is not None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._runner.cleanup()
        await self._behind.close()
        # A connection that is still being closed, TLS says good-bye first, would outlive the loop.
        connections: Any = self._loop._transports  # type: ignore[attr-defined]  # noqa: SLF001  # asyncio tells it nowhere else
        for connection in list(connections.values()):
            connection.abort()
        for _ in range(3):
            await asyncio.sleep(0)

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        content = await http.read()
        request = Request(http.method, http.path, dict(http.query), _parsed(content))
        hold = self._holds_back(request)
        task = asyncio.create_task(self._pass(http, request, content, hold))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if hold is None or not hold.outlives:
                task.cancel()
                await asyncio.wait([task])
            if hold is not None:
                hold.lose_caller()
            raise

    def _holds_back(self, request: Request) -> Hold | None:
        for hold in self._holds:
            if hold.request is None and hold.chooses(request):
                hold.request = request
                return hold
        return None

    async def _pass(self, http: web.Request, request: Request, content: bytes, hold: Hold | None) -> web.StreamResponse:
        if hold is not None and hold.when == "before":
            await hold.stop()
        for trouble in self._troubles:
            if trouble.chooses(request):
                return await _turned_away(trouble, request)
        try:
            if request.watches:
                return await self._stream(http)
            answer = await self._send(http, content)
        except aiohttp.ClientError:
            # The API server is away: its caller's connection ends as it would without a proxy.
            if http.transport is not None:
                http.transport.abort()
            return web.Response()
        if request.method != "GET":
            self.writes.append(Write(request, answer.status, time.time()))
        if hold is not None:
            hold.answered(answer.status)
            if hold.when == "after":
                await hold.stop()
        return answer

    async def _send(self, http: web.Request, content: bytes) -> web.Response:
        async with self._ask(http, content) as answer:
            body = await answer.read()
        return web.Response(status=answer.status, body=body, headers=_passed_on(answer.headers))

    async def _stream(self, http: web.Request) -> web.StreamResponse:
        async with self._ask(http, b"") as answer:
            response = web.StreamResponse(status=answer.status, headers=_passed_on(answer.headers))
            await response.prepare(http)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            return response

    def _ask(self, http: web.Request, content: bytes) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        assert self._behind is not None
        url = URL(self._server + http.raw_path, encoded=True)
        return self._behind.request(http.method, url, data=content or None, headers=_passed_on(http.headers))


async def _turned_away(trouble: Trouble, request: Request) -> web.Response:
    trouble.hit.append((time.monotonic(), request))
    if trouble.retry_after is None:
        await asyncio.Event().wait()
    body = {"kind": "Status", "code": 429, "reason": "TooManyRequests", "message": "the server has too many requests"}
    headers = {"Retry-After": str(trouble.retry_after)}
    return web.json_response(body, status=HTTPStatus.TOO_MANY_REQUESTS, headers=headers)


class _LostError(aiohttp.ClientError):
    """Stands for the errors after which aiohttp would send a PUT once more."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A request repeated by the proxy would look like two of the operator's."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _LostError(str(error)) from error


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in headers.items() if name.lower() not in CONNECTION_S_OWN}
    return {name: value for name, value in kept.items() if name.lower() not in ("host", "accept-encoding")}


def _parsed(content: bytes) -> Json:
    try:
        body = json.loads(content) if content else {}
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
