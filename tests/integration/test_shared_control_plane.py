"""One control plane serves a whole run of tests, and ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
RUN_TIMEOUT_SECONDS = 60.0
END_TIMEOUT_SECONDS = 20.0

TESTS = """
import os, pathlib, threading
import pytest

@pytest.mark.parametrize("number", range(4))
def test_that_uses_it(control_plane, api, namespace, number):
    assert api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["name"] == namespace
    pathlib.Path(f"{number}.server").write_text(control_plane.server)
    if "HANG" in os.environ:
        threading.Event().wait()

def test_that_does_not():
    pass
"""


def command(*arguments: str) -> list[str]:
    plugin = "tests.support.controlplane"
    return [sys.executable, "-m", "pytest", "-c", "pytest.ini", "-p", plugin, "-p", "no:cacheprovider", *arguments]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with tests of its own."""
    (tmp_path / "test_inner.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def run(folder: Path, *arguments: str) -> str:
    finished = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_SECONDS,
        check=False,
    )
    return finished.stdout


@pytest.fixture
def hanging(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run with two workers whose tests never end."""
    process = subprocess.Popen(
        command("-n", "2"), cwd=folder, env=environment(HANG="1"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield process
    process.kill()
    process.wait()


def servers(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.glob("*.server")]


def answers(server: str) -> bool:
    try:
        httpx.get(f"{server}/readyz", verify=False, timeout=1.0)
    except httpx.TransportError:
        return False
    return True


@pytest.mark.parametrize("arguments", [("-n", "2"), ("-n", "0"), ("-p", "no:xdist")], ids=" ".join)
def test_all_tests_share_one_which_ends_with_them(folder: Path, arguments: tuple[str, ...]) -> None:
    output = run(folder, *arguments)
    assert "5 passed" in output
    assert output.count("control plane ready") == 1
    assert len(servers(folder)) == 4
    (server,) = set(servers(folder))
    assert not answers(server)


def test_it_is_not_started_for_tests_that_do_not_need_it(folder: Path) -> None:
    output = run(folder, "-k", "does_not")
    assert "1 passed" in output
    assert "control plane" not in output


def test_it_ends_when_the_run_is_killed(folder: Path, hanging: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + RUN_TIMEOUT_SECONDS
    while not any(servers(folder)):
        assert time.monotonic() < deadline, "no test began"
        time.sleep(0.05)
    server = next(filter(None, servers(folder)))
    assert answers(server)
    hanging.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + END_TIMEOUT_SECONDS
    while answers(server):
        assert time.monotonic() < deadline, "it outlives its run"
        time.sleep(0.05)


def test_a_failed_start_fails_the_tests_that_need_it_and_no_other(folder: Path) -> None:
    finished = subprocess.run(
        command("-n", "2"),
        cwd=folder,
        env=environment(KUBEBUILDER_ASSETS=str(folder)),
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_SECONDS,
        check=False,
    )
    assert "1 passed, 4 errors" in finished.stdout
    assert f"There is no control plane: KUBEBUILDER_ASSETS={folder} has no programs" in finished.stdout
