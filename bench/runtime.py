"""A Python with the packages of the image and no others.

What developers have besides changes what libraries import, and so the memory and the start of what is measured.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK, BUILD = ROOT / "requirements.lock", ROOT / "requirements-build.lock"


def interpreter(say: Callable[[str], None]) -> str:
    """Its path; made once for each lock, in the folder of builds, and ``say`` is told so.

    Raises:
        subprocess.CalledProcessError: pip could not install what is locked, and has said why.
    """
    made_from = hashlib.sha256(f"{sys.version}\n{LOCK.read_text()}\n{BUILD.read_text()}".encode()).hexdigest()[:12]
    folder = ROOT / "build" / f"runtime-{made_from}"
    python = folder / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        say("making a Python with the packages of the image, once: about 20 s")
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, symlinks=True)
        for lock in (LOCK, BUILD):
            _pip(python, "install", "--no-deps", "--require-hashes", "--only-binary=:all:", f"--requirement={lock}")
        _pip(python, "install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        _pip(python, "uninstall", "--yes", "--requirement", str(BUILD))
        done.touch()
    return str(python)


def _pip(python: Path, *arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, *arguments], check=True)
