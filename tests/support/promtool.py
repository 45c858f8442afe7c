"""Prometheus' own judge of rules and metrics: out of Debian's package where apt works, else built from its Go module.

It is kept in the cache that the control plane is kept in, never installed.

Fixtures: `promtool`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devcluster import DevclusterError
from devcluster.build import locked_for_making
from devcluster.cache import Progress, cache_folder, is_program, publish
from devcluster.toolchain import go_program

SOURCES = Path(__file__).resolve().parents[1] / "promtool"
PACKAGE = "prometheus"
PROGRAM = "github.com/prometheus/prometheus/cmd/promtool"
DOWNLOAD_SECONDS = 60.0
BUILD_SECONDS = 1_200.0

Promtool = Callable[..., subprocess.CompletedProcess[str]]
"""Runs it with arguments and what it reads from its input."""


def promtool_program(env: Mapping[str, str], progress: Progress) -> Path:
    """The program, out of the cache or made.

    Raises:
        DevclusterError: neither way is open.
    """
    kept = cache_folder(env) / "promtool"
    if is_program(kept):
        return kept
    with locked_for_making(env, progress), tempfile.TemporaryDirectory(prefix=".promtool-", dir=kept.parent) as folder:
        if is_program(kept):
            return kept
        try:
            made = _unpacked(Path(folder))
        except (OSError, subprocess.SubprocessError) as error:
            progress(f"no promtool from a package ({_told(error)}): building it from its Go module, some minutes, once")
            made = _built(Path(folder), env, progress)
        publish(made, kept)
    return kept


def _unpacked(folder: Path) -> Path:
    """Debian's, without being root and without installing anything."""
    _run(["apt-get", "-q", "-o", "Acquire::http::Timeout=5", "download", PACKAGE], folder, DOWNLOAD_SECONDS)
    [archive] = folder.glob("*.deb")
    _run(["dpkg", "-x", str(archive), "unpacked"], folder, DOWNLOAD_SECONDS)
    made = folder / "unpacked" / "usr" / "bin" / "promtool"
    _run([str(made), "--version"], folder, DOWNLOAD_SECONDS)
    return made


def _built(folder: Path, env: Mapping[str, str], progress: Progress) -> Path:
    made = folder / "promtool"
    flags = ["-trimpath", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w"]
    goenv = {**env, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    try:
        go = go_program(env, progress)
        _run([str(go), "build", *flags, "-o", str(made), PROGRAM], SOURCES, BUILD_SECONDS, goenv)
    except (OSError, subprocess.SubprocessError) as error:
        raise DevclusterError(
            "promtool could not be had, which judges the alerts and the metrics.",
            tried=[f"apt-get download {PACKAGE}", f"go build {PROGRAM}: {_told(error)}"],
            advice=["Make one of the two work, and run it again.", f"Or put a promtool at {folder.parent}/promtool."],
        ) from error
    return made


def _run(command: list[str], folder: Path, seconds: float, env: Mapping[str, str] | None = None) -> None:
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(f"there is no {command[0]}")
    subprocess.run(command, cwd=folder, timeout=seconds, check=True, capture_output=True, text=True, env=env)


def _told(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        return str(error.stderr).strip().splitlines()[-1]
    return str(error)


def pytest_collection_finish(session: pytest.Session) -> None:
    """A first time may have to build it, which takes longer than any test may."""
    needed = any("promtool" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly:
        with contextlib.suppress(DevclusterError):  # the tests that need it will tell
            promtool_program(os.environ, print)


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Runs promtool."""
    try:
        program = promtool_program(os.environ, print)
    except DevclusterError as error:
        pytest.fail(str(error), pytrace=False)

    def run(*arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60, check=False
        )

    return run
