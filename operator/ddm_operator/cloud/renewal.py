"""Something that the cloud gives for a while: renewed ahead of its end, by one of those who need it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ddm_operator.errors import OperatorError

log = logging.getLogger(__name__)

T = TypeVar("T")

MARGIN: Final = 0.1
"""Part of the life before whose end it is renewed at the latest."""

SPREAD: Final = 0.1
"""Part of the life over which renewals are spread, so that all that began together is not renewed together."""

RETRY_SECONDS: Final = 30.0
"""After a renewal that failed, while what is there is still good: nobody has to wait for it, so it may be polite."""


@dataclass(frozen=True)
class Lasting(Generic[T]):
    """A value and how many seconds it is good for, counted from before it was asked for."""

    value: T
    life: float


class Renewed(Generic[T]):
    """The value, good for a while at any time it is asked for.

    Args:
        fetch: gets a new one.
        monotonic: seconds.
        jitter: from 0 to 1; how much earlier than need be it is renewed.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Lasting[T]]], monotonic: Callable[[], float], jitter: float
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._early = MARGIN + SPREAD * jitter
        self._lock = asyncio.Lock()
        self._renew_at = 0.0
        self._ends_at = 0.0
        self._failure: OperatorError | None = None
        self._failed_at = 0.0
        self.value: T | None = None
        """As it is now; None before the first, and after it was forgotten."""

    async def have(self) -> T:
        """The value; renewed first when it is time.

        Raises:
            OperatorError: there is none, and none could be had.
        """
        asked = self._monotonic()
        async with self._lock:
            if self.value is not None and self._monotonic() < self._renew_at:
                return self.value
            if self.value is None and self._failure is not None and asked <= self._failed_at:
                raise self._failure.with_traceback(None)  # it failed while this one waited for it: one try serves all
            began = self._monotonic()
            try:
                fresh = await self._fetch()
            except OperatorError as error:
                self._failure, self._failed_at = error, self._monotonic()
                if self.value is None or self._monotonic() >= self._ends_at:
                    self.value = None
                    raise
                self._renew_at = self._monotonic() + RETRY_SECONDS
                log.warning("A credential is not renewed yet, the one that is there goes on: %s", error.message)
                return self.value
            self.value, self._failure = fresh.value, None
            life = max(0.0, fresh.life)
            self._ends_at = began + life
            self._renew_at = began + life * (1 - self._early)
            return fresh.value

    def forget(self, value: T) -> None:
        """It was refused; the next who asks gets another one, unless it has been replaced already."""
        if value == self.value:
            self.value = None
