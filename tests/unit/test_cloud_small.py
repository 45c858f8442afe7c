"""The small parts of the cloud client: addresses and pages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ddm_operator.cloud.endpoints import endpoints
from ddm_operator.cloud.paging import LIMIT, collect
from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError, TransientError


@pytest.mark.parametrize(
    ("region", "ddm", "iam"),
    [
        ("cn-north-4", "https://ddm.cn-north-4.myhuaweicloud.com", "https://iam.cn-north-4.myhuaweicloud.com"),
        ("eu-west-101", "https://ddm.eu-west-101.myhuaweicloud.eu", "https://iam.eu-west-101.myhuaweicloud.eu"),
        ("eu-de", "https://ddm.eu-de.otc.t-systems.com", "https://iam.eu-de.otc.t-systems.com"),
    ],
)
def test_addresses_of_a_region(region: str, ddm: str, iam: str) -> None:
    found = endpoints(region)
    assert (found.ddm, found.iam) == (ddm, iam)


def test_addresses_that_are_set() -> None:
    found = endpoints("ru-moscow-1", "https://ddm.{region}.example.com/", "http://127.0.0.1:8080")
    assert (found.ddm, found.iam) == ("https://ddm.ru-moscow-1.example.com", "http://127.0.0.1:8080")


@pytest.mark.parametrize("region", ["", "x.evil.com/", "CN", "a b", "cn-north-4@evil", "-a", "a-", "é"])
def test_what_is_no_region_becomes_no_address(region: str) -> None:
    with pytest.raises(StalledError) as caught:
        endpoints(region)
    assert caught.value.reason == reasons.INVALID_SPEC


class Listing:
    """A list that changes, one state for each page that is read; the last one stays."""

    def __init__(self, *states: Sequence[str], total: bool = True, most: int = LIMIT) -> None:
        self._states = list(states)
        self._total = total
        self._most = most
        self.pages = 0

    async def read(self, offset: int, limit: int) -> tuple[Sequence[str], int | None]:
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        self.pages += 1
        return state[offset : offset + min(limit, self._most)], len(state) if self._total else None


def names(count: int, first: int = 0) -> list[str]:
    return [f"n{number}" for number in range(first, first + count)]


@pytest.mark.parametrize(
    ("count", "most", "total", "pages"),
    [(0, LIMIT, True, 1), (1, LIMIT, True, 1), (LIMIT, LIMIT, True, 1), (LIMIT + 1, LIMIT, True, 2), (25, 10, True, 3)],
)
async def test_every_page_is_read(count: int, most: int, pages: int, *, total: bool) -> None:
    listing = Listing(names(count), total=total, most=most)
    assert await collect(listing.read, str) == tuple(names(count))
    assert listing.pages == pages


async def test_without_a_total_the_empty_page_is_the_end() -> None:
    listing = Listing(names(25), total=False, most=10)
    assert await collect(listing.read, str) == tuple(names(25))
    assert listing.pages == 4


async def test_a_list_that_loses_an_entry_while_it_is_read_is_read_again() -> None:
    whole = names(200)
    listing = Listing(whole, whole[1:], whole[1:])
    assert set(await collect(listing.read, str)) == set(whole[1:])
    assert listing.pages == 4


@pytest.mark.parametrize("place", [0, 60, LIMIT - 1, LIMIT, LIMIT + 40, 200])
async def test_a_list_that_only_grows_is_read_once(place: int) -> None:
    """Wherever something comes in, all are found that were there at the beginning."""
    whole = names(200)
    grown = [*whole[:place], "new", *whole[place:]]
    listing = Listing(whole, grown)
    found = await collect(listing.read, str, grows=True)
    assert set(whole) <= set(found) <= {*whole, "new"}
    assert len(found) == len(set(found))
    assert listing.pages == 2


async def test_a_list_that_should_only_grow_and_loses_an_entry_is_read_again() -> None:
    whole = names(200)
    listing = Listing(whole, whole[1:], whole[1:])
    assert set(await collect(listing.read, str, grows=True)) == set(whole[1:])
    assert listing.pages == 4


async def test_half_a_list_is_no_answer() -> None:
    async def read(offset: int, limit: int) -> tuple[Sequence[str], int | None]:  # noqa: ARG001  # as pages are read
        return (names(3) if offset == 0 else []), 10

    with pytest.raises(TransientError, match="its total is not what it shows") as caught:
        await collect(read, str)
    assert caught.value.reason == reasons.CLOUD_ANSWER_UNREADABLE


async def test_a_list_without_an_end_is_given_up() -> None:
    async def read(offset: int, limit: int) -> tuple[Sequence[str], int | None]:  # noqa: ARG001  # as pages are read
        return [f"n{offset}"], None

    with pytest.raises(TransientError, match="without an end"):
        await collect(read, str)
