"""Whatever happens, in whatever order: one enlarge for each declared change, and the truth about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from ddm_simulator.faults import ADAPTER
from ddm_simulator.settings import FACTS, Settings
from tests.support.replica import Replica, settings
from tests.support.universe import KEY, Universe

FAULTS: list[dict[str, Any]] = [
    {"kind": "lost", "executed": True},
    {"kind": "lost", "executed": False},
    {"kind": "reset", "executed": True},
    {"kind": "reset"},
    {"kind": "error", "status": 504, "executed": True},
    {"kind": "error", "status": 502},
    {"kind": "error", "status": 400, "code": "DBS.300002", "executed": True},
    {"kind": "late", "seconds": 20},
    {"kind": "late", "seconds": 50, "status": None},
    {"kind": "late", "seconds": 55},
    {"kind": "garbage"},
    {"kind": "throttled"},
    {"kind": "job-fails"},
    {"kind": "expired-token"},
    {"kind": "lag", "route": "job*", "count": 40, "seconds": 30},
    {"kind": "lag", "route": "instance", "count": 20},
]

SETTLED = 4 * 3600.0
"""Simulated seconds after the last disturbance within which everything has come to rest."""


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", "EXAMPLEACCESSKEY0001")
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", "ExampleSecretKeyForDocumentationOnly0001")
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Schedule:
    """One story, drawn from a seed and told as sentences."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        order = list(FACTS)
        self.chance.shuffle(order)
        self.universe = Universe(
            Settings(
                job_seconds=self.chance.choice([2.0, 15.0, 300.0]),
                settle_order=tuple(order),
                settle_gaps=(self.chance.choice([0.0, 3.0, 20.0]),),
            )
        )
        self.replicas: list[Replica] = []
        self.dead: list[Replica] = []
        self.frozen: set[int] = set()
        self.told: list[str] = []
        self.judged = 0
        self.written = 0
        self.number = seed * 1000
        self.universe.kubernetes.create(2)
        self.start()

    def start(self) -> None:
        self.number += 1
        self.replicas.append(Replica(self.universe, settings(), self.number))

    def crash(self, replica: Replica) -> None:
        """As kill -9: nothing of it runs any more. What the cloud has received goes on, or not."""
        self.replicas.remove(replica)
        self.dead.append(replica)  # kept, for nothing of it may run, not even what a collector would call
        for exchange in replica.wire.under_way:
            if self.chance.random() < 0.5:
                exchange.close()

    def run(self, seconds: float, turns: int = 10**9) -> None:
        """Let everything that is not frozen run on."""
        end = self.universe.time + seconds
        while turns > 0:
            running = [replica for replica in self.replicas if id(replica) not in self.frozen]
            for replica in running:
                replica.watch()
            busy = [replica for replica in running if not replica.loop.idle]
            for replica in busy:
                replica.loop.turn()
                turns -= 1
            self.judge()
            if busy:
                continue
            dues = [due for replica in running if (due := replica.loop.next_due) is not None]
            step = min([*dues, end]) - self.universe.time
            if self.universe.time >= end:
                return
            self.universe.advance(max(min(step, end - self.universe.time), 0.001))

    def judge(self) -> None:
        """The oracle: the ledger and the true state of the cloud, against what was declared."""
        calls = self.universe.enlarged()
        for call in calls[self.judged :]:
            count, story = call["body"]["node_number"], "\n".join(self.told)
            intents = self.universe.kubernetes.intents
            assert len(calls) <= len(intents), f"a call without an intent: {call}\n{story}"
            meant = [(uid, i) for uid, i in intents if (i.to_nodes or 0) - (i.from_nodes or 0) == count]
            assert meant, f"a call that no intent means: {call}\n{story}"
            uid, intent = meant[-1]
            wanted = self.universe.kubernetes.declared[uid, intent.generation] or 0
            had = self.before(call)
            assert had + count <= wanted, f"{had} + {count} > {wanted}: {call}\n{story}"
        self.judged = len(calls)
        for status in self.universe.kubernetes.wrote[self.written :]:
            kinds = {condition.type for condition in status.conditions if condition.status == "True"}
            assert not {"Stalled", "Reconciling"} <= kinds, self.told
            assert all(condition.message for condition in status.conditions), self.told
        self.written = len(self.universe.kubernetes.wrote)

    def before(self, call: dict[str, Any]) -> int:
        """How many nodes the instance had when a call was executed: what it has, without what that call adds."""
        job = self.universe.world.jobs.get(call["job_id"])
        instance = self.universe.world.instances.get(call["instance"])
        assert job is not None
        assert instance is not None
        added = {node.id for node in job.added}
        return sum(node.id not in added for node in instance.nodes)

    def disturb(self) -> None:
        """One thing that may happen."""
        deeds = [
            self._scale,
            self._grow_under_a_fault,
            self._grow_under_a_fault,
            self._grow_and_crash,
            self._grow_and_crash,
        ]
        deeds += [self._grow_and_race, self._grow_and_freeze, self._crash, self._wait, self._second, self._wipe]
        deeds += [self._recreate, self._lose, self._away]
        self.chance.choice(deeds)()

    def _say(self, text: str) -> None:
        self.told.append(f"{self.universe.time:9.2f} s  {text}")

    def _scale(self) -> None:
        nodes = self.chance.randint(2, 9)
        self._say(f"spec.nodes is set to {nodes}")
        self.universe.kubernetes.change(KEY, nodes=nodes)
        self.run(self.chance.choice([0.05, 0.3, 2.0]))

    def _grow(self) -> None:
        """Declare more than there is, once everything has come to rest."""
        self.run(self.chance.choice([0.0, 400.0, 1500.0]))
        nodes = min(32, self.universe.nodes() + self.chance.randint(1, 3))
        self._say(f"spec.nodes is set to {nodes}, there are {self.universe.nodes()}")
        self.universe.kubernetes.change(KEY, nodes=nodes)

    def _grow_under_a_fault(self) -> None:
        self._fault()
        self._grow()
        self.run(self.chance.choice([0.5, 20.0, 300.0]))

    def _grow_and_crash(self) -> None:
        self._grow()
        self._crash()

    def _grow_and_race(self) -> None:
        self._second()
        self._grow()
        self.run(self.chance.choice([0.2, 1.0, 60.0]))

    def _grow_and_freeze(self) -> None:
        self._grow()
        self._freeze()

    def _crash(self) -> None:
        if not self.replicas:
            return
        replica = self.chance.choice(self.replicas)
        turns = self.chance.randint(0, 120)
        self.run(5.0, turns)
        self._say(f"an operator dies after {turns} turns")
        self.crash(replica)
        self.start()

    def _fault(self) -> None:
        kind = self.chance.choice(FAULTS)
        self._say(f"the next enlarge meets {kind}")
        fault = ADAPTER.validate_python({"count": 1, "route": "enlarge", **kind})
        self.universe.world.faults.add(fault, self.universe.clock.now())

    def _wait(self) -> None:
        seconds = self.chance.choice([1.0, 20.0, 200.0, 700.0])
        self._say(f"{seconds:.0f} s pass")
        self.run(seconds)

    def _freeze(self) -> None:
        if not self.replicas:
            return
        replica = self.chance.choice(self.replicas)
        self.run(5.0, self.chance.randint(0, 120))
        seconds = self.chance.choice([3.0, 15.0, 100.0, 400.0])
        self._say(f"an operator is frozen for {seconds:.0f} s")
        self.frozen.add(id(replica))
        self.run(seconds)
        self.frozen.discard(id(replica))

    def _second(self) -> None:
        if len(self.replicas) < 2:
            self._say("a second operator starts")
            self.start()

    def _wipe(self) -> None:
        if not self.open_call():
            self._say("the status is wiped")
            self.universe.kubernetes.wipe(KEY)

    def _recreate(self) -> None:
        if not self.open_call():
            nodes = self.universe.kubernetes.stored[KEY].desired.nodes
            self._say("the object is made anew")
            self.universe.kubernetes.delete(KEY)
            self.universe.kubernetes.create(nodes)

    def _lose(self) -> None:
        self._say("answers of the API server get lost for 10 s")
        for replica in self.replicas:
            replica.objects.loses_answers = 0.3
        self.run(10.0)
        for replica in self.replicas:
            replica.objects.loses_answers = 0.0

    def _away(self) -> None:
        self._say("the API server is away for 60 s")
        for replica in self.replicas:
            replica.objects.away = True
        self.run(60.0)
        for replica in self.replicas:
            replica.objects.away = False

    def open_call(self) -> bool:
        """Whether a call may be held in the cloud unlisted: to lose the status then is not promised to be survived."""
        operation = self.universe.kubernetes.stored[KEY].status.operation
        return operation is not None and operation.open

    def rest(self) -> None:
        """Nothing disturbs any more."""
        for fault in list(self.universe.world.fault_table.values()):
            self.universe.world.fault_table.remove(fault.id, self.universe.clock.now())
        if not self.replicas:
            self.start()
        self._say("nothing disturbs any more")
        self.run(SETTLED)
        found = self.universe.kubernetes.stored[KEY]
        ready = next(c for c in found.status.conditions if c.type == "Ready")
        story = "\n".join(self.told)
        nodes = found.desired.nodes or 0
        if self.universe.nodes() > nodes:
            assert ready.reason == "ScaleInForbidden", f"{ready}\n{story}"
        else:
            assert (ready.status, self.universe.nodes()) == ("True", nodes), f"{ready}\n{found.status}\n{story}"
            assert self.universe.healthy() == nodes


@pytest.mark.parametrize("seed", range(24))
def test_a_schedule(seed: int) -> None:
    schedule = Schedule(seed)
    try:
        schedule.run(5.0)
        for _ in range(12):
            schedule.disturb()
        schedule.rest()
    finally:
        for replica in (*schedule.replicas, *schedule.dead):
            replica.bury()
