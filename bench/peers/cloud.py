"""The cloud as a plain client has it: a token, a connection pool, one method per call. Shared by all peers."""

from __future__ import annotations

import os
from typing import Any

import httpx

Json = dict[str, Any]

SPEED = float(os.environ.get("PEER_SPEED", "1"))
"""How much faster than time the simulated cloud works; every pause of a peer is divided by it."""

POLL_SECONDS = 15.0 / SPEED
"""Pause between two looks at a job: what ddm-operator has by default, so that the counts can be compared."""


TIMEOUT = httpx.Timeout(30, pool=None)
"""A request may wait for a connection for as long as it takes: a thousand may want one of a hundred."""


class Cloud:
    """DDM in one project."""

    def __init__(self) -> None:
        self._project = os.environ["PEER_PROJECT"]
        self._http = httpx.AsyncClient(base_url=os.environ["PEER_ENDPOINT"], timeout=TIMEOUT, trust_env=False)

    async def log_in(self) -> None:
        """Get a token; it is good for a day."""
        domain = {"name": os.environ["PEER_DOMAIN"]}
        user = {"name": os.environ["PEER_USER"], "password": os.environ["PEER_PASSWORD"], "domain": domain}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"id": self._project}}}}
        answer = await self._http.post("/v3/auth/tokens", json=body)
        answer.raise_for_status()
        self._http.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def instance(self, key: str) -> Json:
        """One instance with its nodes."""
        return await self._get(f"/v1/{self._project}/instances/{key}")

    async def parameters(self, key: str) -> Json:
        """The configuration of an instance."""
        return await self._get(f"/v3/{self._project}/instances/{key}/configurations?limit=128")

    async def job(self, key: str) -> Json:
        """One job."""
        found: Json = (await self._get(f"/v3/{self._project}/jobs/{key}"))["job"]
        return found

    async def enlarge(self, key: str, flavor: str, nodes: int) -> str:
        """Add nodes; the job's id."""
        body = {"flavor_id": flavor, "node_number": nodes, "is_auto_pay": True}
        answer = await self._http.post(f"/v2/{self._project}/instances/{key}/action/enlarge", json=body)
        answer.raise_for_status()
        return str(answer.json()["jobId"])

    async def _get(self, path: str) -> Json:
        answer = await self._http.get(path)
        answer.raise_for_status()
        found: Json = answer.json()
        return found
