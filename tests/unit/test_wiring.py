"""What the composition root does when one of its parts fails in a way that nobody expected."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes.aio.client import Configuration
from typing_extensions import override

from ddm_operator.clock import SystemClock
from ddm_operator.kube.client import ApiServer
from ddm_operator.probes import Health
from ddm_operator.settings import Settings
from ddm_operator.telemetry import Telemetry
from ddm_operator.wiring import FAILED, Ending, _lease


@dataclass(frozen=True)
class Defective(ApiServer):
    """Fails as no error of a request does."""

    @override
    async def request(self, *_arguments: Any, **_options: Any) -> dict[str, Any]:
        raise ZeroDivisionError


async def test_a_lease_that_cannot_even_be_asked_for_ends_the_process(caplog: pytest.LogCaptureFixture) -> None:
    clock, ending = SystemClock(), Ending()
    api = Defective.over(Configuration())
    async with asyncio.timeout(10), _lease(Settings(), api, clock, (Health(clock.monotonic), Telemetry("0")), ending):
        assert ending.stop.is_set()
    await api.close()
    assert ending.code == FAILED
    assert "ZeroDivisionError" in caplog.text
