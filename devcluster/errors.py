"""The one error of this package, made for the person who reads it."""

from collections.abc import Sequence


class DevclusterError(Exception):
    """A control plane could not be found, built, started or reached.

    The text says what happened, then what was tried, then what the reader can do about it.
    """

    def __init__(self, happened: str, *, tried: Sequence[str] = (), advice: Sequence[str] = ()) -> None:
        """Keep the parts apart, so that one failure can become part of another's text."""
        self.happened = happened
        self.tried = tuple(tried)
        self.advice = tuple(advice)
        super().__init__("\n".join([happened, *_listed("Tried:", tried), *_listed("What you can do:", advice)]))


def _listed(title: str, items: Sequence[str]) -> list[str]:
    return [title, *(f"  - {item}" for item in items)] if items else []
