"""Which cluster is found, and what a person is told when there is none."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddm_operator.kube.client import ApiServer, NotSentError
from ddm_operator.kube.connect import ConnectError, credentials, load_configuration


def kubeconfig(path: Path, *, server: str = "https://10.0.0.1:6443", **user: Any) -> Path:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def pod(tmp_path: Path) -> dict[str, str]:
    """Files of a service account."""
    (tmp_path / "token").write_text("pod-token")
    (tmp_path / "ca.crt").write_text("ca")
    return {"token_file": str(tmp_path / "token"), "ca_file": str(tmp_path / "ca.crt")}


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """No pod, and an empty home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return {"token_file": str(tmp_path / "absent"), "ca_file": str(tmp_path / "absent")}


async def test_kubeconfig_names_the_cluster(tmp_path: Path, nowhere: dict[str, str]) -> None:
    path = kubeconfig(tmp_path / "config", token="file-token")
    found = await credentials(await load_configuration({"KUBECONFIG": str(path)}, **nowhere))
    assert (found.server, found.authorization) == ("https://10.0.0.1:6443", "Bearer file-token")
    assert "file-token" not in repr(found)


async def test_a_named_kubeconfig_wins_over_the_pod(tmp_path: Path, pod: dict[str, str]) -> None:
    path = kubeconfig(tmp_path / "config", token="file-token")
    environ = {"KUBECONFIG": str(path), "KUBERNETES_SERVICE_HOST": "10.0.0.9", "KUBERNETES_SERVICE_PORT": "443"}
    assert (await load_configuration(environ, **pod)).host == "https://10.0.0.1:6443"


async def test_a_pod_uses_its_service_account(pod: dict[str, str]) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.9", "KUBERNETES_SERVICE_PORT": "443"}
    found = await credentials(await load_configuration(environ, **pod))
    assert (found.server, found.ca_file) == ("https://10.0.0.9:443", pod["ca_file"])
    assert found.authorization.lower() == "bearer pod-token"


async def test_the_default_path_comes_last(tmp_path: Path, nowhere: dict[str, str]) -> None:
    folder = tmp_path / "home" / ".kube"
    folder.mkdir(parents=True)
    kubeconfig(folder / "config", server="https://10.0.0.3")
    assert (await load_configuration({}, **nowhere)).host == "https://10.0.0.3"


async def test_the_first_existing_of_several_paths_is_used(tmp_path: Path, nowhere: dict[str, str]) -> None:
    path = kubeconfig(tmp_path / "config", token="t")
    environ = {"KUBECONFIG": f"{tmp_path}/absent:{path}"}
    assert (await load_configuration(environ, **nowhere)).host == "https://10.0.0.1:6443"


async def test_nothing_configured_says_what_to_do(nowhere: dict[str, str]) -> None:
    with pytest.raises(ConnectError, match="Set KUBECONFIG"):
        await load_configuration({}, **nowhere)


async def test_a_missing_file_is_named(tmp_path: Path, nowhere: dict[str, str]) -> None:
    with pytest.raises(ConnectError, match="absent, which does not exist"):
        await load_configuration({"KUBECONFIG": str(tmp_path / "absent")}, **nowhere)


@pytest.mark.parametrize("text", ["", "- a list", "{broken", "users: 5\nsecret-token: x", "current-context: nowhere"])
async def test_a_file_that_is_no_kubeconfig_is_named_without_its_content(
    tmp_path: Path, nowhere: dict[str, str], text: str
) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConnectError, match="cannot be used") as caught:
        await load_configuration({"KUBECONFIG": str(path)}, **nowhere)
    assert "secret-token" not in str(caught.value)


async def test_a_token_that_can_be_no_header_is_refused_without_showing_it(
    tmp_path: Path, nowhere: dict[str, str], pod: dict[str, str]
) -> None:
    path = kubeconfig(tmp_path / "config", token="hunter2\nword")
    with pytest.raises(ConnectError, match="its token has more than one line") as caught:
        await load_configuration({"KUBECONFIG": str(path)}, **nowhere)
    assert "hunter2" not in str(caught.value)
    await asyncio.to_thread(Path(pod["token_file"]).write_text, "hunter2\r\nword")
    with pytest.raises(ConnectError, match="its token has more than one line"):
        await load_configuration({"KUBERNETES_SERVICE_HOST": "10.0.0.9", "KUBERNETES_SERVICE_PORT": "443"}, **pod)


async def test_a_renewed_token_that_can_be_no_header_is_not_sent(tmp_path: Path, nowhere: dict[str, str]) -> None:
    path = kubeconfig(tmp_path / "config", server="http://127.0.0.1:1", token="good")
    configuration = await load_configuration({"KUBECONFIG": str(path)}, **nowhere)
    api = ApiServer.over(configuration)
    configuration.api_key["BearerToken"] = "Bearer hunter2\nword"
    with pytest.raises(NotSentError, match="more than one line") as caught:
        await api.request("GET", "/api")
    assert "hunter2" not in str(caught.value)
    await api.close()


async def test_a_pod_without_an_api_server_says_so(pod: dict[str, str]) -> None:
    with pytest.raises(ConnectError, match="service account"):
        await load_configuration({}, **pod)
