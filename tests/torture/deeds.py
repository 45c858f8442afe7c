"""Deeds by their names, with plain values: what a story is written down as, and told again from."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from tests.torture.ending import calm, end
from tests.torture.story import Story
from tests.torture.universe import SECRETS

CREDENTIALS: Final = {
    "HUAWEICLOUD_SDK_AK": "EXAMPLEACCESSKEY0001",
    "HUAWEICLOUD_SDK_SK": SECRETS[0],
    "HW_USER_NAME": "ddm-user",
    "HW_USER_PASSWORD": SECRETS[1],
    "HW_DOMAIN_NAME": "ddm-account",
}


def start(seed: int, job_seconds: float, order: int, gap: float, key: bool) -> Story:  # noqa: FBT001  # a deed's argument
    """Begin a story; the credential is a key or a user."""
    for name in CREDENTIALS:
        os.environ.pop(name, None)
    prefix = "HUAWEICLOUD" if key else "HW_"
    os.environ.update({name: value for name, value in CREDENTIALS.items() if name.startswith(prefix)})
    return Story(seed, job_seconds, order, gap)


def perform(story: Story, deed: str, given: tuple[Any, ...]) -> None:
    """One deed, and what follows from it at once."""
    special = SPECIAL.get(deed)
    if special is not None:
        special(story, *given)
    else:
        doer = next(one for one in (story.people, story.skies, story) if hasattr(one, deed))
        getattr(doer, deed)(*given)
    story.run(0.0)


def _calm(story: Story) -> None:
    calm(story)
    story.settle()


def _scale(story: Story, which: int, count: int, after: float) -> None:
    story.people.scale(which, count, relative=True)
    story.run(after)


SPECIAL: Final[dict[str, Callable[..., None]]] = {
    "calm": _calm,
    "end": end,
    "wait": lambda story, seconds: story.run(seconds),
    "scale": _scale,
    "set_nodes": lambda story, which, count: story.people.scale(which, count),
    "halt": lambda story, which: story.people.pause(which, paused=True),
    "join": lambda story, _: story.second(),
    "pause": lambda story, which, paused: story.people.pause(which, paused=paused),
    "give_up": lambda story, which: story.people.answer(which, "abandon", truly=True),
    "answer": lambda story, which, word, truly: story.people.answer(which, word, truly=truly),
    "another_version": lambda story, which, newer: story.people.another_version(which, newer=newer),
    "finish_job": lambda story, well: story.finish_job(well=well),
}
"""Deeds that are more, or called otherwise, than one of a story's or of its people's."""
