"""The scale subresource: what `kubectl scale` and autoscalers read and write."""

from __future__ import annotations

import pytest

from tests.support.ddminstances import INSTANCE_ID, DDMInstances
from tests.support.kubeapi import RefusedError

SELECTOR = "ddm.huaweicloud.com/uid=7efce682-483e-4cd5-8747-020f00b51a5f"


def test_it_shows_desired_and_observed_nodes(ddminstances: DDMInstances) -> None:
    created = ddminstances.create()
    ddminstances.put_status(created["metadata"], {"nodes": 1, "selector": SELECTOR})
    scale = ddminstances.get("orders", "scale")
    assert (scale["apiVersion"], scale["kind"]) == ("autoscaling/v1", "Scale")
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"] == {"replicas": 1, "selector": SELECTOR}


def test_nothing_observed_yet_reads_as_zero(ddminstances: DDMInstances) -> None:
    ddminstances.create()
    assert ddminstances.get("orders", "scale")["status"] == {"replicas": 0}


def test_patch_changes_nodes_and_nothing_else(ddminstances: DDMInstances) -> None:
    created = ddminstances.create()
    ddminstances.api.patch(ddminstances.path("orders", "scale"), {"spec": {"replicas": 4}})
    changed = ddminstances.get()
    assert changed["spec"] == {**created["spec"], "nodes": 4}
    assert changed["metadata"]["generation"] == created["metadata"]["generation"] + 1


def test_put_changes_nodes(ddminstances: DDMInstances) -> None:
    ddminstances.create()
    path = ddminstances.path("orders", "scale")
    scale = ddminstances.api.get(path)
    ddminstances.api.put(path, {**scale, "spec": {"replicas": 5}})
    assert ddminstances.get()["spec"]["nodes"] == 5


def test_put_on_an_old_version_is_a_conflict(ddminstances: DDMInstances) -> None:
    ddminstances.create()
    path = ddminstances.path("orders", "scale")
    scale = ddminstances.api.get(path)
    ddminstances.patch_spec({"nodes": 3})
    with pytest.raises(RefusedError) as refusal:
        ddminstances.api.put(path, {**scale, "spec": {"replicas": 5}})
    assert refusal.value.code == 409


@pytest.mark.parametrize(
    ("replicas", "message"),
    [(0, "should be greater than or equal to 1"), (33, "should be less than or equal to 32")],
    ids=["none", "too-many"],
)
def test_the_bounds_of_nodes_hold_here_too(ddminstances: DDMInstances, replicas: int, message: str) -> None:
    ddminstances.create()
    with pytest.raises(RefusedError, match=message):
        ddminstances.api.patch(ddminstances.path("orders", "scale"), {"spec": {"replicas": replicas}})
    assert ddminstances.get()["spec"]["nodes"] == 2


def test_an_object_without_nodes_has_no_readable_scale(ddminstances: DDMInstances) -> None:
    ddminstances.create({"instanceId": INSTANCE_ID})
    with pytest.raises(RefusedError, match=r"spec replicas field .*spec\.nodes.* does not exist") as refusal:
        ddminstances.get("orders", "scale")
    assert refusal.value.code == 500


def test_a_write_gives_an_object_without_nodes_its_number(ddminstances: DDMInstances) -> None:
    ddminstances.create({"instanceId": INSTANCE_ID})
    path = ddminstances.path("orders", "scale")
    ddminstances.api.patch(path, {"spec": {"replicas": 4}})
    assert ddminstances.get()["spec"]["nodes"] == 4
    assert ddminstances.api.get(path)["spec"] == {"replicas": 4}


@pytest.mark.parametrize("nodes", [-1, 2**31], ids=["negative", "beyond-32-bit"])
def test_observed_nodes_are_a_number_that_scale_can_show(ddminstances: DDMInstances, nodes: int) -> None:
    created = ddminstances.create()
    with pytest.raises(RefusedError, match=r"\.status\.nodes: Invalid value"):
        ddminstances.put_status(created["metadata"], {"nodes": nodes})
