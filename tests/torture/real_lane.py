"""A lane of the torture: one object, one instance, and operators that are brought to a moment and killed there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from random import Random

import httpx

from ddm_simulator.client import HeldRequests
from ddm_simulator.settings import FACTS
from tests.support.apiproxy import ApiProxy, When, Write
from tests.support.kubeapi import Json
from tests.support.process import Process
from tests.support.stage import CADENCE, Stage, is_ready, operation
from tests.torture.real_death import Death
from tests.torture.real_oracle import Evidence, journal

LEASE_SECONDS = 3.0
PACE = {
    **CADENCE,
    # Several deaths on a busy machine take longer than these do in other tests, and no person is to be asked.
    "UNCONFIRMED_LIMIT": "240",
    "OPERATION_DEADLINE": "600",
}
PATIENCE_SECONDS = 150.0
LOOK_SECONDS = 0.05
MOST_NODES = 32

Gone = Callable[[], bool]
"""Whether those who have to know have noticed that the operator is dead."""


@dataclass(frozen=True)
class Window:
    """A moment to die in.

    Args:
        name: a word for the command line.
        text: the moment, for people.
        at: brings the operator there and keeps it there; at its end whatever was held goes on.
        left: phases in which the journal may be after a death there.
        late: what was held arrives although its sender is dead, at one moment or another.
        pace: what the operators' cadence has to be for it, besides ``PACE``.
    """

    name: str
    text: str
    at: Callable[[Lane], AbstractContextManager[Gone]]
    left: frozenset[str]
    late: bool = False
    pace: Mapping[str, str] = field(default_factory=dict)


class Lane:
    """Everything about one instance. What varies between rounds is drawn from ``seed``.

    Args:
        stage: where it plays; nothing is declared yet.
        proxy: before the API server.
        seed: of what is drawn.
        lease: its duration (seconds); None for operators without one.
        pace: their cadence, besides ``PACE``.
    """

    def __init__(self, stage: Stage, proxy: ApiProxy, seed: str, lease: float | None, pace: Mapping[str, str]) -> None:
        self.stage = stage
        self.proxy = proxy
        self.chance = Random(seed)
        self.deaths: list[Death] = []
        self.restarts: list[str] = []
        """Operators that lost the Lease and were started again, by the names of their logs."""
        self._pace = {**PACE, **pace}
        self._lease = {"DDM_LEASE_DURATION_SECONDS": str(lease)} if lease else {"DDM_LEASE_ENABLED": "false"}
        self.declared: dict[int, int] = {}
        self.initial = stage.nodes()
        self._kubeconfig = str(stage.write_kubeconfig(proxy.url))
        self._note(stage.declare(self.initial))
        self.operator = self.start()
        self.until_ready()

    @property
    def nodes(self) -> int:
        """What is declared now."""
        return self.declared[max(self.declared)]

    def start(self, **environment: str) -> Process:
        """One more operator; it is the lane's from now on."""
        cadence = {f"DDM_CADENCE_{name}_SECONDS": value for name, value in self._pace.items()}
        self.operator = self.stage.start(KUBECONFIG=self._kubeconfig, **self._lease, **cadence, **environment)
        return self.operator

    def until_led(self) -> None:
        """Wait until the operator that was started last leads."""
        self.until(lambda: '"Leading"' in self.operator.text, "it leads")

    def grow(self) -> None:
        """Declare some nodes more than before."""
        step = self.chance.randint(1, 3)
        assert self.nodes < MOST_NODES, "too many rounds for one instance"
        self._note(self.stage.scale(self.nodes + (step if self.nodes + 6 < MOST_NODES else 1)))

    def vary(self) -> None:
        """Another length of the cloud's jobs, and another order of what becomes true at their end."""
        order = self.chance.sample(FACTS, len(FACTS))
        seconds, gap = self.chance.choice([0.6, 1.5, 2.5]), self.chance.choice([0.0, 0.1, 0.3])
        self.stage.cloud.settings(job_seconds=seconds, settle_order=order, settle_gaps=[gap])

    def linger(self, most: float = 0.15) -> None:
        """A moment more or less; it waits for nothing, it is what makes two deaths in one window differ."""
        time.sleep(self.chance.uniform(0.0, most))

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something that a running operator brings about."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            self.watch_over()
            assert time.monotonic() < end, f"waited in vain until {what}\n{self._story()}"
            time.sleep(LOOK_SECONDS)

    def until_ready(self) -> None:
        """Wait until the object says Ready for what was declared last."""
        self.until(self.ready, "the object is Ready")

    def watch_over(self) -> None:
        """Start the operator again if it ended because it lost the Lease, as a Deployment does."""
        if self.operator.running:
            return
        name = self.operator.log.name
        losses = self.operator.text.count("The lease is lost") - self.restarts.count(name)
        assert losses == 1, f"an operator ended by itself, and not for a lost Lease\n{self._story()}"
        self.restarts.append(name)
        self.operator.start()

    def ready(self) -> bool:
        body = self.stage.objects.get()
        return is_ready(body) and body["status"].get("nodes") == self.nodes

    def die_in(self, window: Window) -> ExitStack:
        """Bring the operator to a window and kill it there; what is returned lets go what was held of the dead."""
        with ExitStack() as held:
            gone = held.enter_context(window.at(self))
            self.linger()
            self.operator.kill()
            self.deaths.append(_death("Kill -9 of the operator", window))
            self._until_gone(gone)
            phase = operation(self.stage.objects.get()).get("phase", "")
            assert phase in window.left, f"{window.name} left the journal in phase {phase!r}\n{self._story()}"
            kept = held.pop_all() if window.late else ExitStack()
        return kept  # noqa: RET504  # the end of the block lets go what is not kept, and may fail

    def note(self, deed: str, window: Window) -> None:
        """Something else was done than to kill the operator."""
        self.deaths.append(_death(deed, window))

    @contextmanager
    def recovery(self) -> Iterator[None]:
        """Time what is done in it until Ready, as the recovery from the last death; then judge everything."""
        death, since = self.deaths[-1], len(self.proxy.writes)
        began, wall = time.monotonic(), time.time()
        try:
            yield
            self.until_ready()
            death["recovery"] = time.monotonic() - began
        finally:
            evidence = self._evidence()
            death["duplicates"], death["losses"] = evidence.duplicates, evidence.losses
        before, written = self.proxy.writes[:since], self.proxy.writes[since:]
        death["lease"] = next((write.at - wall for write in written if takes_lease(write)), 0.0)
        death["settle"] = float(self._pace["SETTLE"]) * len(_never_executed(written) - _never_executed(before))
        evidence.judge()

    @contextmanager
    def cloud_hold(self, route: str, when: When) -> Iterator[HeldRequests]:
        """Stop one request to the cloud on a route."""
        cloud = self.stage.cloud
        wish = {"route": route, "when": when, "project": self.stage.project.project_id}
        hold = HeldRequests(cloud, cloud.post("holds", wish)["id"])
        try:
            yield hold
        finally:
            with suppress(httpx.TransportError):  # it ended with the simulator
                hold.release()

    def ledger(self) -> list[Json]:
        """Every enlarge that the cloud received."""
        return self.stage.cloud.ledger(self.stage.project.instance_id)

    def judge(self) -> None:
        """Judge once more what is at rest."""
        self._evidence().judge()

    def _evidence(self) -> Evidence:
        return Evidence(
            initial=self.initial,
            declared=dict(self.declared),
            ledger=self.ledger(),
            instance=self.stage.cloud.instance(self.stage.project.instance_id),
            writes=list(self.proxy.writes),
            body=self.stage.objects.get(),
        )

    def _until_gone(self, gone: Gone) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not gone():
            assert time.monotonic() < end, "nobody noticed the death"
            time.sleep(LOOK_SECONDS)

    def _note(self, body: Json) -> None:
        self.declared[body["metadata"]["generation"]] = body["spec"]["nodes"]

    def _story(self) -> str:
        logs = "\n".join(f"--- {process.log.name}\n{process.text[-5000:]}" for process in self.stage.processes[-3:])
        return f"declared: {self.declared}\nstored: {self.stage.objects.get()}\nreceived: {self.ledger()}\n{logs}"


def takes_lease(write: Write) -> bool:
    """Whether a process leads since that write."""
    named = "/leases" in write.request.path and write.request.body.get("spec", {}).get("holderIdentity")
    return bool(named) and write.stored


def _never_executed(writes: list[Write]) -> set[str]:
    """Ids of the operations that were closed by a settle period without evidence."""
    return {found["id"] for found in journal(writes) if found.get("reason") == "NeverExecuted"}


def _death(deed: str, window: Window) -> Death:
    return Death(deed=deed, window=window.text, recovery=None, lease=0.0, settle=0.0, duplicates=0, losses=0)
