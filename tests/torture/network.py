"""The ways between one operator and the world: what was sent arrives or not, whether or not its sender still lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Protocol

import httpx
from typing_extensions import override

from ddm_operator.cloud.enlarge import FIRST_BYTE
from ddm_operator.kube.client import AnsweredError, NoAnswerError, NotSentError
from ddm_simulator.messages import Ending, Exchange, Reply, Request
from tests.torture.apiserver import Json
from tests.torture.universe import START, Universe

API_TIMEOUT = 5.0
"""Seconds that an operator waits for the API server, as in the product."""

TOO_LATE = 7.0
"""Seconds after which a slow message arrives: its sender has given up."""


class Witness(Protocol):
    """Who is told of what passes by."""

    def sends(self, number: int, method: str, path: str, body: Mapping[str, Any] | None) -> None:
        """A request of an operator arrives at the API server."""

    def stores(self, number: int, before: Json, after: Json) -> None:
        """An operator's write was stored."""

    def calls(self, number: int, entry_id: str) -> None:
        """An operator's mutating request has reached the cloud."""


@dataclass
class Wayside:
    """What an operator's two ways have in common."""

    universe: Universe
    witness: Witness
    number: int
    dead: bool = False

    def bring(self, future: asyncio.Future[Any], value: object) -> None:
        """Put an answer into the operator, if there still is one that waits for it."""
        if self.dead or future.done():
            return
        if isinstance(value, Exception):
            future.set_exception(value)
        else:
            future.set_result(value)

    @property
    def lost_at_death(self) -> bool:
        """Whether a message whose sender died while it was under way got lost with it."""
        return self.dead and self.universe.chance.random() < 1 / 2


@dataclass
class ApiLine(Wayside):
    """The API server as one operator reaches it; in the place of ``kube.client.ApiServer``."""

    restraint = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: object = (),
        accept: str = "",
        content_type: str = "",
        timeout: float | None = None,  # noqa: ASYNC109  # the product's signature
    ) -> Json:
        """Send one request; raises as the product's client does."""
        del query, accept, content_type
        if self._weather() == "refused":
            await asyncio.sleep(self.universe.travel())
            raise NotSentError("no connection to the API server")
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        late = self._weather() == "slow"
        self.universe.later(
            TOO_LATE if late else self.universe.travel(), lambda: self._arrive(future, method, path, body)
        )
        try:
            async with asyncio.timeout(timeout or API_TIMEOUT):
                return await future
        except TimeoutError as error:
            raise NoAnswerError("no answer from the API server") from error

    def _weather(self) -> str:
        weather = self.universe.weather
        return weather.kind if self.universe.time < weather.until else "fine"

    def _arrive(self, future: asyncio.Future[Json], method: str, path: str, body: Mapping[str, Any] | None) -> None:
        weather = self._weather()
        if weather in ("hole", "refused") or self.lost_at_death:
            return
        chance = self.universe.chance
        busy = AnsweredError(HTTPStatus.SERVICE_UNAVAILABLE, {"message": "the server is not ready"}, 1.0)
        if weather == "errors" and chance.random() < 1 / 2:
            self._answer(future, busy)
            return
        answer = self._carry_out(method, path, body)
        if weather == "deaf":
            return
        self._answer(future, busy if weather == "errors" and chance.random() < 1 / 2 else answer)

    def _carry_out(self, method: str, path: str, body: Mapping[str, Any] | None) -> Json | AnsweredError:
        self.witness.sends(self.number, method, path, body)
        key = "/".join(path.split("/")[-4:-1:2]) if path.endswith("/status") else ""
        before = self.universe.api.stored.get(key)
        try:
            answer = self.universe.api.request(method, path, body)
        except AnsweredError as error:
            return error
        if before is not None and self.universe.api.stored[key] is not before:
            self.witness.stores(self.number, before, self.universe.api.stored[key])
        return answer

    def _answer(self, future: asyncio.Future[Json], answer: Json | AnsweredError) -> None:
        self.universe.later(self.universe.travel(), lambda: self.bring(future, answer))


class HalfAnswer(httpx.AsyncByteStream):
    """A body whose second half never comes."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body[: len(self._body) // 2]
        raise httpx.RemoteProtocolError("the connection was cut in the middle of the body")


@dataclass
class Flight:
    """A request that the cloud has received."""

    future: asyncio.Future[Any]
    exchange: Exchange
    restarts: int
    closed: bool = False


@dataclass
class CloudLine(Wayside, httpx.AsyncBaseTransport):
    """The cloud as one operator reaches it; in the place of httpx's transport."""

    flights: list[Flight] = field(default_factory=list)

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        if self.universe.time < self.universe.deaf_until:
            await asyncio.sleep(self.universe.travel())
            raise httpx.ConnectError("the connection was refused", request=request)
        trace = request.extensions.get("trace")
        if trace is not None:
            await trace(FIRST_BYTE, {"request": SimpleNamespace(method=request.method.encode())})
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        arrived = Request(
            request.method,
            request.url.path,
            tuple(request.url.params.multi_items()),
            {name.lower(): value for name, value in request.headers.items()},
            body,
        )
        self.universe.later(self.universe.travel(), lambda: self._arrive(future, arrived))
        reply = await future
        if reply.ending is Ending.SILENCE:
            await asyncio.sleep(reply.silent_seconds)
        if reply.ending in (Ending.SILENCE, Ending.RESET):
            raise httpx.ReadError("the connection was cut", request=request)
        stream: httpx.AsyncByteStream = httpx.ByteStream(reply.body)
        if reply.ending is Ending.TRUNCATED:
            stream = HalfAnswer(reply.body)
        return httpx.Response(reply.status, headers=dict(reply.headers), stream=stream, request=request)

    def die(self) -> None:
        """The operator is gone: what the cloud has received goes on, or ends because nobody listens."""
        self.dead = True
        for flight in self.flights:
            if self.universe.chance.random() < 1 / 2:
                flight.exchange.close()
                flight.closed = True

    def _arrive(self, future: asyncio.Future[Any], request: Request) -> None:
        if self.lost_at_death:
            return
        flight = Flight(future, self.universe.cloud.exchange(request), self.universe.restarts)
        self.flights.append(flight)
        entries = len(self.universe.world.entries)
        self._drive(flight)
        if len(self.universe.world.entries) > entries:
            self.witness.calls(self.number, str(entries + 1))

    def _drive(self, flight: Flight) -> None:
        """Let the exchange go on until it waits for time, or ends."""
        if flight.closed:
            return
        if flight.restarts != self.universe.restarts:
            self._land(flight, httpx.ReadError("the connection was cut"))
            return
        try:
            pause = next(flight.exchange)
        except StopIteration as end:
            reply: Reply = end.value
            self.universe.deaf_until = max(self.universe.deaf_until, self.universe.time + reply.deaf_seconds)
            self._land(flight, reply)
        else:
            assert pause.at is not None, "only time is waited for here"
            self.universe.later(max(0.0, pause.at - START - self.universe.time), lambda: self._drive(flight))

    def _land(self, flight: Flight, answer: Reply | Exception) -> None:
        self.flights.remove(flight)
        self.universe.later(self.universe.travel(), lambda: self.bring(flight.future, answer))
