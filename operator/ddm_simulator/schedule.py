"""What the cloud is going to do by itself, in the order in which it falls due."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from ddm_simulator.messages import Request
from ddm_simulator.model import Fact
from ddm_simulator.table import Table


@dataclass(frozen=True, slots=True)
class Step:
    """Something that falls due: a fact of a job, or a request that was taken in and is executed late."""

    id: str
    number: int
    due: float
    job_id: str = ""
    fact: Fact | None = None
    request: Request | None = None
    entry_id: str = ""
    """The ledger's entry of that request."""

    def postponed(self, due: float) -> Step:
        """The same, at another moment."""
        return Step(self.id, self.number, due, self.job_id, self.fact, self.request, self.entry_id)


class Schedule:
    """Steps by the moment at which they fall due; those of one moment in the order in which they were made."""

    def __init__(self, table: Table[Step]) -> None:
        self._table = table
        self._heap: list[tuple[float, int, str]] = []
        self._number = 0

    def reload(self) -> None:
        """Begin anew with what the table holds."""
        steps = list(self._table.values())
        self._heap = [(step.due, step.number, step.id) for step in steps]
        heapq.heapify(self._heap)
        self._number = max((step.number for step in steps), default=0)

    def fact(self, due: float, job_id: str, fact: Fact) -> None:
        """A fact of a job becomes true."""
        self._number += 1
        self._add(Step(str(self._number), self._number, due, job_id=job_id, fact=fact))

    def execution(self, due: float, request: Request, entry_id: str) -> None:
        """A request that was already answered is executed."""
        self._number += 1
        self._add(Step(str(self._number), self._number, due, request=request, entry_id=entry_id))

    def pop(self, now: float) -> Step | None:
        """The next step that is due, removed."""
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            step = self._table.get(key)
            if step is not None and step.due == due:
                self._table.remove(key, due)
                return step
        return None

    def next_due(self) -> float | None:
        """When the next step falls due; None: there is none."""
        while self._heap:
            due, _, key = self._heap[0]
            step = self._table.get(key)
            if step is not None and step.due == due:
                return due
            heapq.heappop(self._heap)
        return None

    def executes_later(self, entry_id: str) -> bool:
        """Whether a request of the ledger is still to be executed."""
        return any(step.entry_id == entry_id for step in self._table.values())

    def drop(self, job_id: str, now: float) -> None:
        """Forget what was planned for a job."""
        for step in self._table.where(lambda step: step.job_id == job_id):
            self._table.remove(step.id, now)

    def stretch(self, now: float, factor: float) -> None:
        """Let the cloud's own work take another time from now on; late executions stay where they are."""
        for step in self._table.where(lambda step: step.fact is not None):
            self._add(step.postponed(now + (step.due - now) * factor))

    def _add(self, step: Step) -> None:
        self._table.put(step.id, step, step.due)
        heapq.heappush(self._heap, (step.due, step.number, step.id))
