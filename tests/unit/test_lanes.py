"""Which lane of the work queue an object is in."""

from __future__ import annotations

from typing import Any

import pytest

from ddm_operator.domain.model import InstanceStatus, Phase, Resource, Status
from ddm_operator.engine.lanes import lane_of
from ddm_operator.kube.store import Store
from tests.support.cases import desired, operation

KNOWN = Status(instance=InstanceStatus(region="eu-de", project_id="seen"))


def lane(status: Status, default: tuple[str | None, str | None] = (None, None), **spec: Any) -> str:
    store = Store(monotonic=lambda: 0.0)
    store.put(Resource(desired(4, **spec), status, "1"))
    return lane_of(store, *default)("shop/orders")


@pytest.mark.parametrize(
    ("what", "expected", "found"),
    [
        ("nothing is known", "namespace shop", lane(Status())),
        ("a region alone is not enough", "namespace shop", lane(Status(), ("eu-de", None))),
        ("the settings tell", "eu-de/p1", lane(Status(), ("eu-de", "p1"))),
        ("the status tells what the cloud did", "eu-de/seen", lane(KNOWN, ("eu-de", None))),
        ("the spec says it first", "eu-nl/p2", lane(KNOWN, ("eu-de", "p1"), region="eu-nl", project_id="p2")),
        ("the default project is of the default region", "namespace shop", lane(Status(), ("eu-de", "p1"), region="x")),
    ],
)
def test_a_lane_is_a_region_and_a_project(what: str, expected: str, found: str) -> None:
    assert found == expected, what


@pytest.mark.parametrize(("phase", "expected"), [(Phase.RUNNING, "eu-de/begun"), (Phase.SUCCEEDED, "eu-nl/p2")])
def test_an_open_operation_stays_in_the_lane_where_it_was_begun(phase: Phase, expected: str) -> None:
    begun = operation(phase, region="eu-de", project_id="begun")
    assert lane(Status(operation=begun), region="eu-nl", project_id="p2") == expected


def test_an_object_that_is_gone_is_passed_in_its_namespace_s_lane() -> None:
    assert lane_of(Store(monotonic=lambda: 0.0), "eu-de", "p1")("shop/gone") == "namespace shop"
