"""A story: one cloud, one API server, the operators that live and die between them, and all that may happen there.

Every deed takes plain values and tells itself as a sentence, so that a story can be written down and told again.
What the design does not promise to survive is left out here, deed by deed (``docs/reliability.md`` lists it).
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Final

from ddm_simulator import changes, lifecycle
from ddm_simulator.model import Fate, Job
from ddm_simulator.settings import FACTS, Settings
from tests.torture import people, skies
from tests.torture.apiserver import Json
from tests.torture.oracle import CLOSED, Oracle
from tests.torture.replica import Replica, operator_settings
from tests.torture.universe import INSTANCE, START, Universe

SETTINGS: Final = operator_settings()
LONGEST_GAP: Final = 20.0
"""Seconds; all three gaps together are below the assumed lag of reads."""
QUIET: Final = 130.0
"""Seconds after which the cloud has executed what it took in and shows it in every answer."""
MOST_HOURS: Final = 6
"""A calendar that is wrong by a day or more hides jobs from the operator's window."""
MOST_OPERATORS: Final = 2


class BrokenPromiseError(AssertionError):
    """Something happened that must not; tells the story."""


class Story:
    """One story.

    Args:
        seed: of everything that nobody chose.
        job_seconds: how long the cloud's jobs take.
        order: which permutation of what becomes true at their end.
        gap: seconds between these.
    """

    def __init__(self, seed: int = 0, job_seconds: float = 15.0, order: int = 0, gap: float = 0.0) -> None:
        facts, gaps = list(FACTS), (gap, gap, gap)
        Random(order).shuffle(facts)
        self.slow = gap > LONGEST_GAP
        """Whether the instance says RUNNING long before its job ends and its nodes come."""
        if self.slow:
            facts, gaps = ["status", "count", "health", "job"], (gap, 0.0, 0.0)
        self.told: list[str] = []
        self.events: Counter[tuple[str, str]] = Counter()
        """The phase of the journal, and what happened in it."""
        self.universe = Universe(
            Settings(job_seconds=job_seconds, settle_order=tuple(facts), settle_gaps=gaps), Random(seed)
        )
        self.oracle = Oracle(self.universe)
        self.people = people.People(self)
        self.skies = skies.Skies(self)
        self.replicas: list[Replica] = []
        self.dead: list[Replica] = []
        self.born = 0
        self.bare = False
        """The journal of an unsettled call was taken away: only the process that made the call still knows of it."""
        self.lag_until = self.hand_until = self.hidden_until = 0.0
        self.hidden = False
        """Whether the cloud has ever hidden a job."""
        self.people.create("orders", 2)
        self._start()

    # Time and the operators in it.

    def run(self, seconds: float, watched: Replica | None = None, steps: int = 0) -> None:
        """Let time pass; at most so many steps of one operator."""
        end = self.universe.time + seconds
        while self._turn(watched, steps, end):
            if watched is not None:
                steps -= self._taken
        if self.oracle.violations or any(replica.loop.failures for replica in self.replicas):
            raise BrokenPromiseError(self.tell())

    def _turn(self, watched: Replica | None, steps: int, end: float) -> bool:
        """Everything that is ready runs, then time goes on to what is next; False at the end."""
        self._taken = 0
        for replica in self.replicas:
            if replica.frozen:
                continue
            while replica.loop.step():
                if replica is watched:
                    self._taken += 1
                    if self._taken >= steps:
                        return False
        self.oracle.look()
        due = min([self.universe.next_due(), *(replica.next_due for replica in self.replicas)])
        self.universe.advance(min(due, end))
        return due <= end

    def tell(self) -> str:
        """The story, and what went wrong in it."""
        failures = [repr(failure) for replica in self.replicas for failure in replica.loop.failures]
        return "\n".join(["", *self.told, *self.oracle.violations, *failures])

    def say(self, event: str, text: str) -> None:
        """Write a sentence down, and count what happened in which phase."""
        self.told.append(f"{self.universe.time:9.2f} s  {text}")
        for body in self.universe.api.stored.values():
            self.events[phase_of(body), event] += 1

    def settle(self) -> None:
        """Let time pass until nothing is open any more, or nothing moves."""
        for _ in range(10):
            if self._idle():
                return
            self.run(60.0)

    def moment(self, which: int, steps: int) -> None:
        """Go on to one of an operator's awaits."""
        replica = self._one(which)
        if replica is not None:
            self.run(30.0, replica, steps)

    def intent(self) -> None:
        """Go on to where an intent is stored, and its writer does not know it yet."""
        known, end = len(self.oracle.intents), self.universe.time + 30.0
        while len(self.oracle.intents) == known and self.universe.time < end:
            due = min([self.universe.next_due(), *(replica.next_due for replica in self.replicas), end])
            self.run(max(0.001, due - self.universe.time))

    def freeze_writer(self, steps: int, seconds: float) -> None:
        """Whoever has just written an intent stands still soon after."""
        writers = [r.number for r in self.replicas if not r.frozen]
        last = next((i.number for i in reversed(self.oracle.intents)), 0)
        if last in writers:
            self.freeze(writers.index(last), steps, seconds)

    def crash(self, which: int, steps: int) -> None:
        """An operator dies at an await, as by kill -9, and is started again."""
        replica = self._one(which)
        if replica is None or self._fragile():
            return
        self.run(30.0, replica, steps)
        self.say("crash", f"operator {replica.number} dies after {steps} steps, and another is started")
        self._kill(replica)
        self._start()

    def freeze(self, which: int, steps: int, seconds: float) -> None:
        """An operator stands still at an await, for a time."""
        replica = self._one(which)
        if replica is None or self._fragile():
            return
        self.run(30.0, replica, steps)
        self.say("freeze", f"operator {replica.number} is frozen after {steps} steps, for {seconds:g} s")
        replica.frozen_until = self.universe.time + seconds

    def second(self) -> None:
        """Another operator starts and leads as well."""
        if len(self.replicas) < MOST_OPERATORS and not self._fragile() and len(self.universe.api.stored) < 2:
            self.say("second operator", f"operator {self.born + 1} starts beside the other")
            self._start()

    def leave(self, which: int) -> None:
        """One of two operators dies and is not started again."""
        replica = self._one(which)
        if replica is not None and len(self.replicas) > 1 and not self._fragile():
            self.say("crash", f"operator {replica.number} dies")
            self._kill(replica)

    def stall_watch(self, which: int, seconds: float) -> None:
        """A watch says nothing for a time."""
        replica = self._one(which)
        if replica is not None:
            self.say("silent watch", f"the watch of operator {replica.number} is silent for {seconds:g} s")
            replica.deaf_until = self.universe.time + seconds

    def set_clock(self, which: int, hours: float) -> None:
        """Somebody sets an operator's calendar."""
        replica = self._one(which)
        if replica is not None and abs(replica.wrong_hours + hours) <= MOST_HOURS:
            self.say("clock", f"the clock of operator {replica.number} is set by {hours * 3600:g} s")
            replica.set_clock(hours)

    def finish_job(self, *, well: bool) -> None:
        """A running job ends now."""
        jobs = self.running_jobs()
        if jobs:
            self.say("job ends", f"the running job {'completes' if well else 'fails'} now")
            fate = Fate("completes") if well else Fate("fails", reason="The cloud gave it up.", kept_nodes=self._kept())
            lifecycle.finish(self.universe.world, jobs[0], fate, self.universe.clock.now())

    def _kept(self) -> int:
        """How many nodes of a job that fails stay."""
        return self.universe.chance.choice((0, 0, 1))

    def scale_by_hand(self, nodes: int) -> None:
        """Somebody adds or removes nodes in the console, between operations."""
        instance = self.universe.instance
        there = len(instance.nodes)
        hidden = self.universe.time < self.hidden_until
        if hidden or not self._idle() or instance.status != "RUNNING" or not 1 <= there + nodes <= 20 or nodes == 0:
            return
        self.say("by hand", f"somebody {'adds' if nodes > 0 else 'removes'} {abs(nodes)} nodes in the console")
        change = changes.NodesChange.model_validate({"add" if nodes > 0 else "remove": abs(nodes), "job": True})
        changes.scale(self.universe.world, INSTANCE, change)
        settings = self.universe.world.settings
        self.hand_until = self.universe.time + settings.job_seconds + sum(settings.gaps()) + QUIET

    # What is known of the whole.

    def running_jobs(self) -> list[Job]:
        """Jobs of the instance that go on."""
        return self.universe.world.jobs.where(lambda job: job.status == "Running" and job.instance_id == INSTANCE)

    def quiet(self) -> bool:
        """Whether every call of ours has come to its end, and every read shows it."""
        last = self.oracle.last_call
        if last is None:
            return True
        if any(self.oracle.unsettled(entry) for entry in self.oracle.by_entry):
            return False
        entry = self.universe.world.entries.get(last.entry_id)
        job = self.universe.world.jobs.get(entry.job_id) if entry is not None else None
        ended = (job.ended or 0.0) if job is not None else 0.0
        at = max(last.stored_at, ended - START)
        return self.universe.time > at + QUIET and self._under_way() is None

    def sole_caller(self) -> bool:
        """Whether the one operator that lives is the one that made the last call."""
        last = self.oracle.last_call
        return len(self.replicas) == 1 and (last is None or last.number == self.replicas[0].number)

    def close(self) -> None:
        """Free everything, once nobody looks any more."""
        for replica in (*self.replicas, *self.dead):
            replica.bury()
        self.universe.close()

    def _under_way(self) -> Replica | None:
        """An operator in the middle of a pass."""
        keys = self.universe.api.stored
        return next((replica for replica in self.replicas if any(map(replica.busy, keys))), None)

    def _idle(self) -> bool:
        """Whether it is between operations: nothing open, nothing unsettled, nobody in the middle of a pass."""
        bodies = self.universe.api.stored.values()
        closed = all(phase_of(body) in {*CLOSED, "none"} for body in bodies)
        sent = any(not i.entry_id and i.stored_at > self.universe.time - QUIET for i in self.oracle.intents)
        passing = any(replica.busy(key) for replica in self.replicas for key in self.universe.api.stored)
        return closed and not (sent or passing) and self.quiet() and self.universe.time >= self.lag_until + QUIET

    def _fragile(self) -> bool:
        """Whether only one process still knows of a call that is not settled."""
        if self.bare:
            last = self.oracle.intents[-1].id if self.oracle.intents else ""
            known = any(_tells(body, last) for body in self.universe.api.stored.values())
            self.bare = not known and not self.quiet()
        return self.bare

    def _one(self, which: int) -> Replica | None:
        awake = [replica for replica in self.replicas if not replica.frozen]
        return awake[which % len(awake)] if awake else None

    def _start(self) -> None:
        self.born += 1
        self.replicas.append(Replica(self.universe, self.oracle, self.born, SETTINGS))

    def _kill(self, replica: Replica) -> None:
        self.replicas.remove(replica)
        self.dead.append(replica)  # kept: nothing of it may run, not even what a collector would call
        replica.die()


def phase_of(body: Json) -> str:
    """The phase of an object's journal."""
    phase: str = (body["status"].get("operation") or {}).get("phase", "none")
    return phase


def _tells(body: Json, operation: str) -> bool:
    """Whether a journal has an operation."""
    status = body["status"]
    past = (status.get("operation") or {}, *(status.get("history") or ()))
    return any(found.get("id") == operation for found in past)
