"""Tokens, signatures, and what the client does when they are refused."""

from __future__ import annotations

import asyncio

import pytest

from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError, TransientError
from ddm_simulator.client import Credentials, Simulator
from tests.support.clouds import Connect, Observed
from tests.support.simulator import StartSimulator


@pytest.mark.parametrize("kind", ["key", "user"])
async def test_the_project_is_found_by_the_region_s_name(connect: Connect, project: Credentials, kind: str) -> None:
    cloud = await connect(kind, project_id=None)
    await cloud.prepare()
    assert cloud.target.project_id == project.project_id


async def test_a_region_without_a_project_is_said(connect: Connect) -> None:
    cloud = await connect(project_id=None, region="cn-south-1")
    with pytest.raises(StalledError) as caught:
        await cloud.prepare()
    assert caught.value.reason == reasons.PROJECT_NOT_FOUND
    assert "0 projects named cn-south-1" in caught.value.message
    assert "if the region is not the one that is meant" in caught.value.message


async def test_one_token_serves_many_requests(connect: Connect) -> None:
    seen: Observed = []
    cloud = await connect("user", seen=seen)
    for _ in range(3):
        await cloud.prepare()
        await cloud.list_instances()
    assert [route for route, _ in seen] == ["create_token", *["list_instances"] * 3]


async def test_a_token_that_was_revoked_is_renewed_once(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    seen: Observed = []
    cloud = await connect("user", seen=seen)
    await cloud.list_instances()
    simulator.fault("expired-token", route="instances", project=project.project_id, count=1)
    assert len(await cloud.list_instances()) == 1
    assert seen[2:] == [("list_instances", "401"), ("create_token", "201"), ("list_instances", "200")]


async def test_tokens_that_were_all_revoked_are_renewed_once_for_all_requests(
    connect: Connect, start_simulator: StartSimulator
) -> None:
    own = start_simulator("--port", "0").client
    seen: Observed = []
    cloud = await connect("user", url=own.url, owner=own.add_project(), seen=seen)
    await cloud.list_instances()
    own.revoke_tokens()
    found = await asyncio.gather(*(cloud.list_instances() for _ in range(8)))
    assert [len(rows) for rows in found] == [1] * 8
    assert [route for route, _ in seen].count("create_token") == 2


@pytest.mark.parametrize("kind", ["key", "user"])
async def test_a_project_that_is_not_there_is_called_so(connect: Connect, project: Credentials, kind: str) -> None:
    cloud = await connect(kind, project_id="f" * 32)
    with pytest.raises(StalledError) as caught:
        await cloud.list_instances()
    assert caught.value.reason == reasons.PROJECT_NOT_FOUND
    for part in ("f" * 32, project.region, "spec.projectId"):
        assert part in caught.value.message


@pytest.mark.parametrize("kind", ["key", "user"])
async def test_an_iam_that_is_not_there_is_no_missing_project(
    connect: Connect, start_simulator: StartSimulator, kind: str
) -> None:
    own = start_simulator("--port", "0").client
    own.fault("not-published", route="token")
    own.fault("not-published", route="projects")
    cloud = await connect(kind, url=own.url, owner=own.add_project(), project_id=None)
    with pytest.raises(StalledError) as caught:
        await cloud.prepare()
    assert caught.value.reason == reasons.ENDPOINT_NOT_FOUND


async def test_a_user_without_permission_is_told_where(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    other = simulator.add_project()
    cloud = await connect(project_id=other.project_id)
    with pytest.raises(StalledError) as caught:
        await cloud.list_instances()
    assert caught.value.reason == reasons.PERMISSION_DENIED
    for part in (other.project_id, project.region, "DBS.200010", "DDM FullAccess"):
        assert part in caught.value.message


async def test_a_token_is_renewed_before_it_ends(connect: Connect, start_simulator: StartSimulator) -> None:
    own = start_simulator("--port", "0").client
    own.settings(token_seconds=0.5)
    seen: Observed = []
    cloud = await connect("user", url=own.url, owner=own.add_project(), seen=seen)

    async def renewed() -> None:
        while ("create_token", "201") not in seen[1:]:
            assert len(await cloud.list_instances()) == 1

    await asyncio.wait_for(renewed(), 10)
    assert {outcome for _, outcome in seen} <= {"200", "201"}, "no request had a token that had ended"


@pytest.mark.parametrize("kind", ["key", "user"])
async def test_a_refused_credential_is_left_alone_for_a_while(
    connect: Connect, simulator: Simulator, project: Credentials, kind: str
) -> None:
    simulator.change_user(project.user, enabled=False)
    seen: Observed = []
    cloud = await connect(kind, seen=seen)
    told = set()
    for _ in range(4):
        with pytest.raises(StalledError) as caught:
            await cloud.list_instances()
        assert caught.value.reason == reasons.CREDENTIALS_REJECTED
        told.add(caught.value.message)
    assert len(seen) == 1
    [message] = told
    assert project.password not in message
    assert project.secret_key not in message
    assert "canonicalRequest" not in message


async def test_it_is_tried_again_after_that_while(connect: Connect, simulator: Simulator, project: Credentials) -> None:
    simulator.change_user(project.user, enabled=False)
    cloud = await connect("user", refused=0.6)
    with pytest.raises(StalledError):
        await cloud.list_instances()
    simulator.change_user(project.user, enabled=True)

    async def good_again() -> int:
        while True:
            try:
                return len(await cloud.list_instances())
            except StalledError:
                await asyncio.sleep(0.01)

    assert await asyncio.wait_for(good_again(), 10) == 1


@pytest.mark.parametrize("project_id", ["own", None])
async def test_a_clock_that_is_wrong_signs_by_the_cloud_s(
    connect: Connect, start_simulator: StartSimulator, project_id: str | None
) -> None:
    """The simulated cloud's clock stands still an hour ahead of this machine's."""
    own = start_simulator("--port", "0", "--clock", "manual").client
    own.advance(3600)
    seen: Observed = []
    cloud = await connect(url=own.url, owner=own.add_project(), seen=seen, project_id=project_id)
    assert len(await cloud.list_instances()) == 1
    assert len(await cloud.list_instances()) == 1
    assert [outcome for _, outcome in seen].count("401") == 1


async def test_iam_that_is_away_is_not_a_wrong_password(connect: Connect) -> None:
    cloud = await connect("user", iam_endpoint="http://127.0.0.1:9")
    with pytest.raises(TransientError) as caught:
        await cloud.prepare()
    assert caught.value.reason == reasons.CLOUD_UNREACHABLE
