"""Building a program of this folder's Go sources into the cache, once."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from devcluster.cache import (
    SOURCES,
    Machine,
    Progress,
    build_folder,
    cache_folder,
    locked,
    program_folder,
    publish,
    this_machine,
)
from devcluster.errors import DevclusterError
from devcluster.estimate import BuildEstimate, Target
from devcluster.toolchain import go_program

_KEPT_LINES = 20
"""How much of Go's output an error repeats (lines)."""


def locked_for_making(env: Mapping[str, str], progress: Progress) -> contextlib.AbstractContextManager[None]:
    """Hold the lock under which something is put into the cache; waits while another run holds it."""
    return locked(
        cache_folder(env) / "make.lock",
        lambda: progress("another run is building or downloading a program: waiting for it"),
    )


def kept_or_built(
    target: Target,
    kept: Callable[[Machine], Path | None],
    env: Mapping[str, str],
    progress: Progress,
) -> Path:
    """A program out of the cache, or built into it; of several runs at once one builds.

    Args:
        target: What to build.
        kept: Looks for the program in the cache.
        env: Environment variables, as `build` has them.
        progress: Is told what happens.

    Raises:
        DevclusterError: It could not be built.
    """
    machine = this_machine()
    if found := kept(machine):
        return found
    with locked_for_making(env, progress):
        return kept(machine) or build(target, env, machine, progress)


def build(
    target: Target,
    env: Mapping[str, str],
    machine: Machine,
    progress: Progress,
    *,
    tried: Sequence[str] = (),
) -> Path:
    """Build a Go package into the cache. To be called under `locked_for_making`.

    Args:
        target: What to build.
        env: Environment variables: `PATH`, `XDG_CACHE_HOME` and whatever Go takes from there.
        machine: What to build for.
        progress: Is told what happens and how far it is.
        tried: What failed before, for the error's text.

    Raises:
        DevclusterError: There is no Go toolchain, or the build failed. Nothing half made is left.
    """
    folder = target_folder(target, env, machine)
    folder.mkdir(parents=True, exist_ok=True)
    with _workshop(folder) as workshop:
        unfinished = workshop / target.name
        try:
            go = go_program(env, progress)
            _run_go(go, target, unfinished, env, progress)
        except DevclusterError as error:
            raise DevclusterError(
                f"{target.name} could not be built. {error.happened}",
                tried=[*tried, *error.tried],
                advice=error.advice,
            ) from error
        publish(unfinished, folder / target.name)
    return folder / target.name


def target_folder(target: Target, env: Mapping[str, str], machine: Machine) -> Path:
    """Where the program belongs; a change of its sources changes the name."""
    if target.pins == SOURCES:
        return build_folder(env, machine)
    return program_folder(env, machine, target.name, target.sources, target.pins, target.flags)


@contextlib.contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder for what is unfinished, beside where it belongs. Those of killed runs go: the lock is ours."""
    for left in folder.glob(".unfinished-*"):
        shutil.rmtree(left, ignore_errors=True)
    workshop = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
    try:
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: there are finished programs in it
            folder.rmdir()


def _run_go(go: Path, target: Target, output: Path, env: Mapping[str, str], progress: Progress) -> None:
    estimate = BuildEstimate(target, os.cpu_count() or 1, started=time.monotonic())
    progress(estimate.announcement())
    last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        [go, "build", "-v", *target.flags, "-o", output, target.package],
        cwd=target.sources,
        env=_go_environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            for line in process.stdout or ():
                last_lines.append(line.rstrip())
                if said := estimate.after_line(line, time.monotonic()):
                    progress(said)
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise DevclusterError(
            f"go build failed with exit code {process.returncode}.",
            tried=["the last lines it printed:", *last_lines],
            advice=[
                "If modules could not be fetched: set GOPROXY to a module proxy that can be reached.",
                "If the disk is full: a first build needs 4 GB for Go's caches (go clean -cache empties one).",
                "Run it again: what is compiled already is not compiled twice.",
                "Or use what you have: KUBEBUILDER_ASSETS (etcd and kube-apiserver), or CLUSTER=kubeconfig.",
            ],
        )
    progress(f"{target.name} built in {time.monotonic() - estimate.started:.0f} s")


def _go_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The user's, except for what would build for another machine, from other sources or with a C compiler."""
    kept = {name: value for name, value in env.items() if name not in {"GOOS", "GOARCH", "GOEXPERIMENT"}}
    return kept | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
