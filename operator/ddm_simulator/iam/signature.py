"""The signature SDK-HMAC-SHA256 of Huawei Cloud's gateway, from the side that verifies it."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from ddm_simulator.messages import Request

ALGORITHM: Final = "SDK-HMAC-SHA256"
UNSIGNED: Final = "UNSIGNED-PAYLOAD"

_AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM} Access=(?P<access>[^,\s]+), ?SignedHeaders=(?P<headers>[^,\s]+), "
    r"?Signature=(?P<signature>[0-9a-f]{64})"
)
_SIGNED_BODIES: Final = ("application/json", "application/bson")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a header `Authorization` says."""

    access: str
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)


def parse(authorization: str) -> Claim | None:
    """Read the header; None when it is written otherwise."""
    found = _AUTHORIZATION.fullmatch(authorization.strip())
    if found is None:
        return None
    return Claim(found["access"], tuple(found["headers"].split(";")), found["signature"])


def canonical(request: Request, signed_headers: tuple[str, ...]) -> str:
    """The canonical request: six parts, a line each, with the headers on lines of their own."""
    path = "/".join(_encoded(part) for part in request.path.split("/"))
    query = sorted(request.query)
    headers = (f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed_headers)
    return "\n".join(
        (
            request.method.upper(),
            path if path.endswith("/") else path + "/",
            "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in query),
            "".join(headers),
            ";".join(signed_headers),
            _body_hash(request),
        )
    )


def sign(secret: str, date: str, canonical_request: str) -> str:
    """The signature in hexadecimal digits.

    Args:
        secret: The secret key.
        date: The header `X-Sdk-Date`.
        canonical_request: What `canonical` made.
    """
    to_sign = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical_request.encode()).hexdigest()}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def _encoded(text: str) -> str:
    return quote(text, safe="~")


def _body_hash(request: Request) -> str:
    content_type = request.headers.get("content-type", "")
    may_be_unsigned = bool(request.body) and not content_type.startswith(_SIGNED_BODIES)
    if may_be_unsigned and request.headers.get("x-sdk-content-sha256") == UNSIGNED:
        return UNSIGNED
    return hashlib.sha256(request.body).hexdigest()
