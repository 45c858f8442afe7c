"""Proves who the operator is: a token that is renewed in time, or a signature on every request."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from ddm_operator.cloud import wire
from ddm_operator.cloud.classify import error_for
from ddm_operator.cloud.credentials import AccessKey, UserPassword
from ddm_operator.cloud.http import Answer, Ask, Http
from ddm_operator.cloud.signer import DATE_FORMAT, signed_headers
from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError, TransientError
from ddm_operator.ports import Clock
from ddm_operator.redaction import redactor

log = logging.getLogger(__name__)

UNAUTHENTICATED: Final = 401
NOT_FOUND: Final = 404
MARGIN: Final = 0.1
"""Part of a token's life before whose end a new one is fetched."""

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
    """A token by name and password, for one project; the lifetime is measured here, not by the wall clock."""

    def __init__(
        self, iam: Http, user: UserPassword, region: str, project_id: str, monotonic: Callable[[], float]
    ) -> None:
        self._iam = iam
        self._user = user
        self._region = region
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._ends_at = 0.0
        self.project_id = project_id

    async def ready(self) -> None:
        """Have a token that is good for a while."""
        async with self._lock:
            now = self._monotonic()
            if self._token and now < self._renew_at:
                return
            try:
                await self._fetch()
            except TransientError:
                if not self._token or now >= self._ends_at:
                    raise

    def headers(self, http: Http, ask: Ask) -> dict[str, str]:  # noqa: ARG002  # a signature needs them
        """The token."""
        return {"X-Auth-Token": self._token, "Content-Type": "application/json"}

    def renew(self, headers: dict[str, str], answer: Answer) -> bool:  # noqa: ARG002  # a signature needs it
        """Forget the token that was refused, unless it has been replaced already."""
        if headers["X-Auth-Token"] == self._token:
            self._token = ""
        return True

    async def _fetch(self) -> None:
        scope = {"id": self.project_id} if self.project_id else {"name": self._region}
        user = {"name": self._user.name, "password": self._user.password, "domain": {"name": self._user.domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = json.dumps({"auth": {"identity": identity, "scope": {"project": scope}}}).encode()
        ask = Ask("create_token", "POST", "/v3/auth/tokens", (("nocatalog", "true"),), body)
        asked_at = self._monotonic()
        answer = await self._iam.ask(ask, {"Content-Type": "application/json"})
        if not answer.accepted:
            raise self._refused(answer)
        token = answer.headers.get("X-Subject-Token", "")
        issued = wire.read(wire.Issued, answer.body).token
        if not token:
            raise wire.unreadable("a new token without its header X-Subject-Token")
        redactor.hide(token)
        life = max(0.0, (issued.expires_at - issued.issued_at).total_seconds())
        self._token = token
        self._ends_at = asked_at + life
        self._renew_at = asked_at + life * (1 - MARGIN)
        self.project_id = self.project_id or _project_of(issued)

    def _refused(self, answer: Answer) -> OperatorError:
        """IAM says 401 to a wrong password, and 401 or 404 to a project that the user has no part in."""
        text = f"IAM refused the user {self._user.name} of the account {self._user.domain} in region {self._region}"
        if answer.status in (UNAUTHENTICATED, NOT_FOUND) and "project" in answer.text.lower():
            text += f" for project {self.project_id or self._region} ({answer.text.rstrip('.')}). Nothing is asked or "
            text += "changed until spec.projectId, DDM_CLOUD_PROJECT_ID or the region is corrected."
            return StalledError(reasons.PROJECT_NOT_FOUND, text, code=answer.code)
        if answer.status == UNAUTHENTICATED:
            text += f" ({answer.text.rstrip('.') or 'wrong name or password'}). Nothing is asked or changed until the "
            text += "operator's credential is corrected."
            return StalledError(reasons.CREDENTIALS_REJECTED, text, code=answer.code)
        return rejected(answer, f"by IAM in region {self._region}")


def _project_of(token: wire.Token) -> str:
    if token.project is None:
        raise wire.unreadable("a new token that names no project")
    return token.project.id


class KeyLogin:
    """A signature by access key; the project is looked up by the region's name when it is not known.

    It signs by a calendar of its own, which goes with the monotonic clock: somebody who sets the machine's clock does
    not break all requests that are under way, and the cloud locks a key after five wrong signatures. The calendar
    begins as the machine's, and becomes the cloud's when a signature is refused for its time.
    """

    def __init__(self, iam: Http, key: AccessKey, region: str, project_id: str, clock: Clock) -> None:
        self._iam = iam
        self._key = key
        self._region = region
        self._clock = clock
        self._epoch = clock.now() - timedelta(seconds=clock.monotonic())
        """What the calendar says at the monotonic clock's zero."""
        self._lock = asyncio.Lock()
        self.project_id = project_id

    async def ready(self) -> None:
        """Know the project."""
        async with self._lock:
            if not self.project_id:
                self.project_id = await self._find_project()

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
            return False
        self._epoch = answer.date - timedelta(seconds=self._clock.monotonic())
        log.warning(
            "A request was signed %d s off the cloud's time. Requests are signed by the cloud's clock from now on; "
            "correct this machine's if it is wrong.",
            (signed - answer.date).total_seconds(),
        )
        return True

    async def _find_project(self) -> str:
        ask = Ask("list_projects", "GET", "/v3/projects", (("name", self._region),))
        headers = self.headers(self._iam, ask)
        answer = await self._iam.ask(ask, headers)
        if answer.status == UNAUTHENTICATED and self.renew(headers, answer):
            answer = await self._iam.ask(ask, self.headers(self._iam, ask))
        if not answer.accepted:
            raise rejected(answer, f"by IAM in region {self._region}")
        projects = wire.read(wire.Projects, answer.body).projects
        if len(projects) == 1:
            return projects[0].id
        found = f"IAM shows {len(projects)} projects named {self._region} to this credential, and one is needed."
        raise StalledError(reasons.PROJECT_NOT_FOUND, f"{found} Set spec.projectId, or DDM_CLOUD_PROJECT_ID.")


class Session:
    """Authenticated requests to one endpoint.

    A credential that was refused is left alone for a while: the cloud locks an access key after five wrong signatures.

    Args:
        http: the endpoint.
        login: who asks.
        monotonic: seconds.
        hold: seconds that a refused credential is left alone.
    """

    def __init__(self, http: Http, login: Login, monotonic: Callable[[], float], hold: float) -> None:
        self.http = http
        self._login = login
        self._monotonic = monotonic
        self._hold = hold
        self._refusal: OperatorError | None = None
        self._held_until = 0.0
        self._proven = False
        self._first = asyncio.Lock()

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
        if self._refusal is not None and self._monotonic() < self._held_until:
            raise self._refusal
        try:
            await self._login.ready()
        except StalledError as error:
            self._refuse(error)
            raise

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
        if self._proven:
            return await self._ask(ask)
        async with self._first:
            return await self._ask(ask)

    async def _ask(self, ask: Ask) -> Answer:
        await self.ready()
        headers = self.headers(ask)
        answer = await self.http.ask(ask, headers)
        if answer.status == UNAUTHENTICATED and self._login.renew(headers, answer):
            await self.ready()
            answer = await self.http.ask(ask, self.headers(ask))
        self._proven = answer.status != UNAUTHENTICATED
        if not self._proven:
            error = rejected(answer, f"at {self.http.host}")
            self._refuse(error)
            raise error
        return answer

    def _refuse(self, error: OperatorError) -> None:
        self._refusal = error
        self._held_until = self._monotonic() + self._hold


def rejected(answer: Answer, where: str) -> OperatorError:
    """The error of an answer that is no success; ``where`` is for people."""
    return error_for(answer.status, answer.code, answer.text, answer.retry_after, where=where)
