"""Names of Kubernetes, and lists of them as an environment variable holds them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Namespace = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", json_schema_extra={"allowed": "a namespace's name"}),
]
NamespaceOrAll = Annotated[
    str,
    Field(
        pattern=r"^(\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$",
        json_schema_extra={"allowed": "`*` for all, a namespace's name"},
    ),
]
ObjectName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$", json_schema_extra={"allowed": "an object's name"}),
]


def names(value: object, blank: str) -> object:
    """Names separated by commas, each once.

    Args:
        value: text, or names that are a list already.
        blank: said of a value that holds no name.

    Raises:
        ValueError: it holds none, and is not empty.
    """
    parts = ",".join(value) if isinstance(value, tuple | list) else str(value)
    found = tuple(dict.fromkeys(name.strip() for name in parts.split(",") if name.strip()))
    if value and not found:
        raise ValueError(blank)
    return found
