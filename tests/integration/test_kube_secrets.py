"""The one Secret of a namespace on a real API server: read by name only, and "could not ask" is not "there is none"."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError, TransientError
from ddm_operator.kube.client import ApiServer
from ddm_operator.kube.connect import load_configuration
from ddm_operator.kube.secrets import FRESH_SECONDS, ApiSecrets
from tests.support.keeper import Connection
from tests.support.kubeapi import Api

NAME = "ddm-credentials"
RULES = "/apis/rbac.authorization.k8s.io/v1"


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Account:
    """A service account with the rights that deploy/ gives, and the operator's reader in its place."""

    def __init__(self, server: ApiServer, clock: Clock) -> None:
        self.server = server
        self.clock = clock
        self.secrets = ApiSecrets(server, NAME, monotonic=clock)

    def named(self, name: str) -> ApiSecrets:
        return ApiSecrets(self.server, name, monotonic=self.clock)


@pytest.fixture
def rules() -> list[Any]:
    """The rights that deploy/ gives the operator."""
    documents = yaml.safe_load_all(Path("deploy/rbac.yaml").read_text())
    [found] = [document["rules"] for document in documents if document["kind"] == "ClusterRole"]
    return list(found)


@pytest.fixture
def config(control_plane: Connection) -> dict[str, Any]:
    """A kubeconfig that somebody still has to log in with."""
    return dict(json.loads(Path(control_plane.kubeconfig).read_text()))


@pytest.fixture
async def account(
    api: Api,
    config: dict[str, Any],
    rules: list[Any],
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Account]:
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    api.post(accounts, {"metadata": {"name": "reader"}})
    api.post(f"{RULES}/namespaces/{namespace}/roles", {"metadata": {"name": "reader"}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    binding = {"metadata": {"name": "reader"}, "roleRef": role, "subjects": [subject]}
    api.post(f"{RULES}/namespaces/{namespace}/rolebindings", binding)
    wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = api.post(f"{accounts}/reader/token", wish)["status"]["token"]
    config["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    server = ApiServer.over(await load_configuration())
    yield Account(server, Clock())
    await server.close()


async def test_a_secret_is_made_changed_and_deleted(api: Api, account: Account, namespace: str) -> None:
    secrets = account.secrets
    assert await secrets.read(namespace) is None
    path = f"/api/v1/namespaces/{namespace}/secrets"
    encoded = base64.b64encode("geheim ü".encode()).decode()
    api.post(path, {"metadata": {"name": NAME}, "data": {"HW_USER_PASSWORD": encoded}})
    assert await secrets.read(namespace) is None, "what was read is fresh for some seconds"
    account.clock.seconds += FRESH_SECONDS
    assert await secrets.read(namespace) == {"HW_USER_PASSWORD": "geheim ü".encode()}
    api.patch(f"{path}/{NAME}", {"data": {"HW_USER_PASSWORD": base64.b64encode(b"another").decode()}})
    account.clock.seconds += FRESH_SECONDS
    assert await secrets.read(namespace) == {"HW_USER_PASSWORD": b"another"}
    api.delete(f"{path}/{NAME}")
    account.clock.seconds += FRESH_SECONDS
    assert await secrets.read(namespace) is None
    assert secrets.last(namespace) is None


async def test_many_passes_cost_one_request(
    api: Api, account: Account, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del api
    asked: list[str] = []
    request = ApiServer.request

    async def counted(self: ApiServer, method: str, path: str, **rest: Any) -> dict[str, Any]:
        asked.append(f"{method} {path}")
        return await request(self, method, path, **rest)

    monkeypatch.setattr(ApiServer, "request", counted)
    for _ in range(20):
        assert await account.secrets.read(namespace) is None
    assert asked == [f"GET /api/v1/namespaces/{namespace}/secrets/{NAME}"]


async def test_any_other_secret_may_not_be_read_and_none_listed(api: Api, account: Account, namespace: str) -> None:
    api.post(f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": "another"}})
    with pytest.raises(StalledError) as caught:
        await account.named("another").read(namespace)
    assert caught.value.reason == reasons.PERMISSION_DENIED
    for part in ("another", namespace, "resourceNames [another]", "deploy/rbac.yaml"):
        assert part in caught.value.message
    for verb, path in (("GET", "secrets"), ("GET", "secrets?watch=1"), ("DELETE", f"secrets/{NAME}")):
        with pytest.raises(Exception, match="403"):
            await account.server.request(verb, f"/api/v1/namespaces/{namespace}/{path}")


async def test_may_not_is_not_there_is_none(account: Account) -> None:
    with pytest.raises(StalledError) as caught:
        await account.secrets.read("kube-system")
    assert caught.value.reason == reasons.PERMISSION_DENIED


async def test_no_answer_is_not_there_is_none(account: Account, namespace: str) -> None:
    assert await account.secrets.read(namespace) is None
    account.server.client.configuration.host = "https://127.0.0.1:9"
    account.clock.seconds += FRESH_SECONDS
    with pytest.raises(TransientError, match="not the same as there being none"):
        await account.secrets.read(namespace)
