"""What `kubectl get ddm` shows, as the API server makes it."""

from __future__ import annotations

from tests.support.ddminstances import INSTANCE_ID, DDMInstances
from tests.support.kubeapi import Api, Json

COLUMNS = ["Name", "Nodes", "Desired", "Status", "Ready", "Reason", "Progress", "Age"]
WIDE_COLUMNS = ["Job", "Instance", "Message"]

STATUS = {
    "observedGeneration": 1,
    "nodes": 2,
    "instance": {"status": "GROWING"},
    "operation": {"id": "1", "phase": "Running", "jobId": "1eb697c0", "progressPercent": 60},
    "conditions": [
        {"type": "Reconciling", "status": "True", "reason": "ScalingOut", "message": "Adding 2 nodes."},
        {"type": "Ready", "status": "False", "reason": "ScalingOut", "message": "Adding 2 nodes: 60 %."},
    ],
}


def cells(table: Json) -> dict[str, object]:
    """The cells of the only row, by column."""
    (row,) = table["rows"]
    return dict(zip((column["name"] for column in table["columnDefinitions"]), row["cells"], strict=True))


def test_columns_in_their_order(ddminstances: DDMInstances) -> None:
    columns = ddminstances.table()["columnDefinitions"]
    assert [column["name"] for column in columns if column["priority"] == 0] == COLUMNS
    assert [column["name"] for column in columns if column["priority"] == 1] == WIDE_COLUMNS
    assert all(column["description"] for column in columns)


def test_a_scale_out_on_one_line(ddminstances: DDMInstances) -> None:
    created = ddminstances.create({"instanceId": INSTANCE_ID, "nodes": 4})
    ddminstances.put_status(created["metadata"], STATUS)
    shown = cells(ddminstances.table())
    assert shown.pop("Age")
    assert shown == {
        "Name": "orders",
        "Nodes": 2,
        "Desired": 4,
        "Status": "GROWING",
        "Ready": "False",
        "Reason": "ScalingOut",
        "Progress": 60,
        "Job": "1eb697c0",
        "Instance": INSTANCE_ID,
        "Message": "Adding 2 nodes: 60 %.",
    }


def test_what_is_not_known_yet_is_empty(ddminstances: DDMInstances) -> None:
    ddminstances.create({"instanceId": INSTANCE_ID})
    shown = cells(ddminstances.table())
    known = {"Name": "orders", "Age": shown["Age"], "Instance": INSTANCE_ID}
    assert shown == dict.fromkeys([*COLUMNS, *WIDE_COLUMNS]) | known


def test_names_that_kubectl_understands(api: Api, crd: Json) -> None:
    assert crd["status"]["acceptedNames"] == {
        "kind": "DDMInstance",
        "listKind": "DDMInstanceList",
        "plural": "ddminstances",
        "singular": "ddminstance",
        "shortNames": ["ddm"],
        "categories": ["huaweicloud"],
    }
    (resource,) = [
        resource
        for resource in api.get("/apis/ddm.huaweicloud.com/v1beta1")["resources"]
        if resource["name"] == "ddminstances"
    ]
    assert resource["namespaced"] is True
    assert resource["shortNames"] == ["ddm"]


def test_the_schema_is_structural_and_complete(crd: Json) -> None:
    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions["NamesAccepted"] == "True"
    assert "NonStructuralSchema" not in conditions
    assert crd["status"]["storedVersions"] == ["v1beta1"]
