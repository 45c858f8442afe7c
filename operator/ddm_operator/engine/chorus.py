"""The chorus: what befalls one object is a line of its own, what befalls thousands is summed up once a minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

log = logging.getLogger(__name__)

SOLOS: Final = 10
"""Objects with the same trouble in one minute whose lines are kept whole; further ones are counted."""

EVERY: Final = 60.0
"""Seconds between two lines that sum up the same trouble."""

NAMED: Final = 3
"""Objects that such a line names."""


@dataclass
class _Trouble:
    """One thing that befalls objects; dicts, because they keep the order in which it did."""

    since: float
    """Begin of the minute whose lines are counted (monotonic seconds)."""
    solos: int = 0
    now: dict[str, None] = field(default_factory=dict)
    """Who has it."""
    had: dict[str, None] = field(default_factory=dict)
    """Who has or had it, since it was last over."""
    more: dict[str, None] = field(default_factory=dict)
    """Who had no line of its own and is in no sum yet."""
    summed_up: bool = False


class Chorus:
    """Says whose line is still worth printing, and sums up the others.

    Args:
        monotonic: seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._troubles: dict[str, _Trouble] = {}  # as many as there are reasons and defects
        self._of: dict[str, str] = {}  # object → its trouble
        self._timer: asyncio.TimerHandle | None = None

    def solo(self, key: str, what: str) -> bool:
        """Take in that an object has a trouble; whether that gets a line of its own. It gets one until it ``left``."""
        if self._of.get(key) == what:
            return False
        self.left(key)
        now = self._monotonic()
        trouble = self._troubles.setdefault(what, _Trouble(now))
        counting = bool(trouble.more) or trouble.summed_up
        if not counting and now - trouble.since >= EVERY:
            trouble.since, trouble.solos, trouble.had = now, 0, dict(trouble.now)
        known = key in trouble.had
        self._of[key] = what
        trouble.now[key] = trouble.had[key] = None
        if not counting and trouble.solos < SOLOS:
            trouble.solos += 1
            return True
        if not known:
            trouble.more[key] = None
        self._wind()
        return False

    def left(self, key: str, *, still: str = "") -> None:
        """An object has its trouble no longer, unless that is what it ``still`` has."""
        what = self._of.get(key)
        if what is not None and what != still:
            del self._of[key]
            del self._troubles[what].now[key]

    def sum_up(self) -> None:
        """Say what was counted; a timer does while there is something to count, and whoever ends the process."""
        for what, trouble in self._troubles.items():
            if trouble.more:
                text = "%s: the same of %d more objects, among them %s"
                extra = {"objects": len(trouble.more)}
                log.warning(text, what, len(trouble.more), _names(trouble.more), extra=extra)
                trouble.more, trouble.summed_up = {}, True
            elif trouble.summed_up and len(trouble.now) <= SOLOS:
                over = len(trouble.had) - len(trouble.now)
                rest = f"; still so: {', '.join(trouble.now)}" if trouble.now else ""
                log.info("%s: it is over for %d objects%s", what, over, rest, extra={"objects": over})
                trouble.since, trouble.solos, trouble.had = self._monotonic(), 0, dict(trouble.now)
                trouble.summed_up = False

    def _wind(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.sum_up()
        if any(trouble.summed_up for trouble in self._troubles.values()):
            self._wind()


def _names(keys: Iterable[str]) -> str:
    return ", ".join(islice(keys, NAMED))
