"""A begin on the real API server and a simulated cloud: no intent, no call; and one call for one intent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from ddm_operator.clock import SystemClock
from ddm_operator.cloud.client import DdmCloud
from ddm_operator.domain.case import Case, Limits
from ddm_operator.domain.decide import decide
from ddm_operator.domain.decision import Decision, Verb
from ddm_operator.domain.model import Phase, Resource
from ddm_operator.engine.act import Actor
from ddm_operator.engine.chorus import Chorus
from ddm_operator.engine.journal import Journal
from ddm_operator.engine.memory import Memory
from ddm_operator.engine.observe import Observer, Sight
from ddm_operator.engine.write_pace import DEFAULT, WritePace
from ddm_operator.errors import ConflictError
from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.connect import load_configuration
from ddm_operator.kube.objects import ApiObjects
from ddm_operator.kube.store import Store
from ddm_operator.operations.scale_out import ScaleOut
from ddm_operator.telemetry import Telemetry
from ddm_simulator.client import Credentials, Simulator
from tests.support.clouds import Connect
from tests.support.ddminstances import DDMInstances
from tests.support.kubeapi import Api, Json

CLOCK = SystemClock()
LIMITS = Limits()
NUMBERS = count(1)


class Leader:
    """A lease that is held as long as the test likes."""

    def __init__(self, *, holds: bool = True) -> None:
        self.holds = holds

    def held(self) -> bool:
        return self.holds


class Silent:
    """Events that nobody reads here."""

    def publish(self, resource: Resource, kind: str, reason: str, message: str) -> None:
        del resource, kind, reason, message


@dataclass
class Scene:
    """An object that declares four nodes, as an operator has just read it, and what it decided."""

    objects: ApiObjects
    cloud: DdmCloud
    kubernetes: DDMInstances
    resource: Resource
    sight: Sight
    decision: Decision

    def actor(self, lease: Leader | None = None, limits: Limits = LIMITS) -> Actor:
        """One of the operators; none knows of the others."""
        store, memory = Store(monotonic=CLOCK.monotonic), Memory(CLOCK, limits)
        journal = Journal(
            self.objects,
            store,
            Silent(),
            Telemetry("test"),
            memory,
            Chorus(CLOCK.monotonic),
            WritePace(DEFAULT, CLOCK.monotonic),
        )
        return Actor(journal, lease or Leader(), CLOCK, limits, (ScaleOut(),), lambda: f"operation-{next(NUMBERS)}")

    async def begin(self, actor: Actor) -> Resource:
        return await actor.begin(self.cloud, self.resource, self.decision, self.sight)


@pytest.fixture
async def scene(
    api: Api, crd: Json, namespace: str, kubeconfig: Path, connect: Connect, project: Credentials
) -> AsyncIterator[Scene]:
    del crd
    kubernetes = DDMInstances(api, namespace)
    kubernetes.create({"instanceId": project.instance_id, "nodes": 4})
    server = ApiServer.over(await load_configuration({"KUBECONFIG": str(kubeconfig)}))
    objects = ApiObjects(server, monotonic=CLOCK.monotonic, namespaces=(namespace,))
    cloud = await connect()
    await cloud.prepare()
    resource = await objects.get(namespace, "orders")
    assert resource is not None
    sight = await Observer(CLOCK, LIMITS).inspect(cloud, resource)
    decision = decide(Case(resource.desired, resource.status, sight.observed, CLOCK.now(), LIMITS), (ScaleOut(),))
    assert decision.verb is Verb.BEGIN
    yield Scene(objects, cloud, kubernetes, resource, sight, decision)
    await server.close()


async def test_of_many_operators_that_decided_the_same_one_calls(
    scene: Scene, simulator: Simulator, project: Credentials
) -> None:
    results = await asyncio.gather(*(scene.begin(scene.actor()) for _ in range(8)), return_exceptions=True)
    winners = [result for result in results if isinstance(result, Resource)]
    assert len(winners) == 1
    assert [type(result) for result in results if result not in winners] == [ConflictError] * 7
    [call] = simulator.ledger(project.instance_id)
    assert winners[0].status.operation is not None
    assert winners[0].status.operation.job_id == call["job_id"]
    assert scene.kubernetes.get()["status"]["operation"]["phase"] == "Running"


@pytest.mark.parametrize("change", ["spec", "status", "metadata"])
async def test_an_object_that_changed_since_it_was_read_is_called_for_by_nobody(
    scene: Scene, simulator: Simulator, project: Credentials, change: str
) -> None:
    if change == "spec":
        scene.kubernetes.patch_spec({"nodes": 3})
    elif change == "status":
        scene.kubernetes.put_status(scene.kubernetes.get()["metadata"], {"observedGeneration": 1})
    else:
        scene.kubernetes.api.patch(scene.kubernetes.path("orders"), {"metadata": {"labels": {"changed": "yes"}}})
    with pytest.raises(ConflictError):
        await scene.begin(scene.actor())
    assert simulator.ledger(project.instance_id) == []
    assert "operation" not in scene.kubernetes.get()["status"]


async def test_an_object_that_was_made_anew_is_called_for_by_nobody(
    scene: Scene, simulator: Simulator, project: Credentials
) -> None:
    scene.kubernetes.api.delete(scene.kubernetes.path("orders"))
    scene.kubernetes.create({"instanceId": project.instance_id, "nodes": 4})
    with pytest.raises(ConflictError):
        await scene.begin(scene.actor())
    assert simulator.ledger(project.instance_id) == []


@pytest.mark.parametrize(
    ("lease", "limits"), [(Leader(holds=False), LIMITS), (Leader(), replace(LIMITS, send=0.0))], ids=["lease", "age"]
)
async def test_a_call_that_may_not_leave_any_more_is_withdrawn(
    scene: Scene, simulator: Simulator, project: Credentials, lease: Leader, limits: Limits
) -> None:
    stored = await scene.begin(scene.actor(lease, limits))
    assert simulator.ledger(project.instance_id) == []
    assert stored.status.operation is not None
    assert (stored.status.operation.phase, stored.status.operation.reason) == (Phase.REJECTED, "NotSent")


async def test_the_intent_is_stored_before_the_call_is_received(
    scene: Scene, simulator: Simulator, project: Credentials
) -> None:
    def wait() -> Json:
        hold.wait()
        return scene.kubernetes.get()

    with simulator.hold("enlarge", "before", project.instance_id) as hold:
        call = asyncio.create_task(scene.begin(scene.actor()))
        while_held = await asyncio.to_thread(wait)
    await call
    journal = while_held["status"]["operation"]
    assert (journal["phase"], journal["fromNodes"], journal["toNodes"]) == ("Requesting", 2, 4)
    assert len(journal["baselineNodeIds"]) == 2
    assert simulator.ledger(project.instance_id)[0]["executed"]


async def test_an_answer_survives_a_change_of_the_object_meanwhile(
    scene: Scene, simulator: Simulator, project: Credentials
) -> None:
    def meddle() -> None:
        hold.wait()
        scene.kubernetes.patch_spec({"nodes": 5})

    with simulator.hold("enlarge", "after", project.instance_id) as hold:
        call = asyncio.create_task(scene.begin(scene.actor()))
        await asyncio.to_thread(meddle)
    await call
    body = scene.kubernetes.get()
    assert body["status"]["operation"]["jobId"] == simulator.ledger(project.instance_id)[0]["job_id"]
    assert body["spec"]["nodes"] == 5
