"""Records with their earlier versions, so that a read can be answered with the state of a moment ago."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_KEPT_SECONDS = 3600.0
_KEPT_VERSIONS = 64


@dataclass(slots=True)
class _Version(Generic[T]):
    since: float
    value: T | None
    older: _Version[T] | None


class Table(Generic[T]):
    """Records of one kind by key, in the order in which they came."""

    def __init__(self, name: str, adapter: TypeAdapter[T]) -> None:
        self.name = name
        self.changed: set[str] = set()
        """Keys whose record is not yet in the state file."""
        self._adapter = adapter
        self._records: dict[str, _Version[T]] = {}

    def get(self, key: str, at: float | None = None) -> T | None:
        """The record now, or as it was at a moment of the last hour."""
        version = self._records.get(key)
        while version is not None and at is not None and version.since > at:
            version = version.older
        return None if version is None else version.value

    def put(self, key: str, value: T, since: float) -> None:
        """Make or replace a record."""
        self._write(key, value, since)

    def remove(self, key: str, since: float) -> None:
        """Remove a record; it can still be read as it was before."""
        if key in self._records:
            self._write(key, None, since)

    def values(self, at: float | None = None) -> Iterator[T]:
        """All records, as `get` has them."""
        for key in list(self._records):
            value = self.get(key, at)
            if value is not None:
                yield value

    def where(self, holds: Callable[[T], bool], at: float | None = None) -> list[T]:
        """The records for which a condition holds."""
        return [value for value in self.values(at) if holds(value)]

    def __len__(self) -> int:
        return sum(1 for version in self._records.values() if version.value is not None)

    def clear(self) -> None:
        """Remove all records, with their past."""
        self.changed.update(self._records)
        self._records.clear()

    def stored(self, key: str) -> bytes | None:
        """A record as it goes into the state file; None for one that is gone."""
        value = self.get(key)
        return None if value is None else self._adapter.dump_json(value)

    def restore(self, key: str, body: bytes) -> None:
        """Take a record from the state file.

        Raises:
            pydantic.ValidationError: It is not such a record.
        """
        self._records[key] = _Version(float("-inf"), self._adapter.validate_json(body), None)

    def _write(self, key: str, value: T | None, since: float) -> None:
        self._records[key] = _Version(since, value, self._records.get(key))
        self._forget(self._records[key], since - _KEPT_SECONDS)
        self.changed.add(key)

    @staticmethod
    def _forget(newest: _Version[T], before: float) -> None:
        version, kept = newest, 1
        while version.older is not None and version.since > before and kept < _KEPT_VERSIONS:
            version, kept = version.older, kept + 1
        version.older = None
