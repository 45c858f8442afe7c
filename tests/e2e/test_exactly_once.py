"""Whatever dies or gets lost around the call: it is executed once for each declared change."""

from __future__ import annotations

import signal
from typing import Literal

import pytest

from tests.support.stage import Stage, in_phase, operation

When = Literal["before", "after"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_the_call_is_under_way(stage: Stage, when: When) -> None:
    """Before: the call is in the cloud and is never executed, for its caller is gone. After: its answer is lost."""
    stage.declare(4)
    with stage.cloud.hold("enlarge", when, stage.project.instance_id) as hold:
        first = stage.start()
        hold.wait()
        first.kill()
    assert operation(stage.objects.get())["phase"] == "Requesting"
    stage.start()
    stage.until_ready(4)
    assert stage.added() == [2]
    assert stage.nodes() == 4
    received = stage.cloud.ledger(stage.project.instance_id)
    assert [entry["executed"] for entry in received] == ([False, True] if when == "before" else [True])


def test_killed_while_the_job_runs(stage: Stage) -> None:
    stage.declare(4)
    first = stage.start()
    stage.until(in_phase("Running"))
    first.kill()
    stage.start()
    done = stage.until_ready(4)
    assert stage.added() == [2]
    assert operation(done)["jobId"] == stage.calls()[0]["job_id"]


def test_frozen_for_longer_than_everything_while_it_waits_for_the_answer(stage: Stage) -> None:
    stage.declare(4)
    with stage.cloud.hold("enlarge", "after", stage.project.instance_id) as hold:
        first = stage.start()
        hold.wait()
        first.signal(signal.SIGSTOP)
    second = stage.start()
    stage.until_ready(4)
    first.signal(signal.SIGCONT)
    assert first.wait() == 1, "it lost the Lease meanwhile"
    assert second.running
    assert stage.added() == [2]


FAULTS: list[tuple[str, dict[str, object], list[bool]]] = [
    ("lost", {}, [True]),
    ("lost", {"executed": False}, [False, True]),
    ("reset", {"executed": True}, [True]),
    ("reset", {"executed": False}, [False, True]),
    ("refused", {"seconds": 0.5}, [False, True]),
    ("error", {"status": 504, "executed": True}, [True]),
    ("error", {"status": 502, "executed": False}, [False, True]),
    ("error", {"status": 500, "executed": True}, [True]),
    ("error", {"status": 503, "executed": False}, [False, True]),
    ("error", {"status": 400, "code": "DBS.300002", "executed": True}, [True]),
    ("error", {"status": 400, "code": "DBS.999999", "executed": True}, [True]),
    ("late", {"seconds": 0.6}, [True]),
    ("garbage", {}, [True]),
    ("truncated", {}, [True]),
    ("answer", {"status": 200, "body": {"instanceId": "x"}, "executed": True}, [True]),
    ("answer", {"status": 302, "headers": {"Location": "/"}, "executed": True}, [True]),
]


@pytest.mark.parametrize(
    ("kind", "fields", "executed"), FAULTS, ids=[f"{kind}-{'-'.join(map(str, f.values()))}" for kind, f, _ in FAULTS]
)
def test_an_answer_that_says_nothing_is_settled_by_evidence(
    stage: Stage, kind: str, fields: dict[str, object], executed: list[bool]
) -> None:
    stage.cloud.fault(kind, route="enlarge", instance=stage.project.instance_id, count=1, **fields)
    stage.declare(4)
    stage.start()
    stage.until_ready(4, timeout=60)
    assert [entry["executed"] for entry in stage.cloud.ledger(stage.project.instance_id)] == executed
    assert stage.added() == [2]
    assert stage.nodes() == 4


def test_a_token_that_ended_at_the_call_is_renewed_and_the_call_planned_anew(stage: Stage) -> None:
    stage.cloud.fault("expired-token", route="enlarge", instance=stage.project.instance_id, count=1)
    stage.declare(3)
    stage.start(**stage.user)
    stage.until_ready(3)
    assert [entry["refused"] for entry in stage.cloud.ledger(stage.project.instance_id)] == ["APIGW.0301", ""]
    assert stage.added() == [1]


def test_a_lost_status_adopts_the_running_job(stage: Stage) -> None:
    stage.declare(4)
    stage.start()
    running = stage.until(in_phase("Running"))
    stage.objects.put_status(stage.objects.get()["metadata"], {"observedGeneration": -1})
    done = stage.until_ready(4)
    assert stage.added() == [2]
    assert operation(done)["jobId"] == operation(running)["jobId"]


def test_an_object_that_is_made_again_adopts_the_running_job(stage: Stage) -> None:
    stage.cloud.fault("job-stuck", instance=stage.project.instance_id, count=1)
    stage.declare(4)
    stage.start()
    running = stage.until(in_phase("Running"))
    stage.api.delete(stage.objects.path("orders"))
    stage.declare(4)
    stage.until(lambda body: operation(body).get("jobId") == operation(running)["jobId"])
    stage.cloud.finish_job(operation(running)["jobId"])
    stage.until_ready(4)
    assert stage.added() == [2]


def test_somebody_else_s_job_is_followed_and_its_nodes_are_counted(stage: Stage) -> None:
    stage.cloud.add_nodes(stage.project.instance_id, 1, job=True)
    stage.declare(4)
    stage.start()
    stage.until_ready(4, timeout=60)
    assert stage.added() == [1]


def test_reads_that_lag_behind_double_nothing(stage: Stage) -> None:
    stage.cloud.fault("lag", route="*", instance=stage.project.instance_id, seconds=0.25)
    stage.declare(3)
    stage.start()
    stage.until_ready(3)
    stage.scale(5)
    stage.until_ready(5)
    assert stage.added() == [1, 2]


def test_jobs_that_nobody_shows_are_followed_by_counting(stage: Stage) -> None:
    for kind in ("job-unknown", "job-missing"):
        stage.cloud.fault(kind, project=stage.project.project_id)
    stage.declare(4)
    stage.start()
    done = stage.until_ready(4, timeout=60)
    assert stage.added() == [2]
    assert operation(done)["phase"] == "Succeeded"


def test_two_operators_one_call(stage: Stage) -> None:
    stage.declare(4)
    first, second = stage.start(), stage.start()
    stage.until_ready(4)
    leaders = [
        process for process in (first, second) if "enlarge" in process.text or "ScaleOutRequested" in process.text
    ]
    assert len(leaders) == 1
    leaders[0].kill()
    stage.scale(5)
    stage.until_ready(5)
    assert stage.added() == [2, 1]


def test_two_operators_that_both_think_they_lead_make_one_call(stage: Stage) -> None:
    stage.declare(4)
    stage.start(DDM_LEASE_ENABLED="false")
    stage.start(DDM_LEASE_ENABLED="false")
    stage.until_ready(4)
    stage.scale(5)
    stage.until_ready(5)
    assert stage.added() == [2, 1]
