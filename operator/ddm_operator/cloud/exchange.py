"""What the cloud gives for a proof of identity: tokens of IAM, and temporary keys of STS or of the node's agent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import AliasChoices, AwareDatetime, Field, model_validator

from ddm_operator.cloud import wire
from ddm_operator.cloud.classify import error_for
from ddm_operator.cloud.credentials import AccessKey, IdToken, OidcAgency, PodIdentity, UserPassword, known_as
from ddm_operator.cloud.http import Answer, Ask, Http
from ddm_operator.cloud.renewal import Lasting
from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError, TransientError
from ddm_operator.ports import Clock
from ddm_operator.redaction import redactor

UNAUTHENTICATED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
MOST_TOKEN_BYTES: Final = 65_536
JSON_BODY: Final = {"Content-Type": "application/json"}
HEADER_TEXT: Final = r"^[!-~]+$"
"""What may become part of a header."""


@dataclass(frozen=True)
class Token:
    """A token of IAM, and the project it is good for."""

    text: str = field(repr=False)
    project_id: str


class TemporaryKey(wire.Model):
    """An access key that ends; STS writes snake_case, the node's agent camelCase, and each nests it in its own way."""

    access: str = Field(validation_alias=AliasChoices("access_key_id", "accessKeyId", "access"), pattern=HEADER_TEXT)
    secret: str = Field(
        validation_alias=AliasChoices("secret_access_key", "secretAccessKey", "secret"), min_length=1, repr=False
    )
    security_token: str = Field(
        validation_alias=AliasChoices("security_token", "securityToken", "securitytoken"),
        pattern=HEADER_TEXT,
        repr=False,
    )
    expires_at: AwareDatetime = Field(validation_alias=AliasChoices("expiration", "expires_at", "expiresAt"))

    @model_validator(mode="before")
    @classmethod
    def _unwrapped(cls, value: object) -> object:
        if isinstance(value, Mapping):
            return next((value[name] for name in ("credentials", "credential") if name in value), value)
        return value


def read_token_file(path: Path) -> str:
    """A token that Kubernetes keeps fresh in a file; read anew for every exchange, because it is replaced.

    Raises:
        TransientError: it is not there, or is none.
    """
    try:
        with path.open("rb") as file:
            token = file.read(MOST_TOKEN_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _no_token(path, type(error).__name__) from None
    if not token or any(character.isspace() or not character.isprintable() for character in token):
        raise _no_token(path, "it is no token")
    redactor.hide(token)
    return token


def _no_token(path: Path, why: str) -> TransientError:
    text = f"The token file {path} cannot be used ({why}). It is read again; check the volume with the projected token."
    return TransientError(reasons.RETRYING, text)


class TokenSource:
    """Tokens of IAM for one region and project.

    Args:
        iam: the endpoint.
        who: a user with a password, or an identity provider's token.
        region: its name is the name of its default project.
    """

    def __init__(self, iam: Http, who: UserPassword | IdToken, region: str) -> None:
        self._iam = iam
        self._who = who
        self._region = region

    async def fetch(self, project_id: str) -> Lasting[Token]:
        """A new token; an empty project means the region's default one.

        Raises:
            StalledError: IAM does not know who asks, or not the project.
            TransientError: it could not be asked.
        """
        scope = {"project": {"id": project_id} if project_id else {"name": self._region}}
        answer = await self._iam.ask(*self._request(scope))
        if not answer.accepted:
            raise self._refused(answer, project_id)
        token = answer.headers.get("X-Subject-Token", "")
        issued = wire.read(wire.Issued, answer.body).token
        if not token.isascii() or not token.isprintable() or not token:
            raise wire.unreadable("a new token without its header X-Subject-Token")
        redactor.hide(token)
        life = (issued.expires_at - issued.issued_at).total_seconds()
        return Lasting(Token(token, project_id or _project_of(issued)), life)

    def _request(self, scope: dict[str, Any]) -> tuple[Ask, dict[str, str]]:
        if isinstance(self._who, UserPassword):
            user = {"name": self._who.name, "password": self._who.password, "domain": {"name": self._who.domain}}
            identity = {"methods": ["password"], "password": {"user": user}}
            body = json.dumps({"auth": {"identity": identity, "scope": scope}}).encode()
            return Ask("create_token", "POST", "/v3/auth/tokens", (("nocatalog", "true"),), body), JSON_BODY
        auth = {"id_token": {"id": read_token_file(self._who.token_file)}, "scope": scope}
        ask = Ask("exchange_token", "POST", "/v3.0/OS-AUTH/id-token/tokens", body=json.dumps({"auth": auth}).encode())
        return ask, {**JSON_BODY, "X-Idp-Id": self._who.provider}

    def _refused(self, answer: Answer, project_id: str) -> OperatorError:
        """IAM says 401 to a wrong password, and 401 or 404 to a project that the user has no part in."""
        text = f"IAM refused the {known_as(self._who)} in region {self._region}"
        if answer.status in (UNAUTHENTICATED, NOT_FOUND) and "project" in answer.text.lower():
            text += f" for project {project_id or self._region} ({answer.text.rstrip('.')}). Nothing is asked or "
            text += "changed until spec.projectId, DDM_CLOUD_PROJECT_ID or the region is corrected."
            return StalledError(reasons.PROJECT_NOT_FOUND, text, code=answer.code)
        if answer.status in (UNAUTHENTICATED, FORBIDDEN):
            text += f" ({answer.text.rstrip('.') or 'wrong name or password'}). Nothing is asked or changed until the "
            text += "credential is corrected."
            return StalledError(reasons.CREDENTIALS_REJECTED, text, code=answer.code)
        return rejected(answer, f"by IAM in region {self._region}")


def _project_of(token: wire.Token) -> str:
    if token.project is None:
        raise wire.unreadable("a new token that names no project")
    return token.project.id


class KeySource:
    """Temporary access keys.

    Args:
        endpoint: STS, or the agent on the node.
        who: what is given for them.
        clock: time; what says when a key ends says it by a calendar, the cloud's where it tells it.
    """

    def __init__(self, endpoint: Http, who: OidcAgency | PodIdentity, clock: Clock) -> None:
        self._endpoint = endpoint
        self._who = who
        self._clock = clock

    async def fetch(self) -> Lasting[AccessKey]:
        """A new key.

        Raises:
            StalledError: it is refused.
            TransientError: it could not be asked for.
        """
        ask, headers = self._request()
        answer = await self._endpoint.ask(ask, headers)
        if answer.status in (UNAUTHENTICATED, FORBIDDEN):
            text = f"{self._endpoint.host} gives no temporary key for {known_as(self._who)} "
            text += (
                f"({answer.text.rstrip('.') or answer.status}). Nothing is asked or changed until the trust between "
            )
            text += "the service account and the agency is corrected."
            raise StalledError(reasons.CREDENTIALS_REJECTED, text, code=answer.code)
        if not answer.accepted:
            raise rejected(answer, f"at {self._endpoint.host}")
        found = wire.read(TemporaryKey, answer.body)
        for secret in (found.secret, found.security_token):
            redactor.hide(secret)
        key = AccessKey(found.access, found.secret, found.security_token, self._who.project_id)
        return Lasting(key, self._seconds_until(found.expires_at, answer))

    def _seconds_until(self, end: datetime, answer: Answer) -> float:
        """By a calendar of whole seconds, which may be one behind."""
        return (end - (answer.date or self._clock.now())).total_seconds() - 1

    def _request(self) -> tuple[Ask, dict[str, str]]:
        token = read_token_file(self._who.token_file)
        if isinstance(self._who, PodIdentity):
            address = urlsplit(self._who.uri)
            query = tuple(parse_qsl(address.query, keep_blank_values=True))
            ask = Ask("pod_identity", "POST", address.path or "/", query, b"{}")
            return ask, {**JSON_BODY, "Authorization": token}
        body = {
            "provider_urn": self._who.provider_urn,
            "agency_urn": self._who.agency_urn,
            "agency_session_name": self._who.session_name,
            "id_token": token,
            "duration_seconds": self._who.duration_seconds,
        }
        path = "/v5/agencies/assume-with-oidc"
        return Ask("assume_agency", "POST", path, body=json.dumps(body).encode()), JSON_BODY


def rejected(answer: Answer, where: str) -> OperatorError:
    """The error of an answer that is no success; ``where`` is for people."""
    return error_for(answer.status, answer.code, answer.text, answer.retry_after, where=where)
