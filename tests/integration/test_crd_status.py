"""What the API server takes as a status, and from whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ddminstances import DDMInstances
from tests.support.kubeapi import Json, RefusedError

LONG = "\u4e91" * 100_000
"""Longer than any bound that a schema of Kubernetes usually has, and not ASCII."""


@pytest.fixture
def stored(ddminstances: DDMInstances) -> Json:
    """The metadata of an object as the operator's status writes carry it."""
    return version_of(ddminstances.create())


def version_of(instance: Json) -> Json:
    return {name: instance["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion")}


def test_an_object_that_nobody_looked_at_is_in_progress(ddminstances: DDMInstances) -> None:
    created = ddminstances.create()
    assert created["status"] == {"observedGeneration": -1}
    # The first rule of kstatus: another generation than the object's is InProgress, whatever else is there or missing.
    assert created["status"]["observedGeneration"] != created["metadata"]["generation"]


def test_status_cannot_be_set_by_creating(ddminstances: DDMInstances) -> None:
    created = ddminstances.post(
        {
            "metadata": {"name": "orders"},
            "spec": {"instanceId": "in09"},
            "status": {"nodes": 7, "operation": {"id": "x"}},
        }
    )
    assert created["status"] == {"observedGeneration": -1}


def test_a_status_write_needs_no_spec_and_changes_none(ddminstances: DDMInstances, stored: Json) -> None:
    before = ddminstances.get()
    written = ddminstances.put_status(stored, {"observedGeneration": 1, "nodes": 2})
    assert written["status"] == {"observedGeneration": 1, "nodes": 2}
    assert written["spec"] == before["spec"]
    assert written["metadata"]["generation"] == before["metadata"]["generation"]
    assert written["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]


def test_a_spec_in_a_status_write_is_ignored(ddminstances: DDMInstances, stored: Json) -> None:
    body = {
        **ddminstances.get(),
        "metadata": stored,
        "spec": {"instanceId": "other", "nodes": 30},
        "status": {"nodes": 2},
    }
    written = ddminstances.api.put(ddminstances.path("orders", "status"), body)
    assert written["spec"]["nodes"] == 2
    assert written["status"] == {"nodes": 2}


def test_a_spec_write_leaves_the_status_alone(ddminstances: DDMInstances, stored: Json) -> None:
    ddminstances.put_status(stored, {"nodes": 2})
    current = ddminstances.get()
    written = ddminstances.api.put(ddminstances.path("orders"), {**current, "status": {"nodes": 9}})
    assert written["status"] == {"nodes": 2}


def test_a_status_write_replaces_the_operation_whole(ddminstances: DDMInstances, stored: Json) -> None:
    first = ddminstances.put_status(stored, {"operation": {"id": "1", "jobId": "old", "errorCode": "DBS.200019"}})
    second = ddminstances.put_status(version_of(first), {"operation": {"id": "2"}})
    assert second["status"] == {"operation": {"id": "2"}}


def test_a_write_on_an_old_version_is_a_conflict(ddminstances: DDMInstances, stored: Json) -> None:
    ddminstances.put_status(stored, {"nodes": 2})
    with pytest.raises(RefusedError) as refusal:
        ddminstances.put_status(stored, {"nodes": 3})
    assert (refusal.value.code, refusal.value.reason) == (409, "Conflict")
    assert ddminstances.get()["status"] == {"nodes": 2}


def test_a_write_after_a_change_of_spec_is_a_conflict(ddminstances: DDMInstances, stored: Json) -> None:
    ddminstances.patch_spec({"nodes": 4})
    with pytest.raises(RefusedError) as refusal:
        ddminstances.put_status(stored, {"nodes": 3})
    assert refusal.value.code == 409


@pytest.mark.parametrize("version", ["of-the-new-object", "of-the-old-object", "none"])
def test_a_write_on_a_predecessor_is_a_conflict(ddminstances: DDMInstances, stored: Json, version: str) -> None:
    ddminstances.api.delete(ddminstances.path("orders"))
    recreated = version_of(ddminstances.create())
    versions = {"of-the-new-object": recreated["resourceVersion"], "of-the-old-object": stored["resourceVersion"]}
    aimed = {**stored, "resourceVersion": versions.get(version, "")}
    assert stored["uid"] != recreated["uid"]
    with pytest.raises(RefusedError) as refusal:
        ddminstances.put_status(aimed, {"nodes": 3})
    assert (refusal.value.code, refusal.value.reason) == (409, "Conflict")
    assert ddminstances.get()["status"] == {"observedGeneration": -1}


def test_unknown_fields_are_kept_in_the_journal_and_dropped_elsewhere(ddminstances: DDMInstances, stored: Json) -> None:
    later: dict[str, Any] = {"drain": {"nodeIds": ["a"], "strict": True}}
    written = ddminstances.put_status(
        stored,
        {
            "nodes": 2,
            "operation": {"id": "1", **later},
            "history": [{"id": "0", **later}],
            "instance": {"name": "orders", **later},
            "groups": [{"id": "g", **later}],
            "conditions": [{"type": "Ready", **later}],
            **later,
        },
    )
    assert written["status"] == {
        "nodes": 2,
        "operation": {"id": "1", **later},
        "history": [{"id": "0", **later}],
        "instance": {"name": "orders"},
        "groups": [{"id": "g"}],
        "conditions": [{"type": "Ready"}],
    }


UNUSUAL = [
    pytest.param({}, id="empty"),
    pytest.param({"operation": {}, "history": [{}], "instance": {}, "groups": [{}], "conditions": []}, id="hollow"),
    pytest.param({"operation": {"id": "1", "type": "Shrink", "phase": "Draining"}}, id="phase-of-a-later-version"),
    pytest.param(
        {"operation": {"message": LONG, "errorCode": LONG, "jobId": LONG, "reason": LONG}}, id="long-operation"
    ),
    pytest.param({"operation": {"progressPercent": -1, "attempt": 0, "toNodes": 2**40}}, id="odd-numbers"),
    pytest.param({"operation": {"baselineNodeIds": ["a", "a", ""], "baselineJobIds": [LONG]}}, id="odd-ids"),
    pytest.param({"instance": {"name": "", "status": "\u6269\u5bb9\u4e2d", "nodeCount": 2**40}}, id="status-in-words"),
    pytest.param({"groups": [{"id": "g", "role": LONG}, {"id": "g"}, {"id": ""}]}, id="same-group-twice"),
    pytest.param({"conditions": [{"type": "Ready", "status": "Maybe", "reason": "", "message": LONG}]}, id="condition"),
    pytest.param({"history": [{"id": str(number)} for number in range(50)]}, id="long-history"),
    pytest.param({"lastHandledReconcileAt": LONG, "lastHandledResolve": LONG, "selector": LONG}, id="long-texts"),
]


@pytest.mark.parametrize("status", UNUSUAL)
def test_no_status_from_the_cloud_is_refused(ddminstances: DDMInstances, stored: Json, status: Json) -> None:
    assert ddminstances.put_status(stored, status)["status"] == status


def test_conditions_are_merged_by_type(ddminstances: DDMInstances) -> None:
    ddminstances.create()
    path = ddminstances.path("orders", "status")
    for manager, condition in (("one", "Ready"), ("two", "Audited")):
        body = {"apiVersion": "ddm.huaweicloud.com/v1beta1", "kind": "DDMInstance", "metadata": {"name": "orders"}}
        status = {"conditions": [{"type": condition, "status": "True"}]}
        ddminstances.api.apply(path, {**body, "status": status}, manager=manager)
    assert {condition["type"] for condition in ddminstances.get()["status"]["conditions"]} == {"Ready", "Audited"}
