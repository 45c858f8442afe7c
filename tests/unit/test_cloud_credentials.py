"""Where the credential comes from, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ddm_operator.cloud.credentials import (
    AccessKey,
    Credential,
    IdToken,
    OidcAgency,
    PodIdentity,
    UserPassword,
    credential_in_secret,
    own_credential,
)
from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError
from ddm_operator.redaction import redactor

KEY = {"HUAWEICLOUD_SDK_AK": "AK0123456789", "HUAWEICLOUD_SDK_SK": "a-secret-key-value"}
USER = {"HW_USER_NAME": "ddm-user", "HW_USER_PASSWORD": "a-password-value", "HW_DOMAIN_NAME": "account"}


@pytest.fixture(autouse=True)
def _no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEY, *USER, "HUAWEICLOUD_SDK_SECURITY_TOKEN", "HUAWEICLOUD_SDK_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


def offer(values: dict[str, str], folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in values.items():
        if folder:
            (folder / name).write_text(value + "\n")
        else:
            monkeypatch.setenv(name, value)


@pytest.mark.parametrize("from_files", [False, True])
def test_an_access_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, from_files: bool) -> None:
    folder = tmp_path if from_files else None
    offer({**KEY, "HUAWEICLOUD_SDK_PROJECT_ID": "p1"}, folder, monkeypatch)
    assert own_credential(folder) == AccessKey("AK0123456789", "a-secret-key-value", "", "p1")


@pytest.mark.parametrize("from_files", [False, True])
def test_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, from_files: bool) -> None:
    folder = tmp_path if from_files else None
    offer(USER, folder, monkeypatch)
    assert own_credential(folder) == UserPassword("ddm-user", "account", "a-password-value")


def test_the_access_key_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    offer({**KEY, **USER}, None, monkeypatch)
    assert isinstance(own_credential(), AccessKey)


def test_files_are_read_again_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(USER, tmp_path, monkeypatch)
    before = own_credential(tmp_path)
    (tmp_path / "HW_USER_PASSWORD").write_text("another-password")
    after = own_credential(tmp_path)
    assert before != after
    assert isinstance(after, UserPassword)
    assert after.password == "another-password"


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, "There is no credential for the cloud"),
        ({"HUAWEICLOUD_SDK_AK": "AK"}, "HUAWEICLOUD_SDK_SK is missing"),
        ({"HUAWEICLOUD_SDK_SK": "SK"}, "HUAWEICLOUD_SDK_AK is missing"),
        ({"HUAWEICLOUD_SDK_AK": "AK", "HUAWEICLOUD_SDK_SK": " "}, "HUAWEICLOUD_SDK_SK is missing"),
        ({"HW_USER_NAME": "u"}, "HW_USER_PASSWORD and HW_DOMAIN_NAME is missing"),
    ],
)
@pytest.mark.parametrize("from_files", [False, True])
def test_what_is_missing_is_named(
    values: dict[str, str], missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, from_files: bool
) -> None:
    folder = tmp_path if from_files else None
    offer(values, folder, monkeypatch)
    with pytest.raises(StalledError) as caught:
        own_credential(folder)
    assert caught.value.reason == reasons.CREDENTIALS_MISSING
    assert missing in caught.value.message


@pytest.mark.parametrize("unreadable", [b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named_and_not_shown(tmp_path: Path, unreadable: bytes | None) -> None:
    file = tmp_path / "HUAWEICLOUD_SDK_SK"
    if unreadable is None:
        file.mkdir()
    else:
        file.write_bytes(unreadable)
    with pytest.raises(StalledError, match="HUAWEICLOUD_SDK_SK cannot be read") as caught:
        own_credential(tmp_path)
    assert caught.value.reason == reasons.CREDENTIALS_MISSING


def test_what_was_read_is_never_shown_again(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(USER, None, monkeypatch)
    credential = own_credential()
    assert "a-password-value" not in repr(credential)
    assert redactor.clean("it was a-password-value, they said") == "it was ***, they said"


IN_SECRET = {name: value.encode() for name, value in KEY.items()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUAWEICLOUD_SDK_AK", "AK\r\nX-Evil: 1"),
        ("HUAWEICLOUD_SDK_AK", "AK, SignedHeaders=host"),
        ("HUAWEICLOUD_SDK_AK", "Äpfel"),
        ("HUAWEICLOUD_SDK_AK", "A" * 257),
        ("HUAWEICLOUD_SDK_SK", "two\nlines-of-a-secret"),
        ("HUAWEICLOUD_SDK_SK", "s" * 1025),
        ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "a-token\r\nX-Evil: 1"),
        ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "t" * 20_000),
        ("HUAWEICLOUD_SDK_PROJECT_ID", "../../v3"),
    ],
)
def test_what_cannot_be_right_is_refused_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(StalledError, match=f"{name} in the Secret cannot be right") as caught:
        credential_in_secret({**IN_SECRET, name: value.encode()}, "the Secret")
    assert caught.value.reason == reasons.CREDENTIALS_MISSING
    assert value not in caught.value.message
    assert "X-Evil" not in caught.value.message


def test_a_secret_that_is_no_text_is_named_and_not_shown() -> None:
    with pytest.raises(StalledError, match=r"HUAWEICLOUD_SDK_SK in the Secret is no text"):
        credential_in_secret({**IN_SECRET, "HUAWEICLOUD_SDK_SK": b"\xff\xfe"}, "the Secret")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"HUAWEICLOUD_SDK_IDP_ID": "idp", "HUAWEICLOUD_SDK_ID_TOKEN_FILE": "/token"},
            IdToken("idp", Path("/token")),
        ),
        (
            {
                "HUAWEICLOUD_OIDC_PROVIDER_URN": "iam::d:oidcProvider:p",
                "HUAWEICLOUD_OIDC_AGENCY_URN": "iam::d:agency:a",
                "HUAWEICLOUD_OIDC_TOKEN_FILE": "/token",
                "HUAWEICLOUD_OIDC_DURATION_SECONDS": "900",
            },
            OidcAgency("iam::d:oidcProvider:p", "iam::d:agency:a", Path("/token"), duration_seconds=900),
        ),
        (
            {
                "HC_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token",
            },
            PodIdentity("http://169.254.170.23/v1/credentials", Path("/token")),
        ),
    ],
)
def test_the_kinds_that_need_no_secret(
    values: dict[str, str], expected: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(values, None, monkeypatch)
    assert own_credential() == expected
    missing = list(values)[-1] if "DURATION" not in list(values)[-1] else list(values)[-2]
    monkeypatch.delenv(missing)
    with pytest.raises(StalledError, match=f"{missing} is missing"):
        own_credential()
    offer(KEY, None, monkeypatch)
    assert isinstance(own_credential(), AccessKey), "a key that is given besides counts first"


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "169.254.170.23", "http://", "ftp://host/", "http://é/"])
def test_an_agent_s_address_that_is_none_is_refused(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offer({"HC_CONTAINER_CREDENTIALS_FULL_URI": uri, "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t"}, None, monkeypatch)
    with pytest.raises(StalledError, match="HC_CONTAINER_CREDENTIALS_FULL_URI"):
        own_credential()
