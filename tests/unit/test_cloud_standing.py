"""A refused credential is tried three times in its window, whoever asks, and one of its name four times."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ddm_operator.cloud.credentials import (
    AccessKey,
    Credential,
    IdToken,
    OidcAgency,
    PodIdentity,
    UserPassword,
    known_as,
)
from ddm_operator.cloud.standing import PATIENCE_SECONDS, Standing, Standings
from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError, TransientError
from tests.support.skipping import now, skip

WINDOW = 300.0
KEY = AccessKey("AK", "a-secret")


class Clock:
    seconds = 50.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def standings(clock: Clock) -> Standings:
    return Standings(clock, WINDOW)


def refusal() -> StalledError:
    return StalledError(reasons.CREDENTIALS_REJECTED, "The cloud said no.", code="APIGW.0301")


def tried(standing: Standing) -> bool:
    """Whether a try is allowed; it is refused."""
    try:
        standing.check()
    except StalledError:
        return False
    standing.refused(refusal())
    return True


def test_three_tries_in_every_window(clock: Clock, standings: Standings) -> None:
    times = []
    for _ in range(3600):
        clock.seconds += 1
        if tried(standings.of(KEY)):
            times.append(clock.seconds)
    assert len(times) == 3600 / (WINDOW / 3)
    assert all(later - earlier >= WINDOW for earlier, later in zip(times, times[3:], strict=False))


def test_many_refusals_at_once_use_the_window_up(clock: Clock, standings: Standings) -> None:
    """Requests that were under way when the key was withdrawn."""
    standing = standings.of(KEY)
    standing.accepted()
    for _ in range(16):
        standing.refused(refusal())
    clock.seconds += WINDOW - 1
    assert not tried(standing)
    clock.seconds += 1
    assert tried(standing)


def test_one_refusal_that_many_waited_for_counts_once(clock: Clock, standings: Standings) -> None:
    standing, one = standings.of(KEY), refusal()
    for _ in range(16):
        standing.refused(one)
    clock.seconds += WINDOW / 3
    assert tried(standing)


def test_another_secret_for_the_same_name_is_tried_once_more(clock: Clock, standings: Standings) -> None:
    del clock
    allowed = [tried(standings.of(AccessKey("AK", f"secret-{number}"))) for number in range(10)]
    assert allowed == [True] * 4 + [False] * 6
    assert tried(standings.of(AccessKey("ANOTHER", "secret-0")))


def test_who_has_the_right_one_is_not_kept_waiting_by_who_guesses(standings: Standings) -> None:
    standings.of(KEY).accepted()
    for number in range(10):
        tried(standings.of(AccessKey("AK", f"secret-{number}")))
    standings.of(KEY).check()


def test_putting_a_wrong_secret_away_and_back_gains_no_tries(standings: Standings) -> None:
    assert tried(standings.of(KEY))
    standings.forget_other_than(set())
    assert not tried(standings.of(KEY))


def test_what_is_over_is_forgotten(clock: Clock, standings: Standings) -> None:
    tried(standings.of(KEY))
    before = standings.of(KEY)
    clock.seconds += WINDOW
    standings.forget_other_than(set())
    assert standings.of(KEY) is not before


async def test_while_it_is_not_proven_one_finds_out_for_all(standings: Standings) -> None:
    standing = standings.of(KEY)
    tries = 0

    async def attempt() -> None:
        nonlocal tries
        async with standing.turn(asyncio.Lock()):
            tries += 1
            await asyncio.sleep(0)
            standing.refused(refusal())

    told = await asyncio.gather(*(attempt() for _ in range(50)), return_exceptions=True)
    assert tries == 1
    assert sum(isinstance(error, StalledError) for error in told) == 49


def test_an_endpoint_that_never_answers_does_not_hold_up_the_others() -> None:
    async def story() -> None:
        standing = Standings(now, WINDOW).of(KEY)

        async def silent() -> None:
            async with standing.turn(asyncio.Lock()):
                await asyncio.sleep(1000)

        stuck = asyncio.create_task(silent())
        await asyncio.sleep(0)
        began = now()
        with pytest.raises(TransientError):
            async with standing.turn(asyncio.Lock()):
                pass
        assert now() - began == pytest.approx(PATIENCE_SECONDS, abs=1)
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
        async with standing.turn(asyncio.Lock()):
            standing.accepted()

    skip(story)


def test_a_session_that_hangs_is_not_first_time_and_again() -> None:
    async def story() -> None:
        standing, order = Standings(now, WINDOW).of(KEY), list[str]()

        async def attempt(session: str, ours: asyncio.Lock, seconds: float) -> None:
            async with standing.turn(ours):
                order.append(session)
                await asyncio.sleep(seconds)

        hung, well = asyncio.Lock(), asyncio.Lock()
        asks = [asyncio.create_task(attempt("hung", hung, 25.0)) for _ in range(8)]
        await asyncio.sleep(0)
        asks.append(asyncio.create_task(attempt("well", well, 0.1)))
        await asyncio.gather(*asks, return_exceptions=True)
        assert order[:2] == ["hung", "well"]

    skip(story)


@pytest.mark.parametrize(
    "credential",
    [
        KEY,
        UserPassword("user", "account", "a-password"),
        IdToken("idp", Path("/token")),
        OidcAgency("urn:p", "urn:a", Path("/token")),
        PodIdentity("http://127.0.0.1/", Path("/token")),
    ],
)
def test_its_name_and_its_repr_tell_no_secret(credential: Credential) -> None:
    for text in (known_as(credential), repr(credential)):
        assert text
        assert "a-secret" not in text
        assert "a-password" not in text
