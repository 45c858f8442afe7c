"""Faults: what goes wrong, for which requests, and how often."""

from __future__ import annotations

from pydantic import TypeAdapter

from ddm_simulator.faults.kinds import AnyFault, Fault
from ddm_simulator.faults.plan import Plan
from ddm_simulator.ids import Ids
from ddm_simulator.model import Fate
from ddm_simulator.table import Table

ADAPTER: TypeAdapter[AnyFault] = TypeAdapter(AnyFault)

__all__ = ["ADAPTER", "AnyFault", "Fault", "Faults", "Plan"]


class Faults:
    """The faults that are set."""

    def __init__(self, table: Table[AnyFault], ids: Ids) -> None:
        self._table = table
        self._ids = ids

    def add(self, fault: AnyFault, now: float) -> AnyFault:
        """Set a fault; its id is chosen when it has none."""
        named = fault if fault.id else fault.model_copy(update={"id": self._ids.plain()[:8]})
        self._table.put(named.id, named, now)
        return named

    def plan(self, route: str, instance_id: str | None, project_id: str | None, now: float) -> Plan:
        """What the faults make of a request; those that are counted count down."""
        plan = Plan()
        for fault in self._table.where(lambda fault: fault.fate() is None):
            if fault.meets(route, instance_id, project_id) and self._strikes(fault, now):
                plan.fault_ids.append(fault.id)
                fault.shape(plan)
        return plan

    def fate(self, route: str, instance_id: str, project_id: str, now: float) -> Fate:
        """How the job of an operation that was just accepted will end."""
        for fault in self._table.where(lambda fault: fault.meets(route, instance_id, project_id)):
            fate = fault.fate()
            if fate is not None and self._strikes(fault, now):
                return fate
        return Fate()

    def _strikes(self, fault: AnyFault, now: float) -> bool:
        if fault.probability < 1 and self._ids.chance() >= fault.probability:
            return False
        if fault.count == 1:
            self._table.remove(fault.id, now)
        elif fault.count is not None:
            self._table.put(fault.id, fault.model_copy(update={"count": fault.count - 1}), now)
        return True
