"""Programs that are built from Go modules into the cache when tests need them, after collection, before the first runs.

Fixtures: `judge`, `kubectl_program`, `autoscaler_program`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from devcluster import DevclusterError
from devcluster.build import kept_or_built, target_folder
from devcluster.cache import PLAIN_FLAGS, Machine, is_program
from devcluster.estimate import Target
from devcluster.kubectl import kubectl
from tests.support.repository import ROOT
from tests.support.verdicts import Judge


def _target(name: str, folder: str, packages: int, processor_seconds: float) -> Target:
    sources = ROOT / "tests" / folder
    return Target(name, ".", packages, processor_seconds, sources=sources, pins=sources, flags=PLAIN_FLAGS)


VERDICTS: Final = _target("verdicts", "gitops", 420, 50.0)
AUTOSCALER: Final = _target("autoscaler", "autoscaler", 810, 120.0)


def program(target: Target) -> Path:
    """A program, out of the cache or built into it.

    Raises:
        DevclusterError: it could not be built.
    """

    def kept(machine: Machine) -> Path | None:
        built = target_folder(target, os.environ, machine) / target.name
        return built if is_program(built) else None

    return kept_or_built(target, kept, os.environ, print)


MADE: Final[Mapping[str, Callable[[], Path]]] = {
    "judge": lambda: program(VERDICTS),
    "kubectl_program": lambda: kubectl(os.environ, print),
    "autoscaler_program": lambda: program(AUTOSCALER),
}
"""By the fixture that gives it."""


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


@pytest.fixture(scope="session")
def autoscaler_program() -> Path:
    """The controller of tests/autoscaler."""
    return _made("autoscaler_program")


def _made(fixture: str) -> Path:
    try:
        return MADE[fixture]()
    except DevclusterError as error:
        pytest.fail(f"{fixture} is missing: {error}", pytrace=False)
