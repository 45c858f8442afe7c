"""The commands of the pages about GitOps and autoscaling, run as they stand there (fence `sh`)."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from tests.support.stage import Stage

PAGES = ("docs/autoscaling.md", "docs/gitops.md")
FOLDERS = ("argocd", "examples")
SECONDS = 60


def commands(page: str) -> Iterator[list[str]]:
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        for line in block.splitlines():
            yield shlex.split(line, comments=True)


@pytest.fixture
def folder(stage: Stage, tmp_path: Path) -> Path:
    """The repository's files, for the test's own namespace and its own instance."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    for path in tmp_path.rglob("*.yaml"):
        text = re.sub(r"namespace: (default|argocd)\b", f"namespace: {stage.namespace}", path.read_text())
        path.write_text(text.replace("28e8841d0b9c4f6a9a30742ee60e1068in09", stage.project.instance_id))
    return tmp_path


def test_every_command_works(stage: Stage, kubectl_program: Path, folder: Path) -> None:
    stage.api.post(f"/api/v1/namespaces/{stage.namespace}/configmaps", {"metadata": {"name": "argocd-cm"}})
    stage.start()
    said = {}
    for words in (words for page in PAGES for words in commands(page)):
        assert words[0] == "kubectl"
        rest = [stage.namespace if word == "argocd" else word for word in words[1:]]
        options = ["--kubeconfig", stage.connection.kubeconfig, "--namespace", stage.namespace]
        done = subprocess.run(
            [kubectl_program, *options, *rest], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        said[words[1]] = done.stdout
    assert said["wait"].strip() == "ddminstance.ddm.huaweicloud.com/orders condition met"
    stage.until_ready(4)
    assert stage.added() == [2]
    settings = stage.api.get(f"/api/v1/namespaces/{stage.namespace}/configmaps/argocd-cm")
    assert len(settings["data"]) == 3
