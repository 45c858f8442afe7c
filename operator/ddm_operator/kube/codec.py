"""Flat dataclasses to and from JSON objects: camelCase, absent values left out, nothing unknown lost."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints

from ddm_operator.domain.model import MAX_TEXT

T = TypeVar("T")


class MistypedError(ValueError):
    """A known field holds something that it never should."""


class Parts(NamedTuple):
    """What was read: constructor arguments, everything else untouched, and whether every known field was readable."""

    known: dict[str, Any]
    rest: dict[str, Any]
    sound: bool


class Codec(Generic[T]):
    """Reads and writes the plain fields (texts, numbers, times, lists of texts) of one dataclass."""

    def __init__(self, cls: type[T]) -> None:
        hints = get_type_hints(cls)
        plain = [field for field in fields(cls) if hints[field.name] in _READERS]  # type: ignore[arg-type]  # T is a dataclass
        self._keys = {camel(field.name): (field.name, _READERS[hints[field.name]]) for field in plain}
        self._defaults = {camel(field.name): field.default for field in plain}

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the fields in JSON."""
        return tuple(self._keys)

    def read(self, raw: Mapping[str, Any]) -> Parts:
        """Take a JSON object apart; never raises."""
        known: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        sound = True
        for key, value in raw.items():
            if key not in self._keys:
                rest[key] = value
            elif value is not None:
                name, reader = self._keys[key]
                try:
                    known[name] = reader(value)
                except MistypedError:
                    rest[key] = value
                    sound = False
        return Parts(known, rest, sound)

    def write(self, value: T, rest: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """Make the JSON object of the fields that are not empty, and of the rest that was read beside them.

        What is in the rest gives way only to a value that somebody has set since.
        """
        written = dict(rest)
        for key, (name, _) in self._keys.items():
            item = getattr(value, name)
            empty = item is None or item in ("", ())
            if not empty and not (key in rest and item == self._defaults[key]):
                written[key] = _json(item)
        return written


def camel(name: str) -> str:
    """``from_nodes`` → ``fromNodes``."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _json(value: object) -> object:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, tuple):
        return list(value)
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MistypedError
    return sys.intern(value)  # thousands of objects repeat the same words


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise MistypedError
    return value


def _time(value: object) -> datetime:
    return _moment(_text(value))


@lru_cache(maxsize=1024)
def _moment(text: str) -> datetime:
    """One object tells the same second several times, and thousands that were made together do."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise MistypedError
        return moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise MistypedError from error


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise MistypedError
    return tuple(_text(item) for item in value)


_READERS: Mapping[object, Callable[[object], object]] = {
    str: _text,
    int: _number,
    int | None: _number,
    datetime | None: _time,
    tuple[str, ...]: _texts,
}
