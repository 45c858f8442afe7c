"""A namespace's Secret: missing, made, wrong, corrected, forbidden, and changed in the middle of an operation."""

from __future__ import annotations

import base64
import json
import time

import pytest
import yaml

from ddm_operator.kube.secrets import FRESH_SECONDS
from ddm_simulator.client import Credentials
from tests.support.clouds import key_of, user_of
from tests.support.helm import Helm, of_kind
from tests.support.process import Process
from tests.support.repository import ROOT
from tests.support.simulator import StartSimulator
from tests.support.stage import Stage, condition, in_phase, operation, ready

PATIENT = {
    "DDM_CADENCE_ENLARGE_TIMEOUT_SECONDS": "5.8",
    "DDM_CADENCE_SETTLE_SECONDS": "8",
    "DDM_CADENCE_UNCONFIRMED_LIMIT_SECONDS": "40",
}
"""A call waits longer for its answer than a Secret that was read counts, so that the next pass reads it anew."""


def keep(stage: Stage, values: dict[str, str]) -> None:
    """The namespace's Secret, with these values and no others."""
    path = f"/api/v1/namespaces/{stage.namespace}/secrets"
    data = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
    body = {"metadata": {"name": "ddm-credentials"}, "data": data}
    names = [found["metadata"]["name"] for found in stage.api.get(path)["items"]]
    if "ddm-credentials" in names:
        stage.api.put(f"{path}/ddm-credentials", body)
    else:
        stage.api.post(path, body)


def start(stage: Stage, **environment: str) -> Process:
    """An operator that has no credential of its own."""
    empty = stage.folder / "nothing"
    empty.mkdir(exist_ok=True)
    return stage.start(DDM_CREDENTIALS_DIR=str(empty), DDM_CREDENTIALS_OWN_NAMESPACES="", **environment)


def account(project: Credentials, *, user: bool = False) -> dict[str, str]:
    values = user_of(project) if user else key_of(project)
    return {**values, "HUAWEICLOUD_SDK_PROJECT_ID": project.project_id}


def forbid(stage: Stage) -> None:
    """Take the right to read the Secret from the operator's role."""
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{stage.namespace}/roles/ddm-operator"
    rules = [rule for rule in stage.api.get(role)["rules"] if "secrets" not in rule["resources"]]
    stage.api.patch(role, {"rules": rules})


def test_missing_then_made_then_wrong_then_corrected(stage: Stage) -> None:
    stage.declare(3)
    operator = start(stage)
    stalled = stage.until_reason("CredentialsMissing")
    assert condition(stalled, "Stalled")["status"] == "True"
    for part in (stage.namespace, "ddm-credentials", "DDM_CREDENTIALS_OWN_NAMESPACES"):
        assert part in ready(stalled)["message"]
    keep(stage, {**account(stage.project), "HUAWEICLOUD_SDK_SK": "a-wrong-secret-value"})
    stage.until_reason("CredentialsRejected")
    keep(stage, account(stage.project))
    stage.until_ready(3)
    keep(stage, account(stage.project, user=True))
    stage.scale(4)
    stage.until_ready(4)
    assert stage.added() == [1, 1]
    said = operator.text + json.dumps(stage.objects.get()) + json.dumps(stage.events())
    for secret in ("a-wrong-secret-value", stage.project.secret_key, stage.project.password):
        assert secret not in said


def test_a_namespace_that_is_not_listed_does_not_spend_the_operator_s_money(stage: Stage) -> None:
    stage.declare(3)
    stage.start(DDM_CREDENTIALS_OWN_NAMESPACES="somebody-else")
    stage.until_reason("CredentialsMissing")
    assert stage.added() == []
    assert stage.cloud.ledger(stage.project.instance_id) == []


def test_a_role_without_the_secret_is_said_and_nothing_else_is_used(stage: Stage) -> None:
    """The operator's own credential would be allowed here; that there is no Secret is what nobody knows."""
    forbid(stage)
    stage.declare(3)
    stage.start()
    stalled = stage.until_reason("PermissionDenied")
    assert "resourceNames [ddm-credentials]" in ready(stalled)["message"]
    assert stage.added() == []


@pytest.fixture
def slow(stage: Stage, start_simulator: StartSimulator) -> Stage:
    """A cloud of the test's own, whose jobs end when they are told to."""
    stage.cloud = start_simulator("--port", "0", "--job-seconds", "600").client
    stage.project = stage.cloud.add_project()
    keep(stage, account(stage.project))
    stage.declare(2)
    start(stage, **PATIENT)
    stage.until_ready(2)
    return stage


@pytest.mark.parametrize("when", ["running", "unconfirmed"])
def test_another_account_in_the_middle_of_an_operation(slow: Stage, when: str) -> None:
    """What the other account does not see proves nothing: not that the call failed, not that it was never made."""
    other = slow.cloud.add_project()
    if when == "running":
        slow.scale(3)
        slow.until(in_phase("Running"))
        keep(slow, account(other))
    else:
        with slow.cloud.hold("enlarge", "after", instance=slow.project.instance_id) as hold:
            slow.scale(3)
            hold.wait()
            keep(slow, account(other))
            slow.until(in_phase("Unconfirmed"))
    slow.until_reason("PermissionDenied")
    known = operation(slow.objects.get())
    assert known["phase"] == when.capitalize()
    [job] = slow.cloud.jobs(slow.project.instance_id)
    slow.cloud.finish_job(job["id"])
    end = time.monotonic() + 1.3 * float(PATIENT["DDM_CADENCE_SETTLE_SECONDS"])
    while time.monotonic() < end:
        now = operation(slow.objects.get())
        assert (now["id"], now["phase"]) == (known["id"], known["phase"])
        assert len(slow.calls()) == 1
        time.sleep(0.25)
    keep(slow, account(slow.project))
    slow.until_ready(3)
    assert slow.added() == [1]
    assert slow.nodes() == 3
    assert operation(slow.objects.get())["phase"] == "Succeeded"


def test_a_secret_that_cannot_be_read_any_more_while_a_job_runs(slow: Stage) -> None:
    slow.scale(3)
    slow.until(in_phase("Running"))
    forbid(slow)
    time.sleep(FRESH_SECONDS)  # what was read before counts for so long, whatever is allowed
    [job] = slow.cloud.jobs(slow.project.instance_id)
    slow.cloud.finish_job(job["id"])
    slow.until(in_phase("Succeeded"))
    assert slow.added() == [1]
    slow.until_reason("PermissionDenied")


def test_the_example_of_a_namespace_s_own_credential_works(stage: Stage, helm: Helm) -> None:
    """As it stands there, but for the ids and keys of the test's own project."""
    folder = ROOT / "examples" / "namespace-credential"
    secret, instance, values = (
        yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ("secret", "ddminstance", "values")
    )
    made = helm.template(values)
    [container] = of_kind(made, "Deployment")["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one.get("value") for one in container["env"]}
    assert env["DDM_CLOUD_REGION"] == instance["spec"]["region"]
    assert not {"DDM_CREDENTIALS_OWN_NAMESPACES", "DDM_CREDENTIALS_DIR", "DDM_CREDENTIALS_PER_NAMESPACE"} & env.keys()
    ours = account(stage.project)
    assert ours.keys() == secret["stringData"].keys()
    secret |= {"stringData": ours}
    instance["spec"]["instanceId"] = stage.project.instance_id
    for body in (secret, instance):
        body["metadata"]["namespace"] = stage.namespace
    strict = "?fieldValidation=Strict"
    stage.api.post(f"/api/v1/namespaces/{stage.namespace}/secrets{strict}", secret)
    stage.api.post(f"{stage.objects.path()}{strict}", instance)
    start(stage)
    stage.until_ready(2)
