"""What the chart promises of its objects: by default, and what each switch adds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ddm_operator.telemetry.catalog import STALLED
from tests.support import crdschema
from tests.support.helm import CHART, Helm, container, of_kind
from tests.support.kubeapi import Json
from tools.monitoring import rules

SWITCHES: dict[str, Json] = {
    "NetworkPolicy": {"networkPolicy": {"enabled": True}},
    "ServiceMonitor": {"metrics": {"serviceMonitor": {"enabled": True}}},
    "PodMonitor": {"metrics": {"podMonitor": {"enabled": True}}},
    "PrometheusRule": {"prometheusRule": {"enabled": True}},
    "ConfigMap": {"grafanaDashboard": {"enabled": True}},
}


def pod_spec(objects: list[Json]) -> Json:
    found: Json = of_kind(objects, "Deployment")["spec"]["template"]["spec"]
    return found


def test_two_of_them_and_no_gap_between(helm: Helm) -> None:
    made = helm.template()
    deployment = of_kind(made, "Deployment")["spec"]
    assert deployment["replicas"] == 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    labels = deployment["template"]["metadata"]["labels"]
    selectors = [deployment["selector"], of_kind(made, "PodDisruptionBudget")["spec"]["selector"]]
    selectors += [one["labelSelector"] for one in pod_spec(made)["topologySpreadConstraints"]]
    assert len(selectors) == 4
    assert all(selector["matchLabels"].items() <= labels.items() for selector in selectors)
    assert not selectors[0]["matchLabels"].items() <= of_kind(made, "Pod")["metadata"]["labels"].items()


def test_the_pod_can_do_little(helm: Helm) -> None:
    made = helm.template()
    pod, runs = pod_spec(made), container(made)
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (65532, True)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert runs["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in runs["volumeMounts"]] == ["/tmp"]
    assert "cpu" not in runs["resources"]["limits"]
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= runs.keys()


@pytest.mark.parametrize("kind", SWITCHES)
def test_what_is_off_by_default_has_one_switch(helm: Helm, kind: str) -> None:
    usual = {one["kind"] for one in helm.template()}
    assert not usual & SWITCHES.keys()
    added = {one["kind"] for one in helm.template(SWITCHES[kind])} - usual
    assert added == ({kind, "Service"} if kind == "ServiceMonitor" else {kind})


def test_a_monitor_finds_the_port(helm: Helm) -> None:
    made = helm.template({"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}})
    [port] = container(made)["ports"]
    service, monitor = of_kind(made, "Service"), of_kind(made, "ServiceMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    pods = of_kind(made, "PodMonitor")["spec"]["podMetricsEndpoints"][0]
    assert pods["port"] == port["name"]
    # Or the namespace of a stalled object is renamed to exported_namespace.
    assert "namespace" in STALLED.labels
    assert (pods["honorLabels"], monitor["spec"]["endpoints"][0]["honorLabels"]) == (True, True)


def test_alerts_and_dashboard_are_the_files(helm: Helm) -> None:
    made = helm.template({"prometheusRule": {"enabled": True}, "grafanaDashboard": {"enabled": True}})
    assert of_kind(made, "PrometheusRule")["spec"] == yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    [text] = of_kind(made, "ConfigMap")["data"].values()
    assert json.loads(text) == json.loads((CHART / "files" / "dashboard.json").read_text())


def test_each_alert_names_the_runbook_where_people_read_it(helm: Helm) -> None:
    page = "https://git.example.com/ddm-operator/docs/runbook.md"
    rule = of_kind(helm.template({"prometheusRule": {"enabled": True, "runbookUrl": page}}), "PrometheusRule")
    urls = [alert["annotations"]["runbook_url"] for group in rule["spec"]["groups"] for alert in group["rules"]]
    assert urls == [f"{page}#alert-{alert['alert'].lower()}" for alert in rules()]


def test_a_closed_network_lets_out_what_is_named(helm: Helm) -> None:
    cloud = {"cidrs": ["203.0.113.0/24"], "ports": [8443]}
    made = helm.template({"networkPolicy": {"enabled": True, "cloud": cloud}})
    policy = of_kind(made, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = [[(one["protocol"], one["port"]) for one in rule["ports"]] for rule in policy["egress"]]
    assert ports == [[("UDP", 53), ("TCP", 53)], [("TCP", 443), ("TCP", 6443)], [("TCP", 8443)]]
    assert policy["egress"][2]["to"] == [{"ipBlock": {"cidr": "203.0.113.0/24"}}]
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": 8080}]}]


def test_a_closed_network_asks_nobody_for_names_when_nobody_is_named(helm: Helm) -> None:
    made = helm.template({"networkPolicy": {"enabled": True, "dns": {"to": []}}})
    ports = {one["port"] for rule in of_kind(made, "NetworkPolicy")["spec"]["egress"] for one in rule["ports"]}
    assert ports == {443, 6443}


@pytest.mark.parametrize("name", ["123", "null", "true", "0x1"])
def test_a_name_is_a_text_whatever_it_looks_like(helm: Helm, name: str) -> None:
    values: Json = {
        "nameOverride": name,
        "fullnameOverride": name,
        "priorityClassName": name,
        "serviceAccount": {"name": name},
        "credentials": {"existingSecret": name, "perNamespace": {"secretName": name}},
        "imagePullSecrets": [{"name": name}],
        "watchNamespaces": [name],
        "networkPolicy": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "grafanaDashboard": {"enabled": True},
        "metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}},
    }
    made = helm.template(values, "--api-versions", "monitoring.coreos.com/v1", namespace=name)
    wrong = [path for one in made for path in not_texts(one)]
    assert not wrong


def not_texts(value: object, path: str = "") -> Iterator[str]:
    """Where something that is a name is no text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in NAMES and not isinstance(inner, str | dict | list):
                yield f"{path}.{key}"
            yield from not_texts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            if path.endswith(".resourceNames") and not isinstance(inner, str):
                yield path
            yield from not_texts(inner, path)


NAMES = {
    *("name", "namespace", "secretName", "priorityClassName", "serviceAccountName"),
    *("app.kubernetes.io/name", "app.kubernetes.io/instance"),
}


def test_the_resource_is_the_one_of_the_repository(helm: Helm) -> None:
    wanted, made = crdschema.load(), of_kind(helm.template(), "CustomResourceDefinition")
    assert made["spec"] == wanted["spec"]
    assert made["metadata"]["name"] == wanted["metadata"]["name"]
    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_a_namespace_of_the_list_gets_rights_and_no_other_does(helm: Helm) -> None:
    made = helm.template({"watchNamespaces": ["shop", "billing"]})
    kinds = {one["kind"] for one in made}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    places = sorted(one["metadata"]["namespace"] for one in made if one["kind"] == "Role")
    assert places == ["billing", "ddm-operator", "shop"]
    env: dict[str, Any] = {one["name"]: one.get("value") for one in container(made)["env"]}
    assert env["DDM_NAMESPACES"] == "shop,billing"


def test_secrets_are_read_by_one_name_only(helm: Helm) -> None:
    for made in (helm.template(), helm.template({"watchNamespaces": ["shop"]})):
        rules = [rule for one in made for rule in one.get("rules", []) if "secrets" in rule["resources"]]
        assert rules == [
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["ddm-credentials"], "verbs": ["get"]}
        ]
    off = helm.template({"credentials": {"perNamespace": {"enabled": False}}})
    assert not [one for one in off for rule in one.get("rules", []) if "secrets" in rule["resources"]]
    assert {"name": "DDM_CREDENTIALS_PER_NAMESPACE", "value": "false"} in container(off)["env"]


def test_the_own_credential_is_mounted_and_never_a_variable(helm: Helm) -> None:
    made = helm.template({"credentials": {"existingSecret": "cloud"}})
    [pod] = [one["spec"]["template"]["spec"] for one in made if one["kind"] == "Deployment"]
    [volume] = [one for one in pod["volumes"] if one["name"] == "credentials"]
    assert volume["secret"] == {"secretName": "cloud", "optional": True, "defaultMode": 0o440}
    [mount] = [one for one in container(made)["volumeMounts"] if one["name"] == "credentials"]
    env = {one["name"]: one for one in container(made)["env"]}
    assert env["DDM_CREDENTIALS_DIR"]["value"] == mount["mountPath"]
    assert not [one for one in env.values() if "secretKeyRef" in one.get("valueFrom", {})]


def test_the_end_waits_for_a_call_in_flight(helm: Helm) -> None:
    made = helm.template({"settings": {"cadence": {"enlargeTimeoutSeconds": 44.5}}})
    assert of_kind(made, "Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 75
