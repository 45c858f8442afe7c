"""A simulated cloud as its own process, one for each worker of a test run; every test has a project of its own in it.

Fixtures: `simulator`, `project`, `start_simulator`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ddm_simulator.client import Credentials, Simulator
from tests.support.process import Process

JOB_SECONDS = 1.5
"""How long an operation takes; long enough to be seen under way."""


@dataclass(frozen=True)
class RunningSimulator:
    """The process and its client."""

    process: Process
    client: Simulator

    @property
    def url(self) -> str:
        return self.client.url


StartSimulator = Callable[..., RunningSimulator]


def launch(folder: Path, *options: str) -> RunningSimulator:
    """Start one; it answers when this returns."""
    process = Process(["-m", "ddm_simulator", *options], folder / "simulator.log")
    before = len(process.text)
    process.start()
    url = process.await_line(r"Listening on (http://127\.0\.0\.1:\d+)", after=before)[1]
    return RunningSimulator(process, Simulator(url))


@pytest.fixture(scope="session")
def _shared_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    running = launch(tmp_path_factory.mktemp("simulator"), "--port", "0", "--job-seconds", str(JOB_SECONDS))
    yield running
    running.client.close()
    running.process.stop()


@pytest.fixture
def simulator(_shared_simulator: RunningSimulator) -> Simulator:
    """The worker's cloud; faults and holds of a test name its own instance."""
    assert _shared_simulator.process.running, _shared_simulator.process.text[-3000:]
    return _shared_simulator.client


@pytest.fixture
def project(simulator: Simulator) -> Credentials:
    """A project of the test's own with one instance of two nodes."""
    return simulator.add_project()


@pytest.fixture
def start_simulator(tmp_path: Path) -> Iterator[StartSimulator]:
    """Starts clouds of the test's own."""
    started: list[RunningSimulator] = []

    def start(*options: str) -> RunningSimulator:
        running = launch(tmp_path, *options)
        started.append(running)
        return running

    yield start
    for running in started:
        running.client.close()
        running.process.stop()
