"""How a credential stands with the cloud: a refused one is tried seldom, whoever asks and wherever.

The cloud locks an access key for five minutes after five wrong signatures, and then its right owner as well. So tries
are counted by credential over all regions, projects and namespaces, and besides by the name that the cloud counts
against: a namespace that guesses at somebody's secret key is stopped before the cloud locks it.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from ddm_operator.cloud.credentials import Credential, known_as
from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError, TransientError

TRIES: Final = 3
"""Of one refused credential within the window."""

TRIES_OF_NAME: Final = 4
"""Of all refused credentials of one name within the window: one more, so that a corrected one is tried at once, and one
less than what locks it."""


PATIENCE_SECONDS: Final = 30.0
"""How long one request waits for another to find out: an endpoint that does not answer, or asks for quiet, must not
hold up the other regions."""


class Refusals:
    """The latest refusals of one credential, or of one name (monotonic seconds)."""

    def __init__(self, monotonic: Callable[[], float], window: float, most: int) -> None:
        self._monotonic = monotonic
        self._window = window
        self._most = most
        self._at: deque[float] = deque(maxlen=most)

    def note(self) -> None:
        """One more."""
        self._at.append(self._monotonic())

    def clear(self) -> None:
        """The cloud accepted it; it counts refusals in a row."""
        self._at.clear()

    @property
    def recent(self) -> bool:
        """Whether there is one within the window."""
        return bool(self._at) and self._monotonic() - self._at[-1] < self._window

    @property
    def used_up(self) -> bool:
        """Whether so many lie within the window that another must wait."""
        return len(self._at) == self._most and self._monotonic() - self._at[0] < self._window

    @property
    def too_soon(self) -> bool:
        """Whether the latest is so recent that tries would not be spread over the window."""
        return bool(self._at) and self._monotonic() - self._at[-1] < self._window / self._most


class Standing:
    """One credential. While it is not proven, one request at a time finds out.

    Args:
        credential: which.
        refusals: its own.
        of_name: those of its name; shared.
    """

    def __init__(self, credential: Credential, refusals: Refusals, of_name: Refusals) -> None:
        self._name = known_as(credential)
        self._refusals = refusals
        self._of_name = of_name
        self._said: tuple[str, str, str] | None = None  # not the error itself: it holds on to frames
        self._counted: weakref.ref[OperatorError] | None = None
        self._first = asyncio.Lock()
        self.proven = False

    @property
    def remembered(self) -> bool:
        """Whether forgetting it would let a refused credential be tried too often."""
        return self._refusals.recent or self._of_name.recent

    @asynccontextmanager
    async def turn(self, ours: asyncio.Lock) -> AsyncIterator[None]:
        """Wait until a request may prove who we are.

        Args:
            ours: of the session that asks; one of its requests is in line at a time, so that a project that hangs is
                not first time and again.

        Raises:
            StalledError: it was refused, and is left alone for now.
            TransientError: somebody else finds out, at an endpoint that does not answer.
        """
        self.check()
        if self.proven:
            yield
            return
        async with AsyncExitStack() as held:
            await self._alone(held, ours)
            self.check()
            yield

    async def _alone(self, held: AsyncExitStack, ours: asyncio.Lock) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await held.enter_async_context(ours)
                await held.enter_async_context(self._first)
        except TimeoutError:
            text = f"Whether the cloud accepts the {self._name} is being found out by another request, which has no "
            text += "answer yet. It is tried again."
            raise TransientError(reasons.RETRYING, text) from None

    def check(self) -> None:
        """Raises StalledError while the credential is left alone."""
        if self._said is not None and (self._refusals.too_soon or self._refusals.used_up):
            reason, message, code = self._said
            raise StalledError(reason, message, code=code)
        if not self.proven and self._of_name.used_up:
            text = f"The cloud has just refused {self._name} {TRIES_OF_NAME} times, with this secret or another. It is "
            text += "left alone for some minutes, because the cloud would lock it."
            raise StalledError(reasons.CREDENTIALS_REJECTED, text)

    def accepted(self) -> None:
        """The cloud took it."""
        self.proven = True
        self._said = None
        self._refusals.clear()
        self._of_name.clear()

    def refused(self, error: OperatorError) -> None:
        """The cloud did not; one answer that many waited for counts once."""
        if self._counted is not None and self._counted() is error:
            return
        self.proven, self._counted = False, weakref.ref(error)
        self._said = error.reason, error.message, error.code
        self._refusals.note()
        self._of_name.note()


class Standings:
    """All credentials' standings, for as long as they matter.

    Args:
        monotonic: seconds.
        window: seconds in which a refused credential is tried three times at most.
    """

    def __init__(self, monotonic: Callable[[], float], window: float) -> None:
        self._monotonic = monotonic
        self._window = window
        self._by_credential: dict[Credential, Standing] = {}
        self._by_name: dict[str, Refusals] = {}

    def of(self, credential: Credential) -> Standing:
        """The same one for an equal credential, whoever has it."""
        if credential not in self._by_credential:
            name = known_as(credential)
            of_name = self._by_name.setdefault(name, Refusals(self._monotonic, self._window, TRIES_OF_NAME))
            own = Refusals(self._monotonic, self._window, TRIES)
            self._by_credential[credential] = Standing(credential, own, of_name)
        return self._by_credential[credential]

    def forget_other_than(self, used: set[Credential]) -> None:
        """Drop those that nobody uses, unless they were refused of late."""
        kept = {key: one for key, one in self._by_credential.items() if key in used or one.remembered}
        names = {known_as(credential) for credential in kept}
        self._by_credential = kept
        self._by_name = {name: found for name, found in self._by_name.items() if name in names}
