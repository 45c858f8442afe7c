"""The token bucket: how it shrinks, learns and grows back, and what it never lets through."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddm_operator.cloud.bucket import (
    DOUBLING_SECONDS,
    LEARNED_SECONDS,
    LONG_SECONDS,
    SLOWEST,
    Bucket,
    LongWaitError,
    Policy,
)
from tests.support.sleeper import Sleeper


def bucket(time: Sleeper, rate: float = 20.0, burst: int = 40) -> Bucket:
    return Bucket(rate, burst, time, time.sleep)


async def leave(made: Bucket, time: Sleeper, number: int) -> list[float]:
    """When so many requests leave, as many as possible."""
    left = []
    for _ in range(number):
        await made.turn()
        left.append(time.now)
    return left


def most_in(window: float, left: list[float]) -> int:
    return max(sum(1 for at in left if begin <= at < begin + window) for begin in left)


async def test_the_burst_leaves_at_once_and_the_rest_at_the_rate() -> None:
    time = Sleeper()
    assert await leave(bucket(time, 2.0, 3), time, 7) == pytest.approx([0, 0, 0, 0.5, 1.0, 1.5, 2.0])


async def test_who_waits_longest_goes_first() -> None:
    time, order = Sleeper(), list[int]()
    made = bucket(time, 1.0, 1)

    async def one(number: int) -> None:
        await made.turn()
        order.append(number)

    await asyncio.gather(*(one(number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]
    assert made.waiting == 0


async def test_a_short_quiet_is_waited_for() -> None:
    time = Sleeper()
    made = bucket(time)
    made.pause(LONG_SECONDS - 1)
    made.pause(1.0)
    await made.turn()
    assert time.now == pytest.approx(LONG_SECONDS - 1)


async def test_a_long_quiet_is_not_waited_for_by_those_who_come_nor_by_those_who_wait() -> None:
    time = Sleeper()
    made = bucket(time, 1.0, 1)
    made.take()
    waits = [asyncio.ensure_future(made.turn()) for _ in range(3)]
    made.pause(60.0)
    waits.append(asyncio.ensure_future(made.turn()))
    results = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(result) for result in results] == [LongWaitError] * 4
    assert time.now == 0.0
    assert made.waiting == 0


async def test_after_a_quiet_there_is_no_burst() -> None:
    time = Sleeper()
    made = bucket(time, 10.0, 40)
    made.pause(9.0)
    assert await leave(made, time, 4) == pytest.approx([9.0, 9.1, 9.2, 9.3], abs=0.01)


@pytest.mark.parametrize(
    ("what", "times", "policy", "expected"),
    [
        ("one 429 halves the rate", 1, None, 10.0),
        ("as does the next, of a request that left later", 2, None, 5.0),
        ("but never below what finds out that it is over", 50, None, SLOWEST),
        ("a limit that is told is kept to, with room", 1, Policy(200, 300.0), (0.9 * 200 - 40) / 300),
        ("one that is generous is no reason to be slower than half", 1, Policy(60_000, 60.0), 10.0),
        ("a limit of one is one at a time", 1, Policy(1, 60.0), 0.5 / 60),
        ("who is throttled below the limit shares it", 2, Policy(5, 1.0), 1.75),
    ],
)
def test_a_429_makes_it_slower(what: str, times: int, policy: Policy | None, expected: float) -> None:
    time = Sleeper()
    made = bucket(time)
    for _ in range(times):
        made.throttled(time.now, 0.0, policy)
    assert made.rate == pytest.approx(expected), what


def test_requests_that_had_left_before_it_became_slower_count_once() -> None:
    time = Sleeper()
    made = bucket(time)
    time.now = 1.0
    for _ in range(16):
        made.throttled(0.5, 15.0, None)
    assert made.rate == pytest.approx(10.0)
    assert made.throttled_seconds == pytest.approx(15.0)


def test_it_grows_back_in_quiet_to_what_is_set_and_no_further() -> None:
    time = Sleeper()
    made = bucket(time)
    for _ in range(2):
        made.throttled(time.now, 0.0, None)
    rates = []
    for _ in range(5):
        time.now += DOUBLING_SECONDS / 2
        rates.append(made.rate)
    assert all(later >= earlier for earlier, later in pairwise(rates))
    assert rates[1] == pytest.approx(10.0)
    assert rates[-1] == 20.0
    assert made.burst == 40


def test_it_does_not_grow_while_the_cloud_wants_quiet() -> None:
    time = Sleeper()
    made = bucket(time)
    made.throttled(0.0, 600.0, None)
    time.now = 600.0
    assert made.rate == pytest.approx(10.0)
    assert made.tokens <= 1.0


def test_a_limit_that_was_told_holds_for_an_hour_and_then_it_grows_back() -> None:
    time = Sleeper()
    made, told = bucket(time), Policy(50, 10.0)
    made.throttled(0.0, 10.0, told)
    time.now = LEARNED_SECONDS - 1
    assert made.rate == pytest.approx(told.rate)
    assert made.burst <= told.burst
    time.now = LEARNED_SECONDS + 1
    assert made.rate < 20.0
    time.now += 10 * DOUBLING_SECONDS
    assert made.rate == 20.0
    assert made.burst == 40


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 10, 60, 200, 1000])
@pytest.mark.parametrize("seconds", [1.0, 60.0, 300.0])
async def test_a_limit_that_was_told_is_not_reached_in_any_window(limit: int, seconds: float) -> None:
    time = Sleeper()
    made = Bucket(100.0, 1000, time, time.sleep)
    made.throttled(0.0, 1.0, Policy(limit, seconds))
    left = await leave(made, time, min(3 * limit + 3, 600))
    assert most_in(seconds, left) <= limit


Step = tuple[str, float]
STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "put back", "pass", "429", "told", "pause"]), st.floats(0.0, 4000.0)),
    max_size=60,
)


@given(st.floats(0.01, 100), st.integers(1, 500), STEPS)
def test_there_are_never_more_tokens_than_the_burst_nor_fewer_than_none(
    rate: float, burst: int, steps: list[Step]
) -> None:
    time = Sleeper()
    made = Bucket(rate, burst, time, time.sleep)
    for step, number in steps:
        match step:
            case "take":
                made.take()
            case "put back":
                made.put_back()
            case "pass":
                time.now += number
            case "429":
                made.throttled(time.now, number / 100, None)
            case "told":
                made.throttled(time.now, number / 100, Policy(1 + int(number), 60.0))
            case _:
                made.pause(number / 100)
        assert 0 <= made.tokens <= made.burst <= burst
        assert 0 < made.rate <= rate
        assert 0 <= made.saturation <= 1
