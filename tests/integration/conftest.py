"""What every integration test may use."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ddminstances import DDMInstances
from tests.support.kubeapi import Api


@pytest.fixture
def ddminstances(api: Api, crd: dict[str, Any], namespace: str) -> DDMInstances:
    """The DDMInstances of the test's own namespace; the CRD is served."""
    assert crd
    return DDMInstances(api, namespace)
