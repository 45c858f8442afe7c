"""The ledger: every request that came to change something, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ddm_simulator import times
from ddm_simulator.messages import Ending, Json
from ddm_simulator.table import Table


@dataclass(frozen=True, slots=True)
class Entry:
    """One such request."""

    id: str
    received: float
    method: str
    path: str
    route: str
    project_id: str
    instance_id: str
    caller: str
    """A user's name, with the access key if there is one."""
    body: object
    request_id: str
    fault_ids: tuple[str, ...] = ()
    executed: bool = False
    """Whether it took effect: there is a job, or an order."""
    executed_at: float | None = None
    job_id: str = ""
    order_id: str = ""
    refused: str = ""
    """The code with which the cloud refused it when it came to execute it."""
    status: int | None = None
    """The HTTP status that was sent; None when nothing was, or not yet."""
    ending: str = ""
    """`answered`, `reset`, `silence` or `truncated`; empty while the caller waits."""

    def json(self) -> Json:
        """As the control API shows it."""
        return {
            "id": self.id,
            "time": times.iam(self.received),
            "method": self.method,
            "path": self.path,
            "route": self.route,
            "project": self.project_id,
            "instance": self.instance_id,
            "caller": self.caller,
            "body": self.body,
            "request_id": self.request_id,
            "faults": list(self.fault_ids),
            "executed": self.executed,
            "executed_time": None if self.executed_at is None else times.iam(self.executed_at),
            "job_id": self.job_id,
            "order_id": self.order_id,
            "refused": self.refused,
            "status": self.status,
            "ending": self.ending,
        }


class Ledger:
    """Entries in the order in which the requests came."""

    def __init__(self, table: Table[Entry]) -> None:
        self._table = table

    def next_id(self) -> str:
        """The id of the next entry."""
        return str(len(self._table) + 1)

    def open(self, entry: Entry) -> None:
        """A request came."""
        self._table.put(entry.id, entry, entry.received)

    def executed(self, entry_id: str, now: float, answer: Json) -> None:
        """It took effect, and this is what its caller is told."""
        entry = self._table.get(entry_id)
        if entry is not None:
            job_id = str(answer.get("jobId") or answer.get("job_id") or "")
            order_id = str(answer.get("orderId") or answer.get("order_id") or "")
            changed = replace(entry, executed=True, executed_at=now, job_id=job_id, order_id=order_id)
            self._table.put(entry_id, changed, now)

    def refused(self, entry_id: str, now: float, code: str) -> None:
        """The cloud refused it."""
        entry = self._table.get(entry_id)
        if entry is not None:
            self._table.put(entry_id, replace(entry, refused=code), now)

    def close(self, entry_id: str, now: float, status: int, ending: Ending) -> None:
        """Its caller got this."""
        entry = self._table.get(entry_id)
        if entry is None:
            return
        sent = None if ending in (Ending.RESET, Ending.SILENCE) else status
        self._table.put(entry_id, replace(entry, status=sent, ending=ending.name.lower()), now)
