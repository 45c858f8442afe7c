"""The examples for GitOps tools and autoscalers: taken by a real API server where it serves their kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ddm_operator.domain.case import Limits
from ddm_operator.domain.model import MAX_NODES
from tests.support.ddminstances import DDMInstances
from tests.support.kubeapi import Json, RefusedError
from tests.support.repository import ROOT
from tools.argocd import FLAVOURS, FOLDER

COLLECTIONS = {
    "DDMInstance": "/apis/ddm.huaweicloud.com/v1beta1/namespaces/{}/ddminstances",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
}
ELSEWHERE = {"Application", "ScaledObject"}
"""Kinds that a plain API server does not serve."""


def documents(*paths: Path) -> list[Json]:
    return [document for path in paths for document in yaml.safe_load_all(path.read_text())]


EXAMPLES = documents(*sorted((ROOT / "examples").glob("a*/*.yaml")))
SETTINGS = documents(*(FOLDER / name for name in FLAVOURS))
SERVED = [body for body in (*EXAMPLES, *SETTINGS) if body["kind"] not in ELSEWHERE]


def example(kind: str, having: str = "") -> Json:
    [found] = [body for body in EXAMPLES if body["kind"] == kind and having in str(body)]
    return found


def behaviour(kind: str) -> tuple[int, int, Json]:
    """Least, most, and how it goes there."""
    spec = example(kind)["spec"]
    if kind == "HorizontalPodAutoscaler":
        return spec["minReplicas"], spec["maxReplicas"], spec["behavior"]
    inner = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    return spec["minReplicaCount"], spec["maxReplicaCount"], inner


@pytest.mark.parametrize("body", SERVED, ids=lambda body: f"{body['kind']}-{body['metadata']['name']}")
def test_the_api_server_takes_it(ddminstances: DDMInstances, body: Json) -> None:
    wanted = body | {"metadata": {**body["metadata"], "namespace": ddminstances.namespace}}
    path = COLLECTIONS[body["kind"]].format(ddminstances.namespace)
    taken = ddminstances.api.post(path, wanted, fieldValidation="Strict", dryRun="All")
    assert taken["metadata"]["name"] == body["metadata"]["name"]


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "ScaledObject"])
def test_an_autoscaler_never_scales_in_and_never_below_one(kind: str) -> None:
    least, most, how = behaviour(kind)
    begins = example("DDMInstance", "'nodes': 2")["spec"]["nodes"]
    assert 1 <= least == begins < most <= MAX_NODES
    assert how["scaleDown"] == {"selectPolicy": "Disabled"}
    [policy] = how["scaleUp"]["policies"]
    assert policy["type"] == "Pods"
    assert policy["value"] <= Limits().max_step
    spec = example(kind)["spec"]
    assert spec["scaleTargetRef"] == {
        "apiVersion": "ddm.huaweicloud.com/v1beta1",
        "kind": "DDMInstance",
        "name": example("DDMInstance", "'nodes': 2")["metadata"]["name"],
    }


def test_both_autoscalers_go_about_it_in_the_same_way() -> None:
    """What is shown of the one (tests/e2e/test_autoscaling.py) holds for the HPA that KEDA makes."""
    assert behaviour("HorizontalPodAutoscaler") == behaviour("ScaledObject")


def test_the_metrics_need_no_pods() -> None:
    hpa = example("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert [(each["type"], each["external"]["target"]["type"]) for each in hpa] == [("External", "AverageValue")]
    keda = example("ScaledObject")["spec"]
    assert [trigger["metricType"] for trigger in keda["triggers"]] == ["AverageValue"]
    assert "idleReplicaCount" not in keda
    assert keda["advanced"]["restoreToOriginalReplicaCount"] is False


@pytest.mark.parametrize("replicas", [0, -1, MAX_NODES + 1])
def test_the_api_server_holds_the_bounds_whatever_an_autoscaler_says(ddminstances: DDMInstances, replicas: int) -> None:
    ddminstances.create(example("DDMInstance", "'nodes': 2")["spec"])
    with pytest.raises(RefusedError):
        ddminstances.api.patch(ddminstances.path("orders", "scale"), {"spec": {"replicas": replicas}})


def test_argo_cd_leaves_the_count_to_the_autoscaler() -> None:
    spec: dict[str, Any] = example("Application")["spec"]
    [ignored] = spec["ignoreDifferences"]
    assert ignored == {"group": "ddm.huaweicloud.com", "kind": "DDMInstance", "jsonPointers": ["/spec/nodes"]}
    assert "RespectIgnoreDifferences=true" in spec["syncPolicy"]["syncOptions"]
