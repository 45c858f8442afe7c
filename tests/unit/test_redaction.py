"""The last defence of secrets."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddm_operator.redaction import MOST_SECRETS, SHORTEST_SECRET, Redactor


@given(st.text(min_size=SHORTEST_SECRET, max_size=40).filter(lambda text: text.strip("*")))
def test_a_registered_value_is_found_in_every_spelling(secret: str) -> None:
    redactor = Redactor()
    redactor.hide(secret)
    for spelled in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)):
        assert redactor.clean(f"<{spelled}>").strip("<>\"'") == "***"


def test_a_value_in_an_address_is_found() -> None:
    redactor = Redactor()
    redactor.hide("p@ss/word")
    assert redactor.clean(f"?key={quote('p@ss/word', safe='')}&x") == "?key=***&x"


def test_a_value_that_contains_another_goes_as_a_whole() -> None:
    redactor = Redactor()
    redactor.hide("abcdefgh")
    redactor.hide("abcdefgh-and-more")
    assert redactor.clean("abcdefgh-and-more") == "***"


def test_a_short_value_would_hide_ordinary_words() -> None:
    redactor = Redactor()
    redactor.hide("a")
    assert redactor.clean("a sentence") == "a sentence"


def test_the_redactor_itself_shows_nothing() -> None:
    redactor = Redactor()
    redactor.hide("hunter22")
    assert "hunter22" not in repr(redactor) + str(redactor)


@pytest.mark.parametrize(
    "text",
    [
        "X-Auth-Token: SECRET",
        "x-subject-token=SECRET",
        "{'X-Auth-Token': 'SECRET', 'a': 'b'}",
        "(b'X-Security-Token', b'SECRET')",
        '{"auth": {"password": {"user": {"password": "SECRET"}}}}',
        r'{"message": "{\"password\": \"SECRET\"}"}',
        "Authorization: SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=SECRET",
        "Authorization: Bearer SECRET",
        "https://me:SECRET@proxy.example.com:3128/",
        "https://me:a/SECRET@proxy.example.com:3128/",
        "https://me:a@SECRET@proxy.example.com:3128/",
        "secret_access_key = SECRET",
        "securityToken: SECRET",
    ],
)
def test_what_looks_like_a_credential_goes_without_being_known(text: str) -> None:
    cleaned = Redactor().clean(text)
    assert "SECRET" not in cleaned
    assert "***" in cleaned
    assert Redactor().clean(cleaned) == cleaned


@pytest.mark.parametrize("token", ["MIIF" + "aB3+/" * 60, "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"])
def test_tokens_are_known_by_their_shape(token: str) -> None:
    assert Redactor().clean(f"got {token} back") == "got *** back"


@pytest.mark.parametrize(
    "text",
    [
        "The password is wrong",
        "job 1eb697c0-1842-43a3-8671-f562d0385cb9 of 28e8841d0b9c4f6a9a30742ee60e1068in09",
        "nodes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaano09, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbno09",
        "https://ddm.cn-north-4.myhuaweicloud.com/v1/p/instances?offset=0",
        "mail someone@example.com",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert Redactor().clean(text) == text


def test_what_is_in_use_outlasts_any_number_of_others() -> None:
    redactor = Redactor()
    redactor.hide("the-secret-in-use")
    for number in range(3 * MOST_SECRETS):
        if number % 500 == 0:
            redactor.hide("the-secret-in-use")
        redactor.hide(f"another-secret-{number}")
    assert redactor.clean("the-secret-in-use another-secret-0") == "*** another-secret-0"
    assert len(redactor._spellings) == MOST_SECRETS  # noqa: SLF001  # that it is bounded cannot be seen from outside
