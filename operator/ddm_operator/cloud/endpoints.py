"""From a region's name to the addresses of its services."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ddm_operator import addresses
from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError

REGION: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What may become part of a host's name; the CRD says the same."""

LONGEST_REGION: Final = 63
"""A label of a host's name has no more characters."""

ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
"""What may become part of a path: ids of projects, instances and jobs, and fixed words. The CRD says the same."""

EUROPE: Final = frozenset({"eu-west-101"})
"""Regions of the European site, which has a top-level domain of its own (reference of the DDM API, base URL)."""

OPEN_TELEKOM_CLOUD: Final = frozenset({"eu-de", "eu-nl"})


@dataclass(frozen=True)
class Endpoints:
    """Addresses without a trailing slash, such as ``https://ddm.cn-north-4.myhuaweicloud.com``."""

    ddm: str
    iam: str
    sts: str


def endpoints(region: str, ddm: str | None = None, iam: str | None = None, sts: str | None = None) -> Endpoints:
    """The addresses for a region.

    Args:
        region: its name, such as ``cn-north-4``.
        ddm: address that is set instead, with ``{region}`` where the region's name belongs.
        iam: the same for IAM.
        sts: the same for STS.

    Raises:
        StalledError: this cannot be the name of a region, or no part of such a host's name.
    """
    if REGION.fullmatch(region) is None or len(region) > LONGEST_REGION:
        text = f"{region[:40]!r} is no name of a region, such as cn-north-4. Correct spec.region."
        raise StalledError(reasons.INVALID_SPEC, text)
    domain = _domain(region)
    return Endpoints(
        ddm=_made(ddm or f"https://ddm.{{region}}.{domain}", region),
        iam=_made(iam or f"https://iam.{{region}}.{domain}", region),
        sts=_made(sts or f"https://sts.{{region}}.{domain}", region),
    )


def _made(template: str, region: str) -> str:
    try:
        return addresses.endpoint(template.replace("{region}", region)).rstrip("/")
    except ValueError:
        text = f"Region {region[:40]!r} makes no address of {template}: a part of the name is too long. "
        raise StalledError(reasons.INVALID_SPEC, text + "Correct spec.region, or DDM_CLOUD_*_ENDPOINT.") from None


def usable(identifier: str) -> bool:
    """Whether an id may become one part of a path, and can be nothing else there."""
    return ID.fullmatch(identifier) is not None


def path(version: str, *parts: str) -> str:
    """The path of a request: ``/v1/<project id>/instances``.

    Raises:
        StalledError: a part would be more, or less, than one part of a path.
    """
    for part in parts:
        if not usable(part):
            text = f"{part[:40]!r} is no id of the cloud: letters, digits, '-' and '_' only. Nothing is asked with it. "
            text += "Correct the id in the spec, or in the credential."
            raise StalledError(reasons.INVALID_SPEC, text)
    return "/".join((version, *parts))


def _domain(region: str) -> str:
    if region in EUROPE:
        return "myhuaweicloud.eu"
    return "otc.t-systems.com" if region in OPEN_TELEKOM_CLOUD else "myhuaweicloud.com"
