"""How the tests come by promtool."""

from __future__ import annotations

from pathlib import Path

import pytest

from devcluster import DevclusterError
from tests.support.promtool import promtool_program

GO = """#!/bin/sh
case "$1" in
  env) echo go1.26.0 ;;
  *) echo "no module proxy can be reached" >&2; exit 1 ;;
esac
"""


def test_where_there_is_no_way_it_says_what_was_tried_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "go").write_text(GO)
    (programs / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    said: list[str] = []
    env = {"PATH": str(programs), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with pytest.raises(DevclusterError) as caught:
        promtool_program(env, said.append)
    assert "promtool could not be had" in str(caught.value)
    assert "no module proxy can be reached" in str(caught.value)
    assert "there is no apt-get" in said[0]
    assert [path.name for path in (tmp_path / "cache" / "ddm-operator").iterdir()] == ["make.lock"]


def test_what_is_kept_is_used(tmp_path: Path) -> None:
    kept = tmp_path / "ddm-operator" / "promtool"
    kept.parent.mkdir()
    kept.write_text("#!/bin/sh\n")
    kept.chmod(0o755)
    assert promtool_program({"XDG_CACHE_HOME": str(tmp_path)}, print) == kept
