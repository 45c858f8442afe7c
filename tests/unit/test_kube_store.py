"""The store of what the watch has shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from ddm_operator.domain.model import Desired, Resource, Status
from ddm_operator.errors import TransientError
from ddm_operator.kube.store import Differences, Listed, Store


def resource(
    name: str = "orders",
    version: str = "10",
    *,
    uid: str = "",
    instance: str = "28e8",
    created: str = "1",
    seen_at: float = 1.0,
) -> Resource:
    desired = Desired(uid=uid or name, namespace="shop", name=name, generation=1, created=created, instance_id=instance)
    return Resource(desired, Status(), resource_version=version, seen_at=seen_at)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Listing:
    def __init__(self, entries: Iterable[tuple[str, str]], *, version: str = "10", breaks: bool = False) -> None:
        self.entries = entries
        self.version = version
        self.breaks = breaks

    async def listed(self) -> AsyncIterator[Listed]:
        for key, uid in self.entries:
            yield Listed(key, uid, self.version)
        if self.breaks:
            raise TransientError("Retrying", "no second page")


@pytest.fixture
def store() -> Store:
    return Store(monotonic=Clock())


def test_an_object_is_found_by_its_key(store: Store) -> None:
    assert store.get("shop/orders") is None
    assert store.put(resource())
    assert store.get("shop/orders") == resource()
    assert (len(store), list(store)) == (1, ["shop/orders"])


@pytest.mark.parametrize(
    ("known", "later", "taken"),
    [
        ("9", "10", True),
        ("10", "9", False),
        ("10", "10", False),
        ("abc", "abd", True),
        ("abc", "abc", False),
        ("9", "x", True),
    ],
)
def test_an_older_or_equal_version_is_not_taken(store: Store, known: str, later: str, *, taken: bool) -> None:
    store.put(resource(version=known))
    assert store.put(resource(version=later)) is taken
    assert store.get("shop/orders") == resource(version=later if taken else known)


def test_a_new_object_of_the_same_name_replaces_the_old_one_whatever_its_version(store: Store) -> None:
    store.put(resource(version="10", uid="old", instance="first"))
    assert store.put(resource(version="9", uid="new", instance="second"))
    assert store.rivals(resource("other", instance="first")) == ()


def test_removing_with_a_uid_removes_only_that_object(store: Store) -> None:
    store.put(resource(uid="new"))
    assert not store.remove("shop/orders", "old")
    assert store.remove("shop/orders", "new")
    assert not store.remove("shop/orders", "new")
    assert len(store) == 0


def test_rivals_name_the_same_instance_oldest_first(store: Store) -> None:
    mine, younger, older, twin = (
        resource("a", created="2"),
        resource("b", created="3"),
        resource("c", created="1"),
        resource("d", created="1"),
    )
    for each in (mine, younger, older, twin, resource("e", instance="another")):
        store.put(each)
    assert store.rivals(mine) == (older, twin, younger)
    store.remove("shop/c")
    assert store.rivals(mine) == (twin, younger)


async def test_what_the_list_does_not_show_is_dropped(store: Store) -> None:
    for name in ("kept", "gone", "replaced"):
        store.put(resource(name, seen_at=99.0))
    found = await store.reconcile(Listing([("shop/kept", "kept"), ("shop/replaced", "another")]))
    assert sorted(found.gone) == ["shop/gone", "shop/replaced"]
    assert found.behind == ("shop/replaced",)
    assert list(store) == ["shop/kept"]


async def test_what_was_seen_since_the_list_began_is_kept(store: Store) -> None:
    store.put(resource("new", seen_at=100.0))
    assert await store.reconcile(Listing([])) == Differences((), ())
    assert len(store) == 1


@pytest.mark.parametrize(("version", "behind"), [("9", ()), ("10", ()), ("11", ("shop/orders",))])
async def test_what_the_watch_did_not_show_is_told(store: Store, version: str, behind: tuple[str, ...]) -> None:
    store.put(resource())
    found = await store.reconcile(Listing([("shop/orders", "orders")], version=version))
    assert found == Differences((), behind)


async def test_an_object_that_was_never_shown_is_told(store: Store) -> None:
    assert (await store.reconcile(Listing([("shop/new", "new")]))).behind == ("shop/new",)


async def test_a_watch_that_is_a_moment_behind_is_not_told(store: Store) -> None:
    store.put(resource())
    comparing = asyncio.create_task(store.reconcile(Listing([("shop/orders", "orders")], version="11"), 0.1))
    await asyncio.sleep(0)
    store.put(resource(version="11"))
    assert await comparing == Differences((), ())


async def test_a_list_that_breaks_off_drops_nothing(store: Store) -> None:
    store.put(resource("late", seen_at=1.0))
    with pytest.raises(TransientError):
        await store.reconcile(Listing([], breaks=True))
    assert len(store) == 1
