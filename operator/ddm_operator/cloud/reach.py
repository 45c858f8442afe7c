"""Whether an endpoint answers at all, and what time it is there: a question without a credential."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from ddm_operator.cloud.connections import Connections, proxy_url, tls_context
from ddm_operator.cloud.http import Answer, Ask, Http
from ddm_operator.cloud.limiter import Limiter, Slots
from ddm_operator.cloud.logins import pace
from ddm_operator.settings import Cloud


async def reach(cloud: Cloud, bases: tuple[str, ...], monotonic: Callable[[], float]) -> tuple[datetime | None, ...]:
    """The time that each endpoint tells; None where it tells none. Whatever it answers, it answers.

    Args:
        cloud: settings of the connections.
        bases: addresses without a trailing slash.
        monotonic: seconds.

    Raises:
        TransientError: one of them did not answer.
    """
    timeout = cloud.connect_timeout_seconds + cloud.read_timeout_seconds
    async with Connections(cloud, tls_context(cloud), proxy_url(cloud), timeout) as connections:
        limiter, slots = Limiter(pace(cloud), monotonic), Slots(cloud.concurrent_requests)
        https = [
            Http(connections, base, limiter, slots, timeout=timeout, monotonic=monotonic, observe=lambda *_: None)
            for base in bases
        ]
        asked = (http.ask(Ask("reach", "GET", "/"), {}) for http in https)
        # All of them end before the connections do, whichever fails.
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return tuple(_date(answer) for answer in answers)


def _date(answer: Answer | BaseException) -> datetime | None:
    if isinstance(answer, BaseException):
        raise answer
    return answer.date
