"""``make image`` and ``make check-audit``: what they do where there is no engine, no database, or bad news."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.dockerfile import recipe
from tests.support.repository import ROOT
from tools import audit
from tools.source import Source, source


def engine(folder: Path, name: str, script: str) -> None:
    """A program of that name that does no more than a test needs."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def make_image(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    if git := shutil.which("git"):
        (folder / "git").symlink_to(git)
    environment = {"PATH": str(folder), "SOURCE_DATE_EPOCH": "1700000000", "HOME": os.environ.get("HOME", "/")}
    return subprocess.run(
        [sys.executable, "-m", "tools.image", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_an_engine_it_says_what_was_looked_for(tmp_path: Path) -> None:
    engine(tmp_path, "docker", "echo Cannot connect to the Docker daemon >&2; exit 1")
    ended = make_image(tmp_path)
    assert ended.returncode == 1
    assert "docker: Cannot connect to the Docker daemon" in ended.stderr
    assert "podman: is not installed" in ended.stderr
    assert "Install docker, podman or buildah" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("name", "timed"), [("docker", False), ("podman", True), ("buildah", True)])
def test_the_engine_is_told_time_version_and_revision(tmp_path: Path, name: str, timed: bool) -> None:  # noqa: FBT001  # a case
    engine(tmp_path, name, 'case "$1" in version) ;; *) for word; do echo "$word"; done; exit 7 ;; esac')
    ended = make_image(tmp_path, "--platform", "linux/arm64")
    assert ended.returncode == 7, "the engine's own"
    _, *words = ended.stdout.splitlines()
    given = dict(words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "--build-arg")
    state = source(environment={"SOURCE_DATE_EPOCH": "1700000000"})
    assert given == {
        "SOURCE_DATE_EPOCH": "1700000000",
        "CREATED": "2023-11-14T22:13:20Z",
        "REVISION": state.revision,
        "VERSION": state.version,
    }
    declared = {value.partition("=")[0] for stage in recipe().stages for value in stage.values("ARG")}
    assert given.keys() <= declared
    assert ("--timestamp" in words) == timed
    assert words[-3:] == ["--platform", "linux/arm64", "."]
    assert f"ddm-operator/ddm-operator:{state.version}" in words


def test_the_time_is_the_last_commit_s(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "9"\n')
    assert source(tmp_path, {}) == Source("9", "unknown", None)
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    environment = {**os.environ, **who, "GIT_COMMITTER_DATE": "1600000000 +0000"}
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-C", tmp_path, *command], env=environment, check=True)
    committed = source(tmp_path, {})
    assert (committed.epoch, len(committed.revision), committed.created) == (1_600_000_000, 40, "2020-09-13T12:26:40Z")
    (tmp_path / "more").touch()
    assert source(tmp_path, {}).revision == f"{committed.revision}-dirty"


@pytest.mark.parametrize("given", ["abc", "-1", "1.5", "²", "9" * 30])
def test_a_time_that_is_none_is_told_in_a_sentence(given: str) -> None:
    with pytest.raises(SystemExit, match="is no time: it is whole seconds since 1970"):
        source(environment={"SOURCE_DATE_EPOCH": given})


@pytest.mark.parametrize("given", ["", " "])
def test_a_blank_time_is_none_at_all(given: str) -> None:
    assert source(environment={"SOURCE_DATE_EPOCH": given}) == source(environment={})


KNOWN = {"name": "kopf", "version": "1.45.2", "vulns": []}
UNKNOWN = {"name": "rich", "skip_reason": "not found"}
BAD = {"name": "kopf", "version": "1.45.2", "vulns": [{"id": "GHSA-0000", "fix_versions": ["1.45.3"]}]}


def answer(*packages: Mapping[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_what_is_known_of_a_package_is_a_failure() -> None:
    with pytest.raises(SystemExit, match=r"kopf 1\.45\.2: GHSA-0000 \(mended in: 1\.45\.3\)"):
        audit.judge(1, answer(BAD, UNKNOWN), "Found 1 known vulnerability")


@pytest.mark.parametrize(
    ("output", "errors", "why"),
    [
        ("", "Traceback …\nrequests.exceptions.ConnectionError: no route", "cannot be reached: requests"),
        (answer(UNKNOWN, UNKNOWN), "", "knows none of the packages"),
        (answer(KNOWN, UNKNOWN), "", "does not know rich"),
    ],
)
def test_what_cannot_be_asked_is_skipped_loudly(
    output: str, errors: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.judge(1, output, errors)
    said = capsys.readouterr().out
    assert "*** SKIPPED" in said
    assert why in said


def test_no_news_is_good_news(capsys: pytest.CaptureFixture[str]) -> None:
    audit.judge(0, answer(KNOWN), "No known vulnerabilities found")
    assert capsys.readouterr().out == "Audit: nothing is known of 1 packages.\n"


def test_another_failure_is_one() -> None:
    with pytest.raises(SystemExit, match="pip-audit failed with 1"):
        audit.judge(1, "", "Traceback …\nKeyError: 'vulns'")


@pytest.mark.parametrize("output", ["WARNING: cache", "{", "[]", "{}", '{"dependencies": null}'])
def test_an_answer_of_another_form_is_a_failure(output: str) -> None:
    with pytest.raises(SystemExit, match=r"(?s)pip-audit ended with 0 and an answer that cannot be read.*trouble"):
        audit.judge(0, output, "trouble")


def test_offline_it_is_skipped_and_ends_well(tmp_path: Path) -> None:
    """pip-audit itself, where nothing answers."""
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
    ended = subprocess.run(
        [sys.executable, "-m", "tools.audit"],
        cwd=ROOT,
        env={**os.environ, **nowhere, "PIP_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "*** SKIPPED: the audit of the dependencies: the database cannot be reached" in ended.stdout


def test_every_vulnerability_that_is_accepted_has_a_reason() -> None:
    assert all(reason.strip() for reason in audit.ACCEPTED.values())
