"""The reference page tells of every field of the CRD, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ddm_operator.domain import conditions, model
from ddm_operator.kube import resource
from tests.support import crdschema

PAGE = (Path(__file__).parents[2] / "docs" / "ddminstance.md").read_text()
FIELDS = crdschema.fields()
HISTORY = "status.history[]"
OBJECTS = {path: schema["properties"] for path, schema in FIELDS.items() if "properties" in schema and path != HISTORY}


def section(heading: str) -> str:
    """The text under a heading, up to the next one of any level."""
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert match, f"there is no heading '{heading}'"
    return match[1]


def table(text: str, first_column: str) -> dict[str, str]:
    """Rows of the table with that first column, by the code in their first cell."""
    body = text.split(f"| {first_column} |", 1)[1].split("\n\n", 1)[0]
    return {row[1]: row[0] for row in re.finditer(r"^\| `([^`]+)`.*$", body, flags=re.MULTILINE)}


@pytest.mark.parametrize("path", OBJECTS)
def test_every_field_has_its_row(path: str) -> None:
    assert list(table(section(path), "field")) == list(OBJECTS[path])


def test_history_is_told_by_reference() -> None:
    assert "the fields of `status.operation`" in section(HISTORY)


@pytest.mark.parametrize("name", OBJECTS["spec"])
def test_defaults_and_bounds_are_told(name: str) -> None:
    schema = OBJECTS["spec"][name]
    row = table(section("spec"), "field")[name]
    if "default" in schema:
        default = schema["default"]
        assert f"`{str(default).lower() if isinstance(default, bool) else default}`" in row
    for bound in ("minimum", "maximum", "maxLength"):
        assert str(schema.get(bound, "")) in row


def test_every_phase_is_told() -> None:
    rows = table(section("status.operation"), "phase")
    assert {name: row.endswith("closed |") for name, row in rows.items()} == {
        phase.value: phase in model.CLOSED for phase in model.Phase
    }


def test_every_condition_is_told() -> None:
    told = set(table(section("status.conditions[]"), "condition"))
    assert told == {conditions.READY, conditions.AVAILABLE, conditions.RECONCILING, conditions.STALLED}


def test_every_annotation_is_told() -> None:
    assert set(table(section("Annotations"), "annotation")) == {
        resource.RECONCILE_ANNOTATION,
        resource.RESOLVE_ANNOTATION,
    }


def test_every_column_is_told() -> None:
    (version,) = crdschema.load()["spec"]["versions"]
    columns = {column["name"].upper(): column.get("priority", 0) for column in version["additionalPrinterColumns"]}
    rows = table(section("Columns"), "column")
    assert {name: int("`-o wide`" in row) for name, row in rows.items()} == columns
