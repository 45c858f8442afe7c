"""Several releases of the chart beside each other: nothing of theirs has the same name, the Lease above all."""

from __future__ import annotations

from itertools import combinations
from typing import Final

import pytest
import yaml

from ddm_operator.settings import Cloud
from tests.support.helm import Helm, container, of_kind
from tests.support.kubeapi import Json
from tests.support.repository import ROOT

FOLDER: Final = ROOT / "examples" / "shards"
COMMON: Final = f"--values={FOLDER / 'common.yaml'}"
SHARDS: Final = {path.stem: path for path in sorted(FOLDER.glob("?.yaml"))}
NAMES: Final[dict[str, Json]] = {
    "defaults": {},
    "another-name": {"nameOverride": "ddm"},
    "a-full-name": {"fullnameOverride": "cloud-ddm"},
    "an-account": {"serviceAccount": {"name": "mine"}},
}

Name = tuple[str, str, str]


def shard(helm: Helm, name: str) -> list[Json]:
    return helm.template({}, COMMON, f"--values={SHARDS[name]}", release=f"ddm-operator-{name}")


def names(objects: list[Json]) -> set[Name]:
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in objects}


def lease(objects: list[Json]) -> tuple[str, str]:
    """Namespace and name of the Lease that the operator takes."""
    env = {one["name"]: one for one in container(objects)["env"]}
    assert "DDM_LEASE_NAMESPACE" not in env, "it is in the pod's own namespace"
    return of_kind(objects, "Deployment")["metadata"]["namespace"], env["DDM_LEASE_NAME"]["value"]


def test_the_examples_share_the_namespaces_out(helm: Helm) -> None:
    assert len(SHARDS) >= 2
    lists = [yaml.safe_load(path.read_text())["watchNamespaces"] for path in SHARDS.values()]
    assert all(lists), "none watches everything"
    assert not [both for both in combinations(map(set, lists), 2) if both[0] & both[1]]
    allowed = yaml.safe_load((FOLDER / "common.yaml").read_text())["credentials"]["ownNamespaces"]
    assert sorted(allowed) == sorted(name for found in lists for name in found)
    for name, watched in zip(SHARDS, lists, strict=True):
        env = {one["name"]: one.get("value") for one in container(shard(helm, name))["env"]}
        assert env["DDM_NAMESPACES"] == ",".join(watched)
        assert "ClusterRole" not in {kind for kind, _, _ in names(shard(helm, name))}


def test_one_shard_has_the_resource(helm: Helm) -> None:
    having = [
        name for name in SHARDS if "CustomResourceDefinition" in {kind for kind, _, _ in names(shard(helm, name))}
    ]
    assert having == ["a"]


def test_two_shards_in_one_namespace_have_nothing_in_common(helm: Helm) -> None:
    made = [shard(helm, name) for name in SHARDS]
    assert not set.intersection(*map(names, made))
    assert len({lease(objects) for objects in made}) == len(SHARDS)


def test_two_releases_of_one_name_in_two_namespaces_have_nothing_in_common(helm: Helm) -> None:
    values = [{"watchNamespaces": [watched], "crds": {"enabled": False}} for watched in ("shop", "billing")]
    made = [helm.template(one, namespace=place) for one, place in zip(values, ("one", "two"), strict=True)]
    assert not set.intersection(*map(names, made))
    assert {lease(objects)[0] for objects in made} == {"one", "two"}


@pytest.mark.parametrize("values", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("release", ["ddm", "ddm-operator", "x" * 53])
def test_the_lease_is_named_as_the_deployment(helm: Helm, release: str, values: Json) -> None:
    """Helm refuses a second release whose Deployment has the name of another's, so that no two share a Lease."""
    made = helm.template(values, release=release)
    assert lease(made)[1] == of_kind(made, "Deployment")["metadata"]["name"]


def test_the_limits_of_requests_add_up_to_that_of_one(helm: Helm) -> None:
    """Shards that use one credential share what the cloud allows it."""
    env = [{one["name"]: one.get("value", "") for one in container(shard(helm, name))["env"]} for name in SHARDS]
    assert sum(float(one["DDM_CLOUD_REQUESTS_PER_SECOND"]) for one in env) == Cloud().requests_per_second
    assert sum(int(one["DDM_CLOUD_BURST_REQUESTS"]) for one in env) == Cloud().burst_requests
