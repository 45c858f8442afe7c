"""The CRD keeps its own promises: everything described, status open, and the operator's nouns in it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from ddm_operator.domain import model
from ddm_operator.kube import resource
from ddm_operator.kube.codec import camel
from tests.support import crdschema

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FIELDS = crdschema.fields()
STATUS_FIELDS = {path: schema for path, schema in FIELDS.items() if path.startswith("status.")}
NARROWING = {"enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "uniqueItems"}
KEPT = {"status.operation", "status.history[]"}


def names_of(noun: type[DataclassInstance]) -> set[str]:
    """What the fields of a noun are called in JSON; `extra` holds what has no name."""
    return {camel(field.name) for field in dataclasses.fields(noun) if field.name != "extra"}


def test_names() -> None:
    spec = crdschema.load()["spec"]
    assert (spec["group"], spec["names"]["kind"], spec["names"]["plural"]) == (
        resource.GROUP,
        resource.KIND,
        resource.PLURAL,
    )
    assert [version["name"] for version in spec["versions"]] == [resource.VERSION]


@pytest.mark.parametrize("path", FIELDS)
def test_every_field_is_described(path: str) -> None:
    description = FIELDS[path].get("description", "")
    assert description.endswith("."), f"{path} needs a sentence"
    assert description[0].isupper(), f"{path} needs a sentence"


@pytest.mark.parametrize("path", [path for path in FIELDS if path.startswith("spec.")])
def test_every_field_of_spec_tells_its_default(path: str) -> None:
    words = FIELDS[path]["description"].lower()
    assert "default" in words or "required" in words


@pytest.mark.parametrize("path", STATUS_FIELDS)
def test_nothing_narrows_status(path: str) -> None:
    schema = STATUS_FIELDS[path]
    assert not NARROWING & schema.keys()
    assert "x-kubernetes-validations" not in schema
    assert schema.get("format") in (None, "date-time", "int64")
    assert schema.get("required", []) == (["type"] if path == "status.conditions[]" else [])


@pytest.mark.parametrize("path", STATUS_FIELDS)
def test_lists_in_status_are_replaced_whole(path: str) -> None:
    wanted = "map" if path == "status.conditions" else "atomic"
    assert STATUS_FIELDS[path].get("x-kubernetes-list-type", wanted) == wanted
    assert (STATUS_FIELDS[path]["type"] == "array") == ("x-kubernetes-list-type" in STATUS_FIELDS[path])


def test_only_the_journal_keeps_what_it_does_not_know() -> None:
    assert {path for path, schema in FIELDS.items() if "x-kubernetes-preserve-unknown-fields" in schema} == KEPT


@pytest.mark.parametrize("path", [path for path, schema in FIELDS.items() if schema["type"] == "string"])
def test_texts_of_spec_are_bounded(path: str) -> None:
    # Without a bound the API server cannot tell what a rule in CEL may cost.
    schema = FIELDS[path]
    assert path.startswith("status.") or "maxLength" in schema or "enum" in schema


@pytest.mark.parametrize(
    ("path", "noun"),
    [
        ("status.instance", model.InstanceStatus),
        ("status.groups[]", model.GroupStatus),
        ("status.operation", model.Operation),
        ("status.history[]", model.Operation),
        ("status.conditions[]", model.Condition),
    ],
)
def test_status_has_the_fields_of_the_operators_nouns(path: str, noun: type[DataclassInstance]) -> None:
    assert set(FIELDS[path]["properties"]) == names_of(noun)


def test_status_itself_has_the_fields_of_the_operators_noun() -> None:
    assert set(crdschema.root()["properties"]["status"]["properties"]) == names_of(model.Status)


def test_the_bound_of_nodes_is_the_operators() -> None:
    assert FIELDS["spec.nodes"]["maximum"] == model.MAX_NODES
