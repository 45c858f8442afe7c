"""The demo as a person starts it: it ends well and leaves nothing, or says which part failed and where its log is."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo as its own process, with a temporary folder of its own."""
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo", *arguments],
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(60)


def children(pid: int) -> dict[int, str]:
    """The processes that a process has started, with their command lines."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
    return found


def await_text(folder: Path, process: subprocess.Popen[str], pattern: str) -> None:
    while not re.search(pattern, (folder / "output").read_text()):
        assert process.poll() is None, (folder / "output").read_text()
        time.sleep(0.05)


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short path: etcd listens on a socket in it."""
    with tempfile.TemporaryDirectory(prefix="d-") as name:
        (Path(name) / "tmp").mkdir()
        yield Path(name)


def test_it_ends_well_and_leaves_nothing(folder: Path) -> None:
    with demo(folder, "--svg", str(folder / "demo.svg")) as process:
        assert process.wait(110) == 0, (folder / "output").read_text()
    text = (folder / "output").read_text()
    for told in (
        r"intent stored in status.operation: 2 to 4 nodes",
        r"enlarge executed: node_number 2, group \w+gr09",
        r"jobId [0-9a-f-]{36}, \d+ %",
        r"every node is there and serves",
        r"Ready=True \(AsDeclared\)",
        r"kill -9",
        r"2 enlarge calls executed for 2 declared changes, each flavor_id \S+, node_number 2, group_id \S+",
        r"none lost, none doubled",
    ):
        assert re.search(told, text), (told, text)
    assert "NAME=orders  NODES=6  DESIRED=6  STATUS=RUNNING  READY=True" in text
    assert list((folder / "tmp").iterdir()) == []
    picture = (folder / "demo.svg").read_text()
    assert picture.startswith("<svg")
    assert 'url("http' not in picture


@pytest.mark.parametrize("part", ["ddm_simulator", "ddm_operator"])
def test_a_part_that_dies_is_named_with_its_log(folder: Path, part: str) -> None:
    with demo(folder) as process:
        await_text(folder, process, r"replicas=4")
        [pid] = [child for child, command in children(process.pid).items() if part in command]
        os.kill(pid, signal.SIGKILL)
        assert process.wait(60) == 1
    text = (folder / "output").read_text()
    name = part.removeprefix("ddm_")
    said = re.search(rf"The demo failed\. The {name} ended by itself; its log is (\S+)", text)
    assert said, text
    assert Path(said[1]).exists()
    assert "Traceback" not in text


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_ends_everything(folder: Path) -> None:
    with demo(folder) as process:
        await_text(folder, process, r"replicas=4")
        started = children(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert "Traceback" not in (folder / "output").read_text()
    assert list((folder / "tmp").iterdir()) == []
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
