"""The Prometheus operator's resources, out of its Go module: the chart's monitors are checked against the real ones.

Fixtures: `monitoring`.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml

from devcluster.toolchain import go_program
from tests.support.kubeapi import Api

MODULE: Final = "github.com/prometheus-operator/prometheus-operator"
VERSION: Final = "v0.85.0"
SUM: Final = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
"""What go.sum would say of it."""

KINDS: Final = ("servicemonitors", "podmonitors", "prometheusrules")
SECONDS: Final = 60.0


@pytest.fixture(scope="session")
def monitoring(api: Api, tmp_path_factory: pytest.TempPathFactory) -> None:
    """They are served."""
    folder = _downloaded(tmp_path_factory.mktemp("go")) / "example" / "prometheus-operator-crd"
    for kind in KINDS:
        crd = yaml.safe_load((folder / f"monitoring.coreos.com_{kind}.yaml").read_text())
        api.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}", crd)
        api.until_served(f"/apis/monitoring.coreos.com/v1/{kind}")


def _downloaded(folder: Path) -> Path:
    (folder / "go.mod").write_text("module tests\n\ngo 1.26.0\n")
    go = go_program(os.environ, print)
    try:
        ended = subprocess.run(
            [go, "mod", "download", "-json", f"{MODULE}@{VERSION}"],
            cwd=folder,
            env={**os.environ, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.fail(f"{MODULE} {VERSION} was not downloaded in {SECONDS:.0f} s; set GOPROXY to a proxy that is near.")
    said = json.loads(ended.stdout or "{}")
    assert ended.returncode == 0, f"{MODULE} could not be downloaded: {said.get('Error') or ended.stderr}"
    assert said["Sum"] == SUM, f"{MODULE} {VERSION} is not what it was"
    return Path(said["Dir"])
