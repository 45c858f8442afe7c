"""What GitOps tools make of objects: Argo CD's Lua interpreter and the kstatus library, in one program of tests/gitops.

It is built into the cache when tests that need it were collected and before the first of them runs; so is kubectl.

Fixtures: `judge`, `kubectl_program`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from devcluster import DevclusterError
from devcluster.build import build, locked_for_making, target_folder
from devcluster.cache import PLAIN_FLAGS, is_program, this_machine
from devcluster.estimate import Target
from devcluster.kubectl import kubectl as find_kubectl
from tests.support.repository import ROOT

Json = dict[str, Any]

FOLDER: Final = ROOT / "tests/gitops"
TARGET: Final = Target(
    "verdicts", ".", packages=420, processor_seconds=50.0, sources=FOLDER, pins=FOLDER, flags=PLAIN_FLAGS
)
SECONDS: Final = 60


@dataclass(frozen=True)
class Verdict:
    """What is made of one object."""

    kstatus: str
    """`Current`, `InProgress`, `Failed`, `Terminating`, `NotFound` or `Unknown`."""
    message: str
    """Of kstatus."""
    lua: Mapping[str, Any]
    """What each script returned, by its name."""
    errors: Mapping[str, str]
    """Of the scripts that failed."""
    left: Json
    """The object without what is ignored."""


class Judge:
    """Asks the program."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(
        self, objects: Sequence[Json], scripts: Mapping[str, str] | None = None, ignore: Sequence[str] = ()
    ) -> list[Verdict]:
        """What is made of each object.

        Args:
            objects: whole, as the API server shows them.
            scripts: Lua by name.
            ignore: jq paths.
        """
        asked = json.dumps({"objects": list(objects), "scripts": dict(scripts or {}), "ignore": list(ignore)})
        done = subprocess.run([self._path], input=asked, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        return [Verdict(**found) for found in json.loads(done.stdout)]


def program() -> Path:
    """The program, out of the cache or built into it.

    Raises:
        DevclusterError: it could not be built.
    """
    machine = this_machine()
    built = target_folder(TARGET, os.environ, machine) / TARGET.name
    if is_program(built):
        return built
    with locked_for_making(os.environ, print):
        return built if is_program(built) else build(TARGET, os.environ, machine, print)


def _kubectl() -> Path:
    return find_kubectl(os.environ, print)


MADE: Final[Mapping[str, Callable[[], Path]]] = {"judge": program, "kubectl_program": _kubectl}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the chosen tests need; what cannot be built is told by the fixture."""
    if session.config.option.collectonly:
        return
    for fixture, make in MADE.items():
        if any(fixture in getattr(item, "fixturenames", ()) for item in session.items):
            try:
                make()
            except DevclusterError as error:
                print(f"The tests that need {fixture} will fail: {error}")  # noqa: T201  # for the person who started it


@pytest.fixture(scope="session")
def judge() -> Judge:
    """Asks the program of tests/gitops."""
    return Judge(_made("judge"))


@pytest.fixture(scope="session")
def kubectl_program() -> Path:
    """A kubectl of the control plane's version."""
    return _made("kubectl_program")


def _made(fixture: str) -> Path:
    try:
        return MADE[fixture]()
    except DevclusterError as error:
        pytest.fail(f"{fixture} is missing: {error}", pytrace=False)
