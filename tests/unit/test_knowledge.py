"""What is known before the first pass, and when the watch has shown it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from ddm_operator.domain.model import Desired, Operation, Phase, Resource, Status
from ddm_operator.errors import OperatorError, TransientError
from ddm_operator.knowledge import Knowledge
from ddm_operator.kube.rollcall import LOOK_EVERY, RollCall
from ddm_operator.kube.store import Listed, Store


def resource(name: str, generation: int = 1, phase: str = "") -> Resource:
    desired = Desired(name, "shop", name, generation, created="1", instance_id=name)
    operation = Operation("op", "ScaleOut", phase) if phase else None
    return Resource(desired, Status(observed_generation=1, operation=operation), resource_version="10")


class Line:
    """Remembers in which order passes were asked for."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def add(self, key: str) -> None:
        self.said.append(key)

    def busy(self, key: str) -> bool:
        return key == ""

    def forget(self, key: str) -> None:
        self.said.remove(key)

    def start(self) -> None:
        self.said.append("start")


class Objects:
    """The API server's; the list may break off."""

    def __init__(self, found: Sequence[Resource]) -> None:
        self.found = found
        self.breaks = False

    async def every(self) -> AsyncIterator[Resource]:
        for each in self.found:
            yield each
        if self.breaks:
            raise TransientError("Retrying", "no second page")

    async def listed(self) -> AsyncIterator[Listed]:
        for each in self.found:
            yield Listed(each.desired.key, each.desired.uid, each.resource_version)


def knowledge(objects: Objects, line: Line) -> Knowledge:
    return Knowledge(Store(monotonic=lambda: 0.0), line, objects)  # type: ignore[arg-type]  # what it asks of them


async def test_what_is_pressing_goes_first_and_nothing_before_all_is_known() -> None:
    line = Line()
    found = [
        resource("rests"),
        resource("ended", phase=Phase.SUCCEEDED),
        resource("runs", phase=Phase.RUNNING),
        resource("new", 2),
    ]
    await knowledge(Objects(found), line).gather()
    assert line.said == ["shop/runs", "shop/new", "shop/rests", "shop/ended", "start"]


async def test_a_list_that_breaks_off_begins_nothing() -> None:
    line, objects = Line(), Objects([resource("runs", phase=Phase.RUNNING)])
    known = knowledge(objects, line)
    objects.breaks = True
    with pytest.raises(OperatorError):
        await known.gather()
    assert line.said == []


async def test_a_watch_that_starts_again_asks_only_for_what_is_new() -> None:
    line, objects = Line(), Objects([resource("rests")])
    known = knowledge(objects, line)
    await known.gather()
    objects.found = [resource("rests"), resource("later")]
    await known.gather()
    assert line.said == ["shop/rests", "start", "shop/later"]


async def test_the_roll_is_complete_when_all_that_was_listed_was_shown() -> None:
    roll = RollCall()
    roll.expect(["a", "b"])
    waiting = asyncio.create_task(roll.complete(Objects([])))
    roll.seen("a")
    await asyncio.sleep(3 * LOOK_EVERY)
    assert not waiting.done()
    roll.seen("b")
    await asyncio.wait_for(waiting, 5)


async def test_what_is_deleted_meanwhile_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddm_operator.kube.rollcall.LOOKS", 1)
    roll = RollCall()
    roll.expect(["gone"])
    assert await asyncio.wait_for(roll.complete(Objects([])), 5) == {"gone"}


async def test_what_is_deleted_between_the_list_and_the_watch_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddm_operator.kube.rollcall.LOOKS", 1)
    line, elder = Line(), resource("elder")
    rival = replace(resource("rival"), desired=replace(resource("rival").desired, instance_id="elder"))
    objects = Objects([elder, rival])
    known = knowledge(objects, line)
    await known.gather()
    line.said.clear()
    line.said.append("shop/elder")
    objects.found = [rival]
    known.roll.seen("rival")
    await asyncio.wait_for(known.caught_up(), 5)
    assert list(known.store) == ["shop/rival"]
    assert line.said == ["shop/elder", "shop/rival"]
