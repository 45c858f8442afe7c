"""When ``.venv`` is made anew; that making it works is what every run of these tests shows."""

from __future__ import annotations

import json
import shutil
import sys
import venv
from pathlib import Path

import pytest

from tools.make_venv import LOCK, STAMP, interpreter_of, stale, wanted


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a venv that is as it should be."""
    root = tmp_path / "project"
    root.mkdir()
    (root / LOCK).write_text("a==1\n")
    (root / "pyproject.toml").write_text('[project]\nname = "p"\n[tool.setuptools]\n[tool.ruff]\nline-length = 1\n')
    venv.create(root / ".venv", symlinks=True)
    base = interpreter_of(root / ".venv" / "bin" / "python")
    (root / ".venv" / STAMP).write_text(json.dumps({**wanted(root), "base": base}))
    return root


def why(root: Path, *, exactly: bool = False) -> str | None:
    return next(stale(root, exactly=exactly), None)


def test_what_is_as_it_should_be_stays(project: Path) -> None:
    assert why(project) is None
    assert why(project, exactly=True) is None


def test_there_may_be_none(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    assert why(project) == "there is none yet"


@pytest.mark.parametrize("left", [None, "", "{"])
def test_an_interrupted_making_is_noticed(project: Path, left: str | None) -> None:
    (project / ".venv" / STAMP).unlink()
    if left is not None:
        (project / ".venv" / STAMP).write_text(left)
    assert why(project) == "it is half made, or made by something else"


def test_a_new_lock_is_noticed(project: Path) -> None:
    (project / LOCK).write_text("a==2\n")
    assert why(project) == f"{LOCK} has changed"


def test_new_packaging_is_noticed_and_a_linter_s_setting_is_not(project: Path) -> None:
    pyproject = project / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("line-length = 1", "line-length = 2"))
    assert why(project) is None
    pyproject.write_text(pyproject.read_text().replace('"p"', '"q"'))
    assert why(project) == "pyproject.toml has changed"


def test_a_moved_folder_is_noticed(project: Path) -> None:
    moved = project.rename(project.with_name("moved"))
    assert why(moved) == f"it was made in {project}"


def test_a_python_that_is_gone_is_noticed(project: Path) -> None:
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(project / "no-such-python")
    assert why(project) == "its Python is gone"


def test_another_python_is_noticed(project: Path) -> None:
    stamp = project / ".venv" / STAMP
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "base": "/usr/lib/python3.10"}))
    assert why(project) == "its Python has changed"


def test_a_python_that_was_asked_for_by_name_is_taken_exactly(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(project / "other-python"))
    assert why(project) is None
    assert why(project, exactly=True) == f"it stands on another Python than {sys.executable}"
