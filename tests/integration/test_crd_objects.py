"""Which DDMInstances the API server takes, and what it says about the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.ddminstances import INSTANCE_ID, DDMInstances
from tests.support.kubeapi import Json, RefusedError

EXAMPLES = sorted(
    path
    for pattern in ("*.yaml", "*/ddminstance*.yaml")
    for path in (Path(__file__).parents[2] / "examples").glob(pattern)
    if "kind: DDMInstance" in path.read_text()
)

INSTANCE_ID_RULE = "instanceId must be the instance's id as the cloud shows it: letters, digits, '-' and '_' only"
GROUP_ID_RULE = "groupId must be the node group's id as the cloud shows it (not its name)"
FLAVOR_ID_RULE = "flavorId must be the id of a node class (not its code, such as ddm.c6.xlarge.2)"
REGION_RULE = "region must be a region's name such as cn-north-4: lower-case letters and digits, parted by single '-'"
PROJECT_ID_RULE = "projectId must be a project's id (not its name, such as cn-north-4): letters and digits only"
DEFAULTS = {"scaleIn": "Forbid", "approval": "Automatic", "paused": False}


def refused(name: str, message: str, **spec: Any) -> Any:
    """A spec that is right but for what is given."""
    return pytest.param({"instanceId": INSTANCE_ID, **spec}, message, id=name)


REFUSED_SPECS = [
    pytest.param({"nodes": 2}, "spec.instanceId: Required value", id="no-instance"),
    pytest.param({}, "spec.instanceId: Required value", id="empty"),
    refused("instance-null", "spec.instanceId: Required value", instanceId=None),
    refused("instance-empty", INSTANCE_ID_RULE, instanceId=""),
    refused("instance-number", "spec.instanceId in body must be of type string", instanceId=28),
    refused("instance-with-path", INSTANCE_ID_RULE, instanceId=f"{INSTANCE_ID}/action/enlarge"),
    refused("instance-with-parent", INSTANCE_ID_RULE, instanceId="../instances"),
    refused("instance-with-query", INSTANCE_ID_RULE, instanceId=f"{INSTANCE_ID}?limit=1"),
    refused("instance-with-fragment", INSTANCE_ID_RULE, instanceId=f"{INSTANCE_ID}#"),
    refused("instance-with-escape", INSTANCE_ID_RULE, instanceId="28e8%2f41"),
    refused("instance-with-space", INSTANCE_ID_RULE, instanceId=f" {INSTANCE_ID}"),
    refused("instance-with-line-end", INSTANCE_ID_RULE, instanceId=f"{INSTANCE_ID}\n"),
    refused("instance-with-wide-letters", INSTANCE_ID_RULE, instanceId="\uff49\uff4e09"),
    refused("instance-like-an-option", INSTANCE_ID_RULE, instanceId="-in09"),
    refused("instance-too-long", "spec.instanceId: Too long: may not be more than 64", instanceId="a" * 65),
    refused("nodes-none-left", "spec.nodes in body should be greater than or equal to 1", nodes=0),
    refused("nodes-negative", "spec.nodes in body should be greater than or equal to 1", nodes=-2),
    refused("nodes-above-limit", "spec.nodes in body should be less than or equal to 32", nodes=33),
    refused("nodes-huge", "spec.nodes in body should be less than or equal to 32", nodes=2**40),
    refused("nodes-text", "spec.nodes in body must be of type integer", nodes="4"),
    refused("nodes-fraction", "spec.nodes in body must be of type int", nodes=2.5),
    refused("nodes-true", "spec.nodes in body must be of type int", nodes=True),
    refused("group-empty", GROUP_ID_RULE, groupId=""),
    refused("group-name-with-space", GROUP_ID_RULE, groupId="group default"),
    refused("group-too-long", "spec.groupId: Too long: may not be more than 64", groupId="a" * 65),
    refused("flavor-code", FLAVOR_ID_RULE, flavorId="ddm.c6.xlarge.2"),
    refused("flavor-too-long", "spec.flavorId: Too long: may not be more than 64", flavorId="a" * 65),
    refused("region-capitals", REGION_RULE, region="CN-North-4"),
    refused("region-empty", REGION_RULE, region=""),
    refused("region-of-another-host", REGION_RULE, region="example.com"),
    refused("region-ends-the-host", REGION_RULE, region="example/"),
    refused("region-with-query", REGION_RULE, region="example?"),
    refused("region-with-port", REGION_RULE, region="example:80"),
    refused("region-with-user", REGION_RULE, region="x@example"),
    refused("region-ends-with-dash", REGION_RULE, region="cn-north-"),
    refused("region-too-long", "spec.region: Too long: may not be more than 63", region="a" * 64),
    refused("project-name", PROJECT_ID_RULE, projectId="cn-north-4"),
    refused("project-with-path", PROJECT_ID_RULE, projectId="055d/instances"),
    refused("project-too-long", "spec.projectId: Too long: may not be more than 64", projectId="a" * 65),
    refused(
        "scale-in-not-yet", 'spec.scaleIn: Unsupported value: "Allow": supported values: "Forbid"', scaleIn="Allow"
    ),
    refused("scale-in-small-letters", 'Unsupported value: "forbid": supported values: "Forbid"', scaleIn="forbid"),
    refused("approval-not-yet", 'Unsupported value: "Manual": supported values: "Automatic"', approval="Manual"),
    refused("paused-text", "spec.paused in body must be of type boolean", paused="true"),
    refused("groups-not-yet", 'unknown field "spec.groups"', groups=[{"id": "f080gr09", "nodes": 4}]),
    refused("misspelt", 'unknown field "spec.instanceID"', instanceID=INSTANCE_ID),
]

REFUSED_BODIES = [
    pytest.param({}, "spec: Required value", id="no-spec"),
    pytest.param({"spec": None}, "spec: Required value", id="spec-null"),
    pytest.param({"spec": []}, "spec in body must be of type object", id="spec-list"),
    pytest.param({"sepc": {}, "spec": {"instanceId": INSTANCE_ID}}, 'unknown field "sepc"', id="misspelt"),
]

ACCEPTED: dict[str, Json] = {
    "observed-only": {},
    "one-node": {"nodes": 1},
    "most-nodes": {"nodes": 32},
    "group": {"nodes": 2, "groupId": "f080abf2010d45118068c28c8958f5fcgr09"},
    "group-observed-only": {"groupId": "f080abf2010d45118068c28c8958f5fcgr09"},
    "flavor": {"nodes": 2, "flavorId": "8f2e696c-a9c1-30bd-af90-25522bc67606"},
    "region-three-digits": {"region": "eu-west-101"},
    "region-two-parts": {"region": "eu-de"},
    "region-longest": {"region": "a" * 63},
    "project": {"projectId": "055d9f4ee780d4d42f96c01c1bc3c50c"},
    "paused": {"nodes": 4, "paused": True},
    "defaults-spelt-out": {"nodes": 2, **DEFAULTS},
    "id-of-another-shape": {"instanceId": "1eb697c0-1842-43a3-8671-f562d0385cb9"},
    "id-one-letter": {"instanceId": "a"},
    "id-longest": {"instanceId": "A_-9" * 16},
}


@pytest.mark.parametrize(("spec", "message"), REFUSED_SPECS)
def test_a_wrong_spec_is_refused(ddminstances: DDMInstances, spec: Json, message: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        ddminstances.post({"metadata": {"name": "orders"}, "spec": spec})
    assert refusal.value.code in (400, 422)
    assert message in refusal.value.message


@pytest.mark.parametrize(("body", "message"), REFUSED_BODIES)
def test_a_wrong_object_is_refused(ddminstances: DDMInstances, body: Json, message: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        ddminstances.post({"metadata": {"name": "orders"}, **body})
    assert message in refusal.value.message


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_right_spec_is_accepted(ddminstances: DDMInstances, name: str) -> None:
    spec = {"instanceId": INSTANCE_ID, **ACCEPTED[name]}
    assert ddminstances.create(spec)["spec"] == {**DEFAULTS, **spec}


def test_null_is_the_same_as_absent(ddminstances: DDMInstances) -> None:
    created = ddminstances.create({"instanceId": INSTANCE_ID, "nodes": None, "paused": None, "region": None})
    assert created["spec"] == {"instanceId": INSTANCE_ID, **DEFAULTS}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_example_is_accepted(ddminstances: DDMInstances, path: Path) -> None:
    for example in yaml.safe_load_all(path.read_text()):
        assert example["metadata"].pop("namespace") == "default"
        created = ddminstances.post(example)
        assert created["spec"] == {**DEFAULTS, **example["spec"]}
