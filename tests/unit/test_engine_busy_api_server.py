"""An API server that asks for quiet: few requests while it does, nothing lost and nothing doubled after it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random
from typing import Any, TypeVar

import pytest
from typing_extensions import override

from ddm_operator.domain import reasons
from ddm_operator.domain.model import Phase, Resource, Status
from ddm_operator.errors import TransientError
from ddm_operator.kube.client import AnsweredError, NoAnswerError
from ddm_operator.kube.restraint import LONGEST, Restraint
from ddm_operator.ports import CallOutcome
from tests.support.skipping import FakeObjects, Fleet, now, running, skip

pytestmark = pytest.mark.usefixtures("hush")

T = TypeVar("T")
MANY, GROWING = 200, 20
BUSY = 120.0
HOUR = 3600.0


class BusyObjects(FakeObjects):
    """Objects behind the restraint of the real client, on an API server that turns requests away."""

    def __init__(self) -> None:
        super().__init__()
        self.restraint = Restraint(now, Random(1).random)
        self.busy = False
        self.retry_after: float | None = None
        self.turned_away: list[tuple[float, str, bool]] = []
        """When, what, and whether it was urgent."""
        self.told: list[tuple[float, str, Status]] = []
        """Statuses that were stored and might have waited."""

    @override
    def pause(self) -> float:
        return self.restraint.left()

    @override
    async def get(self, namespace: str, name: str, *, urgent: bool = False) -> Resource | None:
        get = super().get
        return await self._ask("get", lambda: get(namespace, name), urgent=urgent)

    @override
    async def put_status(self, resource: Resource, status: Status, *, urgent: bool = False) -> Resource:
        put = super().put_status
        stored = await self._ask("put", lambda: put(resource, status), urgent=urgent)
        if not urgent:
            self.told.append((now(), resource.desired.uid, status))
        return stored

    async def _ask(self, what: str, send: Callable[[], Awaitable[T]], *, urgent: bool) -> T:
        async def ask() -> T:
            if not self.busy:
                return await send()
            self.turned_away.append((now(), what, urgent))
            raise AnsweredError(429, {"message": "too many requests"}, self.retry_after)

        try:
            return await (self.restraint.beside(ask) if urgent else self.restraint.through(ask))
        except AnsweredError as error:
            raise TransientError(reasons.RETRYING, str(error), retry_after=error.retry_after) from error


def ended(fleet: Fleet) -> bool:
    """Whether every change has come to its good end."""
    found = [fleet.status(number).operation for number in range(GROWING)]
    return all(operation is not None and operation.phase == Phase.SUCCEEDED for operation in found)


def shown(fleet: Fleet) -> Counter[str]:
    """What the statuses say of their instances."""
    instances = (found.status.instance for found in fleet.objects.stored.values())
    return Counter(instance.status if instance else "" for instance in instances)


@pytest.mark.parametrize("retry_after", [None, 1.0, 7.0])
def test_two_minutes_of_429(retry_after: float | None) -> None:
    """Jobs end meanwhile, every instance changes, and more is declared."""

    async def story() -> None:
        objects = BusyObjects()
        fleet = await running(MANY, objects)
        for number in range(GROWING):
            fleet.scale(number, 4)
        await fleet.until(lambda: len(fleet.cloud.enlarged) == GROWING, 60)
        await fleet.until(lambda: fleet.reasons()[reasons.SCALING_OUT] == GROWING, 60)
        objects.busy, objects.retry_after = True, retry_after
        for number in range(MANY):
            fleet.cloud.statuses.setdefault(f"i{number}", "BACKUP")
        for number in range(GROWING):
            fleet.cloud.complete(f"i{number}")
        for number in range(GROWING, 2 * GROWING):
            fleet.cloud.statuses[f"i{number}"] = "RUNNING"
            fleet.scale(number, 3)
        await asyncio.sleep(BUSY)
        assert 0 < len(objects.turned_away) <= 3 * 8, "each pause is ended by one request, those under way apart"
        objects.busy, back = False, now()
        await fleet.until(lambda: ended(fleet), LONGEST * 1.2 + 60)
        await fleet.until(lambda: len(fleet.cloud.enlarged) == 2 * GROWING, LONGEST * 1.2 + 60)
        await fleet.until(lambda: shown(fleet)["BACKUP"] == MANY - 2 * GROWING, 2 * fleet.limits.resync)
        for number in range(GROWING, 2 * GROWING):
            fleet.cloud.complete(f"i{number}")
        await fleet.until(lambda: fleet.reasons() == {reasons.AS_DECLARED: MANY}, HOUR)
        assert Counter(asked.instance_id for asked in fleet.cloud.enlarged) == {f"i{n}": 1 for n in range(2 * GROWING)}
        assert {fleet.status(n).nodes for n in range(GROWING)} == {4}
        assert {fleet.status(n).nodes for n in range(GROWING, 2 * GROWING)} == {3}
        assert objects.since(back)["put"] <= 4 * MANY

    skip(story)


def test_an_answer_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried while everything else waits, and again until it is stored."""

    async def story() -> None:
        objects = BusyObjects()
        fleet = await running(MANY, objects)
        enlarge = fleet.cloud.enlarge

        async def last_of_the_quiet(*asked: Any, **how: Any) -> CallOutcome:
            outcome = await enlarge(*asked, **how)
            objects.busy = True
            return outcome

        monkeypatch.setattr(fleet.cloud, "enlarge", last_of_the_quiet)
        fleet.scale(0, 4)
        await asyncio.sleep(BUSY)
        assert len(fleet.cloud.enlarged) == 1
        urgent = [at for at, _, urgent in objects.turned_away if urgent]
        assert len(urgent) >= 2
        objects.busy = False
        await fleet.until(lambda: fleet.reasons()[reasons.SCALING_OUT] == 1, 2 * BUSY)
        assert len(fleet.cloud.enlarged) == 1

    skip(story)


def test_one_object_is_told_of_once_a_second() -> None:
    """However often the cloud shows something new; what is true in the end is written."""

    async def story() -> None:
        objects = BusyObjects()
        fleet = await running(1, objects)
        for step in range(100):
            fleet.cloud.statuses["i0"] = f"STATE-{step}"
            fleet.scale(0, 2)
            await asyncio.sleep(0.1)
        await fleet.until(lambda: shown(fleet) == {"STATE-99": 1}, 2 * fleet.limits.resync)
        times = [at for at, _, _ in objects.told]
        assert len(times) >= 5
        assert min(later - earlier for earlier, later in pairwise(times)) >= 0.99

    skip(story)


def test_all_objects_together_are_told_of_at_a_bounded_rate() -> None:
    async def story() -> None:
        objects = BusyObjects()
        await running(1000, objects)
        seconds = Counter(int(at) for at, _, _ in objects.told)
        assert sum(seconds.values()) == 1000
        assert max(seconds.values()) <= 111
        assert len(seconds) >= 9

    skip(story)


async def _told(restraint: Restraint, error: Exception | None) -> None:
    async def send() -> None:
        if error is not None:
            raise error

    try:
        await restraint.through(send)
    except (AnsweredError, NoAnswerError):
        return


def late() -> NoAnswerError:
    """A request that was not answered in time."""
    error = NoAnswerError("no answer")
    error.__cause__ = TimeoutError()
    return error


def test_pauses_grow_to_half_a_minute_and_end_with_the_first_answer() -> None:
    async def story() -> None:
        restraint = Restraint(now, lambda: 0.0)
        pauses = []
        for _ in range(8):
            await _told(restraint, AnsweredError(429, {}, None))
            pauses.append(restraint.left())
        assert pauses == pytest.approx([1, 2, 4, 8, 16, LONGEST, LONGEST, LONGEST])
        await _told(restraint, None)
        assert restraint.left() == 0
        await _told(restraint, late())
        assert restraint.left() == pytest.approx(1)

    skip(story)


def test_a_hundred_that_wait_send_one_after_each_pause_and_all_after_the_answer() -> None:
    async def story() -> None:
        restraint, sent, busy = Restraint(now, lambda: 0.0), [0], [True]

        async def send() -> None:
            sent[0] += 1
            await asyncio.sleep(0.01)
            if busy[0]:
                raise AnsweredError(429, {}, None)

        async def ask() -> None:
            while True:
                try:
                    await restraint.through(send)
                except AnsweredError:
                    continue
                return

        await _told(restraint, AnsweredError(429, {}, None))
        asking = [asyncio.create_task(ask()) for _ in range(100)]
        await asyncio.sleep(32)
        assert sent[0] == 5, "after 1, 3, 7, 15 and 31 seconds"
        busy[0] = False
        await asyncio.gather(*asking)
        assert sent[0] == 5 + 100

    skip(story)


def test_those_that_were_under_way_together_count_as_one_refusal() -> None:
    async def story() -> None:
        restraint = Restraint(now, lambda: 0.0)

        async def send() -> None:
            await asyncio.sleep(0.1)
            raise AnsweredError(429, {}, None)

        await asyncio.gather(*(restraint.through(send) for _ in range(20)), return_exceptions=True)
        assert restraint.left() <= 1

    skip(story)


@pytest.mark.parametrize(
    ("error", "least"),
    [
        (AnsweredError(429, {}, 7.0), 7.0),
        (AnsweredError(503, {}, 5.0), 5.0),
        (AnsweredError(429, {}, 86_400.0), 300.0),
        (AnsweredError(409, {}, None), 0.0),
        (AnsweredError(500, {}, None), 0.0),
        (NoAnswerError("reset"), 0.0),
    ],
)
def test_what_makes_a_pause_and_how_long(error: Exception, least: float) -> None:
    async def story() -> None:
        restraint = Restraint(now, lambda: 0.0)
        await _told(restraint, error)
        assert restraint.left() == least

    skip(story)
