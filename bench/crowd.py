"""Many objects at once: made, changed and looked at by an asynchronous client with a bounded number of connections."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp

from tests.support.keeper import Connection
from tests.support.kubeapi import MERGE_PATCH

Json = dict[str, Any]

CONNECTIONS = 16
PAGE = 500

Send = Callable[[str, str, Json], Awaitable[Json]]


class Crowd:
    """The objects of one collection, by name.

    Args:
        connection: of the administrator.
        collection: path, such as ``/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL``.
    """

    def __init__(self, connection: Connection, collection: str) -> None:
        self._connection = connection
        self._collection = collection

    def create(self, bodies: Iterable[Json]) -> None:
        """Make them all."""

        async def make(send: Send, body: Json) -> None:
            await send("POST", "", body)

        asyncio.run(self._all(make, bodies))

    def patch(self, changes: Mapping[str, Json]) -> dict[str, float]:
        """Change each; when its request was sent (seconds since the epoch)."""
        sent: dict[str, float] = {}

        async def change(send: Send, item: tuple[str, Json]) -> None:
            sent[item[0]] = time.time()
            await send("PATCH", f"/{item[0]}", item[1])

        asyncio.run(self._all(change, changes.items()))
        return sent

    def items(self) -> list[Json]:
        """All of them as they are now."""
        return asyncio.run(self._items())

    def until(self, holds: Callable[[Json], bool], seconds: float, every: float = 0.5) -> float:
        """Wait until something holds of each; the seconds that it took.

        Raises:
            TimeoutError: with how many it does not hold of, and one of these.
        """
        began = time.monotonic()
        while missing := [item for item in self.items() if not holds(item)]:
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{len(missing)} objects after {seconds:.0f} s, such as {json.dumps(missing[0])}")
            time.sleep(every)
        return time.monotonic() - began

    async def _items(self) -> list[Json]:
        found: list[Json] = []
        params = {"limit": str(PAGE)}
        async with self._session() as session:
            while True:
                async with session.get(self._url(), params=params) as answer:
                    page = await answer.json()
                found += page["items"]
                following = page["metadata"].get("continue")
                if not following:
                    return found
                params = {"limit": str(PAGE), "continue": following}

    async def _all(self, act: Callable[[Send, Any], Awaitable[None]], items: Iterable[Any]) -> None:
        left: Iterator[Any] = iter(items)

        async with self._session() as session:

            async def send(method: str, path: str, body: Json) -> Json:
                kind = MERGE_PATCH if method == "PATCH" else "application/json"
                async with session.request(
                    method, self._url(path), data=json.dumps(body), headers={"Content-Type": kind}
                ) as answer:
                    text: Json = await answer.json()
                    if answer.status >= HTTPStatus.BAD_REQUEST:
                        raise RuntimeError(f"{method} {path}: {answer.status} {text.get('message')}")
                    return text

            async def work() -> None:
                for item in left:
                    await act(send, item)

            await asyncio.gather(*(work() for _ in range(CONNECTIONS)))

    def _session(self) -> aiohttp.ClientSession:
        trust = ssl.create_default_context(cafile=self._connection.ca_file)
        headers = {"Authorization": f"Bearer {self._connection.token}"}
        connector = aiohttp.TCPConnector(ssl=trust, limit=CONNECTIONS)
        return aiohttp.ClientSession(connector=connector, headers=headers)

    def _url(self, path: str = "") -> str:
        return f"{self._connection.server}{self._collection}{path}"
