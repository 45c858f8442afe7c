"""The older Kubernetes of `make test-matrix`, and helm: what is pinned, and where it belongs."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from devcluster.build import target_folder
from devcluster.cache import KUBERNETES_VERSION, Machine, build_folder
from devcluster.estimate import CONTROL_PLANE, HELM, KUBECTL
from devcluster.older import PINS, older_version
from tests.support.helm import CHART

MACHINE = Machine("linux", "amd64")


def minor(version: str) -> int:
    found = re.search(r"1\.(\d+)", version)
    assert found
    return int(found[1])


def test_it_is_older_than_the_usual_one_and_not_older_than_the_chart_allows() -> None:
    allowed = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
    assert minor(allowed) <= minor(older_version()) < minor(KUBERNETES_VERSION)


def test_its_parts_are_of_its_version() -> None:
    replaced = re.findall(r"=> k8s\.io/\S+ (v\S+)", (PINS / "go.mod").read_text())
    assert len(replaced) > 20
    assert set(replaced) == {older_version().replace("v1.", "v0.", 1)}


def test_a_program_with_pins_of_its_own_has_a_folder_of_its_own(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    shared = build_folder(env, MACHINE)
    assert target_folder(CONTROL_PLANE, env, MACHINE) == target_folder(KUBECTL, env, MACHINE) == shared
    assert target_folder(HELM, env, MACHINE).name.startswith("build-helm-linux-amd64-")


def test_the_documents_claim_the_versions_that_the_tests_run_on() -> None:
    ran = [f"1.{minor(older_version())}", f"1.{minor(KUBERNETES_VERSION)}"]
    claims = re.search(r"Tested are (.*?);", Path("docs/install.md").read_text(), re.DOTALL)
    assert claims
    assert sorted(re.findall(r"1\.\d+", claims[1])) == ran
    assert f"tested on {' and '.join(ran)}" in Path("README.md").read_text()
