"""The main job: a declared number of nodes becomes true, once, with everything told on the way."""

from __future__ import annotations

from tests.support.stage import Stage, condition, in_phase, operation, ready


def test_two_nodes_become_four(stage: Stage) -> None:
    stage.declare(2)
    stage.start()
    before = stage.until_ready(2)
    assert stage.calls() == []
    assert before["status"]["instance"]["status"] == "RUNNING"

    stage.scale(4)
    running = stage.until(lambda body: operation(body).get("progressPercent") is not None)
    assert (ready(running)["status"], ready(running)["reason"]) == ("False", "ScalingOut")
    assert condition(running, "Available")["status"] == "True"
    assert condition(running, "Reconciling")["status"] == "True"

    done = stage.until_ready(4)
    [call] = stage.cloud.ledger(stage.project.instance_id)
    assert call["executed"]
    assert call["body"] == {
        "flavor_id": stage.project.flavor_id,
        "node_number": 2,
        "group_id": stage.project.group_id,
    }
    journal = operation(done)
    assert (journal["type"], journal["phase"], journal["fromNodes"], journal["toNodes"]) == (
        "ScaleOut",
        "Succeeded",
        2,
        4,
    )
    assert journal["jobId"] == call["job_id"]
    assert journal["progressPercent"] == 100
    assert len(journal["finalNodeIds"]) == 4
    assert condition(done, "Reconciling") == {}
    assert condition(done, "Stalled") == {}


def test_the_writes_are_few_and_touch_nothing_but_the_status(stage: Stage) -> None:
    stage.declare(2)
    stage.start()
    stage.until_ready(2)
    earlier = len(stage.writes())
    seen: set[int] = set()

    def collected(body: dict[str, object]) -> bool:
        progress = operation(body).get("progressPercent")
        if isinstance(progress, int):
            seen.add(progress)
        return operation(body).get("phase") == "Succeeded"

    stage.scale(4)
    stage.until(collected)
    writes = [event["objectRef"] for event in stage.writes()[earlier:]]
    others = {write["resource"] for write in writes} - {"ddminstances"}
    assert others <= {"events", "leases"}
    status = [write for write in writes if write["resource"] == "ddminstances"]
    assert {write.get("subresource") for write in status} == {"status"}
    assert len(status) <= 4 + len(seen - {100})
    body = stage.objects.get()
    assert "finalizers" not in body["metadata"]
    assert "annotations" not in body["metadata"]
    assert {entry["manager"] for entry in body["metadata"]["managedFields"] if "subresource" not in entry} == {
        body["metadata"]["managedFields"][0]["manager"]
    }


def test_events_tell_the_story_once(stage: Stage) -> None:
    stage.declare(3)
    operator = stage.start()
    stage.until_ready(3)
    assert operator.stop() == 0
    told = {event["reason"]: event.get("count", 1) for event in stage.events()}
    assert told.keys() >= {"ScaleOutRequested", "ScaleOutRunning", "ScaleOutSucceeded"}
    assert all(event["involvedObject"]["name"] == "orders" for event in stage.events())


def test_a_spec_that_changes_while_a_job_runs_takes_effect_after_it(stage: Stage) -> None:
    stage.declare(4)
    stage.start()
    stage.until(in_phase("Running"))
    stage.scale(5)
    stage.until_ready(5)
    assert stage.added() == [2, 1]


def test_a_group_that_changes_while_a_job_runs_is_counted_after_it(stage: Stage) -> None:
    groups = [{"name": "group-default", "nodes": 1}, {"name": "reporting", "role": "r", "nodes": 1}]
    made = stage.cloud.add_instance(project=stage.project.project_id, groups=groups)
    first, second = (group["id"] for group in made["groups"])
    stage.objects.create({"instanceId": made["id"], "nodes": 3, "groupId": first})
    stage.start()
    stage.until(in_phase("Running"))
    stage.objects.patch_spec({"nodes": 2, "groupId": second})
    stage.until_ready(2)
    calls = [call["body"] for call in stage.cloud.executed(made["id"])]
    assert [(call["group_id"], call["node_number"]) for call in calls] == [(first, 2), (second, 1)]
    [past] = stage.objects.get()["status"]["history"]
    assert (past["groupId"], past["phase"], past["toNodes"]) == (first, "Succeeded", 3)


def test_the_class_is_looked_up_and_a_named_group_is_used(stage: Stage) -> None:
    groups = [{"name": "group-default", "nodes": 1}, {"name": "reporting", "role": "r", "nodes": 1}]
    made = stage.cloud.add_instance(project=stage.project.project_id, groups=groups)
    stage.objects.create({"instanceId": made["id"], "nodes": 2, "groupId": made["groups"][1]["id"]}, name="reporting")
    stage.start()
    done = stage.until_ready(2, "reporting")
    [call] = stage.cloud.ledger(made["id"])
    assert call["body"]["group_id"] == made["groups"][1]["id"]
    assert {group["id"]: group["nodes"] for group in done["status"]["groups"]} == {
        made["groups"][0]["id"]: 1,
        made["groups"][1]["id"]: 2,
    }


def test_kubectl_scale_writes_through_the_scale_subresource(stage: Stage) -> None:
    stage.declare(2)
    stage.start()
    stage.until_ready(2)
    stage.api.patch(stage.objects.path("orders", "scale"), {"spec": {"replicas": 3}})
    stage.until_ready(3)
    assert stage.added() == [1]
    assert stage.objects.get("orders", "scale")["status"]["replicas"] == 3


def test_a_user_with_a_password_does_it_too(stage: Stage) -> None:
    stage.declare(3)
    stage.start(**stage.user)
    stage.until_ready(3)
    assert stage.added() == [1]


def test_the_project_is_looked_up_when_none_is_named(stage: Stage) -> None:
    stage.declare(3)
    stage.start(DDM_CLOUD_PROJECT_ID="")
    done = stage.until_ready(3)
    assert done["status"]["instance"]["projectId"] == stage.project.project_id
