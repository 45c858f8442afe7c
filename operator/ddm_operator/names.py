"""Lists of names, as an environment variable holds them."""

from __future__ import annotations


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
