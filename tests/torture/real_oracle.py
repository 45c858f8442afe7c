"""What really happened, judged: the cloud's ledger and nodes against what was declared, stored and is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tests.support.apiproxy import Write
from tests.support.kubeapi import Json
from tests.support.stage import condition, is_ready, operation


@dataclass(frozen=True)
class Evidence:
    """One object and its instance, at rest.

    Args:
        initial: nodes that the instance had before anything was declared.
        declared: ``spec.nodes`` by generation.
        ledger: every enlarge that the cloud received, oldest first.
        instance: as it truly is in the cloud.
        writes: what went through to the API server, in that order.
        body: the object as it is stored.
    """

    initial: int
    declared: Mapping[int, int]
    ledger: list[Json]
    instance: Json
    writes: list[Write]
    body: Json

    @property
    def wanted(self) -> int:
        return self.declared[max(self.declared)]

    @property
    def executed(self) -> list[Json]:
        return [entry for entry in self.ledger if entry["executed"]]

    @property
    def duplicates(self) -> int:
        """Nodes that were asked for and executed beyond what was declared."""
        return max(0, self.initial + sum(map(added, self.executed)) - self.wanted)

    @property
    def losses(self) -> int:
        """Nodes that were declared and are not there."""
        return max(0, self.wanted - len(self.instance["nodes"]))

    def judge(self) -> None:
        """Raise AssertionError unless everything is as promised."""
        assert (self.duplicates, self.losses) == (0, 0), self.ledger
        assert self.initial + sum(map(added, self.executed)) == self.wanted == len(self.instance["nodes"])
        self._each_call_had_its_own_intent()
        self._no_call_exceeds_what_was_declared()
        self._the_status_tells_the_truth()

    def _each_call_had_its_own_intent(self) -> None:
        """Stored before the cloud received the call: the API server's answer was there before."""
        intents = stored_intents(self.writes)
        used: set[str] = set()
        for entry in self.ledger:
            received = datetime.fromisoformat(entry["time"]).timestamp()
            before = [intent for intent, at in intents if at < received]
            assert before, f"a call without an intent: {entry}"
            intent = before[-1]
            assert intent["id"] not in used, f"a second call for one intent: {entry}"
            used.add(intent["id"])
            assert added(entry) == intent["toNodes"] - intent["fromNodes"], f"{entry} is not what {intent} means"
            assert intent["toNodes"] == self.declared[intent["generation"]], intent

    def _no_call_exceeds_what_was_declared(self) -> None:
        had = self.initial
        jobs = {write.get("jobId"): write for write in journal(self.writes)}
        for entry in self.executed:
            had += added(entry)
            assert entry["job_id"] in jobs, f"the journal never knew the job of {entry}"
            assert had <= self.declared[jobs[entry["job_id"]]["generation"]], entry

    def _the_status_tells_the_truth(self) -> None:
        status, last = self.body["status"], operation(self.body)
        assert is_ready(self.body)
        assert condition(self.body, "Available")["status"] == "True"
        assert condition(self.body, "Reconciling") == condition(self.body, "Stalled") == {}
        assert status["nodes"] == sum(group["nodes"] for group in status["groups"]) == len(self.instance["nodes"])
        assert status["instance"]["status"] == self.instance["status"] == "RUNNING"
        assert {node["status"] for node in self.instance["nodes"]} == {"normal"}
        if not self.executed:
            return
        assert last["phase"] == "Succeeded"
        assert last["jobId"] == self.executed[-1]["job_id"]
        assert set(last["finalNodeIds"]) == {node["id"] for node in self.instance["nodes"]}
        told = [past["jobId"] for past in (last, *status.get("history", ())) if past.get("jobId")]
        assert told[::-1] == [entry["job_id"] for entry in self.executed][-len(told) :]


def added(entry: Json) -> int:
    """How many nodes a call asks for."""
    number: int = entry["body"]["node_number"]
    return number


def journal(writes: list[Write]) -> list[Json]:
    """The operation of every status that was stored, in order."""
    return [found for write in writes if write.stored and (found := operation(write.request.body))]


def stored_intents(writes: list[Write]) -> list[tuple[Json, float]]:
    """Every intent, with the moment (seconds since the epoch) at which the API server had stored it."""
    intents: dict[str, tuple[Json, float]] = {}
    for write in writes:
        found = operation(write.request.body)
        if write.stored and found.get("phase") == "Requesting":
            intents.setdefault(found["id"], (found, write.at))
    return list(intents.values())
