"""One time for everything that happens: the API server, the simulated cloud, what is under way between them."""

from __future__ import annotations

import heapq
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

from typing_extensions import override

from ddm_simulator import seed
from ddm_simulator.cloud import Cloud
from ddm_simulator.ids import Ids
from ddm_simulator.ledger import Entry, Ledger
from ddm_simulator.messages import Json
from ddm_simulator.model import Instance
from ddm_simulator.settings import Settings
from ddm_simulator.state import State
from ddm_simulator.world import World
from tests.torture.apiserver import StandIn

START = 1_767_225_600.0
AGE = 3600.0
"""Seconds that all of it has been there, or a read that lags would find nothing."""
PROJECT = "055d9f4ee780d4d42f96c01c1bc3c50c"
INSTANCE = "73f27bb0b26d4a79a9b0c58a4c700c4fin09"
SECRETS = ("ExampleSecretKeyForDocumentationOnly0001", "Example-Password-1", "The-Stranger-s-Secret-Key-0002")
ACCESS = "EXAMPLEACCESSKEY0001"
STRANGER = "EXAMPLEACCESSKEY0002"
"""Access key of a user in another account, who sees nothing of the project."""


@dataclass
class Now:
    """The cloud's clock; stands still until it is set."""

    moment: float
    """Seconds since the epoch."""
    speed: float = 1.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.moment


@dataclass
class Weather:
    """How the API server can be reached.

    ``fine``; ``refused``: no connection; ``hole``: what is sent never arrives; ``deaf``: it arrives, its answer does
    not; ``slow``: it arrives so late that nobody waits for it any more; ``errors``: answered by a 503, before or after
    it was carried out.
    """

    kind: str = "fine"
    until: float = 0.0


class WatchedLedger(Ledger):
    """Tells at once when a call takes effect."""

    tell: Callable[[Entry], None] | None = None

    @override
    def executed(self, entry_id: str, now: float, answer: Json) -> None:
        super().executed(entry_id, now, answer)
        entry = self._table.get(entry_id)
        if self.tell is not None and entry is not None:
            self.tell(entry)


class Universe:
    """Time passes here and nowhere else.

    Args:
        settings: how the cloud behaves.
        chance: decides what nobody chose: how long a message travels, which one is lost.
    """

    def __init__(self, settings: Settings, chance: Random) -> None:
        self.chance = chance
        self.clock = Now(START - AGE)
        self.world = World(self.clock, Ids("torture"), settings)
        seed.plant(self.world, seed.default())
        key = seed.Key(access=STRANGER, secret=SECRETS[2])
        stranger = seed.User(name="stranger", password=SECRETS[2], domain="elsewhere", access_keys=(key,))
        seed.add_user(self.world, stranger)
        self.clock.moment = START
        self.cloud = Cloud(self.world)
        self.api = StandIn(self.now, chance)
        self.weather = Weather()
        self.deaf_until = 0.0
        """No connection to the cloud before that."""
        self.restarts = 0
        """Of the cloud; what was under way at one is cut off."""
        self.executed: Callable[[Entry], None] | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        """Where the cloud writes itself down."""
        self._attend()

    @property
    def time(self) -> float:
        """Seconds since the beginning."""
        return self.clock.moment - START

    def now(self) -> datetime:
        """The calendar, in whole seconds."""
        return datetime.fromtimestamp(self.clock.moment, UTC).replace(microsecond=0)

    @property
    def instance(self) -> Instance:
        """The instance as it truly is."""
        found = self.world.instances.get(INSTANCE)
        assert found is not None
        return found

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Let something happen, whoever is dead by then."""
        heapq.heappush(self._events, (self.time + seconds, next(self._numbers), what))

    def next_due(self) -> float:
        """When something happens by itself next; infinite: never."""
        due = self.cloud.next_due()
        mine = self._events[0][0] if self._events else float("inf")
        return min(mine, due - START if due is not None else float("inf"))

    def advance(self, to: float) -> None:
        """Let time pass up to a moment, with all that falls due until then."""
        while (due := self.next_due()) <= to:
            self._set(due)
            self.cloud.settle()
            while self._events and self._events[0][0] <= self.time:
                heapq.heappop(self._events)[2]()
        self._set(to)

    def _set(self, to: float) -> None:
        """Never a hair too early, or what is due would not be."""
        moment = max(self.clock.moment, START + to)
        self.clock.moment = moment if moment - START >= to else math.nextafter(moment, math.inf)

    def travel(self) -> float:
        """How long one message is under way (seconds)."""
        return self.chance.choice((0.001, 0.005, 0.02, 0.02, 0.1))

    def restart_cloud(self) -> None:
        """Kill the cloud and let it come back with what it had written down."""
        self.restarts += 1
        self._folder = self._folder or tempfile.TemporaryDirectory()
        state = State(Path(self._folder.name) / "cloud.db")
        state.save(self.world)
        self.world = World(self.clock, Ids("torture"), self.world.settings)
        state.restore(self.world)
        state.close()
        self.cloud = Cloud(self.world)
        self._attend()

    def close(self) -> None:
        """Leave nothing on the disk."""
        if self._folder is not None:
            self._folder.cleanup()

    def _attend(self) -> None:
        ledger = WatchedLedger(self.world.entries)
        ledger.tell = lambda entry: self.executed(entry) if self.executed is not None else None
        self.world.ledger = ledger
