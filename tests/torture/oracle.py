"""The judge: what the cloud's ledger and its true state say, against what was declared and written down.

It stands outside of the operator and shares no code with its decisions: it reads what is stored as JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

from ddm_simulator import lifecycle
from ddm_simulator.ledger import Entry
from ddm_simulator.model import Instance, Job
from ddm_simulator.settings import FACTS
from tests.torture.apiserver import Change, Json
from tests.torture.replica import Hearer
from tests.torture.universe import INSTANCE, SECRETS, Universe

OPEN: Final = frozenset({"Requesting", "Unconfirmed", "Running", "Verifying"})
CLOSED: Final = frozenset({"Succeeded", "Failed", "Rejected", "Abandoned"})
DONE: Final = 100
FINE: Final = 120.0
"""Seconds of serving after which nobody may say that nodes are missing: the lag of a read, and some looks."""
SEND: Final = 10.0 + 0.2
"""Seconds from when an intent is sent until its call leaves at the latest, and for both messages on their way."""
MEMORY: Final = 120.0
"""Seconds that an observation may be old when it is reported: the lag of a read, and a slow pass."""


@dataclass
class Intent:
    """An intent as it was stored, and the one call that it may have."""

    number: int
    """Of the operator that stored it."""
    uid: str
    id: str
    count: int
    generation: int
    stored_at: float
    entry_id: str = ""
    rejected: bool = False
    """Whether the journal has said that its call was not executed."""


@dataclass(frozen=True)
class Fact:
    """How the instance truly was from a moment on."""

    since: float
    nodes: int
    healthy: bool


class Oracle(Hearer):
    """Collects what must not be; whoever lets things happen looks into ``violations`` afterwards."""

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        self.violations: list[str] = []
        self.declared: dict[tuple[str, int], int | None] = {}
        """``spec.nodes`` by uid and generation."""
        self.intents: list[Intent] = []
        self.by_entry: dict[str, Intent] = {}
        self.cut_off: set[str] = set()
        """Ledger entries that a restart of the cloud ended."""
        self.given_up: dict[str, int | None] = {}
        """By uid: the ``spec.nodes`` that a person gave up, until somebody declares another number."""
        self.born: dict[str, int] = {}
        """By uid: the version at which an object was made."""
        self.transitions: Counter[tuple[str, str, str, str]] = Counter()
        """Phase before (``after …``: of another operation), phase after, reason, what is known of the job."""
        self.said: Counter[tuple[str, str]] = Counter()
        """Journal's phase and Ready's reason of every write."""
        self._facts: list[Fact] = []
        self._instance: Instance | None = None
        universe.executed = self._executed
        universe.api.watchers.append(self._changed)
        self.look()

    def look(self) -> None:
        """See how the instance truly is now."""
        instance = self.universe.world.instances.get(INSTANCE)
        if instance is not None and instance is not self._instance:
            self._instance = instance
            healthy = all(node.status == "normal" for node in instance.nodes)
            self._facts.append(Fact(self.universe.time, len(instance.nodes), healthy))

    @property
    def last_call(self) -> Intent | None:
        """The intent of the latest call that the cloud received."""
        return next((intent for intent in reversed(self.intents) if intent.entry_id), None)

    def unsettled(self, entry_id: str) -> bool:
        """Whether a call is in the cloud and its end is not certain yet."""
        world = self.universe.world
        entry = world.entries.get(entry_id)
        if entry is None or entry.refused:
            return False
        if entry.executed:
            job = world.jobs.get(entry.job_id)
            return job is not None and job.status == "Running"
        if world.schedule.executes_later(entry_id):
            return True
        return entry.ending == "" and entry_id not in self.cut_off

    @override
    def says(self, text: str) -> None:
        self._no_secret(text)

    @override
    def sends(self, number: int, method: str, path: str, body: Mapping[str, Any] | None) -> None:
        if method != "GET" and not (method == "PUT" and path.endswith("/status")):
            self.violate(f"operator {number} sends {method} {path}: it may write nothing but the status")
        if body is not None and set(body) != {"apiVersion", "kind", "metadata", "status"}:
            self.violate(f"operator {number} writes more than a status: {sorted(body)}")

    @override
    def stores(self, number: int, before: Json, after: Json) -> None:
        status, metadata = after["status"], after["metadata"]
        old, new = before["status"].get("operation") or {}, status.get("operation") or {}
        if metadata.get("finalizers") != before["metadata"].get("finalizers") or after["spec"] != before["spec"]:
            self.violate("an operator changed the spec or the finalizers")
        if new.get("phase") == "Requesting" and not any(known.id == new["id"] for known in self.intents):
            count = new["toNodes"] - new["fromNodes"]
            intent = Intent(number, metadata["uid"], new["id"], count, new["generation"], self.universe.time)
            self.intents.append(intent)
            self._may_begin(after)
        if (old.get("id"), old.get("phase")) != (new.get("id"), new.get("phase")):
            same = old.get("id") == new.get("id")
            was = old.get("phase", "none") if same else f"after {old.get('phase', 'none')}"
            self.transitions[was, new.get("phase", "none"), new.get("reason", ""), _known(new)] += 1
            self._closing(new)
        if new.get("phase") == "Abandoned" and new["toNodes"] == after["spec"].get("nodes"):
            self.given_up[metadata["uid"]] = new["toNodes"]
        self._conditions(after)
        self._no_secret(str(status))

    def _may_begin(self, after: Json) -> None:
        """An intent goes against nobody's word: not paused, not given up, not another's to declare."""
        spec, uid = after["spec"], after["metadata"]["uid"]
        if spec["paused"]:
            self.violate("an intent is stored in an object that is paused")
        if uid in self.given_up:
            self.violate(f"an intent is stored for the {self.given_up[uid]} nodes that a person gave up")
        for other in self.universe.api.stored.values():
            first = self.born[other["metadata"]["uid"]] < self.born[uid] and _age(other) < _age(after)
            if first and (other["status"].get("instance") or {}).get("projectId"):
                self.violate("an intent is stored in an object while an older one has seen the same instance")

    @override
    def calls(self, number: int, entry_id: str) -> None:
        entry = self.universe.world.entries.get(entry_id)
        if entry is None or entry.route != "enlarge":
            return
        for other in self.by_entry:
            if other != entry_id and self.unsettled(other):
                self.violate(f"call {entry_id} was received while call {other} is not settled")
        intent = next((i for i in reversed(self.intents) if i.number == number and not i.entry_id), None)
        body = entry.body if isinstance(entry.body, dict) else {}
        if intent is None or intent.count != body.get("node_number"):
            self.violate(f"call {entry_id} of operator {number} has no intent that was stored before it: {body}")
            return
        if intent.rejected:
            self.violate(f"call {entry_id} was received, but the journal has said that it never would be")
        late = self.universe.time - intent.stored_at - SEND
        if late > 0:
            self.violate(f"call {entry_id} was received {late:.2f} s later than its intent allows")
        intent.entry_id = entry_id
        self.by_entry[entry_id] = intent
        if entry.executed:
            self._judge(entry, intent)

    def _executed(self, entry: Entry) -> None:
        """A call takes effect; one that is executed at once is judged when its sender is known."""
        intent = self.by_entry.get(entry.id)
        if intent is not None:
            self._judge(entry, intent)

    def _judge(self, entry: Entry, intent: Intent) -> None:
        declared = self.declared.get((intent.uid, intent.generation)) or 0  # what was never declared is nothing
        there = self._nodes_without(entry.job_id)
        if there + intent.count > declared:
            self.violate(
                f"call {entry.id} adds {intent.count} nodes to {there}, but its generation declares {declared}"
            )

    def _nodes_without(self, job_id: str) -> int:
        """How many nodes there are, or certainly come, besides those that a job adds."""
        jobs = self.universe.world.jobs.where(lambda job: job.instance_id == INSTANCE and job.name == "EnlargeNode")
        ids = {node.id for node in self.universe.instance.nodes}
        for job in jobs:
            added = {node.id for node in job.added}
            if job.id == job_id:
                ids -= added
            elif "count" not in job.facts:
                ids |= {node.id for node in lifecycle.outcome(job)}
        return len(ids)

    def _closing(self, operation: Json) -> None:
        """What a journal says of the end of an operation of ours is true."""
        phase, reason = operation.get("phase"), operation.get("reason", "")
        intent = next((i for i in reversed(self.intents) if i.id == operation.get("id")), None)
        if intent is None:
            return
        entry = self.universe.world.entries.get(intent.entry_id)
        job = self.universe.world.jobs.get(entry.job_id) if entry is not None else None
        if phase == "Rejected":
            intent.rejected = True
            if entry is not None and (entry.executed or self.unsettled(entry.id)):
                self.violate(f"the journal says {reason} of call {entry.id}, which was executed or still may be")
        if phase == "Failed" and reason == "JobFailed" and (job is None or job.status != "Failed"):
            self.violate(f"the journal says {reason} of {job}")
        if phase == "Succeeded" and not self._true_lately(
            lambda fact: fact.healthy and fact.nodes >= operation["toNodes"]
        ):
            self.violate(f"the journal says {phase} of {operation['toNodes']} nodes, truly {self._lately()}")
        if phase == "Failed" and reason == "Partial":
            self._partial(operation, job)

    def _partial(self, operation: Json, job: Job | None) -> None:
        """Nodes are said to be missing, or not to serve, only of what has settled and is so."""
        lately = self._lately(FINE)
        if all(fact.healthy and fact.nodes >= operation["toNodes"] for fact in lately):
            self.violate(f"the journal says Partial of {operation['toNodes']} nodes that serve: {lately}")
        if job is not None and len(job.facts) < len(FACTS):
            self.violate(f"the journal says Partial while the cloud shows no more than {job.facts} of the job's end")

    def _conditions(self, after: Json) -> None:
        """A status says the truth, and why."""
        status, generation = after["status"], after["metadata"]["generation"]
        conditions = {said["type"]: said for said in status.get("conditions", ())}
        true = {kind for kind, said in conditions.items() if said["status"] == "True"}
        ready = conditions.get("Ready", {})
        phase = (status.get("operation") or {}).get("phase", "none")
        self.said[phase, ready.get("reason", "")] += 1
        if {"Stalled", "Reconciling"} <= true:
            self.violate("Stalled and Reconciling are both True")
        if status["observedGeneration"] > generation:
            self.violate("observedGeneration is ahead of the object")
        if not all(said.get("reason") and said.get("message") for said in conditions.values()) or not ready:
            self.violate(f"a condition without a reason or a message: {conditions}")
        if ready.get("status") == "True":
            self._ready(after, phase)
        elif not true & {"Stalled", "Reconciling"} and ready.get("reason") != "Paused":
            self.violate(f"neither Ready nor Reconciling nor Stalled: {conditions}")

    def _ready(self, after: Json, phase: str) -> None:
        status, nodes = after["status"], after["spec"].get("nodes")
        if status["observedGeneration"] != after["metadata"]["generation"]:
            self.violate("Ready is True for a generation that was not looked at")
        if phase not in {*CLOSED, "none"}:
            self.violate(f"Ready is True while an operation is {phase}")
        if nodes is None:
            return
        if status.get("nodes") != nodes or not self._true_lately(lambda fact: fact.healthy and fact.nodes == nodes):
            self.violate(f"Ready is True with {status.get('nodes')} nodes, {nodes} declared, truly {self._lately()}")

    def _true_lately(self, holds: Callable[[Fact], bool]) -> bool:
        return any(map(holds, self._lately()))

    def _lately(self, seconds: float = MEMORY) -> list[Fact]:
        """How the instance was since the oldest observation that may be reported."""
        self.look()
        since, ends = self.universe.time - seconds, [*(fact.since for fact in self._facts[1:]), self.universe.time]
        return [fact for fact, end in zip(self._facts, ends, strict=True) if end >= since]

    def _changed(self, change: Change) -> None:
        metadata, nodes = change.body["metadata"], change.body["spec"].get("nodes")
        uid = metadata["uid"]
        self.declared[uid, metadata["generation"]] = nodes
        self.born.setdefault(uid, change.version)
        if self.given_up.get(uid, nodes) != nodes:
            del self.given_up[uid]

    def _no_secret(self, text: str) -> None:
        tokens = (token.id for token in self.universe.world.tokens.values())
        if any(secret in text for secret in (*SECRETS, *tokens)):
            self.violate("a secret was shown")

    def violate(self, text: str) -> None:
        """Note what must not be."""
        self.violations.append(f"{self.universe.time:.2f} s: {text}")


def _known(operation: Json) -> str:
    """What is known of an operation's job: nothing, its id, or that it is done."""
    if not operation.get("jobId"):
        return "no job"
    return "done" if operation.get("progressPercent") == DONE else "job"


def _age(body: Json) -> tuple[str, str]:
    return body["metadata"]["creationTimestamp"], body["metadata"]["uid"]
