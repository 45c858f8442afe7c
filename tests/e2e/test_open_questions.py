"""What evidence leaves open is asked, answered by a person once, and remembered."""

from __future__ import annotations

from tests.support.stage import Stage, condition, in_phase, operation, ready

ANNOTATION = "ddm.huaweicloud.com/resolve"


def answer(stage: Stage, value: str | None) -> None:
    """Annotate the object, or take the annotation away."""
    stage.api.patch(stage.objects.path("orders"), {"metadata": {"annotations": {ANNOTATION: value}}})


def refusals(stage: Stage) -> list[str]:
    """What was said of answers that do nothing."""
    return [event["message"] for event in stage.events() if event["reason"] == "ResolveRefused"]


def test_an_answer_counts_once_and_only_after_its_question(stage: Stage) -> None:
    instance = stage.project.instance_id
    stage.cloud.fault("lost", route="enlarge", instance=instance, executed=False, count=1)
    stage.declare(4)
    stage.start(DDM_CADENCE_UNCONFIRMED_LIMIT_SECONDS="7")
    unconfirmed = stage.until(in_phase("Unconfirmed"))
    stage.cloud.change_instance(instance, status="BACKUP")
    key = operation(unconfirmed)["id"]

    answer(stage, f"{key}=retry")
    stage.until(lambda body: body["status"].get("lastHandledResolve") == f"{key}=retry")
    asked = stage.until_reason("OutcomeUnknown")
    assert f"{key}=retry" in ready(asked)["message"]
    assert "remove the annotation" in ready(asked)["message"]
    assert condition(asked, "Stalled")["reason"] == "OutcomeUnknown"
    looks = stage.cloud.requests()["instance"]
    stage.processes[0].until(lambda: stage.cloud.requests()["instance"] >= looks + 3, "look three more times")
    assert operation(stage.objects.get())["phase"] == "Unconfirmed"
    [told] = refusals(stage)
    assert "before its question" in told

    answer(stage, None)
    stage.until(lambda body: "lastHandledResolve" not in body["status"])
    answer(stage, f"{key}=retry")
    settled = stage.until(in_phase("Rejected"))
    assert operation(settled)["reason"] == "ResolvedByUser"
    assert settled["status"]["lastHandledResolve"] == f"{key}=retry"

    stage.cloud.change_instance(instance, status="RUNNING")
    done = stage.until_ready(4)
    assert stage.added() == [2]
    [past] = done["status"]["history"]
    assert (past["id"], past["reason"]) == (key, "ResolvedByUser")
    assert f"{key}=retry" in past["message"]
    assert len(refusals(stage)) == 1
