"""What goes wrong on the way: the API server's weather, the cloud's faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ddm_simulator.faults import ADAPTER
from tests.torture.oracle import OPEN
from tests.torture.universe import Weather
from tests.torture.weather import CALL_FAULTS, JOB_FAULTS, LAGS, READ_FAULTS, sentence

if TYPE_CHECKING:
    from tests.torture.story import Story

HIDING: Final = frozenset({"job-missing", "job-unknown"})
"""Faults that hide jobs; nobody can know of somebody else's job that is hidden."""


class Skies:
    """Everything between the operators and the world."""

    def __init__(self, story: Story) -> None:
        self.story = story

    def api_weather(self, kind: str, seconds: float) -> None:
        """The API server cannot be reached, or not well."""
        self.story.say("api server", f"the API server is {kind} for {seconds:g} s")
        self.story.universe.weather = Weather(kind, self.story.universe.time + seconds)

    def call_fault(self, which: int) -> None:
        """The next enlarge call meets something."""
        fault = CALL_FAULTS[which % len(CALL_FAULTS)]
        self.story.say("call fault", f"the next enlarge meets {sentence(fault)}")
        self._fault({"route": "enlarge", "count": 1, **fault})

    def job_fault(self, which: int) -> None:
        """The next operation ends badly."""
        fault = JOB_FAULTS[which % len(JOB_FAULTS)]
        self.story.say("job fault", f"the next operation meets {sentence(fault)}")
        self._fault({"route": "enlarge", "count": 1, **fault})

    def read_fault(self, which: int, seconds: float) -> None:
        """Questions to the cloud fail, or are answered wrongly, for a time."""
        fault = READ_FAULTS[which % len(READ_FAULTS)]
        if not self.story.slow or fault["kind"] not in HIDING:
            self._read_fault(fault, seconds)

    def out_of_sight(self, seconds: float, longer: float = 0.0) -> None:
        """The cloud shows no job, neither in its list nor by id, and nothing else happens meanwhile.

        It goes on for longer than that, if wanted.

        In a cloud that says RUNNING in the middle of a job, only jobs that a journal knows are hidden: of another one
        nothing at all would show.
        """
        journals = [body["status"].get("operation") or {} for body in self.story.universe.api.stored.values()]
        open_ones = [operation for operation in journals if operation.get("phase") in OPEN]
        if not self.story.slow or all(operation.get("jobId") for operation in open_ones):
            for kind in sorted(HIDING):
                self._read_fault({"kind": kind}, seconds + longer)
            self.story.run(seconds)

    def deny_jobs(self, seconds: float) -> None:
        """Jobs cannot be asked for."""
        self._read_fault({"kind": "error", "status": 500, "route": "jobs"}, seconds)

    def _read_fault(self, fault: dict[str, Any], seconds: float) -> None:
        if fault["kind"] in HIDING:
            if self.story.universe.time < self.story.hand_until:
                return
            self.story.hidden_until = max(self.story.hidden_until, self.story.universe.time + seconds)
        self.story.say("read fault", f"for {seconds:g} s {fault.get('route', 'the jobs')} meet {sentence(fault)}")
        self.story.hidden = self.story.hidden or fault["kind"] in HIDING
        self._fault(fault, seconds)

    def lag(self, which: int, seconds: float) -> None:
        """Reads are behind, for a time; not while counts of somebody else's job would be."""
        if self.story.universe.time < self.story.hand_until or self.story.bare:
            return
        fault = LAGS[which % len(LAGS)]
        self.story.say("lag", f"for {seconds:g} s {fault['route']} meet {sentence(fault)}")
        self.story.lag_until = max(self.story.lag_until, self.story.universe.time + seconds)
        self._fault(fault, seconds)

    def restart_cloud(self) -> None:
        """The cloud is killed and comes back with what it had written down."""
        self.story.say("cloud restart", "the cloud is killed and comes back")
        for entry in self.story.universe.world.entries.values():
            if not entry.ending:
                self.story.oracle.cut_off.add(entry.id)
        self.story.universe.restart_cloud()

    def revoke_tokens(self) -> None:
        """All tokens end."""
        self.story.say("tokens", "all tokens are revoked")
        for token in list(self.story.universe.world.tokens.values()):
            self.story.universe.world.tokens.remove(token.id, self.story.universe.clock.now())

    def _fault(self, fault: dict[str, Any], seconds: float = 0.0) -> None:
        world, now = self.story.universe.world, self.story.universe.clock.now
        added = world.faults.add(ADAPTER.validate_python({"route": "*", **fault} if "route" in fault else fault), now())
        if seconds:

            def remove() -> None:
                self.story.universe.world.fault_table.remove(added.id, now())

            self.story.universe.later(seconds, remove)
