"""Every call carries a token or a signature; the gateway looks at it before the service does."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Final

from ddm_simulator import errors, times
from ddm_simulator.call import Caller
from ddm_simulator.errors import GatewayError
from ddm_simulator.iam import signature
from ddm_simulator.messages import Request
from ddm_simulator.model import AccessKey, Token, User
from ddm_simulator.world import World

SKEW_SECONDS: Final = 15 * 60
LOCK_SECONDS: Final = 5 * 60
FAILURES: Final = 5


def authenticate(world: World, request: Request) -> Caller:
    """Who calls.

    Raises:
        GatewayError: It is not proven.
    """
    token_id = request.headers.get("x-auth-token")
    if token_id is not None:
        token = valid_token(world, token_id)
        return Caller(token.user_id, _user(world, token.user_id).name, token.project_id)
    authorization = request.headers.get("authorization")
    if authorization is None:
        raise errors.not_authenticated("x-auth-token not found")
    claim = signature.parse(authorization)
    if claim is None:
        raise errors.not_authenticated("decrypt token fail")
    key = _verified(world, request, claim)
    return Caller(key.user_id, f"{_user(world, key.user_id).name} ({key.access})")


def authorise(world: World, caller: Caller, project_id: str) -> None:
    """Let a caller into a project.

    Raises:
        GatewayError: There is no such project, or the token is one of another region.
        RefusalError: The caller has no part in the project.
    """
    project = world.projects.get(project_id)
    if project is None:
        raise GatewayError(403, "APIGW.0310", "The project is unavailable.")
    if caller.project_id is not None and caller.project_id != project_id:
        own = world.projects.get(caller.project_id)
        if own is not None and own.name.partition("_")[0] != project.name.partition("_")[0]:
            raise GatewayError(401, "APIGW.0307", "The token must be updated.")
        raise errors.refuse(errors.NOT_AUTHORISED)
    if project_id not in _user(world, caller.user_id).project_ids:
        raise errors.refuse(errors.NOT_AUTHORISED)


def valid_token(world: World, token_id: str) -> Token:
    """A token that can be used now.

    Raises:
        GatewayError: It is unknown, revoked or expired.
    """
    token = world.tokens.get(token_id)
    if token is None or token.revoked or not _user(world, token.user_id).enabled:
        raise errors.not_authenticated("decrypt token fail")
    if token.expires <= world.now():
        raise errors.not_authenticated(f"token expires, expires_at: {times.iam(token.expires)}")
    return token


def _user(world: World, user_id: str) -> User:
    user = world.users.get(user_id)
    if user is None:
        raise errors.not_authenticated("decrypt token fail")
    return user


def _verified(world: World, request: Request, claim: signature.Claim) -> AccessKey:
    now = world.now()
    key = world.keys.get(claim.access)
    if key is None or not _user(world, key.user_id).enabled:
        raise errors.not_authenticated(f"get secretKey failed, ak: {claim.access}")
    if key.locked_until > now:
        raise errors.not_authenticated(f"AK access failed to reach the limit, forbidden: {claim.access}")
    if key.expires is not None and key.expires <= now:
        raise errors.not_authenticated(f"security token expires, expires_at: {times.iam(key.expires)}")
    _check_date(request, now)
    canonical = signature.canonical(request, claim.signed_headers)
    expected = signature.sign(key.secret, request.headers.get("x-sdk-date", ""), canonical)
    right_token = key.security_token is None or key.security_token == request.headers.get("x-security-token")
    if not (hmac.compare_digest(expected, claim.signature) and right_token and "host" in claim.signed_headers):
        _count_failure(world, key, now)
        echo = canonical.replace("\n", "|")
        raise errors.not_authenticated(f"verify aksk signature fail, canonicalRequest:{echo}")
    if key.failures:
        world.keys.put(key.access, replace(key, failures=0), now)
    return key


def _check_date(request: Request, now: float) -> None:
    date = request.headers.get("x-sdk-date", "")
    try:
        skew = abs(times.signing(date) - now)
    except ValueError:
        raise GatewayError(401, "APIGW.0303", "Incorrect app authentication information: X-Sdk-Date") from None
    if skew > SKEW_SECONDS:
        detail = f"the time of the request differs by {int(skew)} s"
        raise GatewayError(401, "APIGW.0303", f"Incorrect app authentication information: {detail}")


def _count_failure(world: World, key: AccessKey, now: float) -> None:
    failures = key.failures + 1
    if failures >= FAILURES:
        changed = replace(key, failures=0, locked_until=now + LOCK_SECONDS)
    else:
        changed = replace(key, failures=failures)
    world.keys.put(key.access, changed, now)
