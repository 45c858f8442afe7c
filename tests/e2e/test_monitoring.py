"""The metrics of a running operator, judged by Prometheus' own tool."""

from __future__ import annotations

import re
import signal

import httpx
import pytest

from tests.e2e.test_living_with_it import probes
from tests.support.process import Process
from tests.support.promtool import Promtool
from tests.support.stage import Stage, in_phase, ready
from tools.monitoring import panels, queried, rules


def exposition(operator: Process) -> str:
    return httpx.get(f"{probes(operator)}/metrics", trust_env=False).text


def samples(text: str) -> set[str]:
    """The names of all samples."""
    return set(re.findall(r"^([a-z_]+)(?:\{| )", text, re.MULTILINE))


def value(text: str, sample: str) -> float:
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_what_alerts_and_dashboard_ask_for_is_there_and_well_formed(stage: Stage, promtool: Promtool) -> None:
    project = stage.project.project_id
    stage.cloud.fault("throttled", route="instance*", project=project, retry_after=1, limit=6000, count=1)
    stage.declare(3)
    operator = stage.start()
    stage.until(in_phase("Running"))
    told = exposition(operator)
    assert value(told, 'ddm_operator_open_operations{phase="Running"}') == 1
    stage.until_ready(3)
    stage.declare(3, name="younger")
    stage.until_reason("InstanceClaimed", "younger")
    operator.until(lambda: 'name="younger"' in exposition(operator), "name the stalled object")
    stalled = exposition(operator)
    labels = f'{{name="younger",namespace="{stage.namespace}",reason="InstanceClaimed"}}'
    assert re.search(rf"^ddm_operator_object_stalled{labels} 1\.0$", stalled, re.MULTILINE)
    assert value(stalled, "ddm_operator_watched_objects") == 2
    judged = promtool("check", "metrics", text=stalled)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")
    asked = {name for rule in rules() for name in queried(rule["expr"])}
    asked |= {name for panel in panels() for query in panel.queries for name in queried(query)}
    assert asked - samples(told + stalled) == set()
    stage.api.delete(stage.objects.path("younger"))
    operator.until(lambda: "ddm_operator_object_stalled{" not in exposition(operator), "forget the stalled object")


def test_a_replica_that_stands_by_says_so(stage: Stage, promtool: Promtool) -> None:
    stage.declare(2)
    leader = stage.start()
    stage.until_ready(2)
    standby = stage.start()
    standby.await_line("Standing by")
    told = exposition(standby)
    assert value(told, "ddm_operator_leader") == 0
    assert "ddm_operator_leader 0.0" in told
    assert "ddm_operator_objects{" not in told
    assert value(exposition(leader), "ddm_operator_leader") == 1
    for replica in (leader, standby):
        for probe in ("healthz", "readyz"):
            assert httpx.get(f"{probes(replica)}/{probe}", trust_env=False).status_code == 200
    judged = promtool("check", "metrics", text=told)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")


def test_an_outage_of_the_cloud_is_no_reason_to_restart_and_a_stuck_loop_is(stage: Stage) -> None:
    stage.declare(2)
    operator = stage.start(DDM_LEASE_DURATION_SECONDS="15")  # or it would end because it lost the Lease meanwhile
    stage.until_ready(2)
    stage.cloud.fault("error", route="*", project=stage.project.project_id, status=503)
    stage.until(lambda body: ready(body)["reason"] == "CloudInternalError")
    for probe in ("healthz", "readyz"):
        assert httpx.get(f"{probes(operator)}/{probe}", trust_env=False).status_code == 200
    operator.signal(signal.SIGSTOP)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{probes(operator)}/healthz", trust_env=False, timeout=1)
    operator.signal(signal.SIGCONT)
    assert httpx.get(f"{probes(operator)}/healthz", trust_env=False).status_code == 200
