"""The state of the simulated cloud."""

from __future__ import annotations

from typing import TypeVar

from pydantic import TypeAdapter

from ddm_simulator import faults, model
from ddm_simulator.clock import Clock
from ddm_simulator.gateway import Gateway
from ddm_simulator.holds import Holds
from ddm_simulator.ids import Ids
from ddm_simulator.ledger import Entry, Ledger
from ddm_simulator.schedule import Schedule, Step
from ddm_simulator.settings import Settings
from ddm_simulator.table import Table

T = TypeVar("T")


def _table(kind: type[T]) -> Table[T]:
    return Table(kind.__name__.lower(), TypeAdapter(kind))


class World:
    """All that the cloud knows. Whoever has it may read and change it; nothing in it knows HTTP."""

    def __init__(self, clock: Clock, ids: Ids, settings: Settings) -> None:
        self.clock = clock
        self.ids = ids
        self.settings = settings
        self.projects = _table(model.Project)
        self.users = _table(model.User)
        self.keys = _table(model.AccessKey)
        self.tokens = _table(model.Token)
        self.providers = _table(model.IdentityProvider)
        self.flavors = _table(model.Flavor)
        self.instances = _table(model.Instance)
        self.jobs = _table(model.Job)
        self.orders = _table(model.Order)
        self._steps = _table(Step)
        self.entries = _table(Entry)
        self.fault_table: Table[faults.AnyFault] = Table("fault", faults.ADAPTER)
        self.schedule = Schedule(self._steps)
        self.ledger = Ledger(self.entries)
        self.faults = faults.Faults(self.fault_table, ids)
        self.holds = Holds(Ids(f"{ids.seed}/holds"))
        self.requests: dict[str, int] = {}
        """Requests so far, by route; not kept in the state file."""
        self.gateway = Gateway()

    @property
    def tables(self) -> tuple[Table[object], ...]:
        """All that is kept in the state file, except the settings."""
        return (  # type: ignore[return-value]  # Table is invariant; these are only read, written and cleared as bytes
            self.projects,
            self.users,
            self.keys,
            self.tokens,
            self.providers,
            self.flavors,
            self.instances,
            self.jobs,
            self.orders,
            self._steps,
            self.entries,
            self.fault_table,
        )

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now()

    def prepaid(self, instance: model.Instance) -> bool:
        """Whether an instance is billed by the month or year; there is no such billing on the site `otc`."""
        return bool(instance.order_id) and self.settings.site != "otc"

    def clear(self) -> None:
        """Forget everything; what is held is let go."""
        self.holds.release()
        self.requests.clear()
        self.gateway.clear()
        for table in self.tables:
            table.clear()
        self.schedule.reload()
