"""Makes ``.venv``, or mends it: locked packages with checked hashes, and this project itself, editable.

Run by any Python from 3.11 on, before anything is installed: only the standard library. It is run before every target
of the Makefile, so being up to date must cost next to nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

LOCK = "requirements-dev.lock"

STAMP = "made-from.json"
"""In the venv, written last; without it, what is there is half made."""

DESCRIBE = "import sys; print(sys._base_executable, *sys.version_info[:2], sep='\\n')"
"""Which interpreter a venv stands on; ``realpath`` of it is compared, because links to it come and go."""

NO_PIP = """\
{python} can make no virtual environment: it has neither ensurepip nor pip.
On Debian and Ubuntu:   apt install python3-venv
Or name another Python: make PYTHON=/path/to/python3.12
"""


def main() -> None:
    """Bring ``.venv`` up to date; ends with 1 and a sentence when that cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exactly", action="store_true", help="the venv must stand on this very interpreter")
    exactly = parser.parse_args().exactly
    root = Path(__file__).resolve().parent.parent
    if next(stale(root, exactly=exactly), None) is None:
        return
    with (root / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for reason in stale(root, exactly=exactly):
            make(root, reason)
            break


def stale(root: Path, *, exactly: bool) -> Iterator[str]:
    """Why the venv has to be made anew, in words; nothing when it is as it should be.

    The first reason is the one that counts: what comes after it is looked at only when there is none before it.
    """
    venv = root / ".venv"
    if not venv.exists():
        yield "there is none yet"
    try:
        made_from = json.loads((venv / STAMP).read_text())
    except (OSError, ValueError):
        made_from = {}
        yield "it is half made, or made by something else"
    now = wanted(root)
    if made_from.get("folder") != now["folder"]:
        yield f"it was made in {made_from.get('folder')}"
    yield from (f"{name} has changed" for name, value in now.items() if made_from.get(name) != value)
    base = interpreter_of(venv / "bin" / "python")
    if base != made_from.get("base"):
        yield "its Python has changed" if base else "its Python is gone"
    if exactly and base != interpreter_of(Path(sys.executable)):
        yield f"it stands on another Python than {sys.executable}"


def wanted(root: Path) -> dict[str, str]:
    """What the venv is made from: the folder, because scripts hold its path, and digests of the sources."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text())
    packaging = {"project": pyproject["project"], "setuptools": pyproject["tool"]["setuptools"]}
    return {
        "folder": str(root),
        LOCK: digest((root / LOCK).read_bytes()),
        "pyproject.toml": digest(json.dumps(packaging, sort_keys=True).encode()),
        Path(__file__).name: digest(Path(__file__).read_bytes()),
    }


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def interpreter_of(python: Path) -> str | None:
    """The installation that a Python belongs to, with its version; None when it does not run."""
    try:
        answer = subprocess.run([python, "-c", DESCRIBE], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    executable, *version = answer.stdout.split("\n")
    return f"{os.path.realpath(executable)} {'.'.join(version).rstrip('.')}"


def make(root: Path, reason: str) -> None:
    """Make the venv from nothing; an earlier one is removed first, so that nothing of it survives."""
    print(f"Making .venv with Python {sys.version.split()[0]} ({reason}) ...", flush=True)
    began = time.monotonic()
    venv = root / ".venv"
    python = venv / "bin" / "python"
    if importlib.util.find_spec("ensurepip"):
        options, pip = [], [str(python), "-m", "pip"]
    elif importlib.util.find_spec("pip"):
        options, pip = ["--without-pip"], [sys.executable, "-m", "pip", "--python", str(python)]
    else:
        sys.exit(NO_PIP.format(python=sys.executable))
    if venv.is_symlink() or venv.is_file():
        venv.unlink()
    elif venv.exists():
        shutil.rmtree(venv)
    call(root, sys.executable, "-m", "venv", *options, str(venv))
    install = [*pip, "--disable-pip-version-check", "install", "--quiet"]
    call(root, *install, "--require-hashes", "--requirement", LOCK)
    call(root, *install, "--no-deps", "--no-build-isolation", "--editable", ".")
    (venv / STAMP).write_text(json.dumps({**wanted(root), "base": interpreter_of(python)}, indent=2) + "\n")
    print(f"Made .venv in {time.monotonic() - began:.0f} s.", flush=True)


def call(root: Path, *command: str) -> None:
    """Run a command in the project's folder; ends with a sentence when it fails, after what it said itself."""
    ended = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, check=False)
    if ended.returncode:
        sys.exit(f"Making .venv failed (exit code {ended.returncode}): {' '.join(command)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted; the next make begins again.")
