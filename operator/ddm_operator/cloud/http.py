"""One endpoint over HTTP: bounded in time, size and number, and never repeated by itself."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx

from ddm_operator.cloud import bounded
from ddm_operator.cloud.bucket import Bucket, Policy
from ddm_operator.cloud.limiter import Limiter, Slots
from ddm_operator.cloud.turns import Turns
from ddm_operator.cloud.wire import failure
from ddm_operator.domain import reasons
from ddm_operator.errors import TransientError

POLICY: Final = re.compile(r"(?:limit:(\d+),\s*)?time:(\d+)\s*(second|minute|hour|day)")
"""The gateway's throttling policy in the text of a 429, such as ``limit:200,time:5 minute``."""

UNITS: Final = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
LONGEST_PAUSE: Final = 60.0
"""Seconds; the gateway's advice is to wait for a minute at most."""

HEADERS: Final = {"User-Agent": "ddm-operator", "Accept": "application/json", "Accept-Encoding": "identity"}

SHOWN_CHARACTERS: Final = 300
TOO_MANY: Final = 429

Trace = Callable[[str, dict[str, Any]], Awaitable[None]]
Observe = Callable[[str, str, float], None]
"""Takes the route's name, the outcome and the seconds that it took."""


@dataclass(frozen=True)
class Ask:
    """A request. ``path`` and ``query`` are not yet percent-encoded."""

    route: str
    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    mutates: bool = False
    """Whether it changes something that costs money; such calls have a pace of their own."""


@dataclass(frozen=True)
class Answer:
    """What came back. ``body`` is parsed JSON, None when it is none; ``date`` is the cloud's own clock."""

    status: int
    body: object
    date: datetime | None
    retry_after: float | None
    headers: httpx.Headers = field(repr=False)

    @property
    def accepted(self) -> bool:
        """Any 2xx."""
        return httpx.codes.OK <= self.status < httpx.codes.MULTIPLE_CHOICES

    @property
    def code(self) -> str:
        """The error's code; empty when there is none."""
        return failure(self.body).code

    @property
    def text(self) -> str:
        """The error's message, short, and without the signed request that the gateway echoes."""
        return re.split(r",?\s*canonicalRequest", failure(self.body).message)[0][:SHOWN_CHARACTERS]


class Http:
    """One endpoint.

    Args:
        connections: shared by all endpoints; they follow no redirect and retry nothing.
        base: address without a trailing slash.
        limiter: of this endpoint and credential.
        slots: of whoever uses this endpoint: what hangs for one of them holds up nobody else.
        timeout: seconds for one whole exchange of a read.
        monotonic: seconds.
        observe: is told about every exchange.
    """

    def __init__(
        self,
        connections: httpx.AsyncBaseTransport,
        base: str,
        limiter: Limiter,
        slots: Slots,
        *,
        timeout: float,
        monotonic: Callable[[], float],
        observe: Observe,
    ) -> None:
        self._connections = connections
        self._base = base
        self._timeout = timeout
        self._monotonic = monotonic
        self._observe = observe
        self._slots = slots
        self.limiter = limiter
        self.host = urlsplit(base).netloc
        self.turns = Turns(limiter, self.host)

    async def ask(self, ask: Ask, headers: dict[str, str], still: Callable[[], None] = lambda: None) -> Answer:
        """Ask when it is this request's turn; ``still`` is called then, and may raise that it shall not be sent.

        Raises:
            TransientError: no answer came, or the endpoint is throttled.
        """
        async with self._slots.slot():
            await self.turns.read()
            still()
            try:
                return await self.exchange(ask, headers, self._timeout)
            except (httpx.HTTPError, TimeoutError) as error:
                raise unreachable(self.host, error) from None

    async def exchange(self, ask: Ask, headers: dict[str, str], timeout: float, trace: Trace | None = None) -> Answer:  # noqa: ASYNC109  # bounds the whole exchange, with what httpx does not count
        """Send once, now, and read the whole answer.

        Raises:
            httpx.HTTPError: no answer, or half of one.
            TimeoutError: not within ``timeout`` seconds.
        """
        query = f"?{urlencode(ask.query, quote_via=quote)}" if ask.query else ""
        url = f"{self._base}{quote(ask.path, safe='/~')}{query}"
        extensions = {"trace": trace} if trace is not None else {}
        request = httpx.Request(
            ask.method, url, headers={**HEADERS, **headers}, content=ask.body, extensions=extensions
        )
        began, outcome = self._monotonic(), "no_answer"
        try:
            async with asyncio.timeout(timeout):
                answer = await _whole(await self._connections.handle_async_request(request), request)
            outcome = str(answer.status)
        except (httpx.TimeoutException, TimeoutError):
            outcome = "timeout"
            raise
        finally:
            self._observe(ask.route, outcome, self._monotonic() - began)
        if answer.status == TOO_MANY:
            self._bucket(ask).throttled(began, answer.retry_after or LONGEST_PAUSE / 4, _policy(answer.body))
        return answer

    def _bucket(self, ask: Ask) -> Bucket:
        return self.limiter.writes if ask.mutates else self.limiter.reads


async def _whole(response: httpx.Response, request: httpx.Request) -> Answer:
    response.request = request
    try:
        content = await bounded.read(response.aiter_raw(), response.headers.get("Content-Encoding", ""))
        body = bounded.parse(content)
    except bounded.UnboundedError as error:
        raise httpx.DecodingError(str(error), request=request) from None
    finally:
        await response.aclose()
    return Answer(response.status_code, body, _date(response.headers), _retry_after(response, body), response.headers)


def _date(headers: httpx.Headers) -> datetime | None:
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return date if date.tzinfo is not None else None


def _retry_after(response: httpx.Response, body: object) -> float | None:
    """Seconds that the cloud asks for: by the standard's header, else by the policy in the gateway's text."""
    header = response.headers.get("Retry-After", "").strip()
    if header.isascii() and header.isdigit():
        return float(min(int(header), 10 * LONGEST_PAUSE))
    told = POLICY.search(failure(body).message) if response.status_code == TOO_MANY else None
    return min(int(told[2]) * UNITS[told[3]], LONGEST_PAUSE) if told else None


def _policy(body: object) -> Policy | None:
    """The limit that the gateway's text tells of, when it can be kept to."""
    told = POLICY.search(failure(body).message)
    if told is None or told[1] is None or not int(told[1]) or not int(told[2]):
        return None
    return Policy(int(told[1]), int(told[2]) * UNITS[told[3]])


def unreachable(host: str, error: Exception) -> TransientError:
    """No answer; asked again, later each time."""
    text = f"{host} did not answer ({describe(error)}). "
    if _is_no_name(error):
        text += "No host has that name: check spec.region, DDM_CLOUD_REGION and the endpoints. "
    text += "It is asked again, later each time; nothing is changed meanwhile."
    return TransientError(reasons.CLOUD_UNREACHABLE, text)


def _is_no_name(error: BaseException | None) -> bool:
    """Whether the name was looked up and there is none; a name server that is away says otherwise."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return error.errno == socket.EAI_NONAME
        error = error.__cause__ or error.__context__
    return False


def describe(error: Exception) -> str:
    """A failure of the network in a few words."""
    words = str(error).strip()[:120]
    name = type(error).__name__
    return f"{name}: {words}" if words else name
