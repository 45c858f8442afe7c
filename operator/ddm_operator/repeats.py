"""Repeated warnings: a place in the code that warns over and over is heard a few times a minute, and then counted.

What befalls objects is summed up by ``engine.chorus``, which knows when it is over. This is for what knows no objects:
the libraries' retries while the API server is away, one for each watched namespace, and our own requests' trouble.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

MOST: Final = 10
"""Lines of one place in a minute."""

EVERY: Final = 60.0
"""Seconds."""


@dataclass
class _Place:
    since: float
    said: int = 0
    more: int = 0


class Repeats(logging.Filter):
    """Lets the first warnings of a place through, and says once a minute how many more there were.

    Args:
        handler: where that is said.
        names: loggers, and all below them.
    """

    def __init__(self, handler: logging.Handler, names: tuple[str, ...]) -> None:
        super().__init__()
        self._handler = handler
        self._names = tuple(f"{name}." for name in names)
        self._places: dict[tuple[str, int], _Place] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Time is when the record was made."""
        for (name, _), place in list(self._places.items()):  # other threads may log
            if record.created - place.since >= EVERY:
                more, place.since, place.said, place.more = place.more, record.created, 0, 0
                if more:
                    self._handler.handle(_summary(name, more, record))
        if record.levelno < logging.WARNING or not f"{record.name}.".startswith(self._names):
            return True
        place = self._places.setdefault((record.name, record.lineno), _Place(record.created))
        if place.said < MOST:
            place.said += 1
            return True
        place.more += 1
        return False


def _summary(name: str, more: int, after: logging.LogRecord) -> logging.LogRecord:
    text = "%d more warnings like the last ones of %s"
    made = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (more, name), None)
    made.created = after.created
    return made
