"""The table of checks, and the round through it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from ddm_operator.doctor import cluster, sky
from ddm_operator.doctor.findings import Finding, TroubleError
from ddm_operator.doctor.patient import Patient
from ddm_operator.environment import InvalidSettingsError
from ddm_operator.ports import Clock
from ddm_operator.settings import Settings


@dataclass(frozen=True)
class Check:
    """One row.

    Args:
        name: as it is told.
        look: returns what it found; raises ``TroubleError``.
        after: the check that must have passed, or nothing can be said.
    """

    name: str
    look: Callable[[Patient], Awaitable[str]]
    after: str = ""


async def settings(patient: Patient) -> str:
    """They can be used."""
    try:
        patient.known = patient.read()
    except InvalidSettingsError as error:
        raise TroubleError(f"They are wrong: {error}", "All of them: docs/configuration.md.") from None
    region = patient.known.cloud.region or "not set"
    return f"region {region}, namespaces {', '.join(patient.known.namespaces) or 'all'}"


CHECKS: Final = (
    Check("settings", settings),
    Check("api-server", cluster.api_server, after="settings"),
    Check("crd", cluster.crd, after="api-server"),
    Check("permissions", cluster.permissions, after="api-server"),
    Check("endpoint", sky.endpoint, after="settings"),
    Check("clock", sky.clock, after="endpoint"),
    Check("credential", sky.credential, after="endpoint"),
    Check("project", sky.project, after="credential"),
)


async def examine(read: Callable[[], Settings], namespace: str, clock: Clock) -> list[Finding]:
    """Make every check whose predecessor has passed, in order.

    Args:
        read: reads the settings.
        namespace: whose credential is looked at.
        clock: time.
    """
    findings: dict[str, Finding] = {}
    async with AsyncExitStack() as parts:
        patient = Patient(read, namespace, clock, parts)
        for check in CHECKS:
            findings[check.name] = await _make(check, patient, findings)
    return list(findings.values())


async def _make(check: Check, patient: Patient, before: dict[str, Finding]) -> Finding:
    if check.after and before[check.after].result != "passed":
        return Finding(check.name, "skipped", f"not looked at, because of {check.after}")
    try:
        return Finding(check.name, "passed", await check.look(patient))
    except TroubleError as trouble:
        return Finding(check.name, "failed", trouble.message, trouble.advice)
