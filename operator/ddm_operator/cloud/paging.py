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


async def collect(read: ReadPage[T], key: Callable[[T], str], *, grows: bool = False) -> tuple[T, ...]:
    """Every entry, once.

    A list that changes while it is read may show an entry twice and another one not at all: its total must stay the
    same from page to page, and be what was found, or the list is read again.

    Args:
        read: one page.
        key: what tells entries apart.
        grows: nothing is ever taken out of the list. What comes in moves the others towards the pages that are not
            read yet, so that all are found that were there at the first page, wherever it comes in.

    Raises:
        TransientError: the pages do not add up.
    """
    for _ in range(ATTEMPTS):
        found = await _once(read, key, grows=grows)
        if found is not None:
            return tuple(found.values())
    text = "The cloud's list changes while it is read, or its total is not what it shows. It is asked again."
    raise TransientError(reasons.CLOUD_ANSWER_UNREADABLE, text)


async def _once(read: ReadPage[T], key: Callable[[T], str], *, grows: bool) -> dict[str, T] | None:
    found: dict[str, T] = {}
    totals: list[int | None] = []
    offset = 0
    for _ in range(MOST_PAGES):
        entries, total = await read(offset, LIMIT)
        found.update((key(entry), entry) for entry in entries)
        totals.append(total)
        offset += len(entries)
        if not entries or (total is not None and offset >= total):
            return found if _add_up(totals, len(found), grows=grows) else None
    raise unreadable("a list without an end")


def _add_up(totals: Sequence[int | None], found: int, *, grows: bool) -> bool:
    told = [total for total in totals if total is not None]
    if not told or len(told) < len(totals):
        return not told
    if grows:
        return told == sorted(told) and told[0] <= found <= told[-1]
    return set(told) == {found}
