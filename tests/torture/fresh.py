"""Each story is drawn anew: Hypothesis' own generator makes most of them by changing one that it has just made."""

from __future__ import annotations

from typing import Final

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider


class FreshProvider(HypothesisProvider):
    """Draws as Hypothesis does; that it is another one keeps the generator from varying what it has."""


BACKEND: Final = "fresh"
AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{FreshProvider.__qualname__}"
