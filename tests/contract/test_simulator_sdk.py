"""The official SDK, which nobody here wrote, is served by the simulated cloud."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.auth.provider import PodIdentityCredentialProvider
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkddm.v1 import DdmClient
from huaweicloudsdkddm.v1 import model as sdk

from ddm_simulator.client import Credentials, Simulator
from tests.support.clouds import projected_token

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the SDK's own
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it closes no connection
]


def client(simulator: Simulator, project: Credentials, secret: str = "", credentials: object = None) -> Any:
    """The SDK's client for a project, with its access key, or with other credentials."""
    key = BasicCredentials(project.access_key, secret or project.secret_key, project.project_id)
    config = HttpConfig.get_default_config()
    config.timeout = (5, 10)
    return (
        DdmClient.new_builder()
        .with_http_config(config)
        .with_credentials(credentials or key)
        .with_endpoint(simulator.url)
        .build()
    )


def test_what_is_there(simulator: Simulator, project: Credentials) -> None:
    ddm, instance = client(simulator, project), project.instance_id
    [row] = ddm.list_instances(sdk.ListInstancesRequest()).instances
    assert (row.id, row.status, row.node_count, row.access_port) == (instance, "RUNNING", 2, "5066")
    detail = ddm.show_instance(sdk.ShowInstanceRequest(instance_id=instance))
    assert [node.group_id for node in detail.nodes] == [project.group_id] * 2
    [group] = ddm.list_group(sdk.ListGroupRequest(instance_id=instance)).group_list
    assert (group.id, group.cpu_num_per_node, len(group.node_list)) == (project.group_id, 4, 2)
    nodes = ddm.list_nodes(sdk.ListNodesRequest(instance_id=instance)).nodes
    assert {node.status for node in nodes} == {"normal"}
    assert ddm.list_databases(sdk.ListDatabasesRequest(instance_id=instance)).databases == []


def test_what_can_be_bought(simulator: Simulator, project: Credentials) -> None:
    ddm = client(simulator, project)
    engines = ddm.list_engines(sdk.ListEnginesRequest()).engine_groups
    assert {"3.0.8"} <= {engine.version for engine in engines}
    engine = next(engine.id for engine in engines if engine.version == "3.0.8")
    groups = ddm.list_flavors(sdk.ListFlavorsRequest(engine_id=engine)).compute_flavor_groups
    ids = {flavor.id for group in groups for flavor in group.compute_flavors}
    assert project.flavor_id in ids


def test_a_scale_out(simulator: Simulator, project: Credentials) -> None:
    ddm, instance = client(simulator, project), project.instance_id
    body = sdk.EnlargeRequest(flavor_id=project.flavor_id, node_number=2, group_id=project.group_id)
    answer = ddm.expand_instance_nodes(sdk.ExpandInstanceNodesRequest(instance_id=instance, body=body))
    assert answer.instance_id == instance
    job = ddm.show_ddm_job_result(sdk.ShowDdmJobResultRequest(job_id=answer.job_id)).job
    assert (job.name, job.status, job.instance.id) == ("EnlargeNode", "Running", instance)
    simulator.finish_job(answer.job_id)
    assert ddm.show_instance(sdk.ShowInstanceRequest(instance_id=instance)).node_count == 4
    now = int(time.time() * 1000)
    window = sdk.ListTasksRequest(start_time=str(now - 3_600_000), end_time=str(now + 3_600_000))
    [task] = ddm.list_tasks(window).jobs
    assert (task.id, task.status, task.instance_id) == (answer.job_id, "Completed", instance)


def test_a_wrong_signature_is_a_client_s_error(simulator: Simulator, project: Credentials) -> None:
    with pytest.raises(ClientRequestException) as caught:
        client(simulator, project, secret="not-the-secret").list_instances(sdk.ListInstancesRequest())
    assert (caught.value.status_code, caught.value.error_code) == (401, "APIGW.0301")


def test_a_second_operation_is_a_conflict(simulator: Simulator, project: Credentials) -> None:
    simulator.fault("job-stuck", instance=project.instance_id, count=1)
    ddm = client(simulator, project)
    body = sdk.EnlargeRequest(flavor_id=project.flavor_id, node_number=1)
    ask = sdk.ExpandInstanceNodesRequest(instance_id=project.instance_id, body=body)
    ddm.expand_instance_nodes(ask)
    with pytest.raises(ClientRequestException) as caught:
        ddm.expand_instance_nodes(ask)
    assert caught.value.status_code == 409
    assert "DBS.200019" in caught.value.error_msg


def test_a_pod_s_identity(
    simulator: Simulator, project: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience = project.identity_provider
    monkeypatch.setenv("HC_CONTAINER_CREDENTIALS_FULL_URI", f"{simulator.url}/pod-identity")
    token = projected_token(tmp_path, audience, aud=audience)
    monkeypatch.setenv("HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
    credentials = PodIdentityCredentialProvider.get_basic().get_credentials()
    credentials.project_id = project.project_id
    [row] = client(simulator, project, credentials=credentials).list_instances(sdk.ListInstancesRequest()).instances
    assert row.id == project.instance_id


def test_an_identity_provider_s_token(simulator: Simulator, project: Credentials, tmp_path: Path) -> None:
    """The SDK exchanges the token for an unscoped one of IAM, and that for a temporary key."""
    token = projected_token(tmp_path, project.identity_provider)
    credentials = (
        BasicCredentials(project_id=project.project_id)
        .with_iam_endpoint(simulator.url)
        .with_idp_id(project.identity_provider)
        .with_id_token_file(str(token))
    )
    [row] = client(simulator, project, credentials=credentials).list_instances(sdk.ListInstancesRequest()).instances
    assert row.id == project.instance_id
