"""Who the operator is to the cloud: an access key or a user, from the environment or from a mounted Secret's files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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

SECRETS: Final = (SECRET, SECURITY_TOKEN, PASSWORD)
MOST_BYTES: Final = 65_536
"""Of one file; more is no credential."""


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


Credential = AccessKey | UserPassword


def read_credential(folder: Path | None = None) -> Credential:
    """The credential as it is now; the secrets in it are never shown from here on.

    Args:
        folder: with one file per value, named like the variable; None reads the environment.

    Raises:
        StalledError: there is none, or only a part of one.
    """
    values = _from_files(folder) if folder else _from_environment(os.environ)
    for name in SECRETS:
        redactor.hide(values(name))
    where = "the folder DDM_CREDENTIALS_DIR" if folder else "the operator's environment"
    project_id = values(PROJECT_ID)
    if values(ACCESS) or values(SECRET):
        _all_there(values, (ACCESS, SECRET), where)
        return AccessKey(values(ACCESS), values(SECRET), values(SECURITY_TOKEN), project_id)
    if values(USER) or values(PASSWORD):
        _all_there(values, (USER, PASSWORD, DOMAIN), where)
        return UserPassword(values(USER), values(DOMAIN), values(PASSWORD), project_id)
    text = f"There is no credential for the cloud in {where}. Nothing is asked or changed until there is one: "
    raise StalledError(reasons.CREDENTIALS_MISSING, f"{text}{ACCESS} and {SECRET}, or {USER}, {PASSWORD} and {DOMAIN}.")


def _all_there(values: Callable[[str], str], names: tuple[str, ...], where: str) -> None:
    absent = " and ".join(name for name in names if not values(name))
    if absent:
        text = f"The credential in {where} is not complete: {absent} is missing or empty. Add it."
        raise StalledError(reasons.CREDENTIALS_MISSING, text)


def _from_environment(environ: Mapping[str, str]) -> Callable[[str], str]:
    return lambda name: environ.get(name, "").strip()


def _from_files(folder: Path) -> Callable[[str], str]:
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
