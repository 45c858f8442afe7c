"""Moments as the cloud's APIs write them. Inside they are seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

MILLISECONDS = 1000


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def ddm(moment: float) -> str:
    """As DDM writes it: ``2021-12-14T07:46:22+0000``."""
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%S+0000")


def iam(moment: float) -> str:
    """As IAM writes it: ``2019-02-13T06:52:13.855000Z``."""
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parameters(moment: float) -> str:
    """As the list of an instance's parameters writes it: ``2021-11-09 03:26:52``."""
    return _utc(moment).strftime("%Y-%m-%d %H:%M:%S")


def http(moment: float) -> str:
    """As the header `Date` has it."""
    return format_datetime(_utc(moment).replace(microsecond=0), usegmt=True)


def millis(moment: float) -> int:
    """Milliseconds since the epoch, as schemas and the query of the job list have them."""
    return int(moment * MILLISECONDS)


def signing(text: str) -> float:
    """The moment of a header `X-Sdk-Date`: ``20250101T000000Z``.

    Raises:
        ValueError: It is written otherwise.
    """
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
