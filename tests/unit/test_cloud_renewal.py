"""What the cloud gives for a while: renewed ahead of its end, by one for all, and kept while it is good."""

from __future__ import annotations

import asyncio

import pytest

from ddm_operator.cloud.renewal import MARGIN, RETRY_SECONDS, SPREAD, Lasting, Renewed
from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError, TransientError

LIFE = 1000.0
AWAY = TransientError(reasons.CLOUD_UNREACHABLE, "no answer")
REFUSED = StalledError(reasons.CREDENTIALS_REJECTED, "no more")


class Source:
    """Gives a number that grows; fails while it is told to."""

    def __init__(self) -> None:
        self.time = 5.0
        self.given = self.tries = 0
        self.failure: OperatorError | None = None
        self.takes = 0.0

    def monotonic(self) -> float:
        return self.time

    async def fetch(self) -> Lasting[int]:
        self.tries += 1
        await asyncio.sleep(0)
        self.time += self.takes
        if self.failure is not None:
            raise self.failure
        self.given += 1
        return Lasting(self.given, LIFE)


def renewed(source: Source, jitter: float = 0.0) -> Renewed[int]:
    return Renewed(source.fetch, source.monotonic, jitter)


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
async def test_it_is_renewed_ahead_of_its_end_each_at_its_own_moment(jitter: float) -> None:
    source = Source()
    key = renewed(source, jitter)
    assert await key.have() == 1
    source.time += LIFE * (1 - MARGIN - SPREAD * jitter) - 1
    assert await key.have() == 1
    source.time += 2
    assert await key.have() == 2


async def test_one_renewal_serves_all_who_need_it() -> None:
    source = Source()
    key = renewed(source)
    assert await asyncio.gather(*(key.have() for _ in range(50))) == [1] * 50
    source.time += LIFE
    assert await asyncio.gather(*(key.have() for _ in range(50))) == [2] * 50
    assert source.tries == 2


@pytest.mark.parametrize("failure", [AWAY, REFUSED])
async def test_one_failure_serves_all_who_waited_for_it(failure: OperatorError) -> None:
    source = Source()
    source.failure = failure
    key = renewed(source)
    told = await asyncio.gather(*(key.have() for _ in range(50)), return_exceptions=True)
    assert told == [failure] * 50
    assert source.tries == 1
    source.time += 0.1
    source.failure = None
    assert await key.have() == 1, "who asks later asks anew"


@pytest.mark.parametrize("failure", [AWAY, REFUSED])
async def test_a_renewal_that_fails_keeps_what_is_there_while_it_is_good(failure: OperatorError) -> None:
    source = Source()
    key = renewed(source)
    await key.have()
    source.failure = failure
    source.time += LIFE * 0.95
    for _ in range(20):
        assert await key.have() == 1
    assert source.tries == 2, "nobody waits for it, so it is not tried at every request"
    source.time += RETRY_SECONDS
    assert await key.have() == 1
    assert source.tries == 3
    source.time += LIFE * 0.05
    with pytest.raises(type(failure)):
        await key.have()


async def test_the_life_counts_from_before_it_was_asked_for() -> None:
    source = Source()
    source.takes = LIFE * (1 - MARGIN)
    key = renewed(source)
    assert await key.have() == 1
    assert await key.have() == 2


async def test_what_was_refused_is_replaced_and_not_what_replaced_it() -> None:
    source = Source()
    key = renewed(source)
    first = await key.have()
    key.forget(first)
    assert await key.have() == 2
    key.forget(first)
    assert await key.have() == 2
