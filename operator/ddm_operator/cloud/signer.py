"""Signs requests with an access key: SDK-HMAC-SHA256 (reference of the DDM API, signing with vectors)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote

from ddm_operator.cloud.credentials import AccessKey

ALGORITHM: Final = "SDK-HMAC-SHA256"
DATE_FORMAT: Final = "%Y%m%dT%H%M%SZ"

Query = Iterable[tuple[str, str]]


def signed_headers(
    key: AccessKey,
    method: str,
    host: str,
    path: str,
    *,
    query: Query = (),
    body: bytes = b"",
    project_id: str = "",
    now: datetime,
) -> dict[str, str]:
    """The headers that make a request a signed one; all of them must be sent as they are.

    Args:
        key: whose signature it is.
        method: upper case.
        host: with the port, if the address names one.
        path: not yet percent-encoded, beginning with a slash.
        query: names and values, not yet percent-encoded.
        body: the very bytes that are sent.
        project_id: the project that is meant; empty leaves the header out.
        now: UTC; the cloud refuses what is more than 15 minutes off.
    """
    headers = {"Content-Type": "application/json", "Host": host, "X-Sdk-Date": now.strftime(DATE_FORMAT)}
    if project_id:
        headers["X-Project-Id"] = project_id
    if key.security_token:
        headers["X-Security-Token"] = key.security_token
    names = ";".join(sorted(name.lower() for name in headers))
    canonical = canonical_request(method, path, query, headers, body)
    text = "\n".join((ALGORITHM, headers["X-Sdk-Date"], hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = f"{ALGORITHM} Access={key.access}, SignedHeaders={names}, Signature={signature}"
    return headers


def canonical_request(method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes) -> str:
    """The request in the one spelling that both sides hash."""
    lines = sorted((name.lower(), value.strip()) for name, value in headers.items())
    return "\n".join(
        (
            method,
            _encoded_path(path),
            "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(query)),
            "".join(f"{name}:{value}\n" for name, value in lines),
            ";".join(name for name, _ in lines),
            hashlib.sha256(body).hexdigest(),
        )
    )


def _encoded(text: str) -> str:
    return quote(text, safe="~")


def _encoded_path(path: str) -> str:
    """A slash at the end is part of what is signed, whether or not it is part of the address."""
    encoded = "/".join(_encoded(part) for part in path.split("/"))
    return encoded if encoded.endswith("/") else encoded + "/"
