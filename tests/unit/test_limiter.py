"""The limiter: reads and calls apart, lines whose places are kept, slots, and what they tell of themselves."""

from __future__ import annotations

import asyncio
import gc
from contextlib import ExitStack

import pytest

from ddm_operator.cloud.bucket import LONG_SECONDS, LongWaitError, Policy
from ddm_operator.cloud.limiter import (
    GRACE_SECONDS,
    LONGEST_TOLD,
    Limiter,
    Line,
    Pace,
    Pressure,
    Slots,
)
from ddm_operator.cloud.turns import Turns
from ddm_operator.domain import reasons
from ddm_operator.errors import TransientError, WaitingError
from tests.support.sleeper import Sleeper


def limiter(time: Sleeper, reads: float = 10.0, at_once: int = 10, writes: float = 1.0, calls: int = 2) -> Limiter:
    return Limiter(Pace(reads, at_once, writes, calls), time, time.sleep)


async def test_polling_takes_no_turn_away_from_a_call() -> None:
    time = Sleeper()
    made = limiter(time)
    for _ in range(30):
        await made.reads.turn()
    assert made.reads.tokens < 1
    made.call("a")
    made.call("b")
    with pytest.raises(LongWaitError):
        made.call("c")


def test_a_throttled_question_slows_no_call_nor_the_other_way_round() -> None:
    time = Sleeper()
    made = limiter(time)
    made.reads.throttled(0.0, 60.0, Policy(2, 60.0))
    assert (made.writes.rate, made.writes.tokens) == (1.0, 2.0)
    made.writes.throttled(0.0, 60.0, None)
    assert made.writes.rate == 0.5
    assert made.writes.closed == 60.0


def test_a_call_never_waits_it_is_told_when_to_come_back() -> None:
    time = Sleeper()
    made = limiter(time)
    told = {}
    for key in "abcdef":
        try:
            made.call(key)
        except LongWaitError as error:
            told[key] = error.seconds
    assert told == pytest.approx({"c": 1.0, "d": 2.0, "e": 3.0, "f": 4.0})


def test_a_place_is_kept_from_those_who_come_later() -> None:
    time = Sleeper()
    made = limiter(time, calls=1)
    made.call("a")
    for key in "bc":
        with pytest.raises(LongWaitError):
            made.call(key)
    time.now = 1.0
    for key in "dc":
        with pytest.raises(LongWaitError):
            made.call(key)
    made.call("b")
    time.now = 2.0
    with pytest.raises(LongWaitError):
        made.call("d")
    made.call("c")


def test_who_does_not_come_back_holds_nobody_up() -> None:
    time = Sleeper()
    line = Line(time)
    assert line.wait("gone", 0.0, 10.0, 0.0) == 10.0
    assert line.wait("patient", 1.0, 10.0, 0.0) == 10.0
    time.now = 10.0 * 1.2 + GRACE_SECONDS + 0.1
    assert line.wait("new", 1.0, 10.0, 0.0) == 0.0


def test_nobody_is_told_to_stay_away_for_very_long_and_keeps_the_place() -> None:
    time = Sleeper()
    line = Line(time)
    assert [line.wait(str(n), 0.0, 1000.0, 0.0) for n in range(3)] == [LONGEST_TOLD] * 3
    time.now = LONGEST_TOLD
    assert line.wait("2", 2.0, 1000.0, 0.0) == LONGEST_TOLD
    assert line.wait("0", 1.0, 1000.0, 0.0) == 0.0


def test_every_waiting_call_has_its_turn_in_order_at_the_rate() -> None:
    """A thousand at once, with a limit of ten per minute that was learned: who was told to come comes, and goes."""
    time = Sleeper()
    made = limiter(time, writes=20.0, calls=1000)
    made.writes.throttled(0.0, 60.0, Policy(10, 60.0))
    due = {f"o{n}": 0.0 for n in range(1000)}
    gone: list[tuple[float, str]] = []
    while due:
        key = min(due, key=lambda one: due[one])
        time.now = max(time.now, due[key])
        try:
            made.call(key)
        except LongWaitError as error:
            due[key] = time.now + error.seconds
        else:
            gone.append((time.now, key))
            del due[key]
    assert [key for _, key in gone] == [f"o{n}" for n in range(1000)]
    first_hour = [at for at, _ in gone if at < 3600]
    assert max(sum(1 for at in first_hour if begin <= at < begin + 60) for begin in first_hour) <= 10


@pytest.mark.parametrize(
    ("what", "rate", "at_once", "expected"),
    [
        ("at 200 per 5 minutes, one: five reads in ten seconds", 0.5, 1, 1),
        ("however slow, one", 0.01, 1, 1),
        ("at the default, as many as can be read in ten seconds", 20.0, 40, 48),
    ],
)
def test_so_many_look_closely_that_none_is_old_when_it_ends(
    what: str, rate: float, at_once: int, expected: int
) -> None:
    time = Sleeper()
    made = limiter(time, reads=rate, at_once=at_once)
    with ExitStack() as looks:
        for number in range(expected):
            looks.enter_context(made.look(str(number)))
        with pytest.raises(LongWaitError) as told, made.look("late"):
            pass
        assert told.value.seconds > 0, what
    with made.look("late"):
        pass


def test_nobody_looks_closely_while_the_cloud_wants_quiet_for_long() -> None:
    time = Sleeper()
    made = limiter(time)
    made.reads.pause(LONG_SECONDS * 3)
    with pytest.raises(LongWaitError) as told, made.look("a"):
        pass
    assert told.value.seconds >= LONG_SECONDS * 3


def test_who_waits_for_a_call_does_not_look_before_its_turn() -> None:
    time = Sleeper()
    turns = Turns(limiter(time, calls=1), "ddm.example.com")
    turns.call("a")
    with pytest.raises(WaitingError) as told:
        turns.call("b")
    assert told.value.reason == reasons.THROTTLED
    assert told.value.requeue_after == pytest.approx(1.0)
    with pytest.raises(WaitingError, match="DDM_CLOUD_CALLS_PER_SECOND"), turns.look("b"):
        pass
    time.now = 1.0
    with turns.look("b"):
        turns.call("b")


async def test_a_question_in_a_long_quiet_fails_with_what_is_left_of_it() -> None:
    time = Sleeper()
    turns = Turns(limiter(time), "ddm.example.com")
    turns.limiter.reads.pause(40.0)
    time.now = 10.0
    with pytest.raises(TransientError, match=r"ddm\.example\.com has asked for quiet") as told:
        await turns.read()
    assert (told.value.reason, told.value.retry_after) == (reasons.THROTTLED, 30.0)


async def test_no_more_than_so_many_are_under_way() -> None:
    slots, under_way, most = Slots(3), 0, 0

    async def one() -> None:
        nonlocal under_way, most
        async with slots.slot():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert most == 3
    assert slots.saturation() == 0.0


def test_the_quiet_that_was_asked_for_is_counted_once() -> None:
    time, pressure, slots = Sleeper(), Pressure(), Slots(1)
    made = limiter(time)
    pressure.watch("ddm.example", made, slots)
    made.reads.pause(30.0)
    made.reads.pause(5.0)
    assert pressure.throttled == {"ddm.example": 30.0}
    time.now = 20.0
    made.reads.pause(30.0)
    assert pressure.throttled == {"ddm.example": 50.0}
    time.now = 100.0
    made.reads.pause(1.0)
    made.writes.pause(2.0)
    assert pressure.throttled == {"ddm.example": 53.0}


def test_the_quiet_of_a_limiter_that_is_gone_stays_counted() -> None:
    pressure = Pressure()
    for _ in range(2):
        made, slots = limiter(Sleeper()), Slots(1)
        pressure.watch("ddm.example", made, slots)
        made.reads.pause(30.0)
        assert pressure.throttled["ddm.example"]
        del made, slots
        gc.collect()
    assert pressure.throttled == {"ddm.example": 60.0}
    assert pressure.saturation() == {}


async def test_it_tells_how_much_is_used_of_what_is_used_most() -> None:
    time, pressure, slots, idle = Sleeper(), Pressure(), Slots(2), Slots(2)
    made = limiter(time)
    for each in (slots, idle):
        pressure.watch("ddm.example", made, each)
    assert pressure.saturation() == {"ddm.example": 0.0}
    async with slots.slot():
        assert pressure.saturation() == {"ddm.example": 0.5}
        async with slots.slot():
            assert pressure.saturation() == {"ddm.example": 1.0}
    await made.reads.turn()
    assert pressure.saturation() == pytest.approx({"ddm.example": 0.1})
    made.call("a")
    assert pressure.saturation() == pytest.approx({"ddm.example": 0.5})
    made.reads.pause(1.0)
    assert pressure.saturation() == {"ddm.example": 1.0}
