"""Writes the bill of materials of what the image installs into ``dist/``: CycloneDX, from the lock, with its hashes.

``cyclonedx-py`` makes it; who needs what is added, which the lock tells in its comments. The same sources make the same
file: it has no serial number, and its time is that of the commit.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.drift import ROOT
from tools.release import DIST
from tools.source import Source, source

LOCK = ROOT / "requirements.lock"
SPECIFICATION = "1.6"

ENTRY = re.compile(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==(?:.*\n)(?:\s.*\n)*", re.MULTILINE)
VIA = re.compile(r"^\s+#(?: via)? +(\S.*)$", re.MULTILINE)


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=DIST, help="where to (default: dist)")
    options = parser.parse_args()
    state = source()
    path = options.folder / f"ddm-operator-{state.version}-sbom.cdx.json"
    text = json.dumps(bill(state), indent=2, sort_keys=True) + "\n"
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        sys.exit(f"The bill of materials cannot be written to {options.folder}: {error.strerror}.")
    print(path)


def bill(state: Source) -> dict[str, Any]:
    """The bill as JSON has it."""
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    if state.epoch is not None:
        environment["SOURCE_DATE_EPOCH"] = str(state.epoch)
    # It warns that the project has no needs; they are added below.
    command = [sys.executable, "-W", "ignore::UserWarning", "-m", "cyclonedx_py", "requirements", str(LOCK)]
    options = ["--pyproject", str(ROOT / "pyproject.toml"), "--spec-version", SPECIFICATION, "--output-reproducible"]
    # What it makes is not yet the bill, which a test validates.
    made = subprocess.run(
        [*command, *options, "--no-validate"], env=environment, capture_output=True, text=True, check=False
    )
    if made.returncode:
        sys.exit(f"No bill of materials was made; cyclonedx-py ended with {made.returncode}:\n{made.stderr}")
    found: dict[str, Any] = json.loads(made.stdout)
    for component in found["components"]:
        # It repeats the line of the lock, hashes and all.
        del component["description"]
    root = found["metadata"]["component"]
    references = {component["name"]: component["bom-ref"] for component in found["components"]}
    references[root["name"]] = root["bom-ref"]
    found["dependencies"] = [
        {"ref": references[name], "dependsOn": sorted(references[needed] for needed in needs)}
        for name, needs in sorted(graph(LOCK.read_text()).items())
    ]
    return found


def graph(lock: str) -> dict[str, set[str]]:
    """What each package of a lock needs, by its comments; what the project needs, by its ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    entries = {match[1]: VIA.findall(match[0]) for match in ENTRY.finditer(lock)}
    own = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    needs: dict[str, set[str]] = {project["name"]: set(own), **{name: set() for name in entries}}
    for name, parents in entries.items():
        for parent in parents:
            if parent in needs:
                needs[parent].add(name)
    return needs


if __name__ == "__main__":
    main()
