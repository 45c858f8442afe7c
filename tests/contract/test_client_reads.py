"""What the cloud client makes of the cloud's answers, over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError, TransientError
from ddm_operator.ports import Accepted, EnlargeRequest
from ddm_simulator.client import Credentials, Simulator
from tests.support.clouds import Connect, Observed

NOW = datetime.now(UTC)
WINDOW = (NOW - timedelta(days=1), NOW + timedelta(days=1))


def request(project: Credentials, count: int = 1) -> EnlargeRequest:
    return EnlargeRequest(project.instance_id, project.group_id, project.flavor_id, count)


@pytest.mark.parametrize("kind", ["key", "user"])
async def test_an_instance_and_all_that_belongs_to_it(connect: Connect, project: Credentials, kind: str) -> None:
    cloud = await connect(kind)
    await cloud.prepare()
    [row] = await cloud.list_instances()
    assert (row.id, row.status, row.node_count) == (project.instance_id, "RUNNING", 2)
    assert row.zones == ("cn-north-4a", "cn-north-4b")
    detail = await cloud.get_instance(project.instance_id)
    assert detail is not None
    assert {node.group_id for node in detail.nodes} == {project.group_id}
    [group] = await cloud.list_groups(project.instance_id)
    assert set(group.node_ids) == {node.id for node in detail.nodes}
    assert (group.cpu, group.memory_gb) == (4, 8)
    flavors = {flavor.code: flavor for flavor in await cloud.list_flavors(row.engine_version)}
    assert flavors[row.flavor].id == project.flavor_id
    assert await cloud.list_schemas(project.instance_id) == ()
    assert await cloud.list_jobs(*WINDOW) == ()


async def test_schemas_name_their_data_nodes(connect: Connect, simulator: Simulator, project: Credentials) -> None:
    made = simulator.add_instance(
        project=project.project_id,
        data_nodes=[{"name": "rds-orders", "status": "rebooting"}],
        schemas=[{"name": "orders", "status": "EXPANDING", "data_nodes": ["rds-orders"]}],
    )
    cloud = await connect()
    [schema] = await cloud.list_schemas(made["id"])
    assert (schema.name, schema.status) == ("orders", "EXPANDING")
    assert [(node.name, node.status) for node in schema.data_nodes] == [("rds-orders", "rebooting")]


async def test_lists_of_many_pages_are_read_to_their_end(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    ids = {project.instance_id}
    for _ in range(130):
        ids.add(simulator.add_instance(project=project.project_id, groups=[{"nodes": 1}])["id"])
    seen: Observed = []
    cloud = await connect(seen=seen)
    assert {row.id for row in await cloud.list_instances()} == ids
    assert [route for route, _ in seen] == ["list_instances"] * 2


async def test_a_job_from_its_beginning_to_its_end(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    simulator.fault("job-stuck", instance=project.instance_id, percent=60, count=1)
    cloud = await connect()
    await cloud.prepare()
    outcome = await cloud.enlarge(request(project, 2), may_leave=lambda: True)
    assert isinstance(outcome, Accepted)
    running = await cloud.get_job(outcome.job_id)
    assert running is not None
    assert (running.name, running.status, running.instance_id) == ("EnlargeNode", "Running", project.instance_id)
    assert running.ended_ago is None
    detail = await cloud.get_instance(project.instance_id)
    assert detail is not None
    assert detail.status == "GROWING"
    simulator.finish_job(outcome.job_id, outcome="fails", reason="No room.")
    [listed] = await cloud.list_jobs(*WINDOW)
    assert (listed.id, listed.status, listed.fail_reason) == (outcome.job_id, "Failed", "No room.")
    assert listed.ended_ago is None or 0 <= listed.ended_ago < 60


async def test_nothing_is_none_and_not_an_error(connect: Connect, simulator: Simulator, project: Credentials) -> None:
    cloud = await connect()
    assert await cloud.get_instance("0" * 32 + "in09") is None
    assert await cloud.get_job("00000000-0000-0000-0000-000000000000") is None
    simulator.change_instance(project.instance_id, status="DELETED")
    assert await cloud.get_instance(project.instance_id) is None


async def test_a_missing_api_is_not_a_missing_instance(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    simulator.fault("not-published", route="instance", instance=project.instance_id)
    cloud = await connect()
    with pytest.raises(StalledError) as caught:
        await cloud.get_instance(project.instance_id)
    assert caught.value.reason == reasons.ENDPOINT_NOT_FOUND


@pytest.mark.parametrize(
    ("kind", "fields", "error", "reason"),
    [
        ("error", {"status": 500}, TransientError, reasons.CLOUD_INTERNAL_ERROR),
        ("error", {"status": 503}, TransientError, reasons.CLOUD_INTERNAL_ERROR),
        ("error", {"status": 400, "code": "DBS.300002"}, TransientError, reasons.CLOUD_INTERNAL_ERROR),
        ("error", {"status": 403, "code": "DBS.200010"}, StalledError, reasons.PERMISSION_DENIED),
        ("reset", {}, TransientError, reasons.CLOUD_UNREACHABLE),
        ("lost", {}, TransientError, reasons.CLOUD_UNREACHABLE),
        ("slow", {"seconds": 5}, TransientError, reasons.CLOUD_UNREACHABLE),
        ("truncated", {}, TransientError, reasons.CLOUD_UNREACHABLE),
        ("garbage", {}, TransientError, reasons.CLOUD_ANSWER_UNREADABLE),
        ("answer", {"body": {"instances": "none"}}, TransientError, reasons.CLOUD_ANSWER_UNREADABLE),
        ("answer", {"body": {"instances": [], "total_record": 3}}, TransientError, reasons.CLOUD_ANSWER_UNREADABLE),
        ("answer", {"status": 302, "headers": {"Location": "/"}}, StalledError, reasons.REQUEST_REFUSED),
    ],
)
async def test_a_question_that_failed_is_an_error(
    connect: Connect,
    simulator: Simulator,
    project: Credentials,
    kind: str,
    fields: dict[str, object],
    error: type[Exception],
    reason: str,
) -> None:
    simulator.fault(kind, route="instances", project=project.project_id, **fields)
    cloud = await connect(read_timeout_seconds=0.5, connect_timeout_seconds=0.3)
    with pytest.raises(error) as caught:
        await cloud.list_instances()
    assert getattr(caught.value, "reason", "") == reason


@pytest.mark.parametrize(("retry_after", "expected"), [(7, 7.0), (None, 60.0)])
async def test_throttling_says_for_how_long(
    connect: Connect, simulator: Simulator, project: Credentials, retry_after: int | None, expected: float
) -> None:
    fields = {} if retry_after is None else {"retry_after": retry_after}
    simulator.fault("throttled", route="instances", project=project.project_id, count=1, **fields)
    cloud = await connect()
    with pytest.raises(TransientError) as caught:
        await cloud.list_instances()
    assert (caught.value.reason, caught.value.retry_after) == (reasons.THROTTLED, expected)


async def test_what_is_new_in_an_answer_is_let_through(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    simulator.fault("extra-fields", route="*", project=project.project_id)
    simulator.fault("unknown-status", route="instance*", project=project.project_id)
    cloud = await connect()
    [row] = await cloud.list_instances()
    assert row.status == "POLISHING"
    assert len(await cloud.list_groups(project.instance_id)) == 1


async def test_the_same_credential_and_target_have_the_same_client(connect: Connect, project: Credentials) -> None:
    cloud = await connect()
    await cloud.prepare()
    assert cloud.target.project_id == project.project_id
    assert hash(cloud) == hash(cloud)
