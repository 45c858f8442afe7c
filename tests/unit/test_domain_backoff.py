"""Pauses grow, end somewhere, and are spread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddm_operator.domain.backoff import pause, spread

SECONDS = st.floats(0.001, 1e6)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 15), (2, 30), (3, 60), (4, 100), (10_000, 100)])
def test_a_pause_doubles_up_to_its_cap(attempt: int, seconds: float) -> None:
    assert pause(attempt, base=15, cap=100) == seconds


@pytest.mark.parametrize("attempt", [0, -1])
def test_before_the_first_attempt_is_as_after_it(attempt: int) -> None:
    assert pause(attempt, base=15, cap=100) == 15


@given(st.integers(-10, 10**9), SECONDS, SECONDS)
def test_a_pause_never_shrinks_and_never_exceeds_its_cap(attempt: int, base: float, cap: float) -> None:
    assert 0 < pause(attempt, base=base, cap=cap) <= pause(attempt + 1, base=base, cap=cap) <= cap


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 90), (0.5, 100), (1.0, 110)])
def test_a_spread_is_a_tenth_either_way(chance: float, seconds: float) -> None:
    assert spread(100, chance) == pytest.approx(seconds)
