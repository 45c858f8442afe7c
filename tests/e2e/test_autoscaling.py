"""Kubernetes' own HPA controller with the example's manifest: it adds nodes, and takes none away."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.kubeapi import Json
from tests.support.repository import ROOT
from tests.support.stage import Stage, condition

EXAMPLES = ROOT / "examples/autoscaling"


class Autoscaled:
    """An object, an operator and an HPA over it; the metric is a file."""

    def __init__(self, stage: Stage, file: Path) -> None:
        self.stage = stage
        self._file = file
        self.path = f"/apis/autoscaling/v2/namespaces/{stage.namespace}/horizontalpodautoscalers"

    def connections(self, number: int) -> None:
        """What the metric says from now on; the example gives a node 200 of them."""
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(str(number))
        unfinished.replace(self._file)

    def declare(self, change: Callable[[Json], Any] = lambda _: None) -> None:
        """The example's HPA, which does not wait ten minutes before it believes a peak."""
        hpa = yaml.safe_load((EXAMPLES / "hpa.yaml").read_text())
        hpa["metadata"].pop("namespace")
        hpa["spec"]["behavior"]["scaleUp"]["stabilizationWindowSeconds"] = 0
        change(hpa["spec"])
        self.stage.api.post(self.path, hpa)

    def until(self, holds: Callable[[Json], bool]) -> Json:
        return self.stage.api.until(f"{self.path}/orders", holds)

    def until_seen(self, average: str) -> Json:
        """Wait until the HPA has counted with a metric; per node."""

        def seen(hpa: Json) -> bool:
            metrics = hpa.get("status", {}).get("currentMetrics") or [{}]
            current = metrics[0].get("external", {}).get("current", {})
            return bool(current.get("averageValue") == average)

        return self.until(seen)

    def declared(self) -> int:
        nodes: int = self.stage.objects.get()["spec"]["nodes"]
        return nodes


@pytest.fixture
def autoscaled(stage: Stage, autoscaler_program: Path, tmp_path: Path) -> Iterator[Autoscaled]:
    """Two nodes with 300 connections."""
    made = Autoscaled(stage, tmp_path / "metric")
    made.connections(300)
    spec = yaml.safe_load((EXAMPLES / "instance.yaml").read_text())["spec"]
    stage.declare(**{key: value for key, value in spec.items() if key != "instanceId"})
    stage.start()
    stage.until_ready(2)
    with (tmp_path / "autoscaler.log").open("wb") as log:
        arguments = [stage.connection.kubeconfig, stage.namespace, str(tmp_path / "metric")]
        with subprocess.Popen([autoscaler_program, *arguments], stdout=log, stderr=log) as process:
            yield made
            process.kill()


def test_it_follows_the_load_up_and_not_down(autoscaled: Autoscaled) -> None:
    stage = autoscaled.stage
    autoscaled.declare()
    autoscaled.until_seen("150")
    assert autoscaled.declared() == 2
    autoscaled.connections(700)
    stage.until_ready(4)
    autoscaled.connections(0)
    idle = autoscaled.until_seen("0")
    assert idle["status"]["desiredReplicas"] == 4
    assert autoscaled.declared() == 4
    assert stage.added() == [2]


def test_a_peak_ends_at_the_budget(autoscaled: Autoscaled) -> None:
    stage = autoscaled.stage
    autoscaled.declare(lambda spec: spec["behavior"]["scaleUp"]["policies"][0].update(value=8))
    autoscaled.connections(100_000)
    stage.until_ready(6)
    limited = autoscaled.until(lambda hpa: condition(hpa, "ScalingLimited").get("reason") == "TooManyReplicas")
    assert limited["status"]["desiredReplicas"] == 6
    assert sum(stage.added()) == 4


def test_a_wish_is_bounded_for_a_while(autoscaled: Autoscaled) -> None:
    """Two nodes in half an hour, as the example has it, whatever the metric says."""
    autoscaled.declare()
    autoscaled.connections(100_000)
    autoscaled.stage.until_ready(4)
    autoscaled.until(lambda hpa: condition(hpa, "ScalingLimited").get("reason") == "ScaleUpLimit")
    assert autoscaled.declared() == 4
    assert autoscaled.stage.added() == [2]


def test_without_the_examples_rule_it_would_lower_the_number_and_nothing_is_removed(autoscaled: Autoscaled) -> None:
    stage = autoscaled.stage
    autoscaled.declare(lambda spec: spec["behavior"].pop("scaleDown"))
    autoscaled.connections(700)
    stage.until_ready(4)
    autoscaled.connections(0)
    stage.until_reason("ScaleInForbidden")
    assert autoscaled.declared() == 2
    assert stage.nodes() == 4


def test_a_maximum_below_what_is_there_lowers_the_number_in_spite_of_the_rule(autoscaled: Autoscaled) -> None:
    stage = autoscaled.stage
    autoscaled.declare()
    autoscaled.connections(700)
    stage.until_ready(4)
    stage.api.patch(f"{autoscaled.path}/orders", {"spec": {"maxReplicas": 3}})
    stage.until_reason("ScaleInForbidden")
    assert autoscaled.declared() == 3
    assert stage.nodes() == 4


def test_a_target_that_counts_pods_finds_none(autoscaled: Autoscaled) -> None:
    def counting(spec: Json) -> None:
        spec["metrics"][0]["external"]["target"] = {"type": "Value", "value": "200"}

    autoscaled.declare(counting)
    autoscaled.connections(700)
    failed = autoscaled.until(lambda hpa: condition(hpa, "ScalingActive").get("status") == "False")
    assert "no pods" in condition(failed, "ScalingActive")["message"]
    assert autoscaled.declared() == 2
