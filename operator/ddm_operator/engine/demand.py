"""Whether a list is worth its pages: it answers for every instance of a project, a look for one."""

from __future__ import annotations

from math import ceil
from typing import Final

ON_A_PAGE: Final = 128
"""Instances on a page of the list, the most that the cloud gives."""

LOOK: Final = 2
"""Requests of a look at one instance: itself and its groups."""


class Demand:
    """Counts the looks of those who want an answer of one age.

    Args:
        window: seconds for which a list answers them.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._began: float | None = None
        self._before = 0
        self._now = 0

    def count(self, at: float) -> None:
        """One more is wanted at ``at`` (monotonic seconds)."""
        if self._began is None:
            self._began = at
        elif at - self._began >= self._window:
            self._before = self._now if at - self._began < 2 * self._window else 0
            self._began, self._now = at, 0
        self._now += 1

    def pays(self, instances: int) -> bool:
        """Whether a list of so many costs no more than the looks of this window, or of the one before, each by itself.

        Nobody knows beforehand how many will come: what grows is listed when it has cost as much as a list. So it costs
        twice the cheaper way at most, and only once. A project that was never listed has none yet, and is listed.
        """
        return LOOK * max(self._before, self._now) >= ceil(instances / ON_A_PAGE)
