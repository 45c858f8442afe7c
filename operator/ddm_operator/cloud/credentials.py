"""Who asks the cloud: the kinds of credential, and how one is read from files, the environment or a Secret.

A tenant's Secret may hold an access key, or a user with a password. The kinds that name files or addresses are the
operator's own alone: whoever writes a Secret must not choose what the operator reads or where it sends something.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError
from ddm_operator.redaction import redactor

ACCESS: Final = "HUAWEICLOUD_SDK_AK"
SECRET: Final = "HUAWEICLOUD_SDK_SK"  # noqa: S105  # a variable's name
SECURITY_TOKEN: Final = "HUAWEICLOUD_SDK_SECURITY_TOKEN"  # noqa: S105  # a variable's name
PROJECT_ID: Final = "HUAWEICLOUD_SDK_PROJECT_ID"
USER: Final = "HW_USER_NAME"
PASSWORD: Final = "HW_USER_PASSWORD"  # noqa: S105  # a variable's name
DOMAIN: Final = "HW_DOMAIN_NAME"
IDP: Final = "HUAWEICLOUD_SDK_IDP_ID"
ID_TOKEN_FILE: Final = "HUAWEICLOUD_SDK_ID_TOKEN_FILE"  # noqa: S105  # a variable's name
PROVIDER_URN: Final = "HUAWEICLOUD_OIDC_PROVIDER_URN"
AGENCY_URN: Final = "HUAWEICLOUD_OIDC_AGENCY_URN"
OIDC_TOKEN_FILE: Final = "HUAWEICLOUD_OIDC_TOKEN_FILE"  # noqa: S105  # a variable's name
SESSION_NAME: Final = "HUAWEICLOUD_OIDC_SESSION_NAME"
DURATION: Final = "HUAWEICLOUD_OIDC_DURATION_SECONDS"
POD_URI: Final = "HC_CONTAINER_CREDENTIALS_FULL_URI"
POD_TOKEN_FILE: Final = "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105  # a variable's name

SECRETS: Final = (SECRET, SECURITY_TOKEN, PASSWORD)
KEYS: Final = (ACCESS, SECRET, SECURITY_TOKEN, PROJECT_ID, USER, PASSWORD, DOMAIN)
"""What a Secret may hold."""
OWN_KEYS: Final = (IDP, ID_TOKEN_FILE, PROVIDER_URN, AGENCY_URN, OIDC_TOKEN_FILE, SESSION_NAME, DURATION)
POD_KEYS: Final = (POD_URI, POD_TOKEN_FILE)

MOST_BYTES: Final = 65_536
"""Of one value as it is read."""

SHAPES: Final[Mapping[str, tuple[str, str]]] = {
    # What becomes part of a header or of a path is spelled so that it cannot become more than that.
    ACCESS: (r"[!-+\--~]{1,256}", "printable ASCII without blanks and commas, at most 256 characters"),
    SECURITY_TOKEN: (r"[!-~]{1,16384}", "printable ASCII without blanks, at most 16384 characters"),
    PROJECT_ID: (r"[0-9A-Za-z]{1,64}", "letters and digits, at most 64"),
    SECRET: (r".{1,1024}", "one line, at most 1024 characters"),
    USER: (r".{1,256}", "one line, at most 256 characters"),
    DOMAIN: (r".{1,256}", "one line, at most 256 characters"),
    PASSWORD: (r".{1,1024}", "one line, at most 1024 characters"),
    IDP: (r"[!-~]{1,256}", "printable ASCII without blanks, at most 256 characters"),
    DURATION: (r"[1-9][0-9]{2,5}", "seconds, 900 to 43200"),
}

Values = Callable[[str], str]
"""Takes a variable's name; the value, empty when there is none. Raises StalledError."""


@dataclass(frozen=True)
class AccessKey:
    """Signs every request (AK/SK); ``security_token`` comes with a temporary key."""

    access: str
    secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)
    project_id: str = ""


@dataclass(frozen=True)
class UserPassword:
    """Gets a token by name and password; ``domain`` is the account's name."""

    name: str
    domain: str
    password: str = field(repr=False)
    project_id: str = ""


@dataclass(frozen=True)
class IdToken:
    """Gets a token of IAM for one of Kubernetes: OIDC workload identity with an identity provider of IAM (v3)."""

    provider: str
    token_file: Path
    project_id: str = ""


@dataclass(frozen=True)
class OidcAgency:
    """Gets a temporary key from STS (v5) for a token of Kubernetes."""

    provider_urn: str
    agency_urn: str
    token_file: Path
    session_name: str = "ddm-operator"
    duration_seconds: int = 3600
    project_id: str = ""


@dataclass(frozen=True)
class PodIdentity:
    """Gets a temporary key from the agent on the node: CCE pod identity."""

    uri: str
    token_file: Path
    project_id: str = ""


Credential = AccessKey | UserPassword | IdToken | OidcAgency | PodIdentity


def known_as(credential: Credential) -> str:
    """Whom the cloud counts failures against; no secret."""
    match credential:
        case AccessKey(access=access):
            return f"access key {access}"
        case UserPassword(name=name, domain=domain):
            return f"user {name} of the account {domain}"
        case IdToken(provider=provider):
            return f"identity provider {provider}"
        case OidcAgency(agency_urn=urn):
            return f"agency {urn}"
        case PodIdentity():
            return "the pod's identity"


def own_credential(folder: Path | None = None) -> Credential:
    """The operator's own, as it is now; the secrets in it are never shown from here on.

    Args:
        folder: with one file per value, named like the variable; None reads the environment.

    Raises:
        StalledError: there is none, or only a part of one.
    """
    values = _from_files(folder) if folder else _from_environment(os.environ)
    where = "the folder DDM_CREDENTIALS_DIR" if folder else "the operator's environment"
    # What CCE puts into a pod is in its environment, wherever the rest is.
    pod = _from_environment(os.environ)
    found = _key_or_user(values, where) or _workload(values, where) or _pod(pod, values, where)
    if found is not None:
        return found
    text = f"There is no credential for the cloud in {where}. Nothing is asked or changed until there is one: "
    raise StalledError(reasons.CREDENTIALS_MISSING, f"{text}{ACCESS} and {SECRET}, or {USER}, {PASSWORD} and {DOMAIN}.")


def credential_in_secret(data: Mapping[str, bytes], where: str) -> Credential:
    """A tenant's; ``where`` is the Secret, for people.

    Raises:
        StalledError: it holds none, or only a part of one, or a kind that is not a tenant's.
    """
    values = _from_data(data, where)
    found = _key_or_user(values, where)
    if found is not None:
        return found
    text = f"{where} holds no credential, and no other is used instead. Nothing is asked or changed until it has "
    text += f"{ACCESS} and {SECRET}, or {USER}, {PASSWORD} and {DOMAIN}."
    foreign = [name for name in (*OWN_KEYS, *POD_KEYS) if name in data]
    if foreign:
        text += f" {foreign[0]} counts for the operator's own credential only: it names a file, or whom to trust."
    raise StalledError(reasons.CREDENTIALS_MISSING, text)


def _key_or_user(values: Values, where: str) -> AccessKey | UserPassword | None:
    for name in SECRETS:
        redactor.hide(values(name))
    given = {name: values(name) for name in KEYS}
    if given[ACCESS] or given[SECRET]:
        _all_there(values, (ACCESS, SECRET), where)
        _well_formed(given, (ACCESS, SECRET, SECURITY_TOKEN, PROJECT_ID), where)
        return AccessKey(given[ACCESS], given[SECRET], given[SECURITY_TOKEN], given[PROJECT_ID])
    if given[USER] or given[PASSWORD]:
        _all_there(values, (USER, PASSWORD, DOMAIN), where)
        _well_formed(given, (USER, PASSWORD, DOMAIN, PROJECT_ID), where)
        return UserPassword(given[USER], given[DOMAIN], given[PASSWORD], given[PROJECT_ID])
    return None


def _workload(values: Values, where: str) -> IdToken | OidcAgency | None:
    given = {name: values(name) for name in (*OWN_KEYS, PROJECT_ID)}
    if given[IDP] or given[ID_TOKEN_FILE]:
        _all_there(values, (IDP, ID_TOKEN_FILE), where)
        _well_formed(given, (IDP, PROJECT_ID), where)
        return IdToken(given[IDP], Path(given[ID_TOKEN_FILE]), given[PROJECT_ID])
    if given[PROVIDER_URN] or given[AGENCY_URN]:
        _all_there(values, (PROVIDER_URN, AGENCY_URN, OIDC_TOKEN_FILE), where)
        _well_formed(given, (DURATION, PROJECT_ID), where)
        return OidcAgency(
            given[PROVIDER_URN],
            given[AGENCY_URN],
            Path(given[OIDC_TOKEN_FILE]),
            given[SESSION_NAME] or OidcAgency.session_name,
            int(given[DURATION] or OidcAgency.duration_seconds),
            given[PROJECT_ID],
        )
    return None


def _pod(environment: Values, values: Values, where: str) -> PodIdentity | None:
    uri, file = environment(POD_URI), environment(POD_TOKEN_FILE)
    if not uri and not file:
        return None
    _all_there(environment, POD_KEYS, "the operator's environment")
    if not uri.isascii() or urlsplit(uri).scheme not in ("http", "https") or not urlsplit(uri).netloc:
        text = f"{POD_URI} in the operator's environment is no address. Correct it."
        raise StalledError(reasons.CREDENTIALS_MISSING, text)
    project_id = values(PROJECT_ID)
    _well_formed({PROJECT_ID: project_id}, (PROJECT_ID,), where)
    return PodIdentity(uri, Path(file), project_id)


def _all_there(values: Values, names: tuple[str, ...], where: str) -> None:
    absent = " and ".join(name for name in names if not values(name))
    if absent:
        text = f"The credential in {where} is not complete: {absent} is missing or empty. Add it."
        raise StalledError(reasons.CREDENTIALS_MISSING, text)


def _well_formed(given: Mapping[str, str], names: tuple[str, ...], where: str) -> None:
    """What is given has the shape that it must have; the value itself is never shown."""
    for name in names:
        pattern, words = SHAPES[name]
        if given[name] and re.fullmatch(pattern, given[name]) is None:
            text = f"{name} in {where} cannot be right: allowed is {words}. Correct it."
            raise StalledError(reasons.CREDENTIALS_MISSING, text)


def _from_environment(environ: Mapping[str, str]) -> Values:
    return lambda name: environ.get(name, "").strip()


def _from_data(data: Mapping[str, bytes], where: str) -> Values:
    def value(name: str) -> str:
        try:
            return data.get(name, b"")[:MOST_BYTES].decode().strip()
        except UnicodeDecodeError:
            text = f"{name} in {where} is no text in UTF-8. Correct it."
            raise StalledError(reasons.CREDENTIALS_MISSING, text) from None

    return value


def _from_files(folder: Path) -> Values:
    def value(name: str) -> str:
        try:
            with (folder / name).open("rb") as file:
                return file.read(MOST_BYTES).decode().strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            text = f"The credential's file {name} cannot be read ({type(error).__name__}). Correct the mounted Secret."
            raise StalledError(reasons.CREDENTIALS_MISSING, text) from None

    return value
