"""``ddm-operator doctor``: all is well, and each check with what makes it fail; nothing of it real only in name."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ddm_operator.__main__ import main
from devcluster import ControlPlane
from tests.support import crdschema
from tests.support.commands import command
from tests.support.controlplane import CRD_PATH
from tests.support.kubeapi import Api, Json
from tests.support.process import OURS
from tests.support.simulator import StartSimulator
from tests.support.stage import RULES, Stage

NO_CERTIFICATE = base64.b64encode(b"no certificate").decode()
NAMES = ["settings", "api-server", "crd", "permissions", "endpoint", "clock", "credential", "project"]


def examine(environment: dict[str, str], *arguments: str) -> tuple[int, dict[str, Json]]:
    """The exit code, and the findings by name. In this process, which knows the libraries already."""
    clean = {name: None for name in os.environ if name.startswith(OURS)}
    ended = CliRunner().invoke(main, ["doctor", "--output", "json", *arguments], env={**clean, **environment})
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exc_info
    told = json.loads(ended.stdout)
    assert told["healthy"] == (ended.exit_code == 0)
    assert [found["check"] for found in told["checks"]] == NAMES
    for secret in (environment.get("HUAWEICLOUD_SDK_SK"), environment.get("HW_USER_PASSWORD")):
        assert not secret or secret not in ended.stdout + ended.stderr
    return ended.exit_code, {found["check"]: found for found in told["checks"]}


def failed(found: dict[str, Json]) -> set[str]:
    return {name for name, finding in found.items() if finding["result"] == "failed"}


def skipped(found: dict[str, Json]) -> set[str]:
    return {name for name, finding in found.items() if finding["result"] == "skipped"}


@pytest.fixture
def environment(stage: Stage) -> dict[str, str]:
    """Of an operator that works."""
    return stage.operator().environment


@pytest.mark.parametrize("kind", ["key", "user"])
def test_a_healthy_operator_passes_every_check(stage: Stage, kind: str) -> None:
    identity = stage.key if kind == "key" else stage.user
    environment = stage.operator(**identity).environment
    code, found = examine(environment)
    assert (code, failed(found), skipped(found)) == (0, set(), set())
    assert "shows 1 instances" in found["project"]["message"]
    assert stage.cloud.ledger(stage.project.instance_id) == []


def test_people_get_a_line_each(environment: dict[str, str]) -> None:
    ended = command("doctor", **environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["✓", name] for name in NAMES]


def test_people_are_told_what_to_do(environment: dict[str, str]) -> None:
    environment["HUAWEICLOUD_SDK_SK"] = ""
    ended = command("doctor", **environment)
    assert ended.returncode == 1
    [line] = [line for line in ended.stdout.splitlines() if line.startswith("✗")]
    assert line.split()[1] == "credential"
    assert "HUAWEICLOUD_SDK_SK is missing" in line
    assert "→" in ended.stdout
    assert "- project      not looked at, because of credential" in ended.stdout


def test_wrong_settings_leave_the_rest_open(environment: dict[str, str]) -> None:
    code, found = examine(environment | {"DDM_LOG_FORMAT": "xml"})
    assert (code, failed(found), skipped(found)) == (1, {"settings"}, set(NAMES) - {"settings"})
    assert "DDM_LOG_FORMAT='xml'" in found["settings"]["message"]


@pytest.mark.parametrize("kubeconfig", ["", "nobody-listens"])
def test_without_an_api_server_the_cloud_is_looked_at_all_the_same(
    stage: Stage, environment: dict[str, str], kubeconfig: str
) -> None:
    path = stage.write_kubeconfig("https://127.0.0.1:1") if kubeconfig else Path("/absent")
    code, found = examine(environment | {"KUBECONFIG": str(path), "HOME": "/absent"})
    assert (code, failed(found), skipped(found)) == (1, {"api-server"}, {"crd", "permissions"})
    assert found["api-server"]["advice"]


UNUSABLE: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "authorities-that-are-none": ({"certificate-authority-data": NO_CERTIFICATE}, {}),
    "authorities-that-are-no-base64": ({"certificate-authority-data": "%%%"}, {}),
    "authorities-that-are-not-there": ({"certificate-authority": "/absent/ca.crt"}, {}),
    "certificate-that-is-none": ({}, {"client-certificate-data": NO_CERTIFICATE, "client-key-data": NO_CERTIFICATE}),
    "address-that-is-none": ({"server": "https://[broken"}, {}),
}
"""What a kubeconfig's cluster and user are changed to."""


@pytest.mark.parametrize(("cluster", "user"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_kubeconfig_that_cannot_be_used_is_told_in_a_line(
    stage: Stage, environment: dict[str, str], cluster: dict[str, str], user: dict[str, str]
) -> None:
    config = json.loads(stage.kubeconfig.read_text())
    config["clusters"][0]["cluster"] |= cluster
    if "certificate-authority" in cluster:
        del config["clusters"][0]["cluster"]["certificate-authority-data"]
    config["users"][0]["user"] = user or config["users"][0]["user"]
    path = stage.folder / "unusable.json"
    path.write_text(json.dumps(config))
    code, found = examine(environment | {"KUBECONFIG": str(path)})
    assert (code, failed(found), skipped(found)) == (1, {"api-server"}, {"crd", "permissions"})
    assert found["api-server"]["advice"]


@pytest.mark.parametrize(
    ("resource", "verb"),
    [
        ("ddminstances", "watch"),
        ("ddminstances/status", "update"),
        ("events", "patch"),
        ("secrets", "get"),
        ("leases", "create"),
        ("leases", "update"),
    ],
)
def test_a_right_that_is_missing_is_named(stage: Stage, environment: dict[str, str], resource: str, verb: str) -> None:
    roles = f"{RULES}/namespaces/{stage.namespace}/roles"
    for role in stage.api.get(roles)["items"]:
        rules = [
            rule | {"verbs": [one for one in rule["verbs"] if one != verb] or ["none"]}
            if resource in rule["resources"]
            else rule
            for rule in role["rules"]
        ]
        stage.api.patch(f"{roles}/{role['metadata']['name']}", {"rules": rules})
    while True:
        code, found = examine(environment)
        if failed(found):  # the API server takes a moment to notice
            break
    assert (code, failed(found), skipped(found)) == (1, {"permissions"}, set())
    names = {("secrets", "get"): "/ddm-credentials", ("leases", "update"): "/ddm-operator"}
    what = resource + names.get((resource, verb), "")
    assert f"may not {verb} {what} in namespace {stage.namespace}." in found["permissions"]["message"]


def test_rights_on_objects_of_one_name_are_enough_and_of_another_are_none(
    stage: Stage, environment: dict[str, str]
) -> None:
    roles = f"{RULES}/namespaces/{stage.namespace}/roles"
    lease = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
    named = {**lease, "resourceNames": ["ddm-operator"], "verbs": ["get", "update"]}
    stage.api.patch(f"{roles}/ddm-operator-lease", {"rules": [{**lease, "verbs": ["create"]}, named]})
    other = environment | {"DDM_CREDENTIALS_SECRET_NAME": "other", "DDM_LEASE_NAME": "another"}
    while True:
        code, found = examine(other)
        if "leases/another" in found["permissions"]["message"]:  # the API server takes a moment to notice
            break
    told = found["permissions"]["message"]
    assert (code, failed(found)) == (1, {"permissions"})
    for what in ("get secrets/other", "get leases/another", "update leases/another"):
        assert f"{what} in namespace {stage.namespace}" in told
    assert examine(environment)[0] == 0


def test_rights_in_one_namespace_are_none_in_all(environment: dict[str, str]) -> None:
    code, found = examine(environment | {"DDM_NAMESPACES": ""})
    assert (code, failed(found)) == (1, {"permissions"})
    assert "list ddminstances in all namespaces" in found["permissions"]["message"]


def test_an_endpoint_that_does_not_answer(environment: dict[str, str]) -> None:
    code, found = examine(environment | {"DDM_CLOUD_DDM_ENDPOINT": "http://127.0.0.1:1"})
    assert (code, failed(found), skipped(found)) == (1, {"endpoint"}, {"clock", "credential", "project"})
    assert "127.0.0.1:1 did not answer" in found["endpoint"]["message"]


def test_a_file_of_authorities_that_is_none(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    code, found = examine(environment | {"DDM_CLOUD_CA_FILE": str(tmp_path / "ca.pem")})
    assert (code, failed(found)) == (1, {"settings"})
    assert f"DDM_CLOUD_CA_FILE='{tmp_path}/ca.pem'; allowed is path of a PEM file" in found["settings"]["message"]


def test_no_region_is_asked_for(environment: dict[str, str], stage: Stage) -> None:
    del environment["DDM_CLOUD_REGION"]
    code, found = examine(environment)
    assert (code, failed(found)) == (1, {"endpoint"})
    assert "--region" in found["endpoint"]["advice"]
    assert examine(environment, "--region", stage.project.region)[0] == 0


def test_a_clock_that_is_wrong(environment: dict[str, str], start_simulator: StartSimulator) -> None:
    running = start_simulator("--port", "0", "--clock", "manual")
    running.client.advance(600)
    code, found = examine(environment | {f"DDM_CLOUD_{name}_ENDPOINT": running.url for name in ("DDM", "IAM")})
    assert code == 1
    assert "clock" in failed(found)
    assert "behind the cloud's" in found["clock"]["message"]


def test_a_credential_that_is_refused(environment: dict[str, str]) -> None:
    code, found = examine(environment | {"HUAWEICLOUD_SDK_SK": "a-wrong-secret-key"})
    assert (code, failed(found), skipped(found)) == (1, {"credential"}, {"project"})
    assert "CredentialsRejected" in found["credential"]["advice"]


def test_the_operator_s_own_credential_is_tried_though_no_namespace_may_use_it(environment: dict[str, str]) -> None:
    code, found = examine(environment | {"DDM_CREDENTIALS_OWN_NAMESPACES": ""})
    assert (code, failed(found)) == (0, set())
    assert found["credential"]["message"] == "the cloud accepts the AccessKey (the operator's own)"


def test_the_credential_of_a_namespace_is_tried(stage: Stage, environment: dict[str, str]) -> None:
    of_namespace = ("--namespace", stage.namespace)
    assert "(the operator's own)" in examine(environment, *of_namespace)[1]["credential"]["message"]
    values = {name: base64.b64encode(value.encode()).decode() for name, value in stage.user.items()}
    secrets = f"/api/v1/namespaces/{stage.namespace}/secrets"
    stage.api.post(secrets, {"metadata": {"name": "ddm-credentials"}, "data": values})
    code, found = examine(environment, *of_namespace)
    assert (code, failed(found)) == (0, set())
    assert found["credential"]["message"] == f"the cloud accepts the UserPassword (namespace {stage.namespace})"
    stage.api.patch(f"{secrets}/ddm-credentials", {"data": {"HW_USER_PASSWORD": None}})
    code, found = examine(environment, *of_namespace)
    assert (code, failed(found), skipped(found)) == (1, {"credential"}, {"project"})
    assert "HW_USER_PASSWORD is missing" in found["credential"]["message"]


def test_a_namespace_without_a_credential_and_one_whose_secret_nobody_can_ask_for(
    stage: Stage, environment: dict[str, str]
) -> None:
    none = environment | {"DDM_CREDENTIALS_OWN_NAMESPACES": ""}
    code, found = examine(none, "--namespace", stage.namespace)
    assert (code, failed(found), skipped(found)) == (1, {"credential"}, {"project"})
    assert f"Namespace {stage.namespace} has no Secret ddm-credentials" in found["credential"]["message"]
    assert "CredentialsMissing" in found["credential"]["advice"]
    code, found = examine(environment, "--namespace", "elsewhere")
    assert (code, failed(found)) == (1, {"permissions", "credential"})
    assert f"Objects in elsewhere are not seen: only {stage.namespace} is watched" in found["permissions"]["message"]
    assert "watchNamespaces" in found["permissions"]["advice"]
    assert "may not read the Secret ddm-credentials in namespace elsewhere" in found["credential"]["message"]
    silent = environment | {"KUBECONFIG": "/absent", "HOME": "/absent"}
    code, found = examine(silent, "--namespace", stage.namespace)
    assert (code, failed(found)) == (1, {"api-server", "credential"})
    assert "the API server was not reached" in found["credential"]["message"]


def test_a_project_that_is_not_there(environment: dict[str, str]) -> None:
    code, found = examine(environment | {"DDM_CLOUD_PROJECT_ID": "0" * 32})
    assert (code, failed(found)) == (1, {"project"})
    assert found["project"]["advice"]


@pytest.fixture(scope="module")
def bare() -> Iterator[tuple[Api, Path]]:
    """An API server of its own, without the CRD."""
    env = {name: value for name, value in os.environ.items() if name != "CLUSTER"}
    plane = ControlPlane.start(print, env=env)
    try:
        with Api(plane.server, str(plane.token), Path(str(plane.ca_file))) as api:
            yield api, Path(plane.kubeconfig)
    finally:
        plane.stop()


def test_a_crd_that_is_missing_or_older(bare: tuple[Api, Path], environment: dict[str, str]) -> None:
    api, kubeconfig = bare
    environment["KUBECONFIG"] = str(kubeconfig)
    code, found = examine(environment)
    assert (code, failed(found)) == (1, {"crd"})
    assert "does not serve ddminstances" in found["crd"]["message"]
    crd = crdschema.load()
    path = f"{CRD_PATH}/{crd['metadata']['name']}"
    _status(crd)["properties"].pop("lastHandledResolve")
    _status(crd)["properties"]["operation"]["properties"].pop("jobId")  # of the operations in history, too
    api.apply(path, crd)
    lacks = "lacks history.jobId, lastHandledResolve, operation.jobId of status"
    while lacks not in found["crd"]["message"]:
        code, found = examine(environment)
    assert (code, failed(found)) == (1, {"crd"})
    api.apply(path, crdschema.load())
    while failed(found):
        code, found = examine(environment)
    assert code == 0


def _status(crd: Json) -> dict[str, Any]:
    [version] = crd["spec"]["versions"]
    status: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    return status
