"""The CRD's schema, walked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CRD_FILE = Path(__file__).parents[2] / "crds" / "ddminstances.yaml"

Schema = dict[str, Any]


def load() -> dict[str, Any]:
    """The whole CRD."""
    crd: dict[str, Any] = yaml.safe_load(CRD_FILE.read_text())
    return crd


def root() -> Schema:
    """The schema of a DDMInstance."""
    (version,) = load()["spec"]["versions"]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def walk(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every node below a schema with its path, such as `status.groups[].id`; a list's items end in `[]`."""
    for name, child in schema.get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        yield here, child
        yield from walk(child, here)
    if "items" in schema:
        yield f"{path}[]", schema["items"]
        yield from walk(schema["items"], f"{path}[]")


def fields() -> dict[str, Schema]:
    """Every node of the schema by its path."""
    return dict(walk(root()))
