"""The bill of materials: valid, complete, and the same every time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.support.repository import text_of
from tools.sbom import SPECIFICATION, bill, graph
from tools.source import Source

STATE = Source("0.0.0", "unknown", 1_700_000_000)
LOCK = text_of(Path("requirements.lock"))


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return bill(STATE)


def test_it_is_valid(made: dict[str, Any]) -> None:
    validator = JsonStrictValidator(SchemaVersion.from_version(SPECIFICATION))
    assert validator.validate_str(json.dumps(made)) is None
    assert validator.validate_str(json.dumps({**made, "components": [{"name": "no type"}]})) is not None


def test_it_has_the_lock_and_nothing_else(made: dict[str, Any]) -> None:
    locked = {
        (match[1], match[2]): set(re.findall(r"sha256:([0-9a-f]{64})", match[0]))
        for match in re.finditer(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==(\S+).*\n(?:\s.*\n)*", LOCK, re.MULTILINE)
    }
    listed = {
        (one["name"], one["version"]): {
            found["content"] for link in one["externalReferences"] for found in link.get("hashes", ())
        }
        for one in made["components"]
    }
    assert listed == locked
    assert all(one["purl"].startswith(f"pkg:pypi/{one['name']}@{one['version']}") for one in made["components"])


def test_who_needs_what_is_complete(made: dict[str, Any]) -> None:
    references = {one["bom-ref"] for one in made["components"]}
    edges = {one["ref"]: set(one["dependsOn"]) for one in made["dependencies"]}
    root = made["metadata"]["component"]["bom-ref"]
    assert edges.keys() == references | {root}
    reached, open_ends = set[str](), {root}
    while open_ends:
        reached |= open_ends
        open_ends = {needed for one in open_ends for needed in edges[one]} - reached
    assert reached == references | {root}


def test_the_lock_s_comments_are_understood() -> None:
    several = "a==1 \\\n    --hash=sha256:00\n    # via\n    #   b\n    #   c\n"
    one = "b==2 ; x == 'y' \\\n    --hash=sha256:00\n    # via c\n"
    none = "c==3 \\\n    --hash=sha256:00\n    # via ddm-operator (pyproject.toml)\n"
    lock = several + one + none
    needs = graph(lock)
    assert {name: needs[name] for name in "abc"} == {"a": set(), "b": {"a"}, "c": {"a", "b"}}


def test_the_same_sources_make_the_same_bill(made: dict[str, Any]) -> None:
    again = bill(STATE)
    assert json.dumps(again, sort_keys=True) == json.dumps(made, sort_keys=True)
    assert "serialNumber" not in made
    assert made["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
