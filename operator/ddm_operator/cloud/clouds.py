"""Which cloud an object lives in: one client for each owner of a credential, region and project.

Nothing that was asked with one namespace's Secret is ever shown to another namespace, even if both hold the same
credential: clients, tokens, and with the clients the lists that objects share, are kept by owner. What keeps the cloud
from being asked too often is kept by credential, because the cloud counts that way: limiters, and refusals.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from ddm_operator.cloud.auth import Session
from ddm_operator.cloud.client import DdmCloud
from ddm_operator.cloud.connections import Connections, proxy_url, tls_context
from ddm_operator.cloud.endpoints import endpoints
from ddm_operator.cloud.http import Observe
from ddm_operator.cloud.logins import Transport, login
from ddm_operator.cloud.standing import Standings
from ddm_operator.cloud.whose import Choice, Owner
from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError
from ddm_operator.ports import Clock, Secrets
from ddm_operator.settings import Settings

HOLD = 0.8
"""Part of the pause between two looks at a stalled object for which a project that is not there is left alone."""

UNUSED_SECONDS = 3600.0
"""A client that nobody has asked for in this long is dropped: its namespace or its project may be gone."""

FORGET_EVERY = 60.0
"""Seconds between two looks for what nobody uses."""


@asynccontextmanager
async def open_clouds(
    settings: Settings, clock: Clock, observe: Observe, secrets: Secrets, chance: Callable[[], float]
) -> AsyncIterator[CloudClients]:
    """The clients, with their connections; closed in the end.

    Args:
        settings: the operator's.
        clock: time.
        observe: is told about every request: route, outcome, seconds.
        secrets: the namespaces' own credentials.
        chance: from 0 to 1, another one each time; spreads renewals.
    """
    cloud = settings.cloud
    patience = settings.cadence.enlarge_timeout_seconds
    proxy, tls = proxy_url(cloud), tls_context(cloud)
    async with Connections(cloud, tls, proxy, patience) as far, Connections(cloud, tls, None, patience) as nearby:
        yield CloudClients(settings, far, clock, observe, secrets, chance, nearby)


@dataclass
class _Kept:
    owner: Owner
    cloud: DdmCloud
    used_at: float


class CloudClients:
    """Implements ``ports.Clouds``.

    Args:
        settings: the operator's.
        connections: to the cloud.
        clock: time.
        observe: is told about every request.
        secrets: the namespaces' own credentials.
        chance: from 0 to 1, another one each time.
        nearby: connections that use no proxy, to the agent on the node; None: the others.
    """

    def __init__(
        self,
        settings: Settings,
        connections: httpx.AsyncBaseTransport,
        clock: Clock,
        observe: Observe,
        secrets: Secrets,
        chance: Callable[[], float],
        nearby: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._choice = Choice(settings.credentials, secrets, clock.monotonic)
        self._transport = Transport(settings.cloud, connections, nearby or connections, clock, observe, chance)
        self.pressure = self._transport.pressure
        self._standings = Standings(clock.monotonic, settings.credentials.refused_seconds)
        self._kept: dict[tuple[str, str, str], _Kept] = {}
        self._forgot_at = clock.monotonic()

    async def cloud_for(
        self, namespace: str, region: str | None, project_id: str | None, *, following: bool = False
    ) -> DdmCloud:
        """The client for an object; see ``ports.Clouds``."""
        owner = await self._choice.of(namespace, following=following)
        chosen = region or self._settings.cloud.region
        if chosen is None:
            text = "No region is known for this instance. Set spec.region, or DDM_CLOUD_REGION for all of them."
            raise StalledError(reasons.INVALID_SPEC, text)
        project = project_id or self._default_project(chosen, owner)
        kept = self._kept.get((owner.name, chosen, project))
        if kept is None or kept.owner != owner:
            self._forget(owner, replaced=kept is not None)
            kept = _Kept(owner, self._new(owner, chosen, project), 0.0)
            self._kept[owner.name, chosen, project] = kept
        kept.used_at = self._clock.monotonic()
        return kept.cloud

    def _default_project(self, region: str, owner: Owner) -> str:
        """A project belongs to one region: the default one is not meant for objects that name another."""
        if self._settings.cloud.region not in (None, region):
            return ""
        ours, theirs = self._settings.cloud.project_id or "", owner.credential.project_id
        return theirs or ours if owner.name else ours or theirs

    def _forget(self, owner: Owner, *, replaced: bool) -> None:
        """Drop what was replaced at once; what nobody uses now and then, because it looks at all that there is."""
        now = self._clock.monotonic()
        if not replaced and now - self._forgot_at < FORGET_EVERY:
            return
        self._forgot_at = now
        self._kept = {
            key: kept
            for key, kept in self._kept.items()
            if now - kept.used_at < UNUSED_SECONDS and (kept.owner.name != owner.name or kept.owner == owner)
        }
        used = {kept.owner.credential for kept in self._kept.values()}
        self._standings.forget_other_than(used)
        self._transport.forget_other_than(used)

    def _new(self, owner: Owner, region: str, project_id: str) -> DdmCloud:
        cadence, cloud, credential = self._settings.cadence, self._settings.cloud, owner.credential
        at = endpoints(region, cloud.ddm_endpoint, cloud.iam_endpoint, cloud.sts_endpoint)
        session = Session(
            self._transport.http(at.ddm, credential),
            login(self._transport, credential, at, region, project_id),
            self._standings.of(credential),
            self._clock.monotonic,
            HOLD * cadence.stalled_recheck_seconds,
            self._choice.source(owner),
        )
        return DdmCloud(session, region, project_id, cadence.enlarge_timeout_seconds)
