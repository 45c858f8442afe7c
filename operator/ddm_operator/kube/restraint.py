"""Restraint: after the API server asked for quiet, or did not answer in time, the process pauses, and all of it.

One request goes first after each pause; the others learn from its answer, so that thousands of objects cost an API
server in trouble one request in half a minute. What must not wait (an intent, its answer) takes no turn, though its
refusal is a lesson for the others. The Lease's requests know nothing of it: Kubernetes serves those by themselves, and
a leader that waits is none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeVar

from ddm_operator.domain.backoff import pause
from ddm_operator.kube.client import AnsweredError, ApiServerError

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST: Final = 1.0
"""Seconds of the first pause; doubled each time."""

LONGEST: Final = 30.0
"""Seconds of the longest pause that was not asked for."""

MOST: Final = 300.0
"""Seconds of the longest pause that is granted to who asks for it: a wrong ``Retry-After`` must not end the work."""

SPREAD: Final = 0.2
"""Part of a pause that chance adds to it."""


class Restraint:
    """One for all requests of the process that may wait.

    Args:
        monotonic: seconds.
        chance: a random number in [0, 1); replicas that were refused together do not come back together.
    """

    def __init__(self, monotonic: Callable[[], float], chance: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._chance = chance
        self._first = asyncio.Lock()
        self._strikes = 0
        self._struck_at = 0.0
        self._until = 0.0

    def left(self) -> float:
        """Seconds until what may wait may go."""
        return max(0.0, self._until - self._monotonic()) if self._strikes else 0.0

    async def through(self, send: Callable[[], Awaitable[T]]) -> T:
        """Send a request when it may go; raises what that raises."""
        async with self._turn():
            sent_at = self._monotonic()
            try:
                answer = await send()
            except ApiServerError as error:
                self._judge(error, sent_at)
                raise
            self._answered(sent_at)
            return answer

    async def beside(self, send: Callable[[], Awaitable[T]]) -> T:
        """Send what must not wait, now; raises what that raises. Only a refusal teaches: an answer ends no pause."""
        sent_at = self._monotonic()
        try:
            return await send()
        except ApiServerError as error:
            if not isinstance(error, AnsweredError) or _wants_quiet(error):
                self._judge(error, sent_at)
            raise

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait while there is a pause; whoever is first after it goes alone."""
        if not self._strikes:
            yield
            return
        async with self._first:
            while (left := self.left()) > 0:  # noqa: ASYNC110  # it may grow meanwhile
                await asyncio.sleep(left)
            if self._strikes:
                yield
                return
        yield

    def _judge(self, error: ApiServerError, sent_at: float) -> None:
        """What was turned away or came too late makes a pause; a connection that failed says nothing about it."""
        if isinstance(error, AnsweredError):
            if _wants_quiet(error):
                self._refused(sent_at, error.retry_after, str(error))
            else:
                self._answered(sent_at)
        elif isinstance(error.__cause__, TimeoutError):
            self._refused(sent_at, None, str(error))

    def _refused(self, sent_at: float, retry_after: float | None, why: str) -> None:
        """Pause; what left before the latest refusal tells nothing new."""
        now = self._monotonic()
        if not self._strikes or sent_at >= self._struck_at:
            self._strikes, self._struck_at = self._strikes + 1, now
            if self._strikes == 1:
                log.warning("The API server has too much to do; what may wait waits: %s", why)
        seconds = max(pause(self._strikes, base=FIRST, cap=LONGEST), min(retry_after or 0.0, MOST))
        self._until = max(self._until, now + seconds * (1 + SPREAD * self._chance()))

    def _answered(self, sent_at: float) -> None:
        if self._strikes and sent_at >= self._struck_at:
            log.info("The API server answers again; nothing waits for it any more")
            self._strikes = 0


def _wants_quiet(error: AnsweredError) -> bool:
    return error.status == HTTPStatus.TOO_MANY_REQUESTS or error.retry_after is not None
