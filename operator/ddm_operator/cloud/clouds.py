"""Which cloud an object lives in: one client for each credential, region and project, made when it is first needed."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from ddm_operator.cloud.auth import KeyLogin, Login, Session, TokenLogin
from ddm_operator.cloud.client import DdmCloud
from ddm_operator.cloud.credentials import AccessKey, Credential, read_credential
from ddm_operator.cloud.endpoints import endpoints
from ddm_operator.cloud.http import Http, Observe
from ddm_operator.cloud.limiter import Limiter, Pressure
from ddm_operator.domain import reasons
from ddm_operator.errors import StalledError
from ddm_operator.ports import Clock
from ddm_operator.settings import Cloud as CloudSettings
from ddm_operator.settings import Settings

HOLD = 0.8
"""Part of the pause between two looks at a stalled object for which a refused credential is left alone."""


@asynccontextmanager
async def open_clouds(settings: Settings, clock: Clock, observe: Observe) -> AsyncIterator[CloudClients]:
    """The clients, with their connections; closed in the end.

    Args:
        settings: the operator's.
        clock: time.
        observe: is told about every request: route, outcome, seconds.
    """
    async with new_client(settings.cloud) as client:
        yield CloudClients(settings, client, clock, observe)


def new_client(cloud: CloudSettings) -> httpx.AsyncClient:
    """Connections to the cloud, as the settings have them; follows no redirect and retries nothing."""
    return httpx.AsyncClient(
        verify=ssl.create_default_context(cafile=str(cloud.ca_file) if cloud.ca_file else None),
        proxy=cloud.proxy.get_secret_value() if cloud.proxy else None,
        timeout=httpx.Timeout(None, connect=cloud.connect_timeout_seconds),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=cloud.concurrent_requests),
        headers={"User-Agent": "ddm-operator", "Accept": "application/json"},
        follow_redirects=False,
        trust_env=False,
    )


class CloudClients:
    """Implements ``ports.Clouds``."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient, clock: Clock, observe: Observe) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._observe = observe
        self._clouds: dict[tuple[Credential, str, str], DdmCloud] = {}
        self._limiters: dict[tuple[Credential, str], Limiter] = {}
        self.pressure = Pressure()
        """How close to their limits the limiters are."""

    def cloud_for(self, namespace: str, region: str | None, project_id: str | None) -> DdmCloud:  # noqa: ARG002  # credentials may differ by namespace
        """The client for an object; the same value for the same credential and target.

        Raises:
            StalledError: the region is not known, or there is no credential.
        """
        credential = read_credential(self._settings.credentials_dir)
        chosen = region or self._settings.cloud.region
        if chosen is None:
            text = "No region is known for this instance. Set spec.region, or DDM_CLOUD_REGION for all of them."
            raise StalledError(reasons.INVALID_SPEC, text)
        project = project_id or self._default_project(chosen, credential)
        key = (credential, chosen, project)
        if key not in self._clouds:
            self._forget_other_than(credential)
            self._clouds[key] = self._new(credential, chosen, project)
        return self._clouds[key]

    def _default_project(self, region: str, credential: Credential) -> str:
        """A project belongs to one region: the default one is not meant for objects that name another."""
        if self._settings.cloud.region not in (None, region):
            return ""
        return self._settings.cloud.project_id or credential.project_id

    def _forget_other_than(self, credential: Credential) -> None:
        """A credential that was replaced is not asked with again."""
        self._clouds = {key: cloud for key, cloud in self._clouds.items() if key[0] == credential}
        self._limiters = {key: limiter for key, limiter in self._limiters.items() if key[0] == credential}

    def _new(self, credential: Credential, region: str, project_id: str) -> DdmCloud:
        cadence, cloud = self._settings.cadence, self._settings.cloud
        at = endpoints(region, cloud.ddm_endpoint, cloud.iam_endpoint)
        iam = self._http(at.iam, credential)
        login: Login
        if isinstance(credential, AccessKey):
            login = KeyLogin(iam, credential, region, project_id, self._clock)
        else:
            login = TokenLogin(iam, credential, region, project_id, self._clock.monotonic)
        hold = HOLD * cadence.stalled_recheck_seconds
        session = Session(self._http(at.ddm, credential), login, self._clock.monotonic, hold)
        return DdmCloud(session, region, project_id, cadence.enlarge_timeout_seconds)

    def _http(self, base: str, credential: Credential) -> Http:
        cloud = self._settings.cloud
        limiter = self._limiters.setdefault(
            (credential, base),
            Limiter(
                cloud.requests_per_second,
                cloud.burst_requests,
                cloud.concurrent_requests,
                self._clock.monotonic,
            ),
        )
        self.pressure.watch(urlsplit(base).netloc, limiter)
        return Http(
            self._client,
            base,
            limiter,
            timeout=cloud.connect_timeout_seconds + cloud.read_timeout_seconds,
            monotonic=self._clock.monotonic,
            observe=self._observe,
        )
