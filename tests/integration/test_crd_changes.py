"""Which fields of a stored DDMInstance may change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ddminstances import INSTANCE_ID, DDMInstances
from tests.support.kubeapi import Json, RefusedError

OTHER_INSTANCE_ID = "73f27bb0b26d4a79a9b0c58a4c700c4fin09"
PLACE = {"region": "cn-north-4", "projectId": "055d9f4ee780d4d42f96c01c1bc3c50c"}
LEAVES_ALONE = "delete this object, which leaves the cloud instance alone"

FORBIDDEN = [
    pytest.param({"instanceId": OTHER_INSTANCE_ID}, "instanceId cannot be changed", id="instance"),
    pytest.param({"instanceId": INSTANCE_ID.upper()}, "instanceId cannot be changed", id="instance-capitals"),
    pytest.param({"instanceId": None}, "spec.instanceId: Required value", id="instance-removed"),
    pytest.param({"region": "cn-east-3"}, "region cannot be changed or removed once it is set", id="region"),
    pytest.param({"region": None}, "region cannot be changed or removed once it is set", id="region-removed"),
    pytest.param({"projectId": "055d"}, "projectId cannot be changed or removed once it is set", id="project"),
    pytest.param({"projectId": None}, "projectId cannot be changed or removed once it is set", id="project-removed"),
    pytest.param({"nodes": 33}, "should be less than or equal to 32", id="nodes-above-limit"),
]

ALLOWED = [
    pytest.param({"nodes": 2}, {"nodes": 4}, id="grow"),
    pytest.param({"nodes": 4}, {"nodes": 2}, id="shrink-is-for-the-operator-to-report"),
    pytest.param({"nodes": 4}, {"nodes": None}, id="back-to-observing"),
    pytest.param({}, {"nodes": 4}, id="from-observing"),
    pytest.param({"groupId": "agr09"}, {"groupId": "bgr09"}, id="another-group"),
    pytest.param({"groupId": "agr09"}, {"groupId": None}, id="no-group"),
    pytest.param({"flavorId": "a"}, {"flavorId": "b"}, id="another-flavor"),
    pytest.param({"paused": True}, {"paused": False}, id="unpaused"),
    pytest.param({}, PLACE, id="place-set-later"),
    pytest.param(PLACE, {"nodes": 4, **PLACE}, id="place-repeated"),
]


@pytest.mark.parametrize(("changes", "message"), FORBIDDEN)
def test_a_change_that_makes_no_sense_is_refused(ddminstances: DDMInstances, changes: Json, message: str) -> None:
    before = ddminstances.create({"instanceId": INSTANCE_ID, "nodes": 2, **PLACE})
    with pytest.raises(RefusedError, match=message) as refusal:
        ddminstances.patch_spec(changes)
    assert refusal.value.code == 422
    assert ddminstances.get()["spec"] == before["spec"]


@pytest.mark.parametrize("field", ["instanceId", "region", "projectId"])
def test_the_refusal_says_what_to_do_instead(ddminstances: DDMInstances, field: str) -> None:
    ddminstances.create({"instanceId": INSTANCE_ID, **PLACE})
    with pytest.raises(RefusedError, match=LEAVES_ALONE) as refusal:
        ddminstances.patch_spec({field: "other"})
    assert f"spec.{field}: Invalid value" in refusal.value.message


@pytest.mark.parametrize(("before", "changes"), ALLOWED)
def test_other_changes_are_accepted(ddminstances: DDMInstances, before: Json, changes: dict[str, Any]) -> None:
    created = ddminstances.create({"instanceId": INSTANCE_ID, **before})
    changed = ddminstances.patch_spec(changes)
    wanted = {name: value for name, value in {**created["spec"], **changes}.items() if value is not None}
    assert changed["spec"] == wanted
    assert changed["metadata"]["generation"] == created["metadata"]["generation"] + 1


def test_deleting_leaves_nothing(ddminstances: DDMInstances) -> None:
    ddminstances.create()
    ddminstances.api.delete(ddminstances.path("orders"))
    with pytest.raises(RefusedError) as refusal:
        ddminstances.get()
    assert refusal.value.code == 404
