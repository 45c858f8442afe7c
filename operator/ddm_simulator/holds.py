"""Holds: a request is stopped before or after it is executed, until somebody lets it go on."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import Field

from ddm_simulator.faults.kinds import Target
from ddm_simulator.ids import Ids
from ddm_simulator.messages import Pause

When: TypeAlias = Literal["before", "after"]


class Hold(Target):
    """Which requests are stopped, and where."""

    when: When = Field("before", description="Stopped before or after it is executed.")
    count: int | None = Field(1, ge=1, description="How many requests it stops; null: until it is released.")


@dataclass(slots=True)
class Held:
    """A request that is stopped."""

    id: str
    hold_id: str
    when: When
    route: str
    instance_id: str | None
    entry_id: str
    """The ledger's entry of the request; empty for reads."""
    since: float
    released: bool = False


class Holds:
    """The holds that are set and the requests that they stop."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._holds: dict[str, Hold] = {}
        self._held: dict[str, Held] = {}

    def add(self, hold: Hold) -> Hold:
        """Set a hold; its id is chosen when it has none."""
        named = hold if hold.id else hold.model_copy(update={"id": self._ids.plain()[:8]})
        self._holds[named.id] = named
        return named

    def all(self) -> list[Hold]:
        """The holds that can still stop a request."""
        return list(self._holds.values())

    def held(self, hold_id: str | None = None) -> list[Held]:
        """The requests that are stopped now."""
        return [held for held in self._held.values() if hold_id in (None, held.hold_id)]

    def release(self, key: str | None = None) -> int:
        """Let requests go on: of one hold, which is removed; one of them, by its id; or all, with all holds removed.

        Returns:
            How many requests go on.
        """
        if key is None:
            self._holds.clear()
        else:
            self._holds.pop(key, None)
        going = [held for held in self._held.values() if key in (None, held.hold_id, held.id)]
        for held in going:
            held.released = True
            del self._held[held.id]
        return len(going)

    def stop(
        self, when: When, route: str, instance_id: str | None, project_id: str | None, entry_id: str, now: float
    ) -> Generator[Pause, None, None]:
        """Wait while a hold stops this request."""
        hold = next(
            (h for h in self._holds.values() if h.when == when and h.meets(route, instance_id, project_id)), None
        )
        if hold is None:
            return
        self._count_down(hold)
        held = Held(self._ids.plain()[:8], hold.id, when, route, instance_id, entry_id, now)
        self._held[held.id] = held
        yield Pause(ready=lambda: held.released)

    def _count_down(self, hold: Hold) -> None:
        if hold.count == 1:
            del self._holds[hold.id]
        elif hold.count is not None:
            self._holds[hold.id] = hold.model_copy(update={"count": hold.count - 1})
