"""Whether the watch has shown all that a list has shown before it began."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from ddm_operator.kube.store import Listing

LOOK_EVERY: Final = 0.1
LOOKS: Final = 50
"""The watch is given 5 s, then a new list tells what is gone since."""


class RollCall:
    """The uids that the watch still has to show."""

    def __init__(self) -> None:
        self._missing: set[str] = set()

    def expect(self, uids: Iterable[str]) -> None:
        """These exist: a watch that begins now will show them."""
        self._missing = set(uids)

    def seen(self, uid: str) -> None:
        """The watch has shown one."""
        self._missing.discard(uid)

    async def complete(self, listing: Listing) -> frozenset[str]:
        """Wait until all were shown, or are gone; the uids of those, of which the watch will never say a word.

        Raises:
            OperatorError: they could not be listed.
        """
        gone: set[str] = set()
        while self._missing:
            for _ in range(LOOKS):
                await asyncio.sleep(LOOK_EVERY)
                if not self._missing:
                    return frozenset(gone)
            listed = {found.uid async for found in listing.listed()}
            gone |= self._missing - listed
            self._missing &= listed
        return frozenset(gone)
