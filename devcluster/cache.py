"""The folder that keeps builds and downloads between runs, and the lock that keeps two runs from making one twice."""

import contextlib
import fcntl
import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import DevclusterError

Progress = Callable[[str], None]
"""Takes one line for a person to read, without its end of line."""

KUBERNETES_VERSION = "v1.36.2"
"""The version that `go.mod` names."""

KUBERNETES_SERIES = KUBERNETES_VERSION.rpartition(".")[0]
"""The series that a published archive must belong to: not every patch release gets one."""

SOURCES = Path(__file__).parent
"""Folder of the Go sources."""

COMMON_FLAGS = ("-trimpath", "-mod=readonly", "-buildvcs=false")
"""Flags of every `go build`."""

PLAIN_FLAGS = (*COMMON_FLAGS, "-ldflags=-s -w")
"""Flags for a program that is no part of Kubernetes."""

BUILD_FLAGS = (
    *COMMON_FLAGS,
    f"-ldflags=-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION}",
)
"""Flags for the others. Without the last one the API server says that its version is v0.0.0-master."""

_ARCHITECTURES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}


@dataclass(frozen=True)
class Machine:
    """Operating system and processor, in Go's words."""

    os: str
    arch: str

    @property
    def name(self) -> str:
        """As published archives spell it."""
        return f"{self.os}-{self.arch}"


def this_machine() -> Machine:
    """The machine that this runs on.

    Raises:
        DevclusterError: Kubernetes is not made for it.
    """
    arch = _ARCHITECTURES.get(platform.machine().lower())
    if arch is None or sys.platform not in {"linux", "darwin"}:
        raise DevclusterError(
            f"The embedded control plane does not run on {sys.platform} with {platform.machine()}.",
            advice=["Use a cluster of your own: CLUSTER=kubeconfig KUBECONFIG=/path/to/kubeconfig make demo."],
        )
    return Machine(sys.platform, arch)


def cache_folder(env: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/ddm-operator`, by default below `~/.cache`; made when absent."""
    configured = env.get("XDG_CACHE_HOME", "")
    # The specification of these variables says to ignore a relative path.
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    folder = base / "ddm-operator"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DevclusterError(
            f"The folder {folder} cannot be made: {error.strerror}.",
            advice=["Set XDG_CACHE_HOME to a folder that you can write to."],
        ) from error
    return folder


def build_folder(env: Mapping[str, str], machine: Machine) -> Path:
    """Where programs built from the present Go sources belong; a change of the sources changes the name."""
    return cache_folder(env) / f"build-{KUBERNETES_VERSION}-{machine.name}-{_sources_hash()}"


def program_folder(
    env: Mapping[str, str], machine: Machine, name: str, sources: Path, pins: Path, flags: tuple[str, ...]
) -> Path:
    """Where a program belongs whose versions another folder pins; a change of either changes the name."""
    digest = hashlib.sha256(" ".join(flags).encode())
    for path in (*sorted(sources.glob("*.go")), pins / "go.mod", pins / "go.sum"):
        digest.update(path.read_bytes())
    return cache_folder(env) / f"build-{name}-{machine.name}-{digest.hexdigest()[:12]}"


def archive_folder(env: Mapping[str, str], machine: Machine) -> Path:
    """Where the programs of the published archive belong."""
    return cache_folder(env) / f"envtest-{KUBERNETES_SERIES}-{machine.name}"


def is_program(path: Path) -> bool:
    """Whether there is a file that may be executed."""
    return path.is_file() and os.access(path, os.X_OK)


@contextlib.contextmanager
def locked(path: Path, busy: Callable[[], None]) -> Iterator[None]:
    """Hold a lock between processes; `busy` is called once when another one has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def publish(unfinished: Path, finished: Path) -> None:
    """Give a complete file or folder its name, so that the name never stands for something half written."""
    for path in [unfinished, *unfinished.rglob("*")] if unfinished.is_dir() else [unfinished]:
        _sync(path)
    unfinished.replace(finished)
    _sync(finished.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sources_hash() -> str:
    digest = hashlib.sha256(" ".join(BUILD_FLAGS).encode())
    for path in sorted([*SOURCES.glob("**/*.go"), SOURCES / "go.mod", SOURCES / "go.sum"]):
        digest.update(f"{path.relative_to(SOURCES)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
