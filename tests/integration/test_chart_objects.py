"""Every object that the chart makes, of many combinations of values, is one that a real API server takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.helm import Helm, Tool, container, of_kind
from tests.support.kubeapi import Api, Json, RefusedError

DEPLOY = Path("deploy")
ENABLED = {"enabled": True}

MATRIX: dict[str, Json] = {
    "defaults": {},
    "one-replica-one-namespace": {"replicaCount": 1, "watchNamespaces": ["NAMESPACE"]},
    "own-credential": {
        "credentials": {"existingSecret": "cloud", "ownNamespaces": ["*"], "perNamespace": {"enabled": False}},
    },
    "names": {"nameOverride": "ddm", "fullnameOverride": "cloud-ddm", "commonLabels": {"team": "data"}},
    "foreign-account": {"serviceAccount": {"create": False, "name": "mine"}, "rbac": {"create": False}},
    "identity": {"serviceAccount": {"name": "mine", "annotations": {"a": "b"}, "labels": {"c": "d"}}},
    "people": {"rbac": {"aggregateToView": True, "aggregateToEdit": True}},
    "image": {
        "image": {"repository": "registry.example/ddm", "digest": f"sha256:{'0a' * 32}", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
    },
    "settings": {
        "settings": {
            "workers": 4,
            "cloud": {"region": "cn-north-4", "ddmEndpoint": "https://ddm.example", "requestsPerSecond": 2.5},
            "cadence": {"pollSeconds": 20, "enlargeTimeoutSeconds": 44.5},
            "log": {"level": "DEBUG"},
        },
    },
    "placing": {
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}},
        ]}},
        "topologySpreadConstraints": [
            {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
             "labelSelector": {"matchLabels": {"app": "b"}}, "matchLabelKeys": ["pod-template-hash"]},
        ],
        "resources": {"requests": {"memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
        "podAnnotations": {"a": "b"},
        "podLabels": {"c": "d"},
    },
    "bare": {
        "topologySpreadConstraints": [],
        "nodeSelector": {"kubernetes.io/os": None},
        "podSecurityContext": {"runAsUser": None, "fsGroup": None, "runAsGroup": None},
        "podDisruptionBudget": {"enabled": False},
        "crds": {"enabled": False},
    },
    "extras": {
        "extraEnv": [{"name": "DDM_CLOUD_PROXY", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "url"}}}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "authorities"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
    },
    "closed-network": {
        "networkPolicy": {
            **ENABLED,
            "apiServer": {"cidrs": ["10.0.0.1/32"], "ports": [443]},
            "cloud": {"cidrs": ["2001:db8::/32"]},
            "metrics": {"from": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}]}],
        },
    },
    "open-network": {"networkPolicy": ENABLED},
    "monitoring": {
        "metrics": {
            "serviceMonitor": {**ENABLED, "labels": {"release": "prometheus"}, "interval": "1m",
                               "metricRelabelings": [{"action": "drop", "regex": "x", "sourceLabels": ["__name__"]}]},
            "podMonitor": ENABLED,
        },
        "prometheusRule": {**ENABLED, "labels": {"release": "prometheus"}},
        "grafanaDashboard": {**ENABLED, "annotations": {"folder": "Databases"}},
    },
}  # fmt: skip


def in_place(values: Json, namespace: str) -> Json:
    return dict(json.loads(json.dumps(values).replace("NAMESPACE", namespace)))


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_the_api_server_takes_every_object(
    helm: Helm, kubectl: Tool, crd: Json, monitoring: None, namespace: str, values: Json
) -> None:
    assert crd
    assert monitoring is None
    made = helm.template(in_place(values, namespace), namespace=namespace)
    said = dry_run(kubectl, made)
    assert len(said.splitlines()) == len(made)


@pytest.mark.parametrize("overlay", ["base", "overlays/namespaced", "overlays/simulator", "install.yaml"])
def test_the_api_server_takes_every_manifest(kubectl: Tool, api: Api, crd: Json, overlay: str) -> None:
    assert crd
    # A dry run makes no namespace that a later object of it could be in.
    space = yaml.safe_load((DEPLOY / "base" / "namespace.yaml").read_text())
    api.apply(f"/api/v1/namespaces/{space['metadata']['name']}", space)
    path = DEPLOY / overlay
    text = path.read_text() if path.is_file() else kubectl.run("kustomize", path)
    made = list(yaml.safe_load_all(text))
    assert len(dry_run(kubectl, made).splitlines()) == len(made)


def dry_run(kubectl: Tool, objects: list[Json]) -> str:
    """Apply without a trace, strictly."""
    options = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    return kubectl.run("apply", *options, "--filename=-", text=yaml.safe_dump_all(objects))


def test_a_field_that_kubernetes_does_not_know_would_be_noticed(helm: Helm, kubectl: Tool, namespace: str) -> None:
    made = of_kind(helm.template(namespace=namespace), "Deployment")
    made["spec"]["replica"] = 2
    said = kubectl.refusal("apply", "--server-side", "--dry-run=server", "-f-", text=yaml.safe_dump(made))
    assert "replica" in said


@pytest.fixture
def restricted(api: Api, namespace: str) -> str:
    """A namespace that takes restricted pods only."""
    labels = {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "latest",
    }
    api.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}})
    return namespace


def pod_of(template: Json, name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": template["spec"]}


def admit(api: Api, namespace: str, pod: Json) -> Json:
    return api.post(f"/api/v1/namespaces/{namespace}/pods", pod, dryRun="All", fieldValidation="Strict")


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_the_pods_meet_the_restricted_level(helm: Helm, api: Api, restricted: str, values: Json) -> None:
    made = helm.template(in_place(values, restricted), namespace=restricted)
    assert admit(api, restricted, pod_of(of_kind(made, "Deployment")["spec"]["template"], "operator"))
    assert admit(api, restricted, pod_of(of_kind(made, "Pod"), "doctor"))


def test_the_simulators_pod_meets_it_too(api: Api, restricted: str) -> None:
    made = list(yaml.safe_load_all((DEPLOY / "overlays/simulator/simulator.yaml").read_text()))
    assert admit(api, restricted, pod_of(of_kind(made, "Deployment")["spec"]["template"], "simulator"))


def test_a_pod_that_may_become_root_is_refused_there(helm: Helm, api: Api, restricted: str) -> None:
    made = helm.template({"podSecurityContext": {"runAsNonRoot": False}}, namespace=restricted)
    with pytest.raises(RefusedError, match="runAsNonRoot") as refusal:
        admit(api, restricted, pod_of(of_kind(made, "Deployment")["spec"]["template"], "operator"))
    assert refusal.value.code == 403


def test_the_kustomization_for_one_namespace_is_what_the_chart_makes(helm: Helm, kubectl: Tool) -> None:
    values = {"watchNamespaces": ["default"], "credentials": {"existingSecret": "ddm-operator-credentials"}}
    wanted = {key_of(one): meaning(one) for one in helm.template(values, "--no-hooks")}
    built = yaml.safe_load_all(kubectl.run("kustomize", DEPLOY / "overlays" / "namespaced"))
    found = {key_of(one): meaning(one) for one in built}
    assert found.pop(("Namespace", "", "ddm-operator"))
    assert found == wanted


def key_of(one: Json) -> tuple[str, str, str]:
    return one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]


def meaning(one: Json) -> Json:
    """The object without its metadata, variables in order."""
    copy = {key: value for key, value in one.items() if key != "metadata"}
    if one["kind"] == "Deployment":
        copy["spec"]["template"].pop("metadata")
        container([one])["env"].sort(key=lambda variable: variable["name"])
    return copy
