"""The client under a limit that the gateway enforces, and beside a project that hangs; over real HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ddm_operator.cloud.client import DdmCloud
from ddm_operator.cloud.clouds import CloudClients
from ddm_operator.domain import reasons
from ddm_operator.domain.model import InstanceDetail
from ddm_operator.errors import TransientError
from ddm_operator.ports import Accepted, EnlargeRequest, Refused
from ddm_simulator.client import Credentials
from tests.support.clouds import Connect, Tenants, write_credentials
from tests.support.simulator import StartSimulator
from tests.support.waiting import until

LIMIT, UNDER_WAY, QUESTIONS, EACH = 60, 2, 350, 35


async def insist(cloud: DdmCloud, instance: str) -> InstanceDetail | None:
    """Ask until there is an answer."""
    while True:
        try:
            return await cloud.get_instance(instance)
        except TransientError as error:
            if error.reason != reasons.THROTTLED:
                raise


async def test_a_limit_that_the_gateway_enforces_is_learned_and_kept_to(
    connect: Connect, start_simulator: StartSimulator
) -> None:
    running = start_simulator("--port", "0")
    owner = running.client.add_project()
    pace = {"requests_per_second": 1000.0, "burst_requests": 100, "concurrent_requests": UNDER_WAY}
    cloud = await connect(url=running.url, owner=owner, **pace)
    await cloud.prepare()
    running.client.settings(rate_limit=LIMIT, rate_limit_period="1 second")

    async def many() -> list[InstanceDetail | None]:
        return [await insist(cloud, owner.instance_id) for _ in range(QUESTIONS // EACH)]

    answers = await asyncio.gather(*(many() for _ in range(EACH)))
    throttled, most = running.client.throttled()
    assert all(found is not None for some in answers for found in some), "everything is answered in the end"
    assert 0 < throttled < QUESTIONS / 100
    assert most <= LIMIT + UNDER_WAY, "above the limit came only what was under way when it was first told"


async def test_a_throttled_call_slows_calls_and_no_questions(connect: Connect, start_simulator: StartSimulator) -> None:
    running = start_simulator("--port", "0")
    owner = running.client.add_project()
    cloud = await connect(url=running.url, owner=owner)
    running.client.settings(rate_limit=1, rate_limit_period="1 hour", rate_limit_routes="enlarge")
    await cloud.prepare()
    wish = EnlargeRequest(owner.instance_id, owner.group_id, owner.flavor_id, 1)
    first = await cloud.enlarge(wish, may_leave=lambda: True)
    second = await cloud.enlarge(wish, may_leave=lambda: True)
    assert isinstance(first, Accepted)
    assert isinstance(second, Refused)
    assert (second.reason, second.heals) == (reasons.THROTTLED, True)
    limiter = cloud._session.http.limiter  # noqa: SLF001  # nothing shows it from outside
    assert limiter.writes.rate < limiter.writes.closed, "an hour's one, and quiet"
    assert limiter.writes.closed > 0
    assert limiter.reads.closed == 0
    assert await cloud.get_instance(owner.instance_id) is not None


async def test_a_project_that_hangs_takes_no_slot_of_another_with_the_same_credential(
    tenants: Tenants, start_simulator: StartSimulator, tmp_path: Path
) -> None:
    running = start_simulator("--port", "0")
    ours = running.client.add_project()
    clouds = await tenants(("*",), folder=write_credentials(tmp_path / "own", ours), url=running.url)
    hung, well = await _two_projects(clouds, ours)
    await well.list_instances()
    running.client.fault("slow", seconds=3600, route="instance", instance="hangs")
    asked = [asyncio.ensure_future(hung.get_instance("hangs")) for _ in range(40)]
    await until(lambda: running.client.requests().get("instance", 0) >= 16)
    answers = await asyncio.gather(*(well.get_instance(ours.instance_id) for _ in range(20)))
    assert all(answers)
    assert not any(question.done() for question in asked), "those hang to the end"
    assert running.client.requests()["instance"] == 16 + 20, "and the others of that project have not left"
    for question in asked:
        question.cancel()
    await asyncio.gather(*asked, return_exceptions=True)


async def _two_projects(clouds: CloudClients, ours: Credentials) -> tuple[DdmCloud, DdmCloud]:
    """Two clients of one endpoint and credential, which differ by the project that they are for."""
    hung = await clouds.cloud_for("shop", "cn-north-4", None)
    well = await clouds.cloud_for("shop", "cn-north-4", ours.project_id)
    assert hung is not well
    assert hung._session.http.limiter is well._session.http.limiter  # noqa: SLF001  # nothing shows it from outside
    return hung, well
