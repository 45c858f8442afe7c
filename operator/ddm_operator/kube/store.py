"""What the watch has shown: the objects as last seen, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

from ddm_operator.domain.model import Resource

LOOK_EVERY = 0.1
LOOKS_PER_LIST = 50
"""While the store catches up it is looked at ten times a second, and a new list is asked for every 5 s."""


class Listing(Protocol):
    """Where a complete list comes from."""

    def uids(self) -> AsyncIterator[tuple[str, str]]:
        """Key and uid of every object that there is; raises rather than ending early."""


class Store:
    """The objects by key (``namespace/name``), and by the instance that they name.

    Args:
        monotonic: the clock of ``Resource.seen_at`` (seconds).
    """

    __slots__ = ("_by_instance", "_by_key", "_monotonic")

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._by_key: dict[str, Resource] = {}
        self._by_instance: dict[str, tuple[str, ...]] = {}
        self._monotonic = monotonic

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._by_key))

    def get(self, key: str) -> Resource | None:
        """The object as last seen."""
        return self._by_key.get(key)

    def put(self, resource: Resource) -> bool:
        """Take an object in; False when what is there already is the same version, or a newer one."""
        key = key_of(resource)
        known = self._by_key.get(key)
        if known is not None and known.desired.uid == resource.desired.uid and not _newer(resource, known):
            return False
        if known is not None:
            self._drop(key, known)
        self._by_key[key] = resource
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

    def rivals(self, resource: Resource) -> tuple[Resource, ...]:
        """All other objects that name the same instance id, oldest first; the domain says which count."""
        keys = self._by_instance.get(resource.desired.instance_id, ())
        others = [self._by_key[key] for key in keys if self._by_key[key].desired.uid != resource.desired.uid]
        return tuple(sorted(others, key=lambda other: (other.desired.created, other.desired.uid)))

    async def reconcile(self, listing: Listing) -> tuple[str, ...]:
        """Drop what a complete list does not show; the dropped keys.

        An object that is deleted while a watch is down never yields a DELETED event. What was seen since the list began
        is kept: the list may be older.
        """
        began = self._monotonic()
        listed = {uid async for _, uid in listing.uids()}
        stale = [(key, known) for key, known in self._by_key.items() if known.desired.uid not in listed]
        gone = [(key, known) for key, known in stale if known.seen_at < began]
        for key, known in gone:
            self._drop(key, known)
        return tuple(key for key, _ in gone)

    async def caught_up(self, listing: Listing) -> None:
        """Wait until all that a complete list shows was seen; before that, what is absent here may well exist."""
        while missing := {uid async for _, uid in listing.uids()} - self._uids():
            for _ in range(LOOKS_PER_LIST):
                await asyncio.sleep(LOOK_EVERY)
                if not missing - self._uids():
                    return

    def _uids(self) -> set[str]:
        return {known.desired.uid for known in self._by_key.values()}

    def _drop(self, key: str, known: Resource) -> None:
        del self._by_key[key]
        instance = known.desired.instance_id
        left = tuple(other for other in self._by_instance[instance] if other != key)
        if left:
            self._by_instance[instance] = left
        else:
            del self._by_instance[instance]


def key_of(resource: Resource) -> str:
    """``namespace/name``."""
    return f"{resource.desired.namespace}/{resource.desired.name}"


def _newer(resource: Resource, known: Resource) -> bool:
    """Whether a version is another and not certainly older; versions that are no numbers are taken as they come."""
    new, old = resource.resource_version, known.resource_version
    return int(new) > int(old) if new.isdecimal() and old.isdecimal() else new != old
