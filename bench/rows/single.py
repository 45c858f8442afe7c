"""One change: from the moment its PATCH is sent until the cloud has received the enlarge call.

Beside it, on instances of their own, the peers, and the bare round trips that nobody can do without: read the object,
read the instance, store the intent, call. All take turns, so that the machine's moods are shared.
"""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import httpx

from bench.ground import Ground, newest
from bench.results import BARE, OURS, Sheet
from bench.size import Size
from bench.subjects import Ours, Subject, daemons, handlers
from ddm_simulator.client import Simulator
from tests.support.kubeapi import Api
from tests.support.stage import Stage

PAUSE_SECONDS = 0.2
"""Between two changes, so that each is alone."""

WARM_UP = 3
PATIENCE_SECONDS = 30.0
MILLISECONDS = 1000.0
BOUND_MILLISECONDS = 40.0
BOUND_RATIO = 2.5


def run(ground: Ground, size: Size) -> Sheet:
    """Measure it."""
    sheet = Sheet("One change")
    rounds = size.single_rounds + WARM_UP
    cloud = ground.cloud(instances=4 * rounds)
    operators: list[Subject] = [Ours(ground.stage(cloud)), handlers(ground, cloud), daemons(ground, cloud)]
    ids = newest(cloud, 4 * rounds)
    for place, operator in enumerate(operators):
        operator.declare(ids[place * rounds : (place + 1) * rounds])
        operator.start()
    bare = BareCalls(ground.stage(cloud), ids[3 * rounds :])
    for operator in operators:
        operator.await_all_done(2, 60)
    times: dict[str, list[float]] = {name: [] for name in (*(operator.name for operator in operators), BARE)}
    for number in range(rounds):
        for operator in operators:
            name = operator.names[number]
            sent = time.time()
            operator.scale(name, 3)
            times[operator.name].append(received(cloud, operator.instances[name]) - sent)
            time.sleep(PAUSE_SECONDS)
        times[BARE].append(bare.round(number))
        time.sleep(PAUSE_SECONDS)
    for name, values in times.items():
        counted = [value * MILLISECONDS for value in values[WARM_UP:]]
        bound = BOUND_MILLISECONDS if name == OURS else None
        sheet.times("spec change → enlarge received, median", name, counted, "ms", bound)
    ratios = [ours / alone for ours, alone in zip(times[OURS][WARM_UP:], times[BARE][WARM_UP:], strict=True)]
    sheet.times("the same, as a multiple of the bare calls", OURS, ratios, "times", BOUND_RATIO)
    for operator in operators:
        calls = [len(cloud.executed(key)) for key in operator.instances.values()]
        sheet.count(
            "enlarge calls for each change", operator.name, max(calls), bound=1 if operator.name == OURS else None
        )
    sheet.note(
        "From the moment before the PATCH of spec.nodes is sent, so its own round trip is in it, until the time in the "
        "simulator's ledger. Bare calls: GET object, GET instance, PATCH intent, POST enlarge, over open connections."
    )
    return sheet


def received(cloud: Simulator, instance: str, count: int = 1) -> float:
    """Wait for an instance's enlarge call; when the cloud received it (seconds since the epoch)."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        entries = [entry for entry in cloud.ledger(instance) if entry["route"] == "enlarge"]
        if len(entries) >= count:
            return datetime.fromisoformat(entries[count - 1]["time"]).timestamp()
        time.sleep(0.05)
    raise TimeoutError(f"no enlarge call for {instance} within {PATIENCE_SECONDS:.0f} s")


class BareCalls:
    """The round trips without an operator: one thread, connections that are open already."""

    def __init__(self, stage: Stage, instances: list[str]) -> None:
        self._stage = stage
        self._instances = instances
        connection = stage.connection
        self._api = Api(connection.server, connection.token, Path(connection.ca_file))
        self._http = httpx.Client(base_url=stage.cloud.url, trust_env=False, timeout=30)
        self._log_in()
        for number, key in enumerate(instances):
            stage.objects.create({"instanceId": key, "nodes": 3}, name=f"bare-{number}")

    def round(self, number: int) -> float:
        """One of each; the seconds until the cloud had the call."""
        name, key, project = f"bare-{number}", self._instances[number], self._stage.project
        began = time.time()
        self._api.get(self._stage.objects.path(name))
        self._http.get(f"/v1/{project.project_id}/instances/{key}").raise_for_status()
        intent = {"id": f"id-{number}", "type": "ScaleOut", "phase": "Requesting", "fromNodes": 2, "toNodes": 3}
        self._api.patch(self._stage.objects.path(name, "status"), {"status": {"operation": intent}})
        body = {"flavor_id": project.flavor_id, "node_number": 1}
        path = f"/v2/{project.project_id}/instances/{key}/action/enlarge"
        self._http.post(path, json=body).raise_for_status()
        return received(self._stage.cloud, key) - began

    def _log_in(self) -> None:
        project = self._stage.project
        user = {"name": project.user, "password": project.password, "domain": {"name": project.domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"id": project.project_id}}
        answer = self._http.post("/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        answer.raise_for_status()
        self._http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
