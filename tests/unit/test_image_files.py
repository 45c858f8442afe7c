"""The Dockerfile and what belongs to it, as text: without building anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.dockerfile import Recipe, admitted, context, pairs, recipe
from tests.support.image import wheels, why_not
from tests.support.repository import ROOT, text_of
from tools.image import NAME

HADOLINT = str(Path(sys.prefix, "bin", "hadolint"))
RECIPE = recipe()
DEPLOYMENTS: list[dict[str, Any]] = [
    document["spec"]["template"]["spec"]
    for path in ("deploy/install.yaml", "deploy/base/operator.yaml")
    for document in yaml.safe_load_all(text_of(Path(path)))
    if document["kind"] == "Deployment"
]


needs_hadolint = pytest.mark.skipif(not Path(HADOLINT).exists(), reason="hadolint has no wheel for this machine")


@needs_hadolint
def test_hadolint_finds_nothing() -> None:
    command = [
        HADOLINT,
        "--disable-ignore-pragma",
        "--failure-threshold",
        "style",
        "Dockerfile",
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


@needs_hadolint
def test_hadolint_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN pip install kopf\n")
    command = [HADOLINT, "--no-color", str(tmp_path / "Dockerfile")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert {"DL3006", "DL3013", "DL3042"} <= set(re.findall(r"DL\d{4}", ended.stdout))


def test_every_base_is_pinned_by_tag_and_digest() -> None:
    assert {stage.base for stage in RECIPE.stages} == {RECIPE.arguments["BASE"]}
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", RECIPE.arguments["BASE"])


@pytest.mark.parametrize("pod", DEPLOYMENTS, ids=["install.yaml", "base"])
def test_what_it_runs_is_what_the_chart_runs(pod: dict[str, Any]) -> None:
    [operator] = pod["containers"]
    final = RECIPE.final
    assert (operator["command"], operator["args"]) == (final.words("ENTRYPOINT"), final.words("CMD"))
    assert operator["image"].partition(":")[0] == NAME
    assert [str(port["containerPort"]) for port in operator["ports"]] == final.values("EXPOSE")
    who = pod["securityContext"]
    assert final.last("USER") == f"{who['runAsUser']}:{who['runAsGroup']}"


def test_the_kubelet_asks_whether_it_lives() -> None:
    assert "HEALTHCHECK" not in (ROOT / "Dockerfile").read_text()
    assert all("livenessProbe" in pod["containers"][0] for pod in DEPLOYMENTS)


def test_every_install_checks_hashes_or_needs_no_index() -> None:
    commands = [
        command.strip()
        for stage in RECIPE.stages
        for step in stage.values("RUN")
        for command in step.split("&&")
        if re.search(r"\bpip\b.* (?:install|wheel|download) ", command)
    ]
    assert len(commands) == 4
    for command in commands:
        assert "--require-hashes" in command or ("--no-deps" in command and "--no-index" in command), command
        assert "--only-binary :all:" in command or "--no-index" in command, command


def test_where_the_steps_cannot_be_taken_it_is_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("sys.platform", "linux")
    assert why_not() == "only root may mount"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    assert why_not() == "not installed: unshare, chroot, setpriv, mount"


def test_no_architecture_is_assumed() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"amd64|x86_64|arm64|aarch64|--platform", text)


def test_its_labels_are_those_of_the_image_specification() -> None:
    labels = pairs(RECIPE.final.last("LABEL"))
    prefix = "org.opencontainers.image."
    assert all(name.startswith(prefix) for name in labels)
    wanted = {"title", "description", "licenses", "version", "revision", "created", "base.name"}
    assert {name.removeprefix(prefix) for name in labels} == wanted
    given = {value.strip("${}") for value in labels.values() if value.startswith("${")}
    assert given <= {value.partition("=")[0] for value in RECIPE.final.values("ARG")}


def test_an_engine_is_given_what_is_copied_and_nothing_else() -> None:
    kept, refused = admitted()
    assert set(kept) == copied(RECIPE)
    assert {"__pycache__", "*.egg-info"} <= set(refused)
    assert {path.parts[0] for path in context()} == set(kept)


def copied(made: Recipe) -> set[str]:
    """What the stages take from the project's folder."""
    steps = [value.split() for stage in made.stages for value in stage.values("COPY")]
    return {source for words in steps if not words[0].startswith("--from=") for source in words[:-1]}


def test_the_locks_have_wheels_for_arm64_too() -> None:
    version = re.search(r":3\.(\d+)", RECIPE.arguments["BASE"])
    assert version
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in (39, 34, 31, 28, 17)] + ["manylinux2014_aarch64"]
    options = [part for platform in platforms for part in ("--platform", platform)]
    found = list(wheels(Path(sys.prefix), *options, "--python-version", f"3.{version[1]}").glob("*.whl"))
    compiled = [path.name for path in found if "none-any" not in path.name]
    assert len(compiled) >= 5
    assert [name for name in compiled if "aarch64" not in name] == []
