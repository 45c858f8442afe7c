"""The cloud client as the operator has it, against a simulated cloud.

Fixtures: `connect`, `secrets`, `tenants`.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ddm_operator.clock import SystemClock
from ddm_operator.cloud.client import DdmCloud
from ddm_operator.cloud.clouds import CloudClients, open_clouds
from ddm_operator.cloud.own import NoSecrets
from ddm_operator.errors import OperatorError
from ddm_operator.settings import Cadence, Settings
from ddm_operator.settings import Cloud as CloudSettings
from ddm_operator.settings import Credentials as CredentialSettings
from ddm_simulator.client import Credentials, Simulator

ISSUER = "https://kubernetes.default.svc.cluster.local"

Connect = Callable[..., Awaitable[DdmCloud]]
Tenants = Callable[..., Awaitable[CloudClients]]
Observed = list[tuple[str, str]]


def endpoints_at(address: str) -> dict[str, str]:
    """All services at one address, as the simulator has them."""
    return dict.fromkeys(("ddm_endpoint", "iam_endpoint", "sts_endpoint"), address)


class SomeSecrets:
    """``ports.Secrets`` with what a test puts there; ``failure`` is raised instead, while it is set."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, bytes]] = {}
        self.failure: OperatorError | None = None
        self._last: dict[str, dict[str, bytes]] = {}

    def put(self, namespace: str, values: dict[str, str]) -> None:
        self.held[namespace] = {name: value.encode() for name, value in values.items()}

    async def read(self, namespace: str) -> dict[str, bytes] | None:
        if self.failure is not None:
            raise self.failure
        found = self.held.get(namespace)
        if found is not None:
            self._last[namespace] = found
        return found

    def last(self, namespace: str) -> dict[str, bytes] | None:
        return self._last.get(namespace)


def key_of(project: Credentials) -> dict[str, str]:
    """An access key's values."""
    return {"HUAWEICLOUD_SDK_AK": project.access_key, "HUAWEICLOUD_SDK_SK": project.secret_key}


def user_of(project: Credentials) -> dict[str, str]:
    """A user's values."""
    return {
        "HW_USER_NAME": project.user,
        "HW_USER_PASSWORD": project.password,
        "HW_DOMAIN_NAME": project.domain,
    }


def projected_token(folder: Path, audience: str, **claims: object) -> Path:
    """A token file as Kubernetes projects it; what is signed is not looked at here."""
    wanted = {"iss": ISSUER, "aud": [audience], "exp": time.time() + 600, **claims}
    parts = ({"alg": "RS256"}, wanted, "signature")
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    file = folder / "token"
    file.write_text(text)
    return file


def write_credentials(folder: Path, project: Credentials, kind: str = "key") -> Path:
    """A folder as a mounted Secret shows it."""
    folder.mkdir(exist_ok=True)
    token = str(projected_token(folder, project.identity_provider))
    kinds = {
        "key": key_of(project),
        "user": user_of(project),
        "iam": {"HUAWEICLOUD_SDK_IDP_ID": project.identity_provider, "HUAWEICLOUD_SDK_ID_TOKEN_FILE": token},
        "sts": {
            "HUAWEICLOUD_OIDC_PROVIDER_URN": project.provider_urn,
            "HUAWEICLOUD_OIDC_AGENCY_URN": project.agency_urn,
            "HUAWEICLOUD_OIDC_TOKEN_FILE": token,
        },
    }
    for name, value in kinds.get(kind, {}).items():
        (folder / name).write_text(value)
    return folder


@pytest.fixture
def secrets() -> SomeSecrets:
    return SomeSecrets()


@pytest.fixture
async def tenants(simulator: Simulator, secrets: SomeSecrets) -> AsyncIterator[Tenants]:
    """Makes the operator's clients for all namespaces: ``own`` may use its own credential, ``folder`` holds that."""
    async with AsyncExitStack() as stack:

        async def make(
            own: tuple[str, ...] = (),
            *,
            folder: Path | None = None,
            seen: Observed | None = None,
            refused: float = 300.0,
            url: str = "",
        ) -> CloudClients:
            settings = Settings(
                credentials=CredentialSettings(own_namespaces=own, dir=folder, refused_seconds=refused),
                cloud=CloudSettings.model_validate({"region": "cn-north-4", **endpoints_at(url or simulator.url)}),
            )

            def observe(route: str, outcome: str, seconds: float) -> None:
                del seconds
                if seen is not None:
                    seen.append((route, outcome))

            opened = open_clouds(settings, SystemClock(), observe, secrets, lambda: 0.5)
            return await stack.enter_async_context(opened)

        yield make


@pytest.fixture
async def connect(simulator: Simulator, project: Credentials, tmp_path: Path) -> AsyncIterator[Connect]:
    """Makes clients.

    ``kind`` is ``key``, ``user``, ``iam``, ``sts`` (OIDC) or ``pod``, ``url`` another cloud, ``owner`` whose credential
    it is, and ``seen`` takes route and outcome of every request.
    """
    async with AsyncExitStack() as stack:

        async def make(
            kind: str = "key",
            *,
            url: str = "",
            owner: Credentials = project,
            project_id: str | None = "own",
            seen: Observed | None = None,
            refused: float = 300.0,
            **cloud: object,
        ) -> DdmCloud:
            address = url or simulator.url
            settings = Settings(
                credentials=CredentialSettings(
                    own_namespaces=("*",),
                    dir=write_credentials(tmp_path / f"credentials-{kind}", owner, kind),
                    refused_seconds=refused,
                ),
                cadence=Cadence(enlarge_timeout_seconds=1.0, settle_seconds=180.0),
                cloud=CloudSettings.model_validate({"region": owner.region, **endpoints_at(address), **cloud}),
            )

            def observe(route: str, outcome: str, seconds: float) -> None:
                assert seconds >= 0
                if seen is not None:
                    seen.append((route, outcome))

            opened = open_clouds(settings, SystemClock(), observe, NoSecrets(), lambda: 0.5)
            clouds = await stack.enter_async_context(opened)
            return await clouds.cloud_for("shop", None, owner.project_id if project_id == "own" else project_id)

        yield make
