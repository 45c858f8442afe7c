"""Workload identity: what IAM, STS and the agent on a node give for a token of Kubernetes.

The token's claims are looked at as the cloud does; its signature is not, for there is no cluster here whose keys could
be registered.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from pydantic import BaseModel, Field, ValidationError

from ddm_simulator import times
from ddm_simulator.call import Call
from ddm_simulator.errors import IdentityError
from ddm_simulator.iam.endpoints import Scope, issue
from ddm_simulator.messages import Json, Response
from ddm_simulator.model import AccessKey, IdentityProvider
from ddm_simulator.world import World


class _Text(BaseModel):
    id: str = Field(repr=False)


class _Auth(BaseModel):
    id_token: _Text
    scope: Scope = Scope()


class _Exchange(BaseModel):
    auth: _Auth


class _Assumption(BaseModel):
    provider_urn: str
    agency_urn: str
    agency_session_name: str = Field(pattern=r"^[\w+=,.@-]{2,64}$")
    id_token: str = Field(repr=False)
    duration_seconds: int = Field(3600, ge=900, le=43200)


def exchange_token(call: Call) -> Response:
    """POST /v3.0/OS-AUTH/id-token/tokens: a token of IAM for one of an identity provider."""
    world = call.world
    try:
        auth = _Exchange.model_validate_json(call.request.body).auth
    except ValidationError:
        raise IdentityError(400, "Bad Request", "The request body is invalid") from None
    provider = _provider(world, "name", call.request.headers.get("x-idp-id", ""))
    _trusted(world, provider, auth.id_token.id)
    return issue(call, provider.user_id, auth.scope, "mapped")


def assume_agency(call: Call) -> Response:
    """POST /v5/agencies/assume-with-oidc: a temporary key of STS for a token of an identity provider."""
    world = call.world
    try:
        wish = _Assumption.model_validate_json(call.request.body)
    except ValidationError:
        raise IdentityError(400, "Bad Request", "The request body is invalid") from None
    provider = _provider(world, "urn", wish.provider_urn)
    _trusted(world, provider, wish.id_token)
    if wish.agency_urn != provider.agency_urn:
        raise IdentityError(403, "Forbidden", "The agency does not trust the provider.")
    key, end = _temporary(world, provider, wish.duration_seconds)
    credentials: Json = {
        "access_key_id": key.access,
        "secret_access_key": key.secret,
        "security_token": key.security_token,
        "expiration": times.iam(end),
    }
    return Response(200, {"credentials": credentials})


def pod_identity(call: Call) -> Response:
    """POST /pod-identity: what the agent on a node of CCE answers to a pod, with the pod's token."""
    world = call.world
    token = call.request.headers.get("authorization", "")
    audience = _claims(token).get("aud")
    named = audience if isinstance(audience, str) else ""
    provider = _provider(world, "audience", named)
    _trusted(world, provider, token)
    key, end = _temporary(world, provider, 3600)
    body: Json = {
        "accessKeyId": key.access,
        "secretAccessKey": key.secret,
        "securityToken": key.security_token,
        "expiration": times.iam(end),
    }
    return Response(200, body)


def _provider(world: World, field: str, value: str) -> IdentityProvider:
    for provider in world.providers.values():
        if value and getattr(provider, field) == value:
            return provider
    raise IdentityError(401, "Unauthorized", "The identity provider does not exist.")


def _trusted(world: World, provider: IdentityProvider, token: str) -> None:
    claims = _claims(token)
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    user = world.users.get(provider.user_id)
    end = claims.get("exp")
    if claims.get("iss") != provider.issuer or provider.audience not in audiences or user is None or not user.enabled:
        raise IdentityError(401, "Unauthorized", "The identity provider does not trust the token.")
    if not isinstance(end, int | float) or end <= world.now():
        raise IdentityError(401, "Unauthorized", "The token has expired.")


def _claims(token: str) -> Mapping[str, object]:
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, binascii.Error):
        raise IdentityError(401, "Unauthorized", "That is no token.") from None
    return claims if isinstance(claims, dict) else {}


def _temporary(world: World, provider: IdentityProvider, seconds: float) -> tuple[AccessKey, float]:
    end = world.now() + min(seconds, world.settings.temporary_key_seconds)
    key = AccessKey(world.ids.access_key(), provider.user_id, world.ids.secret(), world.ids.secret(), end)
    world.keys.put(key.access, key, world.now())
    return key, end
