"""``ddm-operator export`` against the simulated cloud."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ddm_simulator.client import Credentials, Simulator
from tests.support.commands import command


@pytest.fixture
def environment(simulator: Simulator, project: Credentials) -> dict[str, str]:
    return {
        "DDM_CLOUD_REGION": project.region,
        "DDM_CLOUD_PROJECT_ID": project.project_id,
        "DDM_CLOUD_DDM_ENDPOINT": simulator.url,
        "DDM_CLOUD_IAM_ENDPOINT": simulator.url,
        "HUAWEICLOUD_SDK_AK": project.access_key,
        "HUAWEICLOUD_SDK_SK": project.secret_key,
    }


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


def test_every_instance_becomes_an_object_that_only_observes(
    simulator: Simulator, project: Credentials, environment: dict[str, str]
) -> None:
    groups = [{"name": "writes", "nodes": 2}, {"name": "reads", "role": "r", "nodes": 1}]
    added = simulator.add_instance(name="DDM_Orders", project=project.project_id, groups=groups)
    ended = command("export", "--namespace", "shop", **environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    found = {body["spec"]["instanceId"]: body for body in documents(ended.stdout)}
    assert set(found) == {project.instance_id, added["id"]}
    for body in found.values():
        assert (body["apiVersion"], body["kind"]) == ("ddm.huaweicloud.com/v1beta1", "DDMInstance")
        assert set(body["spec"]) == {"instanceId", "region", "projectId"}
        assert body["metadata"]["namespace"] == "shop"
    assert found[added["id"]]["metadata"]["name"] == "ddm-orders"
    truly = simulator.instance(added["id"])
    for group in truly["groups"]:
        count = sum(node["group_id"] == group["id"] for node in truly["nodes"])
        assert f"({group['role']}), {count} nodes:\n  # groupId: {group['id']}\n  # nodes: {count}\n" in ended.stdout
    assert simulator.ledger(added["id"]) == []


def test_an_empty_project_is_no_failure(
    simulator: Simulator, project: Credentials, environment: dict[str, str]
) -> None:
    simulator.remove_instance(project.instance_id)
    ended = command("export", **environment)
    assert (ended.returncode, ended.stderr, documents(ended.stdout)) == (0, "", [])
    assert f"project {project.project_id} in {project.region}: 0." in ended.stdout


def test_groups_that_cannot_be_read_are_told_and_the_rest_is_written(
    simulator: Simulator, project: Credentials, environment: dict[str, str]
) -> None:
    other = simulator.add_instance(name="other", project=project.project_id, groups=[{"name": "g", "nodes": 1}])
    simulator.fault("error", route="groups", project=project.project_id, status=500, instance=project.instance_id)
    ended = command("export", **environment)
    assert ended.returncode == 1
    assert project.instance_id in ended.stderr
    assert "could not be read" in ended.stderr
    assert {body["spec"]["instanceId"] for body in documents(ended.stdout)} == {project.instance_id, other["id"]}
    assert ended.stdout.count("# its groups could not be read") == 1


def test_a_refused_credential_is_told_without_its_secret(environment: dict[str, str]) -> None:
    environment["HUAWEICLOUD_SDK_SK"] = "a-wrong-secret-key"
    ended = command("export", **environment)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "401" in ended.stderr
    assert "a-wrong-secret-key" not in ended.stderr


def test_a_wrong_option_or_setting_ends_with_2(environment: dict[str, str]) -> None:
    assert command("export", "--namespace", "No Name", **environment).returncode == 2
    ended = command("export", "--region", "Not A Region", **environment)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "DDM_CLOUD_REGION" in ended.stderr
