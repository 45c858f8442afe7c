"""Signatures against the reference's vectors, which two independent implementations agree on."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from ddm_operator.cloud.credentials import AccessKey
from ddm_operator.cloud.signer import canonical_request, signed_headers

ACCESS = "EXAMPLEACCESSKEY0001"
SECRET = "ExampleSecretKeyForDocumentationOnly0001"
HOST = "ddm.cn-north-4.myhuaweicloud.com"
PROJECT = "0123456789abcdef0123456789abcdef"
NOW = datetime(2025, 1, 1, tzinfo=UTC)

LIST = (
    "GET",
    f"/v1/{PROJECT}/instances",
    (("offset", "0"), ("limit", "128")),
    b"",
    "",
    "4da3263aa94bef2396082704f7c063a249a551e29b048ae03cad5fafc70763b3",
    "5c889a56375e33f21bc0aeea303147e70e45cc95eb18ff37587b18f2d58c8df6",
)
ENLARGE = (
    "POST",
    f"/v2/{PROJECT}/instances/1f5c9fd6cd984056ba89c8c87cc03278in09/action/enlarge",
    (),
    b'{"flavor_id":"8f2e696c-a9c1-30bd-af90-25522bc67606","node_number":1}',
    "",
    "d487b9f954f38f4d2ef0c45580faccbdb17d146bb9b428ab99f0ae628c9de6e0",
    "ef6aa29300eb93d8c6051e22c6795765c072df966ec4c3848f174760a53fbc10",
)
JOB = (
    "GET",
    f"/v3/{PROJECT}/jobs/31b8ae23-c687-4d80-b7b4-42a66c9bb886",
    (),
    b"",
    "example-security-token",
    "7e1374fb8e90d53f482ee30838796fe3d121d2b9d10a623dfb4b50293125c635",
    "793465711d1e471e56ef8fa837ff07530bcd8c17048d5698c2ed6f0ab5f1a437",
)


@pytest.mark.parametrize(("method", "path", "query", "body", "token", "digest", "signature"), [LIST, ENLARGE, JOB])
def test_the_reference_s_vectors(
    method: str,
    path: str,
    query: tuple[tuple[str, str], ...],
    body: bytes,
    token: str,
    digest: str,
    signature: str,
) -> None:
    headers = signed_headers(
        AccessKey(ACCESS, SECRET, token), method, HOST, path, query=query, body=body, project_id=PROJECT, now=NOW
    )
    assert headers.pop("Authorization").endswith(f"Signature={signature}")
    canonical = canonical_request(method, path, query, headers, body)
    assert hashlib.sha256(canonical.encode()).hexdigest() == digest


def test_the_canonical_request_of_the_first_vector_word_for_word() -> None:
    headers = signed_headers(
        AccessKey(ACCESS, SECRET), "GET", HOST, LIST[1], query=LIST[2], project_id=PROJECT, now=NOW
    )
    del headers["Authorization"]
    assert canonical_request("GET", LIST[1], LIST[2], headers, b"") == (
        f"GET\n/v1/{PROJECT}/instances/\nlimit=128&offset=0\ncontent-type:application/json\nhost:{HOST}\n"
        f"x-project-id:{PROJECT}\nx-sdk-date:20250101T000000Z\n\ncontent-type;host;x-project-id;x-sdk-date\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_the_authorization_has_no_comma_after_the_algorithm() -> None:
    headers = signed_headers(AccessKey(ACCESS, SECRET), "GET", HOST, "/", now=NOW)
    assert headers["Authorization"].startswith(
        f"SDK-HMAC-SHA256 Access={ACCESS}, SignedHeaders=content-type;host;x-sdk-date, Signature="
    )
    assert "X-Project-Id" not in headers


def test_what_is_not_plain_is_percent_encoded_once() -> None:
    canonical = canonical_request("GET", "/a b/c~d/é", (("q", "x y/z"), ("a", "&")), {"Host": "h"}, b"")
    assert canonical.splitlines()[1:3] == ["/a%20b/c~d/%C3%A9/", "a=%26&q=x%20y%2Fz"]


def test_a_secret_is_not_part_of_the_key_s_text() -> None:
    assert SECRET not in repr(AccessKey(ACCESS, SECRET, "token-token"))
    assert "token-token" not in repr(AccessKey(ACCESS, SECRET, "token-token"))
