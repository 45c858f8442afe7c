"""Whose turn it is at an endpoint, and what is said to whoever has to come back for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ddm_operator.cloud.bucket import LongWaitError
from ddm_operator.cloud.limiter import Limiter
from ddm_operator.domain import reasons
from ddm_operator.errors import TransientError, WaitingError

PROMISE = "Nothing was requested yet, and nothing is dropped: it goes on when it is this object's turn. "


class Turns:
    """A limiter, in the words of the operator's errors.

    Args:
        limiter: of the endpoint and the credential.
        host: the endpoint's, for people.
    """

    def __init__(self, limiter: Limiter, host: str) -> None:
        self.limiter = limiter
        self._host = host

    async def read(self) -> None:
        """Wait for a turn for one question.

        Raises:
            TransientError: the cloud wants to be left alone for long.
        """
        try:
            await self.limiter.reads.turn()
        except LongWaitError as error:
            text = f"{self._host} has asked for quiet (HTTP 429). It is asked again when that is over; nothing is "
            text += "changed meanwhile. If it goes on, somebody else uses up the limit of this credential."
            raise TransientError(reasons.THROTTLED, text, retry_after=error.seconds) from None

    @contextmanager
    def look(self, key: str) -> Iterator[None]:
        """See ``ports.Cloud.look``.

        Raises:
            WaitingError: others are first.
        """
        with ExitStack() as room:
            try:
                self.limiter.too_early(key)
            except LongWaitError as error:
                raise self._calls_wait(error) from None
            try:
                room.enter_context(self.limiter.look(key))
            except LongWaitError as error:
                text = f"The look before a scale-out waits for its turn at {self._host}, which has a limit for "
                text += f"each credential. {PROMISE}The cloud limits its requests (HTTP 429), or "
                text += "DDM_CLOUD_REQUESTS_PER_SECOND is low for what is declared."
                raise WaitingError(reasons.THROTTLED, text, requeue_after=error.seconds) from None
            yield

    def call(self, key: str) -> None:
        """See ``ports.Cloud.turn``.

        Raises:
            WaitingError: there is no turn now.
        """
        try:
            self.limiter.call(key)
        except LongWaitError as error:
            raise self._calls_wait(error) from None

    def _calls_wait(self, error: LongWaitError) -> WaitingError:
        text = f"The scale-out waits for its turn at {self._host}, which has a limit for each credential. {PROMISE}"
        text += "The cloud limits its calls (HTTP 429), or DDM_CLOUD_CALLS_PER_SECOND is low for what is declared."
        return WaitingError(reasons.THROTTLED, text, requeue_after=error.seconds)
