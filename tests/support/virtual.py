"""The simulated cloud in process, in time that passes only when it is told to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ddm_simulator import seed
from ddm_simulator.clock import ManualClock
from ddm_simulator.cloud import Cloud
from ddm_simulator.faults import ADAPTER
from ddm_simulator.holds import Hold
from ddm_simulator.ids import Ids
from ddm_simulator.messages import Ending, Exchange, Pause, Reply, Request
from ddm_simulator.settings import Settings
from ddm_simulator.world import World

START = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""

PROJECT = "055d9f4ee780d4d42f96c01c1bc3c50c"
INSTANCE = "28e8841d0b9c4f6a9a30742ee60e1068in09"
GROUP = "f080abf2010d45118068c28c8958f5fcgr09"
FLAVOR = "8f2e696c-a9c1-30bd-af90-25522bc67606"
YEARLY = "9a7c35e2b1d84f0e8c6f20d4a3b5e716in09"
FROZEN = "4d0e6b8fa2c94c1797e1b5f3d8a6c502in09"
TWO_GROUPS = "1f5c9fd6cd984056ba89c8c87cc03278in09"

Json = dict[str, Any]


@dataclass
class Virtual:
    """The built-in seed on a manual clock, and a caller with a token."""

    settings: Settings = field(default_factory=Settings)
    token: str = ""

    def __post_init__(self) -> None:
        self.clock = ManualClock(START)
        self.world = World(self.clock, Ids("test"), self.settings)
        seed.plant(self.world, seed.default())
        self.cloud = Cloud(self.world)
        if not self.token:
            self.token = self.log_in()

    def log_in(self, password: str = "Example-Password-1") -> str:
        user = {"name": "ddm-user", "password": password, "domain": {"name": "ddm-account"}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"id": PROJECT}}}}
        return str(self.send("POST", "/v3/auth/tokens", body).headers.get("X-Subject-Token", ""))

    def begin(self, method: str, path: str, body: object = None, **query: object) -> Exchange:
        request = Request(
            method,
            path,
            tuple((name, str(value)) for name, value in query.items()),
            {"x-auth-token": self.token, "content-type": "application/json", "host": "ddm"},
            b"" if body is None else json.dumps(body).encode(),
        )
        return self.cloud.exchange(request)

    def send(self, method: str, path: str, body: object = None, **query: object) -> Reply:
        """Send it and let time pass where it waits."""
        exchange = self.begin(method, path, body, **query)
        try:
            pause = next(exchange)
            while True:
                self._let_pass(pause)
                pause = exchange.send(None)
        except StopIteration as end:
            reply: Reply = end.value
            return reply

    def get(self, path: str, **query: object) -> Json:
        reply = self.send("GET", path, **query)
        assert reply.status == 200, reply.body
        found: Json = json.loads(reply.body)
        return found

    def enlarge(self, count: int = 2, instance: str = INSTANCE, **changes: object) -> tuple[int, Json]:
        """Status and body of an enlarge call; a change to None leaves the field out."""
        body = {"flavor_id": FLAVOR, "node_number": count, "group_id": GROUP, **changes}
        body = {name: value for name, value in body.items() if value is not None}
        reply = self.send("POST", f"/v2/{PROJECT}/instances/{instance}/action/enlarge", body)
        if reply.ending is not Ending.ANSWERED:
            return 0, {}
        try:
            return reply.status, json.loads(reply.body)
        except ValueError:
            return reply.status, {}

    def detail(self, instance: str = INSTANCE) -> Json:
        return self.get(f"/v1/{PROJECT}/instances/{instance}")

    def job(self, key: str) -> Json:
        found: Json = self.get(f"/v3/{PROJECT}/jobs/{key}")["job"]
        return found

    def jobs(self) -> list[Json]:
        window = {"start_time": int((START - 3600) * 1000), "end_time": int((START + 360_000) * 1000)}
        found: list[Json] = self.get(f"/v3/{PROJECT}/jobs", limit=128, **window)["jobs"]
        return found

    def fault(self, kind: str, **fields: object) -> None:
        self.world.faults.add(ADAPTER.validate_python({"kind": kind, **fields}), self.clock.now())

    def hold(self, when: str) -> None:
        self.world.holds.add(Hold.model_validate({"route": "enlarge", "when": when}))

    def ledger(self) -> list[Json]:
        return [entry.json() for entry in self.world.entries.values()]

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.cloud.settle()

    def _let_pass(self, pause: Pause) -> None:
        if pause.at is not None and pause.at > self.clock.now():
            self.clock.advance(pause.at - self.clock.now())
