"""Signatures and the time in them; and a credential that several requests use at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ddm_operator.cloud.auth import KeyLogin, Session
from ddm_operator.cloud.credentials import AccessKey
from ddm_operator.cloud.http import Answer, Ask, unreachable
from ddm_operator.cloud.signer import DATE_FORMAT
from ddm_operator.cloud.standing import Standings
from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SKEW = timedelta(minutes=15)
KEY = AccessKey("AK0123456789", "a-secret-key-value")
ASK = Ask("list_instances", "GET", "/v1/p1/instances")
BOTH_WAYS = pytest.mark.parametrize("step", [HOUR, -HOUR])


class Clock:
    """The machine's clocks; ``off`` is how wrong its calendar is."""

    def __init__(self) -> None:
        self.off = timedelta()
        self.seconds = 1000.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000.0) + self.off

    def monotonic(self) -> float:
        return self.seconds


class Gateway:
    """The cloud's side: refuses what is signed more than 15 minutes off its own time, or by another key."""

    def __init__(self, clock: Clock, *, tells_time: bool = True, accepts: bool = True) -> None:
        self.host = "ddm.example.com"
        self.clock = clock
        self.tells_time = tells_time
        self.accepts = accepts
        self.statuses: list[int] = []

    async def ask(self, ask: Ask, headers: dict[str, str], still: Callable[[], None] = lambda: None) -> Answer:
        del ask
        still()
        await asyncio.sleep(0)
        truth = self.clock.now() - self.clock.off
        signed = datetime.strptime(headers["X-Sdk-Date"], DATE_FORMAT).replace(tzinfo=UTC)
        status = 200 if self.accepts and abs(signed - truth) <= SKEW else 401
        self.statuses.append(status)
        body = {"error_code": "APIGW.0301", "error_msg": "verify aksk signature fail"} if status == 401 else {}
        return Answer(status, body, truth if self.tells_time else None, None, httpx.Headers())


def session(clock: Clock, gateway: Any) -> Session:
    standing = Standings(clock.monotonic, 300.0).of(KEY)
    return Session(gateway, KeyLogin(gateway, KEY, "cn-north-4", "p1", clock), standing, clock.monotonic, hold=240.0)


@BOTH_WAYS
async def test_a_clock_that_is_set_while_requests_are_under_way_breaks_no_signature(step: timedelta) -> None:
    """The cloud locks a key after five wrong signatures."""
    clock = Clock()
    gateway = Gateway(clock)
    asked = session(clock, gateway)
    await asked.ask(ASK)
    clock.off = step
    clock.seconds += 600.0
    await asyncio.gather(*(asked.ask(ASK) for _ in range(20)))
    assert set(gateway.statuses) == {200}


@BOTH_WAYS
async def test_a_clock_that_was_wrong_from_the_start_costs_one_request(step: timedelta) -> None:
    clock = Clock()
    clock.off = step
    gateway = Gateway(clock)
    asked = session(clock, gateway)
    await asyncio.gather(*(asked.ask(ASK) for _ in range(20)))
    assert gateway.statuses == [401] + [200] * 20


@pytest.mark.parametrize("who", ["the machine", "the world"])
async def test_requests_that_were_signed_before_the_correction_are_asked_again(who: str) -> None:
    """The first refusal corrects the calendar; the others under way were as wrong, and that is no wrong key.

    As after a sleep that the machine's monotonic clock did not count, or counted twice.
    """
    machine, world = Clock(), Clock()
    gateway = Gateway(world)
    asked = session(machine, gateway)
    await asked.ask(ASK)
    (machine if who == "the machine" else world).seconds += HOUR.total_seconds()
    answers = await asyncio.gather(*(asked.ask(ASK) for _ in range(5)))
    assert [answer.status for answer in answers] == [200] * 5
    assert gateway.statuses == [200, *[401] * 5, *[200] * 5]


async def test_a_wrong_key_is_not_tried_twice() -> None:
    clock = Clock()
    gateway = Gateway(clock, accepts=False)
    asked = session(clock, gateway)
    for _ in range(3):
        with pytest.raises(StalledError) as caught:
            await asked.ask(ASK)
        assert caught.value.reason == reasons.CREDENTIALS_REJECTED
        assert "at ddm.example.com" in caught.value.message
    assert gateway.statuses == [401]
    clock.seconds += 100.0
    with pytest.raises(StalledError):
        await asked.ask(ASK)
    assert gateway.statuses == [401, 401]


async def test_a_wrong_clock_that_nobody_corrects_is_a_refused_credential() -> None:
    clock = Clock()
    clock.off = HOUR
    asked = session(clock, Gateway(clock, tells_time=False))
    with pytest.raises(StalledError) as caught:
        await asked.ask(ASK)
    assert caught.value.reason == reasons.CREDENTIALS_REJECTED


def refused_name(number: int) -> httpx.ConnectError:
    error = httpx.ConnectError("no such host")
    error.__cause__ = socket.gaierror(number, "Name or service not known")
    return error


def test_a_region_that_is_no_host_s_name_is_told_as_such() -> None:
    """It may be the name server's fault, so it is asked again; most often it is a slip of the pen."""
    told = unreachable("ddm.cn-nroth-4.example.com", refused_name(socket.EAI_NONAME))
    assert told.reason == reasons.CLOUD_UNREACHABLE
    for part in ("ddm.cn-nroth-4.example.com", "spec.region", "asked again"):
        assert part in told.message
    for error in (refused_name(socket.EAI_AGAIN), httpx.ConnectError("refused"), TimeoutError()):
        assert "spec.region" not in unreachable("ddm.cn-north-4.example.com", error).message
