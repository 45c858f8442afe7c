"""What happens in the demo, told as it happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from demo.processes import DemoError
from demo.screen import Screen
from demo.stage import EXAMPLES, Stage

Call = dict[str, Any]

NAME = "orders"
READY_SECONDS = 60.0
"""A scale-out takes about five seconds here; a busy machine may take several times that."""


class Story:
    """Watches the object and the cloud's ledger, and tells what is new."""

    def __init__(self, stage: Stage, screen: Screen) -> None:
        self._stage = stage
        self._screen = screen
        self._journal: tuple[Any, ...] = ()
        self._intent = ""
        self._ready = ""
        self._calls = 0

    def scale_out(self) -> None:
        """Act one: two nodes become four."""
        for example in sorted(EXAMPLES.glob("*.yaml")):
            self._stage.cluster.apply(example)
        self._screen.say("you", "kubectl apply -f examples/      (orders: 2 nodes, as its instance has)")
        self._until(lambda: self._is_ready(2), "become Ready with 2 nodes")
        self._stage.cluster.scale(NAME, 4)
        self._screen.say("you", "kubectl scale ddm/orders --replicas=4")
        self._until(lambda: self._is_ready(4), "become Ready with 4 nodes")

    def scale_out_with_a_crash(self) -> None:
        """Act two: the operator is killed while its call is executed and not yet answered."""
        with self._stage.cloud.hold("enlarge", when="after") as hold:
            self._stage.cluster.scale(NAME, 6)
            self._screen.say("you", "kubectl scale ddm/orders --replicas=6")
            self._until(lambda: bool(hold.held()), "send the enlarge call")
            self._screen.say("cloud", "enlarge executed; its answer is held back")
            self._stage.operator.kill()
            self._screen.say("operator", "kill -9, in the middle of the call: the answer is lost")
        self._stage.start_operator()
        self._until(lambda: self._is_ready(6), "become Ready with 6 nodes")

    def executed(self) -> list[Call]:
        """The bodies of the enlarge calls that the cloud executed, from its ledger."""
        return [entry["body"] for entry in self._stage.cloud.executed() if entry["route"] == "enlarge"]

    def expected(self) -> list[Call]:
        """The calls that the two declared changes stand for: two more nodes each, of the class that the group has."""
        instance_id = self._stage.cluster.get(NAME)["spec"]["instanceId"]
        [group] = self._stage.cloud.instance(instance_id)["groups"]
        return [{"flavor_id": group["flavor_id"], "node_number": 2, "group_id": group["id"]}] * 2

    def _until(self, true: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + READY_SECONDS
        while True:
            self._stage.check()
            self._tell()
            if true():
                self._tell()  # it may have become so since the look before
                return
            if time.monotonic() > end:
                raise DemoError(f"The object did not {what} within {READY_SECONDS:.0f} s; logs: {self._stage.folder}")
            time.sleep(0.1)

    def _is_ready(self, nodes: int) -> bool:
        body = self._stage.cluster.get(NAME)
        status = body.get("status") or {}
        return (
            status.get("observedGeneration") == body["metadata"]["generation"]
            and status.get("nodes") == nodes
            and any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
        )

    def _tell(self) -> None:
        status = self._stage.cluster.get(NAME).get("status") or {}
        self._tell_intent(status.get("operation") or {})
        for asked in self.executed()[self._calls :]:
            self._calls += 1
            added, group = asked["node_number"], asked["group_id"]
            self._screen.say("cloud", f"enlarge executed: node_number {added}, group {group}")
        self._tell_journal(status.get("operation") or {})
        self._tell_ready(status)
        self._screen.table(*self._stage.cluster.columns())

    def _tell_intent(self, operation: Call) -> None:
        """A journal that names a new operation was written before its call, also when the call is seen already."""
        if operation and operation["id"] != self._intent:
            self._intent = operation["id"]
            change = f"{operation.get('fromNodes')} to {operation.get('toNodes')} nodes"
            self._screen.say("operator", f"intent stored in status.operation: {change}")

    def _tell_journal(self, operation: dict[str, Any]) -> None:
        seen = tuple(operation.get(key) for key in ("id", "phase", "jobId", "progressPercent"))
        if not operation or seen == self._journal:
            return
        self._journal = seen
        _, phase, job, progress = seen
        if phase == "Requesting":
            return
        text = {
            "Unconfirmed": "the outcome of the call is unknown; looking for evidence",
            "Running": f"jobId {job}" + (f", {progress} %" if progress is not None else ""),
            "Verifying": "the job is Completed; checking that every node serves",
            "Succeeded": "succeeded: every node is there and serves",
        }
        self._screen.say("operator", text.get(str(phase), f"{phase}: {operation.get('message')}"))

    def _tell_ready(self, status: dict[str, Any]) -> None:
        for condition in status.get("conditions") or ():
            shown = f"Ready={condition['status']} ({condition['reason']})"
            if condition["type"] == "Ready" and shown != self._ready:
                self._ready = shown
                self._screen.say("object", shown)
