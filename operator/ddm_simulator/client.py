"""Steers a running simulator: for tests, demonstrations and benchmarks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import httpx

Json = dict[str, Any]


class SimulatorError(Exception):
    """The simulator did not do what it was asked."""


@dataclass(frozen=True)
class Credentials:
    """A project of one's own, with all that is needed to use it."""

    project_id: str
    region: str
    user: str
    password: str
    domain: str
    access_key: str
    secret_key: str
    instance_id: str
    group_id: str
    flavor_id: str
    identity_provider: str
    """Its tokens' audience is its name."""
    provider_urn: str
    agency_urn: str


class HeldRequests:
    """A hold that is set."""

    def __init__(self, simulator: Simulator, key: str) -> None:
        self._simulator = simulator
        self.id = key

    def held(self) -> list[Json]:
        """The requests that it stops now."""
        return [held for held in self._simulator.get("holds")["held"] if held["hold_id"] == self.id]

    def wait(self, seconds: float = 20.0) -> Json:
        """Wait until it stops a request.

        Raises:
            SimulatorError: none came.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            held = self.held()
            if held:
                return held[0]
            time.sleep(0.02)
        raise SimulatorError(f"no request came to be held within {seconds:.0f} s")

    def release(self) -> None:
        """Let them go on."""
        self._simulator.post(f"holds/{self.id}/release")


class Simulator:
    """The control API of the simulator at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=f"{self.url}/_simulator/", trust_env=False, timeout=10)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def ledger(self, instance: str | None = None) -> list[Json]:
        """Every mutating request received, oldest first."""
        query = f"?instance={instance}" if instance else ""
        return cast("list[Json]", self.get(f"ledger{query}")["entries"])

    def executed(self, instance: str | None = None) -> list[Json]:
        """The requests that took effect."""
        return [entry for entry in self.ledger(instance) if entry["executed"]]

    def fault(self, kind: str, **fields: object) -> str:
        """Set a fault; its id."""
        return str(self.post("faults", {"kind": kind, **fields})["id"])

    def remove_fault(self, key: str) -> None:
        """Remove one."""
        self._send("DELETE", f"faults/{key}")

    def clear_faults(self, project: str | None = None) -> None:
        """Remove all, or those of a project."""
        for fault in self.get("faults")["faults"]:
            if project in (None, fault["project"]):
                self.remove_fault(fault["id"])

    @contextmanager
    def hold(
        self, route: str = "enlarge", when: Literal["before", "after"] = "before", instance: str | None = None
    ) -> Iterator[HeldRequests]:
        """Stop one request before or after it is executed; at the end it goes on."""
        hold = HeldRequests(self, self.post("holds", {"route": route, "when": when, "instance": instance})["id"])
        try:
            yield hold
        finally:
            hold.release()

    def instance(self, key: str) -> Json:
        """An instance as it truly is."""
        return self.get(f"instances/{key}")

    def change_instance(self, key: str, **changes: object) -> Json:
        """Set some of its fields."""
        return self._send("PATCH", f"instances/{key}", changes)

    def remove_instance(self, key: str) -> None:
        """Delete it."""
        self._send("DELETE", f"instances/{key}")

    def add_instance(self, **fields: object) -> Json:
        """One more, in the shape of the seed file."""
        return self.post("instances", fields)

    def add_nodes(self, key: str, count: int, *, job: bool = False) -> Json:
        """Somebody adds nodes by hand."""
        return self.post(f"instances/{key}/nodes", {"add": count, "job": job})

    def remove_nodes(self, key: str, count: int, *, job: bool = False) -> Json:
        """Somebody removes nodes by hand."""
        return self.post(f"instances/{key}/nodes", {"remove": count, "job": job})

    def add_project(self, **wish: object) -> Credentials:
        """A project of one's own."""
        return Credentials(**self.post("projects", wish))

    def jobs(self, instance: str | None = None) -> list[Json]:
        """All jobs, or those of an instance."""
        return [job for job in self.get("jobs")["jobs"] if instance in (None, job["instance"])]

    def finish_job(self, key: str, **how: object) -> None:
        """End a running job now."""
        self.post(f"jobs/{key}/finish", how)

    def change_user(self, name: str, **changes: object) -> None:
        """Another password, or an end."""
        self._send("PATCH", f"users/{name}", changes)

    def revoke_tokens(self) -> None:
        """No token is valid any more."""
        self.post("tokens/revoke")

    def settings(self, **changes: object) -> Json:
        """Change how it behaves; all settings."""
        return self._send("PATCH", "settings", changes)

    def advance(self, seconds: float) -> None:
        """Let time pass on a manual clock."""
        self.post("clock/advance", {"seconds": seconds})

    def requests(self) -> dict[str, int]:
        """Requests so far, by route."""
        return cast("dict[str, int]", self.get("requests")["requests"])

    def throttled(self) -> tuple[int, int]:
        """Requests that came over the rate limit so far, and the most of one project in one period of it."""
        told = self.get("requests")
        return cast("int", told["throttled"]), max(cast("dict[str, int]", told["most"]).values(), default=0)

    def get(self, path: str) -> Json:
        """Ask the control API."""
        return self._send("GET", path)

    def post(self, path: str, body: object = None) -> Json:
        """Tell the control API."""
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: object = None) -> Json:
        answer = self._http.request(method, path, json=body if body is not None else {})
        if answer.is_error:
            raise SimulatorError(f"{method} {path}: {answer.status_code} {answer.text}")
        return cast("Json", answer.json())
