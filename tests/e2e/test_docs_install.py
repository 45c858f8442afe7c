"""The commands of the pages about installing, run as they stand there: all that need no running pods (fence `sh`)."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from devcluster import ControlPlane
from devcluster.helm import helm as helm_program
from devcluster.kubectl import kubectl as kubectl_program

DOCS = Path("docs")
SECONDS = 60

STORIES: dict[str, list[tuple[str, str]]] = {
    "helm": [
        ("install.md", "With Helm"),
        ("install.md", "In some namespaces only"),
        ("upgrade.md", "With Helm"),
        ("upgrade.md", "Back"),
        ("uninstall.md", "With Helm"),
        ("uninstall.md", "The objects too"),
    ],
    "kubectl": [
        ("install.md", "With kubectl"),
        ("upgrade.md", "With kubectl or kustomize"),
        ("uninstall.md", "With kubectl or kustomize"),
    ],
    "help": [
        ("install.md", "With kubectl"),
        ("troubleshooting.md", "First look"),
        ("troubleshooting.md", "A namespace is not watched"),
        ("support-bundle.md", "Collect"),
    ],
    "shards": [("scale.md", "How to shard"), ("scale.md", "A namespace moves")],
    "kustomize": [("install.md", "With kustomize"), ("install.md", "Without an account"), ("image.md", "Verify it")],
}


def blocks(page: str) -> dict[str, list[str]]:
    """The blocks to run, by the heading that they stand under."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^#+ ", (DOCS / page).read_text(), flags=re.MULTILINE):
        heading, _, text = section.partition("\n")
        found[heading] = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.usefixtures("helm", "kubectl")
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_commands_do_what_they_say(story: list[tuple[str, str]], tmp_path: Path) -> None:
    for program in (helm_program(), kubectl_program(os.environ, print)):
        (tmp_path / program.name).symlink_to(program)
    with ControlPlane.start() as plane:
        environment = {
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "KUBECONFIG": str(plane.kubeconfig),
            "TMPDIR": str(tmp_path),
            **{f"HELM_{name}_HOME": str(tmp_path / name) for name in ("CACHE", "CONFIG", "DATA")},
        }
        for page, heading in story:
            commands = blocks(page)[heading]
            assert commands, f"{page}, {heading}"
            for command in commands:
                ended = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", command],
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=SECONDS,
                    check=False,
                )
                assert ended.returncode == 0, f"{page}, {heading}:\n{command}\n{ended.stdout}{ended.stderr}"
    for bundle in tmp_path.glob("*.tar.gz"):
        tells_without_secrets(bundle)


def tells_without_secrets(bundle: Path) -> None:
    """What install.md put into the operator's Secret is not in it; what a maintainer asks for first is."""
    with tarfile.open(bundle) as archive:
        files = {name: archive.extractfile(name) for name in archive.getnames() if name != "."}
        text = {name.removeprefix("./"): file.read().decode() for name, file in files.items() if file is not None}
    assert not [name for name, said in text.items() if re.search(r"\bEXAMPLE\b|RVhBTVBMRQ", said)]
    assert "DDM_CLOUD_REGION=cn-north-4" in text["settings.txt"]
    assert "ClusterRole" in text["rbac.yaml"]
    assert text["image.txt"].strip()


def test_every_block_is_run_by_a_story() -> None:
    told = {place for story in STORIES.values() for place in story}
    pages = {page for page, _ in told}
    there = {(page, heading) for page in pages for heading, found in blocks(page).items() if found}
    assert there == told
