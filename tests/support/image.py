"""The image, built by its own steps once for a whole test run.

Fixtures: `engine_room`, `built`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from devcluster.cache import cache_folder
from tests.support.container import NAMESPACE, Engine, Layer, lay_out
from tests.support.dockerfile import Recipe, context, python_version, recipe
from tests.support.repository import ROOT

EPOCH = int(Path(sys.prefix, "pyvenv.cfg").stat().st_mtime)
"""The time of the image: older than all that a test makes, newer than a Python that was there before."""

LOCKS = ("requirements.lock", "requirements-build.lock")

PROGRAMS = ("unshare", "chroot", "setpriv", "mount")


@dataclass(frozen=True)
class Built:
    """An image, the engine that built it, and the recipe."""

    engine: Engine
    layer: Layer
    recipe: Recipe


@dataclass(frozen=True)
class EngineRoom:
    """What it takes to build one."""

    recipe: Recipe
    python: Path
    wheels: Path

    def build(self, folder: Path, checkout_time: int) -> Built:
        """From a checkout of that time, in a folder that is empty."""
        engine = Engine(folder / "engine", self.python, self.wheels)
        sources = lay_out(folder / "context", context(), time=checkout_time)
        return Built(engine, engine.build(self.recipe, sources, {"SOURCE_DATE_EPOCH": str(EPOCH)}), self.recipe)


def why_not() -> str:
    """What is missing here for containers without an engine; nothing when nothing is."""
    if not sys.platform.startswith("linux"):
        return "namespaces and overlays are Linux's"
    if os.geteuid() != 0:
        return "only root may mount"
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"not installed: {', '.join(missing)}"
    tried = subprocess.run([*NAMESPACE, "--net", "true"], capture_output=True, text=True, check=False)
    return f"no namespaces: {tried.stderr.strip()}" if tried.returncode else ""


def interpreters(version: str) -> Iterator[Path]:
    """Prefixes of Pythons that may stand in for the base image's, the best ones first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    found = [*sorted(pyenv.glob(f"{version}.*/bin/python")), shutil.which(f"python{version}"), sys.executable]
    for python in found:
        if python is None:
            continue
        question = [python, "-c", "import pip, sys; print(sys.base_prefix)"]
        asked = subprocess.run(question, capture_output=True, text=True, check=False)
        # One in /usr is the machine's own, and shares its folder with all the rest.
        if asked.returncode == 0 and (prefix := Path(asked.stdout.strip())) != Path("/usr"):
            yield prefix


def wheels(python: Path, *options: str) -> Path:
    """The folder with all locked wheels for an interpreter, or by pip's options for another machine; in the cache."""
    asked = hashlib.sha256("\n".join([str(python), *options, *((ROOT / lock).read_text() for lock in LOCKS)]).encode())
    folder = cache_folder(os.environ) / f"wheels-{asked.hexdigest()[:12]}"
    with alone(folder.with_suffix(".lock")):
        if folder.is_dir():
            return folder
        half = folder.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        for lock in LOCKS:
            pip = [str(python / "bin" / "python"), "-m", "pip"]
            command = [*pip, "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
            wanted = ["--dest", str(half), "--requirement", str(ROOT / lock), *options]
            ended = subprocess.run([*command, *wanted], capture_output=True, text=True, timeout=100, check=False)
            assert ended.returncode == 0, f"pip download: {ended.stderr}"
        half.rename(folder)
    return folder


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """While no other process is."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def engine_room() -> EngineRoom:
    if reason := why_not():
        # Root and namespaces may be denied on a user's machine; the summary names what was not run.
        pytest.skip(f"The image's steps are not taken here: {reason}")
    made = recipe()
    python = next(interpreters(python_version(made.final.base)), None)
    if python is None:
        # It must be possible to mount the interpreter alone, as in the image; under /usr lies the whole system.
        pytest.skip("The image's steps are not taken here: there is no Python with pip outside of /usr")
    return EngineRoom(made, python, wheels(python))


@pytest.fixture(scope="session")
def built(engine_room: EngineRoom, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The image; all workers of a run share it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "image"
    with alone(shared.with_suffix(".lock")):
        if not (shared / "done").exists():
            engine_room.build(shared, checkout_time=EPOCH + 1000)
            (shared / "done").touch()
    engine = Engine(shared / "engine", engine_room.python, engine_room.wheels)
    return Built(engine, engine.layer(engine_room.recipe.final.name), engine_room.recipe)
