"""Credentials that need no secret: OIDC through IAM and STS, CCE pod identity; all renewed ahead of their end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError, TransientError
from ddm_simulator.client import Credentials, Simulator
from tests.support.clouds import Connect, Observed, projected_token
from tests.support.simulator import StartSimulator

KINDS = {"iam": "exchange_token", "sts": "assume_agency", "pod": "pod_identity"}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Credentials, simulator: Simulator) -> Path:
    """What CCE puts into a pod; the folder with the token."""
    file = projected_token(tmp_path, project.identity_provider, aud=project.identity_provider)
    monkeypatch.setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", f"{simulator.url}/pod-identity?version=1")
    monkeypatch.setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(file))
    return tmp_path


def token_folder(kind: str, tmp_path: Path) -> Path:
    return tmp_path if kind == "pod" else tmp_path / f"credentials-{kind}"


@pytest.mark.usefixtures("pod")
@pytest.mark.parametrize("project_id", ["own", None])
@EVERY_KIND
async def test_one_exchange_serves_many_requests(connect: Connect, kind: str, project_id: str | None) -> None:
    seen: Observed = []
    cloud = await connect(kind, seen=seen, project_id=project_id)
    found = await asyncio.gather(*(cloud.list_instances() for _ in range(8)))
    assert [len(rows) for rows in found] == [1] * 8
    assert [route for route, _ in seen].count(KINDS[kind]) == 1


@pytest.mark.usefixtures("pod")
@EVERY_KIND
async def test_it_is_renewed_before_it_ends(
    connect: Connect, start_simulator: StartSimulator, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = start_simulator("--port", "0").client
    own.settings(token_seconds=4, temporary_key_seconds=4)
    owner = own.add_project()
    file = projected_token(tmp_path, owner.identity_provider, aud=owner.identity_provider)
    monkeypatch.setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", f"{own.url}/pod-identity")
    monkeypatch.setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(file))
    seen: Observed = []
    cloud = await connect(kind, url=own.url, owner=owner, seen=seen)

    async def renewed() -> None:
        while [route for route, _ in seen].count(KINDS[kind]) < 2:
            assert len(await cloud.list_instances()) == 1

    await asyncio.wait_for(renewed(), 30)
    assert {outcome for _, outcome in seen} <= {"200", "201"}, "no request had a key that had ended"


@pytest.mark.usefixtures("pod")
@EVERY_KIND
async def test_a_token_that_is_not_trusted_is_a_refused_credential(
    connect: Connect, project: Credentials, tmp_path: Path, kind: str
) -> None:
    seen: Observed = []
    cloud = await connect(kind, seen=seen)
    projected_token(token_folder(kind, tmp_path), project.identity_provider, iss="https://another.example.com")
    for _ in range(3):
        with pytest.raises(StalledError) as caught:
            await cloud.prepare()
        assert caught.value.reason == reasons.CREDENTIALS_REJECTED
    assert seen == [(KINDS[kind], "401")], "and it is left alone then"


@pytest.mark.usefixtures("pod")
@pytest.mark.parametrize("content", [None, b"", b"\xff", b"two words"])
@EVERY_KIND
async def test_a_token_file_that_is_none_is_read_again(
    connect: Connect, project: Credentials, tmp_path: Path, kind: str, content: bytes | None
) -> None:
    cloud = await connect(kind)
    folder = token_folder(kind, tmp_path)
    if content is None:
        (folder / "token").unlink()
    else:
        (folder / "token").write_bytes(content)
    with pytest.raises(TransientError, match="token cannot be used"):
        await cloud.prepare()
    audience = project.identity_provider
    projected_token(folder, audience, aud=audience if kind == "pod" else [audience])
    assert len(await cloud.list_instances()) == 1


async def test_a_temporary_key_that_was_withdrawn_is_replaced_once(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    seen: Observed = []
    cloud = await connect("sts", seen=seen)
    await cloud.list_instances()
    answer = {"error_code": "APIGW.0301", "error_msg": "security token expires"}
    simulator.fault("answer", status=401, body=answer, route="instances", project=project.project_id, count=1)
    assert len(await cloud.list_instances()) == 1
    assert [route for route, _ in seen] == [
        "assume_agency",
        "list_instances",
        "list_instances",
        "assume_agency",
        "list_instances",
    ]
