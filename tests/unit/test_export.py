"""Manifests for what a project has, whatever it is called."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ddm_operator.domain.model import Group, InstanceRow
from ddm_operator.export import Found, manifest, object_names
from ddm_operator.ports import Target

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
TARGET = Target("cn-north-4", "055d")


def row(name: str, key: str = "28e8841d0b9c4f6a9a30742ee60e1068in09", order: str = "") -> InstanceRow:
    return InstanceRow(key, name, "RUNNING", "", 2, "ddm.c6.xlarge.2", "3.0.8", order, ())


def spec(text: str) -> dict[str, Any]:
    """The one document in it."""
    [document] = yaml.safe_load_all(text)
    body: dict[str, Any] = document
    return body


@pytest.mark.parametrize(
    ("name", "expected"),
    [("orders", "orders"), ("DDM_Orders", "ddm-orders"), ("-x-", "x"), ("订单", "ddm"), ("a" * 70, "a" * 63)],
)
def test_a_name_becomes_valid(name: str, expected: str) -> None:
    assert object_names([row(name, "k1")]) == {"k1": expected}


def test_namesakes_all_get_a_part_of_their_id_and_others_keep_their_name() -> None:
    rows = [row("A_b", "11111111aaa"), row("a-b", "22222222aaa"), row("other", "3")]
    assert object_names(rows) == {"11111111aaa": "a-b-11111111", "22222222aaa": "a-b-22222222", "3": "other"}


def test_a_name_that_looks_like_a_namesake_s_is_no_clash() -> None:
    rows = [row("a", "11111111x"), row("A", "22222222x"), row("a-11111111", "33333333x")]
    assert len(set(object_names(rows).values())) == 3


@given(st.lists(st.text(max_size=80), max_size=6))
def test_names_are_valid_and_unique_whatever_the_instances_are_called(names: list[str]) -> None:
    rows = [row(name, f"{number:032x}in09") for number, name in enumerate(names)]
    found = object_names(rows)
    assert all(LABEL.fullmatch(name) for name in found.values())
    assert len(set(found.values())) == len(rows)


@given(st.text(max_size=80), st.text(max_size=30))
def test_no_name_ends_the_comment_that_it_stands_in(name: str, group: str) -> None:
    groups = (Group("f080gr09", group, "rw", ("a", "b")),)
    body = spec(manifest(Found(row(name), groups), "orders", "shop", TARGET))
    assert body["spec"] == {
        "instanceId": "28e8841d0b9c4f6a9a30742ee60e1068in09",
        "region": "cn-north-4",
        "projectId": "055d",
    }
    assert body["metadata"] == {"name": "orders", "namespace": "shop"}


def test_uncommented_it_scales_the_group() -> None:
    text = manifest(Found(row("orders"), (Group("f080gr09", "group", "rw", ("a", "b")),)), "orders", "", TARGET)
    chosen = re.sub(r"^  # (groupId|nodes): ", r"  \1: ", text, flags=re.MULTILINE)
    assert spec(chosen)["spec"] | {"instanceId": ""} == {
        "instanceId": "",
        "region": "cn-north-4",
        "projectId": "055d",
        "groupId": "f080gr09",
        "nodes": 2,
    }
    assert "namespace" not in spec(text)["metadata"]


def test_what_can_only_be_observed_is_said() -> None:
    assert "# yearly/monthly: it can be observed, not scaled" in manifest(
        Found(row("a", order="CS1"), ()), "a", "", TARGET
    )
    assert "# its groups could not be read" in manifest(Found(row("a"), None), "a", "", TARGET)
