"""What GitOps tools and autoscalers do to an object while a job runs, with the real kubectl: harmless, each of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gitops.record import FOLDER
from tests.support.kubeapi import Json
from tests.support.stage import Stage, in_phase, is_ready, observed, operation
from tests.support.verdicts import Judge

SECONDS = 40
GIT = "argocd-controller"
STRICT = (FOLDER / "health.lua").read_text()


class Tools:
    """A repository with one manifest, and the kubectl that applies it."""

    def __init__(self, stage: Stage, kubectl: Path, folder: Path) -> None:
        self.stage = stage
        self._kubectl = kubectl
        self._manifest = folder / "orders.json"

    def __call__(self, *arguments: str, fails: bool = False) -> str:
        """One command, as the administrator; what it says."""
        options = ["--kubeconfig", self.stage.connection.kubeconfig, "--namespace", self.stage.namespace]
        done = subprocess.run(
            [self._kubectl, *options, *arguments], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert (done.returncode != 0) == fails, (arguments, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def git(self, nodes: int | None, **spec: Any) -> str:
        """What the repository says from now on; the file."""
        wanted = {"instanceId": self.stage.project.instance_id, **spec}
        body = {
            "apiVersion": "ddm.huaweicloud.com/v1beta1",
            "kind": "DDMInstance",
            "metadata": {"name": "orders"},
            "spec": wanted if nodes is None else {**wanted, "nodes": nodes},
        }
        self._manifest.write_text(json.dumps(body))
        return str(self._manifest)

    def sync(self, nodes: int | None, *more: str, fails: bool = False) -> str:
        """Server-side apply, as a GitOps tool does it."""
        how = ("apply", "--server-side", f"--field-manager={GIT}", *more)
        return self(*how, "-f", self.git(nodes), fails=fails)

    def autoscale(self, nodes: int) -> None:
        """What an autoscaler does: it writes the subresource ``scale``."""
        self("scale", "ddm/orders", f"--replicas={nodes}")

    def running(self) -> str:
        """Wait for a job; its id."""
        job: str = operation(self.stage.until(in_phase("Running")))["jobId"]
        return job


@pytest.fixture
def tools(stage: Stage, kubectl_program: Path, tmp_path: Path) -> Tools:
    """Two nodes, declared and there, and an operator that runs."""
    tools = Tools(stage, kubectl_program, tmp_path)
    tools.sync(2)
    stage.start()
    stage.until_ready(2)
    return tools


@pytest.fixture
def held(tools: Tools) -> Tools:
    """The same, and the next job ends only when it is told to."""
    tools.stage.cloud.fault("job-stuck", instance=tools.stage.project.instance_id, count=1)
    return tools


def test_git_and_an_autoscaler_both_own_the_count(held: Tools, judge: Judge) -> None:
    stage = held.stage
    held.autoscale(4)
    job = held.running()
    said = held.sync(2, fails=True)
    assert "conflict" in said
    assert ".spec.nodes" in said
    [scaling] = judge([stage.objects.get()], {"health": STRICT})
    assert (scaling.kstatus, scaling.lua["health"]["status"]) == ("InProgress", "Progressing")
    held.sync(None)  # as with RespectIgnoreDifferences
    assert stage.objects.get()["spec"]["nodes"] == 4
    stage.cloud.finish_job(job)
    done = stage.until_ready(4)
    [current] = judge([done], {"health": STRICT})
    assert (current.kstatus, current.lua["health"]["status"]) == ("Current", "Healthy")
    assert stage.added() == [2]


def test_git_wins_by_force_in_the_middle_of_a_job(held: Tools) -> None:
    stage = held.stage
    held.autoscale(4)
    job = held.running()
    held.sync(2, "--force-conflicts")
    stage.cloud.finish_job(job)
    stage.until_reason("ScaleInForbidden")
    assert stage.nodes() == 4
    held.sync(4)
    stage.until_ready(4)
    assert stage.added() == [2]


def test_a_count_that_git_alone_owned_goes_with_it(tools: Tools) -> None:
    tools.sync(None)
    tools.stage.until_reason("ObserveOnly")
    assert tools.stage.calls() == []


def replaced(tools: Tools, _: str) -> None:
    tools("replace", "-f", tools.git(4))


def replaced_by_force(tools: Tools, _: str) -> None:
    tools("replace", "--force", "-f", tools.git(4))


def pruned_and_applied(tools: Tools, _: str) -> None:
    tools("delete", "ddm/orders")
    tools.sync(4)


def applied_after_the_job(tools: Tools, job: str) -> None:
    tools("delete", "ddm/orders")
    tools.stage.cloud.finish_job(job)
    tools.sync(4)


@pytest.mark.parametrize("deed", [replaced, replaced_by_force, pruned_and_applied, applied_after_the_job])
def test_the_object_is_made_anew_in_the_middle_of_a_job(held: Tools, deed: Callable[[Tools, str], None]) -> None:
    stage = held.stage
    held.sync(4)
    job = held.running()
    before = stage.objects.get()["metadata"]["uid"]
    deed(held, job)
    assert (stage.objects.get()["metadata"]["uid"] == before) == (deed is replaced)
    if deed is not applied_after_the_job:
        stage.until(lambda body: observed(body) and operation(body).get("jobId") == job)
        stage.cloud.finish_job(job)
    stage.until_ready(4)
    assert stage.added() == [2]
    assert len(stage.cloud.ledger(stage.project.instance_id)) == 1
    assert stage.nodes() == 4


def test_kubectl_wait_does_not_take_the_old_answer(tools: Tools) -> None:
    stage = tools.stage
    stage.processes[0].kill()
    tools.autoscale(4)
    said = tools("wait", "ddm/orders", "--for=condition=Ready", "--timeout=1s", fails=True)
    assert "timed out" in said
    stage.start()
    tools("wait", "ddm/orders", "--for=condition=Ready", f"--timeout={SECONDS - 5}s")
    assert is_ready(stage.objects.get())
    assert stage.added() == [2]


def test_what_a_tool_applied_stays_as_it_was(tools: Tools) -> None:
    """No drift: after a scale-out the object differs from Git in what Git does not hold."""
    stage = tools.stage
    tools.sync(4)
    done = stage.until_ready(4)
    fields: dict[str, Json] = {field["manager"]: field["fieldsV1"] for field in done["metadata"]["managedFields"]}
    assert "f:nodes" in fields[GIT]["f:spec"]
    assert set(fields) - {GIT} == {name for name, owned in fields.items() if set(owned) == {"f:status"}}
    assert "annotations" not in done["metadata"]
    assert "finalizers" not in done["metadata"]
    assert tools("diff", "--server-side", f"--field-manager={GIT}", "-f", tools.git(4)) == ""
