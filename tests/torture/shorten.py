"""Make a story that broke as short as it can be: leave out what it breaks without."""

from __future__ import annotations

import time
from typing import Any, Final

from tests.torture.deeds import perform, start
from tests.torture.story import BrokenPromiseError

Deeds = list[list[Any]]
PATIENCE: Final = 120.0
"""Seconds."""


def tell(deeds: Deeds) -> str:
    """What happens in a story: the sentences up to where it broke, empty when it does not."""
    story = start(*deeds[0][1:])
    try:
        for deed, *given in deeds[1:]:
            perform(story, deed, tuple(given))
    except BrokenPromiseError as error:
        return str(error)
    finally:
        story.close()
    return ""


def shorten(deeds: Deeds) -> Deeds:
    """Leave out halves, quarters and so on, as long as the story still breaks; the beginning stays."""
    until = time.monotonic() + PATIENCE
    size = len(deeds) // 2
    while size >= 1:
        place = 1
        while place < len(deeds) and time.monotonic() < until:
            shorter = deeds[:place] + deeds[place + size :]
            if tell(shorter):
                deeds = shorter
            else:
                place += size
        size //= 2
    return deeds
