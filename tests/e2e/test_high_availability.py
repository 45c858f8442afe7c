"""Several replicas: one works, the others stand by, and whoever ends is followed at once or after the Lease."""

from __future__ import annotations

import re

import httpx

from tests.e2e.test_living_with_it import probes
from tests.support.kubeapi import Json
from tests.support.process import Process
from tests.support.stage import RULES, Stage, in_phase

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


def test_a_replica_that_cannot_know_who_leads_is_not_ready_and_says_why(stage: Stage) -> None:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{stage.namespace}/leases"
    held = {"holderIdentity": "somebody", "leaseDurationSeconds": int(NEVER_BY_ITSELF)}
    stage.api.post(leases, {"metadata": {"name": "ddm-operator"}, "spec": held})
    standby = standing_by(stage, "2")
    assert readiness(standby) == (200, "[+] lease: standing by, somebody leads")
    role = f"{RULES}/namespaces/{stage.namespace}/roles/ddm-operator-lease"
    rules = stage.api.get(role)["rules"]
    stage.api.patch(role, {"rules": []})
    standby.until(lambda: readiness(standby)[0] == 503, "no longer be ready")
    assert re.match(r"\[-\] lease: not known who leads, asked again: HTTP 403: .* forbidden", readiness(standby)[1])
    standby.await_line("could not be taken or renewed: HTTP 403")
    stage.api.patch(role, {"rules": rules})
    standby.until(lambda: readiness(standby) == (200, "[+] lease: standing by, somebody leads"), "be ready again")


def test_a_replica_that_never_reached_the_api_server_does_not_stand_by(stage: Stage) -> None:
    alone = stage.start(KUBECONFIG=str(stage.write_kubeconfig("https://127.0.0.1:1")))
    alone.await_line("could not be taken or renewed")
    status, line = readiness(alone)
    assert status == 503
    assert line.startswith("[-] lease: not known who leads, asked again: no connection to the API server")
    metrics = httpx.get(f"{probes(alone)}/metrics", trust_env=False).text
    assert "ddm_operator_leader 0.0" in metrics
    age = re.search(r"^ddm_operator_lease_answer_age_seconds (\S+)$", metrics, re.MULTILINE)
    assert age
    assert float(age[1]) > 0


def readiness(operator: Process) -> tuple[int, str]:
    """The status of /readyz, and the line about the Lease."""
    answer = httpx.get(f"{probes(operator)}/readyz", trust_env=False)
    return answer.status_code, next(line for line in answer.text.splitlines() if "lease:" in line)
