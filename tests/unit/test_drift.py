"""Files that a tool makes: what is written, and what is said when they are out of date."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import drift
from tools.chart_settings import camel_case, schema
from tools.chart_values import UndocumentedError, documented, table


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(drift, "ROOT", tmp_path)
    return tmp_path / "folder" / "page.md"


def test_what_is_late_is_written_and_then_agrees(page: Path) -> None:
    drift.settle({page: "new\n"}, check=False, remedy="make it")
    assert page.read_text() == "new\n"
    drift.settle({page: "new\n"}, check=True, remedy="make it")


def test_what_is_late_is_shown_and_not_written(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drift.settle({page: "old\n"}, check=False, remedy="make it")
    with pytest.raises(SystemExit, match=r"out of date: folder/page.md; make it"):
        drift.settle({page: "new\n"}, check=True, remedy="make it")
    assert page.read_text() == "old\n"
    assert {"-old", "+new"} <= set(capsys.readouterr().out.splitlines())


def test_a_file_that_is_not_there_is_late(page: Path) -> None:
    with pytest.raises(SystemExit):
        drift.settle({page: "new\n"}, check=True, remedy="make it")
    assert not page.exists()


VALUES = """\
# Of the file, not of a value.

image:
  # Where it is,
  # and whose.
  repository: a/b
# All of it.
resources:
  limits: {memory: 1Mi}
"""


def test_a_comment_speaks_for_all_that_is_below_its_value() -> None:
    found = documented(VALUES)
    assert [(one.path, one.default, one.text) for one in found] == [
        ("image.repository", "a/b", "Where it is, and whose."),
        ("resources", {"limits": {"memory": "1Mi"}}, "All of it."),
    ]
    assert table(found).splitlines()[2] == '| `image.repository` | `"a/b"` | Where it is, and whose. |'


def test_a_value_without_a_comment_is_named() -> None:
    with pytest.raises(UndocumentedError, match=r"image\.tag has no comment"):
        documented(VALUES.replace("# All", "  tag: x\n# All"))


@pytest.mark.parametrize(("name", "camel"), [("poll_seconds", "pollSeconds"), ("level", "level"), ("a_b_c", "aBC")])
def test_names_of_settings_in_the_chart(name: str, camel: str) -> None:
    assert camel_case(name) == camel


def test_the_chart_decides_some_settings_by_itself() -> None:
    groups = schema()["properties"]
    assert not groups.keys() & {"namespaces", "credentialsDir", "probes"}
    assert not groups.get("credentials", {}).get("properties", {}).keys() & {"dir", "ownNamespaces", "secretName"}
    assert groups["lease"]["properties"].keys() == {"durationSeconds"}
    assert groups["cloud"]["properties"]["region"] == {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}
