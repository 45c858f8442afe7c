"""What the watch has shown: the objects as last seen, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import NamedTuple, Protocol

from ddm_operator.domain.model import Resource
from ddm_operator.kube.census import Census


class Listed(NamedTuple):
    """One object of a list: its key (``namespace/name``), its uid and its resourceVersion."""

    key: str
    uid: str
    version: str


class Differences(NamedTuple):
    """Keys of what a list does not show any more, and of what it shows and the watch has not."""

    gone: tuple[str, ...]
    behind: tuple[str, ...]


class Listing(Protocol):
    """Where a complete list comes from."""

    def listed(self) -> AsyncIterator[Listed]:
        """Every object that there is; raises rather than ending early."""


class Store:
    """The objects by key (``namespace/name``), and by the instance that they name.

    Args:
        monotonic: the clock of ``Resource.seen_at`` (seconds).
    """

    __slots__ = ("_by_instance", "_by_key", "_monotonic", "census")

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._by_key: dict[str, Resource] = {}
        self._by_instance: dict[str, tuple[str, ...]] = {}
        self._monotonic = monotonic
        self.census = Census()
        """Counts what they say."""

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._by_key))

    def has(self, key: str, uid: str, version: str) -> bool:
        """Whether the object is known in that very version."""
        known = self._by_key.get(key)
        return known is not None and known.desired.uid == uid and known.resource_version == version

    def get(self, key: str) -> Resource | None:
        """The object as last seen."""
        return self._by_key.get(key)

    def put(self, resource: Resource) -> bool:
        """Take an object in; False when what is there already is the same version, or a newer one."""
        key = key_of(resource)
        known = self._by_key.get(key)
        if (
            known is not None
            and known.desired.uid == resource.desired.uid
            and not _is_newer(resource.resource_version, known.resource_version)
        ):
            return False
        if known is not None:
            self._drop(key, known)
            if known.desired.uid == resource.desired.uid and resource.status.observed_generation < 0:
                resource = replace(resource, had_seen=known.had_seen or known.status.instance is not None)
        self._by_key[key] = resource
        self.census.add(resource)
        instance = resource.desired.instance_id
        self._by_instance[instance] = (*self._by_instance.get(instance, ()), key)
        return True

    def remove(self, key: str, uid: str = "") -> bool:
        """Drop an object; with a uid only that very one. Tells whether it was there."""
        known = self._by_key.get(key)
        if known is None or uid not in ("", known.desired.uid):
            return False
        self._drop(key, known)
        return True

    def naming(self, instance_id: str) -> tuple[str, ...]:
        """Keys of the objects that name an instance."""
        return self._by_instance.get(instance_id, ())

    def rivals(self, resource: Resource) -> tuple[Resource, ...]:
        """All other objects that name the same instance id, oldest first; the domain says which count."""
        keys = self._by_instance.get(resource.desired.instance_id, ())
        others = [self._by_key[key] for key in keys if self._by_key[key].desired.uid != resource.desired.uid]
        return tuple(sorted(others, key=lambda other: (other.desired.created, other.desired.uid)))

    async def reconcile(self, listing: Listing, grace: float = 0.0) -> Differences:
        """Compare with a complete list: drop what it does not show, and tell what it shows in a newer version.

        An object that is deleted while a watch is down never yields a DELETED event; and a watch that has died without
        a word, or one whose server is behind itself, yields nothing at all. What was seen since the list began is kept:
        the list may be older.

        Args:
            listing: the list.
            grace: seconds that the watch is given to show what the list has shown.
        """
        began = self._monotonic()
        listed, suspects = set(), []
        async for found in listing.listed():
            listed.add(found.uid)
            if self._is_behind(found):
                suspects.append(found)
        stale = [(key, known) for key, known in self._by_key.items() if known.desired.uid not in listed]
        gone = [(key, known) for key, known in stale if known.seen_at < began]
        for key, known in gone:
            self._drop(key, known)
        if suspects:
            await asyncio.sleep(grace)
        behind = tuple(found.key for found in suspects if self._is_behind(found))
        return Differences(tuple(key for key, _ in gone), behind)

    def _is_behind(self, found: Listed) -> bool:
        known = self._by_key.get(found.key)
        if known is None or known.desired.uid != found.uid:
            return True
        return _is_newer(found.version, known.resource_version)

    def _drop(self, key: str, known: Resource) -> None:
        del self._by_key[key]
        self.census.drop(known)
        instance = known.desired.instance_id
        left = tuple(other for other in self._by_instance[instance] if other != key)
        if left:
            self._by_instance[instance] = left
        else:
            del self._by_instance[instance]


def key_of(resource: Resource) -> str:
    """``namespace/name``."""
    return resource.desired.key


def _is_newer(new: str, old: str) -> bool:
    """Whether a version is another and not certainly older; versions that are no numbers are taken as they come."""
    return int(new) > int(old) if new.isdecimal() and old.isdecimal() else new != old
