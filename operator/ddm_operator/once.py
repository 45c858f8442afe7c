"""What aiohttp would do twice is done once."""

from __future__ import annotations

import aiohttp


class AnswerLostError(aiohttp.ClientError):
    """Stands for the errors after which aiohttp would send a request that it calls idempotent once more."""


async def send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A middleware of aiohttp's sessions: what was sent and not answered is an error, and nothing is repeated."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            raise
        raise AnswerLostError(str(error) or type(error).__name__) from error
