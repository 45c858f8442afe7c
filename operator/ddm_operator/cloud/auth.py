"""Proves who the operator is: a token that is renewed in time, or a signature on every request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from ddm_operator.cloud import wire
from ddm_operator.cloud.credentials import AccessKey
from ddm_operator.cloud.exchange import UNAUTHENTICATED, Token, TokenSource, rejected
from ddm_operator.cloud.http import Answer, Ask, Http
from ddm_operator.cloud.renewal import Renewed
from ddm_operator.cloud.signer import DATE_FORMAT, signed_headers
from ddm_operator.cloud.standing import Standing
from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError
from ddm_operator.ports import Clock

log = logging.getLogger(__name__)

ELSEWHERE: Final = ".0307"
"""Ends the gateway's code for a token of another region."""

OF_THE_SERVICE: Final = "DBS."
"""Begins the codes of what is behind the gateway, which only sees whom the gateway has let in."""

NO_KEY: Final = AccessKey("", "")
"""Before the first temporary one is there."""

TOLERATED_SKEW: Final = timedelta(seconds=60)
"""The cloud tolerates 15 minutes; a larger difference than this may be what a refused signature is about."""


class Login(Protocol):
    """One way of proving it."""

    project_id: str
    """Known once ``ready`` has returned."""

    async def ready(self) -> None:
        """Have what ``headers`` needs.

        Raises:
            StalledError: the cloud does not know the credential.
            TransientError: it could not be asked.
        """

    def headers(self, http: Http, ask: Ask) -> dict[str, str]:
        """What a request to that endpoint carries."""

    def renew(self, headers: dict[str, str], answer: Answer) -> bool:
        """After a 401 to a request with these headers: whether it is worth asking once more, after ``ready``."""


class TokenLogin:
    """A token for one project; the lifetime is measured here, not by the wall clock."""

    def __init__(
        self, source: TokenSource, project_id: str, monotonic: Callable[[], float], jitter: float = 0.0
    ) -> None:
        self._token = Renewed(lambda: source.fetch(self.project_id), monotonic, jitter)
        self.project_id = project_id

    async def ready(self) -> None:
        """Have a token that is good for a while."""
        self.project_id = (await self._token.have()).project_id

    def headers(self, http: Http, ask: Ask) -> dict[str, str]:  # noqa: ARG002  # a signature needs them
        """The token."""
        token = self._token.value
        return {"X-Auth-Token": token.text if token else "", "Content-Type": "application/json"}

    def renew(self, headers: dict[str, str], answer: Answer) -> bool:  # noqa: ARG002  # a signature needs it
        """Forget the token that was refused, unless it has been replaced already."""
        self._token.forget(Token(headers["X-Auth-Token"], self.project_id))
        return True


class KeyLogin:
    """A signature by access key; the project is looked up by the region's name when it is not known.

    It signs by a calendar of its own, which goes with the monotonic clock: somebody who sets the machine's clock does
    not break all requests that are under way, and the cloud locks a key after five wrong signatures. The calendar
    begins as the machine's, and becomes the cloud's when a signature is refused for its time.
    """

    def __init__(
        self, iam: Http, key: AccessKey | Renewed[AccessKey], region: str, project_id: str, clock: Clock
    ) -> None:
        self._iam = iam
        self._source = key if isinstance(key, Renewed) else None
        self._key = key if isinstance(key, AccessKey) else NO_KEY
        self._region = region
        self._clock = clock
        self._epoch = clock.now() - timedelta(seconds=clock.monotonic())
        """What the calendar says at the monotonic clock's zero."""
        self._lock = asyncio.Lock()
        self.project_id = project_id

    async def ready(self) -> None:
        """Have a key that is good for a while, and know the project."""
        await self._have_key()
        async with self._lock:
            if not self.project_id:
                self.project_id = await self._find_project()

    async def _have_key(self) -> None:
        if self._source is not None:
            self._key = await self._source.have()

    def headers(self, http: Http, ask: Ask) -> dict[str, str]:
        """The signature."""
        return signed_headers(
            self._key,
            ask.method,
            http.host,
            ask.path,
            query=ask.query,
            body=ask.body,
            project_id=self.project_id,
            now=self._epoch + timedelta(seconds=self._clock.monotonic()),
        )

    def renew(self, headers: dict[str, str], answer: Answer) -> bool:
        """Sign by the cloud's clock from now on, if the refused time was wrong; a wrong key is not tried twice."""
        signed = datetime.strptime(headers["X-Sdk-Date"], DATE_FORMAT).replace(tzinfo=UTC)
        if answer.date is None or abs(answer.date - signed) <= TOLERATED_SKEW:
            return self._forget(headers)
        self._epoch = answer.date - timedelta(seconds=self._clock.monotonic())
        log.warning(
            "A request was signed %d s off the cloud's time. Requests are signed by the cloud's clock from now on; "
            "correct this machine's if it is wrong.",
            (signed - answer.date).total_seconds(),
        )
        return True

    def _forget(self, headers: dict[str, str]) -> bool:
        """A temporary key may have been withdrawn: another one is worth a try, a permanent key is what it is."""
        if self._source is None or self._key.security_token != headers.get("X-Security-Token"):
            return self._source is not None
        self._source.forget(self._key)
        return True

    async def _find_project(self) -> str:
        ask = Ask("list_projects", "GET", "/v3/projects", (("name", self._region),))
        headers = self.headers(self._iam, ask)
        answer = await self._iam.ask(ask, headers)
        if answer.status == UNAUTHENTICATED and self.renew(headers, answer):
            await self._have_key()
            answer = await self._iam.ask(ask, self.headers(self._iam, ask))
        if not answer.accepted:
            raise rejected(answer, f"by IAM in region {self._region}")
        projects = wire.read(wire.Projects, answer.body).projects
        if len(projects) == 1:
            return projects[0].id
        found = f"IAM shows {len(projects)} projects named {self._region} to this credential, and one is needed."
        ways = "Set spec.projectId, or DDM_CLOUD_PROJECT_ID; or, if the region is not the one that is meant, make the "
        ways += "object anew with another one (deleting it touches nothing in the cloud), or correct DDM_CLOUD_REGION."
        raise StalledError(reasons.PROJECT_NOT_FOUND, f"{found} {ways}")


class Session:
    """Authenticated requests to one endpoint.

    Args:
        http: the endpoint.
        login: who asks.
        standing: of the credential, shared by all sessions that use it; a refused one is left alone.
        monotonic: seconds.
        hold: seconds that a project which is not there is left alone.
        source: where the credential comes from, for people.
    """

    def __init__(
        self,
        http: Http,
        login: Login,
        standing: Standing,
        monotonic: Callable[[], float],
        hold: float,
        source: str = "",
    ) -> None:
        self.http = http
        self._login = login
        self._standing = standing
        self._monotonic = monotonic
        self._hold = hold
        self._source = source
        self._first = asyncio.Lock()
        self._missing: OperatorError | None = None
        self._held_until = 0.0

    @property
    def project_id(self) -> str:
        """Of the path; known once ``ready`` has returned."""
        return self._login.project_id

    async def ready(self) -> None:
        """Have a valid credential, as far as can be told without asking DDM.

        Raises:
            StalledError: it was refused.
            TransientError: nobody could be asked.
        """
        with self._named():
            async with self._standing.turn(self._first):
                await self._ready()

    def headers(self, ask: Ask) -> dict[str, str]:
        """For a request that is sent without ``ask``."""
        return self._login.headers(self.http, ask)

    def refused(self, headers: dict[str, str], answer: Answer) -> None:
        """A request that was sent without ``ask`` got a 401: the next one begins anew."""
        self._login.renew(headers, answer)

    async def ask(self, ask: Ask) -> Answer:
        """Ask, and once more with a new token after a 401; any answer but a 401.

        Raises:
            StalledError: the credential is refused.
            TransientError: no answer came.
        """
        with self._named():
            async with self._standing.turn(self._first):
                return await self._ask(ask)

    async def _ask(self, ask: Ask) -> Answer:
        await self._ready()
        headers = self.headers(ask)
        answer = await self._send(ask, headers)
        if answer.status == UNAUTHENTICATED and self._login.renew(headers, answer):
            await self._ready()
            answer = await self._send(ask, self.headers(ask))
        if answer.accepted or answer.code.startswith(OF_THE_SERVICE):
            self._standing.accepted()
        if answer.status != UNAUTHENTICATED:
            return answer
        error = rejected(answer, f"at {self.http.host}")
        if answer.code.endswith(ELSEWHERE):
            raise self._hold_back(error)  # a good token at the wrong door says nothing of who has it
        self._standing.refused(error)
        raise error

    @contextmanager
    def _named(self) -> Iterator[None]:
        """What was refused is known to all who have the same credential; where it comes from is each one's own."""
        try:
            yield
        except StalledError as error:
            if error.reason != reasons.CREDENTIALS_REJECTED or not self._source:
                raise
            text = f"{error.message} It comes from {self._source}."
            raise StalledError(error.reason, text, code=error.code) from error

    async def _send(self, ask: Ask, headers: dict[str, str]) -> Answer:
        """What waits for its turn while the credential is refused elsewhere is not sent any more."""
        return await self.http.ask(ask, headers, self._standing.check)

    async def _ready(self) -> None:
        if self._missing is not None and self._monotonic() < self._held_until:
            raise self._missing.with_traceback(None)
        try:
            await self._login.ready()
        except StalledError as error:
            if error.reason == reasons.CREDENTIALS_REJECTED:
                self._standing.refused(error)
                raise
            raise self._hold_back(error) from None

    def _hold_back(self, error: OperatorError) -> OperatorError:
        self._missing, self._held_until = error, self._monotonic() + self._hold
        return error
