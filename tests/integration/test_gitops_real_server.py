"""The snapshots of argocd/ are objects that a real API server keeps: nothing is refused, nothing is pruned."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.gitops.record import FOLDER
from tests.support.ddminstances import DDMInstances

PATHS = sorted((FOLDER / "testdata").glob("*.yaml"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_real_api_server_keeps_it(ddminstances: DDMInstances, path: Path) -> None:
    snapshot = yaml.safe_load(path.read_text())
    created = ddminstances.create(snapshot["spec"], annotations=snapshot["metadata"].get("annotations", {}))
    assert created["status"] == {"observedGeneration": -1}
    stored = ddminstances.put_status(created["metadata"], snapshot["status"])
    assert stored["spec"] == snapshot["spec"]
    assert stored["status"] == snapshot["status"]
