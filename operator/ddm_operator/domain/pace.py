"""When a running job is looked at again: seldom while it cannot have ended, closely where its end is likely."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

CLOSE: Final = 1 / 4
"""Part of a poll between two looks where the end is likely."""

LONGEST: Final = 4.0
"""Polls between two looks while the job cannot have ended, as far as lengths tell."""

LONGEST_BY_PROGRESS: Final = 2.0
"""The same while only the job's own progress tells: the cloud may take half of the time for the last percent."""

EARLY: Final = 0.97
LATE: Final = 1.05
"""Parts of a known length between which an end like that one is likely; and one close look more."""

BY_PROGRESS: Final = 0.7
"""Part of what seems to be left after which the progress is asked for again."""

UNEVEN: Final = 2.0
"""How many times as long, or as short, a job may be as its progress lets expect: it need not be even."""

DONE: Final = 100


def next_look(age: float, percent: int | None, lengths: Collection[float], poll: float) -> float:
    """Seconds until the next look at a job.

    Args:
        age: of the job (seconds).
        percent: its progress, None when the cloud does not tell.
        lengths: how long jobs of its kind took in its project (seconds).
        poll: the pause without any of this.
    """
    close = CLOSE * poll
    told = percent if percent and age > 0 else None
    to_come = [length for length in lengths if length * LATE + close >= age and _may_be(length, age, told)]
    if to_come:
        return _between(close, min(to_come) * EARLY - age, LONGEST * poll)
    if told is None:
        return poll
    further = told + 1  # it may be about to say so
    left = age * (DONE - further) / further
    return _between(close, BY_PROGRESS * left, LONGEST_BY_PROGRESS * poll)


def _may_be(length: float, age: float, percent: int | None) -> bool:
    """Whether a job of that length may say so at that age: a project's jobs need not be all alike."""
    if percent is None:
        return True
    return age * DONE / (percent + 1) / UNEVEN <= length <= age * DONE / percent * UNEVEN


def _between(least: float, wanted: float, most: float) -> float:
    return max(least, min(wanted, most))
