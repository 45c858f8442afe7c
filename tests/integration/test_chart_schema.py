"""What the chart refuses, before anything is installed, and what it says then."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.helm import CHART, Helm, container
from tests.support.kubeapi import Json

REFUSED: list[tuple[Json, str]] = [
    ({"replicas": 2}, "at '': additional properties 'replicas' not allowed"),
    ({"image": {"name": "x"}}, "at '/image': additional properties 'name' not allowed"),
    ({"image": {"digest": "latest"}}, "at '/image/digest'"),
    ({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy'"),
    ({"imagePullSecrets": ["registry"]}, "at '/imagePullSecrets/0': got string, want object"),
    ({"replicaCount": "two"}, "at '/replicaCount'"),
    ({"watchNamespaces": "shop"}, "at '/watchNamespaces': got string, want array"),
    ({"watchNamespaces": ["Shop"]}, "at '/watchNamespaces/0'"),
    ({"watchNamespaces": [""]}, "at '/watchNamespaces/0'"),
    ({"settings": {"region": "cn-north-4"}}, "at '/settings': additional properties 'region' not allowed"),
    ({"settings": {"cloud": {"regoin": "x"}}}, "at '/settings/cloud': additional properties 'regoin' not allowed"),
    ({"settings": {"cloud": {"region": "CN_NORTH"}}}, "at '/settings/cloud/region'"),
    ({"settings": {"cloud": {"proxy": "http://user:password@proxy:3128"}}}, "at '/settings/cloud/proxy'"),
    ({"settings": {"cadence": {"pollSeconds": "often"}}}, "at '/settings/cadence/pollSeconds'"),
    ({"settings": {"cadence": {"pollSeconds": 0}}}, "at '/settings/cadence/pollSeconds'"),
    ({"settings": {"log": {"format": "xml"}}}, "at '/settings/log/format'"),
    ({"settings": {"lease": {"name": "mine"}}}, "at '/settings/lease': additional properties 'name' not allowed"),
    ({"settings": {"lease": {"enabled": False}}}, "at '/settings/lease'"),
    ({"settings": {"probes": {"port": 9}}}, "at '/settings': additional properties 'probes' not allowed"),
    ({"credentials": {"accessKey": "x"}}, "at '/credentials': additional properties 'accessKey' not allowed"),
    ({"credentials": {"ownNamespaces": ["shop*"]}}, "at '/credentials/ownNamespaces/0'"),
    ({"crds": {"install": True}}, "at '/crds': additional properties 'install' not allowed"),
    ({"resources": {"request": {}}}, "at '/resources': additional properties 'request' not allowed"),
    ({"podLabels": {"team": 1}}, "at '/podLabels/team'"),
    ({"networkPolicy": {"cloud": {"ports": [0]}}}, "at '/networkPolicy/cloud/ports/0'"),
    ({"networkPolicy": {"cloud": {"cidrs": ["example.org"]}}}, "at '/networkPolicy/cloud/cidrs/0'"),
    ({"fullnameOverride": "my_name"}, "at '/fullnameOverride'"),
    ({"fullnameOverride": "a: b"}, "at '/fullnameOverride'"),
    ({"nameOverride": "Name"}, "at '/nameOverride'"),
    ({"priorityClassName": "a b"}, "at '/priorityClassName'"),
    ({"serviceAccount": {"name": "-a"}}, "at '/serviceAccount/name'"),
    ({"credentials": {"existingSecret": "a..b"}}, "at '/credentials/existingSecret'"),
    ({"credentials": {"perNamespace": {"secretName": "a..b"}}}, "at '/credentials/perNamespace/secretName'"),
    ({"credentials": {"perNamespace": {"secretName": "a" * 254}}}, "at '/credentials/perNamespace/secretName'"),
    ({"settings": {"cloud": {"ddmEndpoint": "http://cloud:abc"}}}, "at '/settings/cloud/ddmEndpoint'"),
    ({"settings": {"cadence": {"settleSeconds": 160}}}, "settleSeconds is 160 and must be more than 160 (sendLimit"),
    (
        {"settings": {"cadence": {"enlargeTimeoutSeconds": "50.5"}}},
        "settleSeconds is 180 and must be more than 180.5 (",
    ),
    ({"settings": {"cadence": {"operationDeadlineSeconds": 180}}}, "operationDeadlineSeconds is 180 and must be more"),
    ({"settings": {"cadence": {"unconfirmedLimitSeconds": 99}}}, "unconfirmedLimitSeconds is 99 and must be more"),
    ({"metrics": {"serviceMonitor": {"enabled": "yes"}}}, "at '/metrics/serviceMonitor/enabled'"),
    ({"grafanaDashboard": {"folder": "x"}}, "at '/grafanaDashboard': additional properties 'folder' not allowed"),
]


def paths(values: Any, prefix: str = "") -> str:
    """A name for a test's row."""
    if isinstance(values, dict) and values:
        key, value = next(iter(values.items()))
        return paths(value, f"{prefix}.{key}".lstrip("."))
    return f"{prefix}={values}"


@pytest.mark.parametrize(("values", "where"), REFUSED, ids=[paths(values) for values, _ in REFUSED])
def test_what_is_wrong_is_refused_with_its_path(helm: Helm, values: Json, where: str) -> None:
    said = helm.refusal("template", "x", CHART, "--values", "-", text=yaml.safe_dump(values))
    assert where in said


def test_the_chart_is_clean(helm: Helm) -> None:
    said = helm.run("lint", "--strict", CHART)
    assert "1 chart(s) linted, 0 chart(s) failed" in said


def test_an_older_kubernetes_is_refused(helm: Helm) -> None:
    said = helm.refusal("template", "x", CHART, "--kube-version", "1.28.15")
    assert "requires kubeVersion: >=1.29.0-0" in said
    # The suffix that providers put behind their versions is no older one.
    helm.run("template", "x", CHART, "--kube-version", "1.29.4-eks-036c24b")


def test_settings_from_the_command_line_may_be_fractions(helm: Helm) -> None:
    made = helm.template({}, "--set", "settings.cadence.pollSeconds=0.5", "--set", "settings.cloud.burstRequests=7")
    env = {one["name"]: one.get("value") for one in container(made)["env"]}
    assert (env["DDM_CADENCE_POLL_SECONDS"], env["DDM_CLOUD_BURST_REQUESTS"]) == ("0.5", "7")


def test_the_settle_period_may_be_just_longer_than_the_sum(helm: Helm) -> None:
    helm.template({"settings": {"cadence": {"settleSeconds": 160.01}}})


@pytest.mark.parametrize("enabled", [True, False])
def test_it_works_as_a_dependency(helm: Helm, tmp_path: Path, enabled: bool) -> None:  # noqa: FBT001  # a parameter
    parent = tmp_path / "parent"
    shutil.copytree(CHART, parent / "charts" / "ddm-operator")
    needs = [{"name": "ddm-operator", "version": ">=0.0.0-0", "condition": "ddm-operator.enabled"}]
    about = {"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": needs}
    (parent / "Chart.yaml").write_text(yaml.safe_dump(about))
    values = {"global": {"imageRegistry": "registry.example"}, "ddm-operator": {"enabled": enabled}}
    text = helm.run("template", "shop", parent, "--values", "-", text=yaml.safe_dump(values))
    kinds = [one["kind"] for one in yaml.safe_load_all(text) if one]
    assert ("Deployment" in kinds) == enabled
    assert bool(kinds) == enabled
