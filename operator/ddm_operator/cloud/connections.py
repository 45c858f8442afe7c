"""Connections to the cloud: verified, given up with whoever uses them, and never a second sending.

Questions go over aiohttp, whose pool costs a third of httpcore's when many are under way; the one call that costs money
goes over httpcore, which tells the moment before its first byte.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator, Sequence
from typing import Final

import aiohttp
import httpx
from typing_extensions import override
from yarl import URL

from ddm_operator.errors import CannotStartError
from ddm_operator.once import send_once
from ddm_operator.settings import Cloud

SocketOption = tuple[int, int, int] | tuple[int, int, bytes]

IDLE_SECONDS: Final = 30.0
"""How long a connection waits for its next request: longer than the pause between two looks at a job."""


class Connections(httpx.AsyncBaseTransport):
    """Two pools; a request with a ``trace`` goes over the one that can tell it what happens.

    Nothing follows a redirect, keeps a cookie or takes anything from the environment.

    Args:
        cloud: how many connections are kept, and how long one may take to be made.
        tls: what is verified.
        proxy: its address; None: directly.
        patience: seconds that what was sent may stay without an acknowledgement.
    """

    def __init__(self, cloud: Cloud, tls: ssl.SSLContext, proxy: str | None, patience: float) -> None:
        self._options = _socket_options(patience)
        self._timeouts = httpx.Timeout(None, connect=cloud.connect_timeout_seconds).as_dict()
        self._questions = Questions(cloud, tls, proxy, self._options)
        self._calls = httpx.AsyncHTTPTransport(
            verify=tls,
            proxy=httpx.Proxy(proxy) if proxy else None,
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=cloud.concurrent_requests,
                keepalive_expiry=IDLE_SECONDS,
            ),
            socket_options=self._options,
            trust_env=False,
        )

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if "trace" not in request.extensions:
            return await self._questions.handle_async_request(request)
        request.extensions["timeout"] = self._timeouts
        return await self._calls.handle_async_request(request)

    @override
    async def aclose(self) -> None:
        await self._questions.aclose()
        await self._calls.aclose()


class Questions(httpx.AsyncBaseTransport):
    """Requests with small bodies or none, over aiohttp; how many are under way is the limiters' affair."""

    def __init__(self, cloud: Cloud, tls: ssl.SSLContext, proxy: str | None, options: Sequence[SocketOption]) -> None:
        self._connect = cloud.connect_timeout_seconds
        self._tls = tls
        self._proxy = URL(proxy) if proxy else None
        self._options = options
        self._session: aiohttp.ClientSession | None = None

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._session is None:
            self._session = self._open()
        try:
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),  # what was signed, to the letter
                headers=request.headers,
                data=await request.aread() or None,
                allow_redirects=False,
                proxy=self._proxy,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _told(error) from error
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer), request=request)

    @override
    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        """In the loop that uses it."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=self._tls, keepalive_timeout=IDLE_SECONDS, socket_factory=self._socket
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            middlewares=(send_once,),
        )

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        for option in self._options:
            made.setsockopt(*option)
        return made


class _Body(httpx.AsyncByteStream):
    """An answer's body as it comes."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _told(error) from error

    @override
    async def aclose(self) -> None:
        self._answer.release()


def _told(error: Exception) -> httpx.TransportError:
    """By httpx's names, and in the words of what is underneath."""
    if isinstance(error, aiohttp.ServerTimeoutError):
        kind = httpx.ConnectTimeout if isinstance(error, aiohttp.ConnectionTimeoutError) else httpx.ReadTimeout
        return kind(str(error))
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return httpx.ConnectError(str(error.certificate_error))
    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        return httpx.ProxyError(
            error.message if isinstance(error, aiohttp.ClientHttpProxyError) else str(error.os_error)
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx.ConnectError(str(error.os_error))
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return httpx.ReadError(str(error))
    return httpx.RemoteProtocolError(str(error) or type(error).__name__)


def _socket_options(seconds: float) -> list[SocketOption]:
    """What was given up on never arrives: a time-out of ours, or our death, is the end of it in the kernel as well.

    Otherwise bytes that wait for a network to come back are sent a minute later, by nobody. A connection that is closed
    is reset, with all that waits in it (SO_LINGER, 0 s); what is not acknowledged for ``seconds`` ends it (Linux).
    """
    options: list[SocketOption] = [(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000)))
    return options


def proxy_url(cloud: Cloud) -> str | None:
    """With the password that may be in it."""
    return cloud.proxy.get_secret_value() if cloud.proxy else None


def tls_context(cloud: Cloud) -> ssl.SSLContext:
    """Certificates and names are verified, and TLS is 1.2 at least, whatever the system's defaults are.

    Raises:
        CannotStartError: the authorities' file was usable when the settings were read, and is no longer.
    """
    try:
        context = ssl.create_default_context(cafile=str(cloud.ca_file) if cloud.ca_file else None)
    except OSError as error:
        text = f"DDM_CLOUD_CA_FILE={cloud.ca_file} cannot be used any more: {error.strerror or error}. "
        raise CannotStartError(
            text + "Make it a PEM file with certificates again, and start the operator anew."
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
