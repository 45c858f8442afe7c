"""Addresses that a person sets, examined as a whole: what an HTTP client would stumble over in every single request."""

from __future__ import annotations

import ipaddress
import re
from typing import Final


def _authority(label: str) -> str:
    """``host[:port]`` in the words that Python, Rust and Go have in common: the chart's schema has it too."""
    return rf"(\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]|{label}(?:\.{label})*\.?)(?::([1-9][0-9]{{0,4}}))?"


_PLAIN: Final = _authority(r"[A-Za-z0-9_-]+")

ENDPOINT: Final = rf"^https?://{_authority(r'(?:[A-Za-z0-9_-]|[{]region[}])+')}/?$"
PROXY_WITHOUT_USER: Final = rf"^https?://{_PLAIN}/?$"
PROXY: Final = rf"^https?://(?:[^\s/?#]*@)?{_PLAIN}/?$"

HIGHEST_PORT: Final = 65_535
LONGEST_LABEL: Final = 63
LONGEST_NAME: Final = 253
"""Characters; a longer name, or a longer part of it, cannot be looked up."""


def endpoint(address: str) -> str:
    """The address of an API, ``http(s)://host[:port]``; ``{region}`` may be a part of the host's name.

    Raises:
        ValueError: it is none.
    """
    return _examined(address, ENDPOINT)


def proxy(address: str) -> str:
    """The address of a proxy, ``http(s)://[user:password@]host[:port]``.

    Raises:
        ValueError: it is none; the text does not repeat it.
    """
    return _examined(address, PROXY)


def host(name: str) -> str:
    """An IP address, or a name that can be looked up.

    Raises:
        ValueError: it is neither.
    """
    if ":" in name or re.fullmatch(r"[0-9.]+", name):
        ipaddress.ip_address(name)
        return name
    parts = name.removesuffix(".").split(".")
    if not name.isascii() or len(name) > LONGEST_NAME or not all(0 < len(part) <= LONGEST_LABEL for part in parts):
        raise ValueError("no such name")
    return name


def _examined(address: str, pattern: str) -> str:
    found = re.fullmatch(pattern, address)
    if found is None or address.endswith("\n"):
        raise ValueError("no such address")
    name, port = found.groups()
    host(name.strip("[]").replace("{region}", "r"))
    if int(port or 1) > HIGHEST_PORT:
        raise ValueError("no such port")
    return address
