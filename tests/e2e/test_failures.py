"""What goes wrong is told, lost by nobody, and ends when its cause ends."""

from __future__ import annotations

import pytest

from tests.support.kubeapi import Json
from tests.support.simulator import StartSimulator
from tests.support.stage import Stage, condition, in_phase, operation, ready


def test_a_job_that_fails_cleanly_is_tried_again(stage: Stage) -> None:
    stage.cloud.fault("job-fails", instance=stage.project.instance_id, count=1, reason="No room for the machine.")
    stage.declare(3)
    stage.start()
    failed = stage.until(in_phase("Failed"))
    assert "No room for the machine." in operation(failed)["message"]
    done = stage.until_ready(3, timeout=60)
    assert stage.added() == [1, 1]
    assert operation(done)["attempt"] == 2
    assert "ScaleOutFailed" in {event["reason"] for event in stage.events()}


def test_a_job_that_leaves_failed_nodes_behind_needs_a_person(stage: Stage) -> None:
    stage.cloud.fault("job-fails", instance=stage.project.instance_id, count=1, failed_nodes=1, kept_nodes=1)
    stage.declare(4)
    stage.start()
    stalled = stage.until(lambda body: condition(body, "Stalled").get("status") == "True")
    assert ready(stalled)["status"] == "False"
    assert "enlargefail" in ready(stalled)["message"]
    broken = next(n["id"] for n in stage.cloud.instance(stage.project.instance_id)["nodes"] if n["status"] != "normal")
    assert broken in ready(stalled)["message"]
    assert stage.added() == [2]


BAD_SPECS: list[tuple[Json, str, str]] = [
    ({"instanceId": "0" * 32 + "in09", "nodes": 3}, "InstanceNotFound", "0" * 32 + "in09"),
    ({"nodes": 3, "groupId": "0" * 32 + "gr09"}, "GroupNotFound", "group-default"),
    ({"nodes": 30}, "StepTooLarge", "at most 8"),
    ({"nodes": 3, "flavorId": "00000000-0000-0000-0000-000000000000"}, "FlavorNotUsable", "spec.flavorId"),
    ({"nodes": 1}, "ScaleInForbidden", "Set spec.nodes to 2"),
    ({"nodes": 3, "projectId": "f" * 32}, "ProjectNotFound", "APIGW.0310"),
]


@pytest.mark.parametrize(("spec", "reason", "named"), BAD_SPECS, ids=[reason for _, reason, _ in BAD_SPECS])
def test_a_spec_that_cannot_be_carried_out_is_refused_with_the_reason(
    stage: Stage, spec: Json, reason: str, named: str
) -> None:
    stage.objects.create({"instanceId": stage.project.instance_id, **spec})
    stage.start()
    stalled = stage.until_reason(reason)
    assert named in ready(stalled)["message"]
    assert condition(stalled, "Stalled")["reason"] == reason
    assert condition(stalled, "Reconciling") == {}
    assert stage.cloud.ledger(stage.project.instance_id) == []


def test_a_correction_ends_it(stage: Stage) -> None:
    stage.declare(30)
    stage.start()
    stage.until_reason("StepTooLarge")
    stage.scale(3)
    stage.until_ready(3)
    assert stage.added() == [1]


PRECONDITIONS: list[tuple[Json, str, str]] = [
    ({"status": "FROZEN"}, "InstanceFrozen", "FROZEN"),
    ({"status": "ERROR"}, "InstanceFaulty", "ERROR"),
    ({"status": "BACKUP"}, "InstanceBusy", "BACKUP"),
    ({"status": "POLISHING"}, "InstanceBusy", "POLISHING"),
    ({"order_id": "CS1810251738L8VVD"}, "YearlyMonthlyInstance", "yearly/monthly"),
    ({"nodes": {"*": "abnormal"}}, "NodesUnhealthy", "abnormal"),
]


@pytest.mark.parametrize(
    ("change", "reason", "named"), PRECONDITIONS, ids=[str(change) for change, _, _ in PRECONDITIONS]
)
def test_what_stands_in_the_way_is_named_and_waited_for(stage: Stage, change: Json, reason: str, named: str) -> None:
    stage.cloud.change_instance(stage.project.instance_id, **change)
    stage.declare(3)
    stage.start()
    waiting = stage.until_reason(reason)
    assert named in ready(waiting)["message"]
    assert stage.cloud.ledger(stage.project.instance_id) == []
    stage.cloud.change_instance(stage.project.instance_id, status="RUNNING", order_id="", nodes={"*": "normal"})
    stage.until_ready(3)
    assert stage.added() == [1]


def test_a_data_node_that_is_busy_is_waited_for(stage: Stage) -> None:
    made = stage.cloud.add_instance(
        project=stage.project.project_id,
        data_nodes=[{"name": "rds-orders", "status": "rebooting"}],
        schemas=[{"name": "orders", "data_nodes": ["rds-orders"]}],
    )
    stage.objects.create({"instanceId": made["id"], "nodes": 3})
    stage.start()
    assert "rds-orders (rebooting)" in ready(stage.until_reason("DataNodesNotReady"))["message"]
    stage.cloud.change_instance(made["id"], data_nodes={"rds-orders": "normal"}, schemas={"orders": "EXPANDING"})
    assert "orders" in ready(stage.until_reason("SchemaExpanding"))["message"]
    stage.cloud.change_instance(made["id"], schemas={"orders": "RUNNING"})
    stage.until_ready(3)


@pytest.mark.parametrize("kind", ["password", "key"])
def test_credentials_that_are_wrong_and_then_mended(stage: Stage, kind: str) -> None:
    folder = stage.folder / "credentials"
    folder.mkdir()
    right, secret = (stage.user, "HW_USER_PASSWORD") if kind == "password" else (stage.key, "HUAWEICLOUD_SDK_SK")
    for name, value in right.items():
        (folder / name).write_text(value)
    (folder / secret).write_text("a-wrong-secret-value")
    stage.declare(3)
    operator = stage.start(DDM_CREDENTIALS_DIR=str(folder))
    stalled = stage.until_reason("CredentialsRejected")
    assert condition(stalled, "Stalled")["status"] == "True"
    (folder / secret).write_text(right[secret])
    stage.until_ready(3)
    assert stage.added() == [1]
    assert "a-wrong-secret-value" not in operator.text


def test_no_credential_at_all_is_said(stage: Stage) -> None:
    folder = stage.folder / "credentials"
    folder.mkdir()
    stage.declare(3)
    stage.start(DDM_CREDENTIALS_DIR=str(folder))
    stalled = stage.until_reason("CredentialsMissing")
    assert "HUAWEICLOUD_SDK_AK" in ready(stalled)["message"]


def test_a_password_that_is_changed_in_the_cloud_and_back(stage: Stage) -> None:
    stage.declare(2)
    stage.start(**stage.user)
    stage.until_ready(2)
    stage.cloud.change_user(stage.project.user, password="another-password")
    stage.cloud.change_user(stage.project.user, enabled=False)
    stage.until_reason("CredentialsRejected")
    stage.cloud.change_user(stage.project.user, password=stage.project.password, enabled=True)
    stage.until_ready(2)


def test_the_cloud_is_away_for_a_while_in_the_middle_of_a_job(stage: Stage, start_simulator: StartSimulator) -> None:
    state = str(stage.folder / "cloud.db")
    first = start_simulator("--port", "0", "--state", state, "--job-seconds", "4")
    stage.cloud = first.client
    stage.project = first.client.add_project()
    port = first.url.rpartition(":")[2]
    stage.declare(4)
    stage.start()
    stage.until(in_phase("Running"))
    first.process.kill()
    stage.until(lambda body: ready(body).get("reason") == "CloudUnreachable")
    again = start_simulator("--port", port, "--state", state)
    stage.cloud = again.client
    stage.until_ready(4)
    assert stage.added() == [2]


def test_no_secret_is_ever_shown(stage: Stage) -> None:
    stage.declare(3)
    operator = stage.start(DDM_LOG_LEVEL="DEBUG", **stage.user)
    stage.until_ready(3)
    operator.stop()
    shown = operator.text + str(stage.objects.get()) + str(stage.events())
    assert stage.project.password not in shown
    assert stage.project.secret_key not in shown
    assert "X-Subject-Token" not in shown
    assert "orders" in operator.text
