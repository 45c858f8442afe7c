"""What the client gave up on does not arrive later: the kernel forgets it as well."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from ddm_operator.cloud.connections import Connections, tls_context
from ddm_operator.settings import Cloud

LARGE = b"x" * 16 * 1024 * 1024
"""More than the kernel's buffers hold."""


async def _nothing(event: str, info: dict[str, Any]) -> None:
    """A trace that wants to know nothing."""


@pytest.mark.parametrize(("extensions", "body"), [({}, b""), ({"trace": _nothing}, LARGE)], ids=["question", "call"])
async def test_a_request_that_was_given_up_is_never_sent_after_all(extensions: dict[str, Any], body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003  # the socket's own signature
        port = server.getsockname()[1]
        cloud = Cloud()
        async with Connections(cloud, tls_context(cloud), None, 30.0) as connections:
            request = httpx.Request("POST", f"http://127.0.0.1:{port}/", content=body, extensions=extensions)
            call = asyncio.create_task(connections.handle_async_request(request))
            connection, _ = await asyncio.get_running_loop().sock_accept(server)
            with connection:
                await asyncio.get_running_loop().sock_recv(connection, 1)
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
                with pytest.raises(ConnectionResetError):
                    await _rest(connection)


async def _rest(connection: socket.socket) -> None:
    """Read until the end."""
    while await asyncio.get_running_loop().sock_recv(connection, 1024 * 1024):
        pass
