"""Growing pauses, in seconds."""

from __future__ import annotations


def pause(attempt: int, *, base: float, cap: float) -> float:
    """The pause after the given attempt (1 is the first): ``base``, doubled each time, never more than ``cap``."""
    return min(cap, base * 2.0 ** min(max(attempt, 1) - 1, 16))


def spread(seconds: float, chance: float) -> float:
    """``seconds`` moved by up to a tenth either way; ``chance`` is a random number in [0, 1).

    Passes that were begun together do not stay together.
    """
    return seconds * (0.9 + 0.2 * chance)
