"""A TCP proxy that stands between a client and the API server and fails as networks do."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Proxy:
    """Passes bytes on, TLS and all, until it is told otherwise.

    Args:
        host: Of the server behind.
        port: Of the server behind.
    """

    def __init__(self, host: str, port: int) -> None:
        self._behind = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._forgotten: set[asyncio.StreamWriter] = set()
        self.requests = True
        """Whether bytes of the client are passed on."""
        self.answers = True
        """Whether bytes of the server are passed on."""

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def cut(self) -> None:
        """Reset every connection; new ones are accepted."""
        for writer in self._writers:
            writer.transport.abort()

    def forget(self) -> None:
        """Swallow all that comes over the connections that are there, and tell nobody; new ones are not concerned.

        As a machine on the way does that was started anew: no end, no reset, no error.
        """
        self._forgotten |= self._writers

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        await self._server.wait_closed()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._behind)
        self._writers |= {writer, far_writer}
        for source, sink, attribute in ((reader, far_writer, "requests"), (far_reader, writer, "answers")):
            pump = asyncio.create_task(self._pump(source, sink, attribute))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, attribute: str) -> None:
        try:
            while data := await source.read(65536):
                if getattr(self, attribute) and sink not in self._forgotten:
                    sink.write(data)
                    await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()
            self._writers.discard(sink)
            self._forgotten.discard(sink)
