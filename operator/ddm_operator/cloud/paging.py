"""Lists that come in pages: all of it, or an error; half a list is no answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from ddm_operator.cloud.wire import unreadable
from ddm_operator.domain import reasons
from ddm_operator.errors import TransientError

T = TypeVar("T")

LIMIT: Final = 128
"""Entries of one page, the most that the cloud gives."""

MOST_PAGES: Final = 2_000
ATTEMPTS: Final = 3

ReadPage = Callable[[int, int], Awaitable[tuple[Sequence[T], int | None]]]
"""Takes offset (an entry's index) and limit; gives the entries and, if the cloud tells it, the total."""


async def collect(read: ReadPage[T], key: Callable[[T], str]) -> tuple[T, ...]:
    """Every entry, once.

    A list that changes while it is read may show an entry twice and another one not at all: its total must stay the
    same from page to page, and be what was found, or the list is read again.

    Raises:
        TransientError: the pages do not add up.
    """
    for _ in range(ATTEMPTS):
        found = await _once(read, key)
        if found is not None:
            return tuple(found.values())
    text = "The cloud's list changes while it is read, or its total is not what it shows. It is asked again."
    raise TransientError(reasons.CLOUD_ANSWER_UNREADABLE, text)


async def _once(read: ReadPage[T], key: Callable[[T], str]) -> dict[str, T] | None:
    found: dict[str, T] = {}
    totals: set[int | None] = set()
    offset = 0
    for _ in range(MOST_PAGES):
        entries, total = await read(offset, LIMIT)
        found.update((key(entry), entry) for entry in entries)
        totals.add(total)
        offset += len(entries)
        if not entries or (total is not None and offset >= total):
            return found if totals in ({None}, {len(found)}) else None
    raise unreadable("a list without an end")
