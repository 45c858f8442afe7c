"""Several replicas: one works, the others stand by, and whoever ends is followed at once or after the Lease."""

from __future__ import annotations

from tests.support.kubeapi import Json
from tests.support.process import Process
from tests.support.stage import Stage, in_phase

NEVER_BY_ITSELF = "600"
"""Seconds of a Lease that outlasts every test: it changes hands by a release or not at all."""


def standing_by(stage: Stage, duration: str) -> Process:
    operator = stage.start(DDM_LEASE_DURATION_SECONDS=duration)
    operator.await_line("Standing by")
    return operator


def lease(stage: Stage) -> Json:
    found: Json = stage.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{stage.namespace}/leases/ddm-operator")[
        "spec"
    ]
    return found


def test_a_leader_that_is_stopped_hands_over_without_waiting_for_the_lease_to_end(stage: Stage) -> None:
    stage.declare(2)
    leader = stage.start(DDM_LEASE_DURATION_SECONDS=NEVER_BY_ITSELF)
    stage.until_ready(2)
    standby = standing_by(stage, NEVER_BY_ITSELF)
    assert leader.stop() == 0
    stage.scale(4)
    stage.until_ready(4)
    assert standby.running
    assert lease(stage)["leaseTransitions"] == 1
    assert stage.added() == [2]


def test_a_leader_that_is_killed_is_followed_when_its_lease_has_ended(stage: Stage) -> None:
    stage.declare(4)
    with stage.cloud.hold("enlarge", "after", stage.project.instance_id) as hold:
        leader = stage.start()
        hold.wait()
        standby = standing_by(stage, "2")
        leader.kill()
    stage.until_ready(4, timeout=60)
    assert standby.running
    assert stage.added() == [2]


def test_a_rolling_update_in_the_middle_of_a_scale_out_adds_nothing_twice(stage: Stage) -> None:
    stage.declare(2)
    running = [stage.start(DDM_LEASE_DURATION_SECONDS=NEVER_BY_ITSELF)]
    stage.until_ready(2)
    running.append(standing_by(stage, NEVER_BY_ITSELF))
    stage.scale(4)
    stage.until(in_phase("Running", "Verifying", "Succeeded"))
    for _ in range(2):
        fresh = standing_by(stage, NEVER_BY_ITSELF)
        assert running.pop(0).stop() == 0
        running.append(fresh)
    stage.until_ready(4)
    assert stage.added() == [2]
    stage.scale(5)
    stage.until_ready(5)
    assert stage.added() == [2, 1]
    assert lease(stage)["leaseTransitions"] >= 1


def test_a_standby_that_is_stopped_disturbs_nobody(stage: Stage) -> None:
    stage.declare(2)
    leader = stage.start(DDM_LEASE_DURATION_SECONDS=NEVER_BY_ITSELF)
    stage.until_ready(2)
    holder = lease(stage)["holderIdentity"]
    assert standing_by(stage, NEVER_BY_ITSELF).stop() == 0
    assert lease(stage)["holderIdentity"] == holder
    stage.scale(3)
    stage.until_ready(3)
    assert leader.running
