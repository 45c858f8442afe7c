"""The chart's own files agree with each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.helm import CHART
from tools import release
from tools.chart_values import documented

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())

OF_A_PARENT = {"global", "enabled"}
"""What a chart that depends on this one may give it."""


def keys(values: dict[str, Any], schema: dict[str, Any], path: str = "") -> set[str]:
    """The paths at which one of both has a value that the other does not know."""
    known = schema.get("properties", {})
    strange = {f"{path}{name}" for name in values.keys() ^ known.keys()}
    for name in values.keys() & known.keys():
        if isinstance(values[name], dict) and "properties" in known[name] and f"{path}{name}" not in FREE:
            strange |= keys(values[name], known[name], f"{path}{name}.")
    return strange


FREE = {"settings", "resources"}
"""Values of which not every field has a default."""


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    assert keys(VALUES, SCHEMA) == OF_A_PARENT


def test_nothing_unknown_is_let_through() -> None:
    def loose(schema: dict[str, Any], path: str) -> list[str]:
        here = [path] if "properties" in schema and schema.get("additionalProperties") is not False else []
        return here + [
            deeper for name, child in schema.get("properties", {}).items() for deeper in loose(child, f"{path}.{name}")
        ]

    assert loose(SCHEMA, "") == []


def test_every_value_is_documented() -> None:
    top = {value.path.partition(".")[0] for value in documented((CHART / "values.yaml").read_text())}
    assert top == VALUES.keys()


def test_a_workflow_does_nothing_but_call_make() -> None:
    workflow = yaml.safe_load(Path(".github/workflows/release.yml").read_text())
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    # The last one publishes what the first one has made.
    assert [command.split()[:2] for command in commands] == [["make", "release"], ["gh", "release"]]


def test_a_release_has_chart_manifests_and_bill_of_materials() -> None:
    planned = subprocess.run(["make", "--dry-run", "release"], capture_output=True, text=True, check=True).stdout
    made = [line.split("-m ")[1].split()[0] for line in planned.splitlines() if "-m tools." in line]
    assert made == ["tools.release", "tools.sbom", "tools.release"]


def test_a_release_has_checksums_of_all_its_parts(tmp_path: Path) -> None:
    (tmp_path / "b.tgz").write_bytes(b"b")
    (tmp_path / "a.yaml").write_bytes(b"a")
    release.seal(tmp_path)
    release.seal(tmp_path)
    sums = [line.split("  ") for line in (tmp_path / "SHA256SUMS").read_text().splitlines()]
    assert [(name, len(digest)) for digest, name in sums] == [("a.yaml", 64), ("b.tgz", 64)]


@pytest.mark.parametrize("arguments", [["tools.release", "--seal"], ["tools.sbom"]])
def test_a_folder_that_cannot_be_used_is_told_in_a_sentence(arguments: list[str]) -> None:
    command = [sys.executable, "-m", *arguments, "--folder", "/dev/null/x"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "/dev/null/x: Not a directory." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_sealing_what_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.release", "--seal", "--folder", str(tmp_path / "absent")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        1,
        f"No release was made in {tmp_path}/absent: No such file or directory.\n",
    )
