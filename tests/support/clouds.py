"""The cloud client as the operator has it, against a simulated cloud.

Fixtures: `connect`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ddm_operator.clock import SystemClock
from ddm_operator.cloud.client import DdmCloud
from ddm_operator.cloud.clouds import open_clouds
from ddm_operator.settings import Cadence, Settings
from ddm_operator.settings import Cloud as CloudSettings
from ddm_operator.settings import Credentials as CredentialSettings
from ddm_simulator.client import Credentials, Simulator

Connect = Callable[..., Awaitable[DdmCloud]]
Observed = list[tuple[str, str]]


class NoSecrets:
    """``ports.Secrets`` where no namespace has one."""

    async def read(self, namespace: str) -> None:
        del namespace

    def last(self, namespace: str) -> None:
        del namespace


def write_credentials(folder: Path, project: Credentials, kind: str = "key") -> Path:
    """A folder as a mounted Secret shows it."""
    folder.mkdir(exist_ok=True)
    key = {"HUAWEICLOUD_SDK_AK": project.access_key, "HUAWEICLOUD_SDK_SK": project.secret_key}
    user = {
        "HW_USER_NAME": project.user,
        "HW_USER_PASSWORD": project.password,
        "HW_DOMAIN_NAME": project.domain,
    }
    for name, value in (key if kind == "key" else user).items():
        (folder / name).write_text(value)
    return folder


@pytest.fixture
async def connect(simulator: Simulator, project: Credentials, tmp_path: Path) -> AsyncIterator[Connect]:
    """Makes clients.

    ``kind`` is ``key`` or ``user``, ``url`` another cloud, ``owner`` whose credential it is, and ``seen`` takes route
    and outcome of every request.
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
                cloud=CloudSettings.model_validate(
                    {"region": owner.region, "ddm_endpoint": address, "iam_endpoint": address, **cloud}
                ),
            )

            def observe(route: str, outcome: str, seconds: float) -> None:
                assert seconds >= 0
                if seen is not None:
                    seen.append((route, outcome))

            opened = open_clouds(settings, SystemClock(), observe, NoSecrets(), lambda: 0.5)
            clouds = await stack.enter_async_context(opened)
            return await clouds.cloud_for("shop", None, owner.project_id if project_id == "own" else project_id)

        yield make
