"""A Kubernetes API server as the tests speak to it: paths and JSON, nothing in between."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

Json = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

_REQUEST_TIMEOUT_SECONDS = 30.0
_SERVED_TIMEOUT_SECONDS = 20.0
_POLL_SECONDS = 0.05


class RefusedError(Exception):
    """The API server answered with something other than success."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message


class Api:
    """An API server with one user's credentials."""

    def __init__(self, server: str, token: str, ca_file: Path) -> None:
        self._client = httpx.Client(
            base_url=server,
            headers={"Authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=str(ca_file)),
            timeout=_REQUEST_TIMEOUT_SECONDS,
            trust_env=False,
        )

    def get(self, path: str, *, accept: str = "application/json", **params: str) -> Json:
        return self._send("GET", path, params, headers={"Accept": accept})

    def post(self, path: str, body: Mapping[str, Any], **params: str) -> Json:
        return self._send("POST", path, params, json=body)

    def put(self, path: str, body: Mapping[str, Any], **params: str) -> Json:
        return self._send("PUT", path, params, json=body)

    def patch(self, path: str, body: Mapping[str, Any], **params: str) -> Json:
        """A JSON merge patch: None removes."""
        return self._send("PATCH", path, params, content=json.dumps(body), headers={"Content-Type": MERGE_PATCH})

    def apply(self, path: str, body: Mapping[str, Any], manager: str = "tests") -> Json:
        """A server-side apply that wins every conflict."""
        params = {"fieldManager": manager, "force": "true"}
        return self._send("PATCH", path, params, content=json.dumps(body), headers={"Content-Type": APPLY_PATCH})

    def delete(self, path: str, **params: str) -> Json:
        return self._send("DELETE", path, params)

    def until(self, path: str, holds: Callable[[Json], bool], timeout: float = 30.0) -> Json:
        """Watch one object until a condition holds, and return it then.

        Args:
            path: The object's path.
            holds: Is asked about every version of the object.
            timeout: Seconds.

        Raises:
            TimeoutError: The condition never held; tells the last version.
        """
        deadline = time.monotonic() + timeout
        seen = self.get(path)
        while not holds(seen):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{path} after {timeout:.0f} s: {json.dumps(seen)}")
            seen = self._next_version(path, seen, left)
        return seen

    def until_served(self, path: str) -> None:
        """Wait until a path exists: an API server knows a new resource a moment before it serves it."""
        deadline = time.monotonic() + _SERVED_TIMEOUT_SECONDS
        while self._client.get(path).status_code == httpx.codes.NOT_FOUND:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} is not served after {_SERVED_TIMEOUT_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next_version(self, path: str, seen: Json, timeout: float) -> Json:
        collection, _, name = path.rpartition("/")
        params = {
            "watch": "1",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": seen["metadata"]["resourceVersion"],
            "timeoutSeconds": str(max(1, int(timeout))),
        }
        with self._client.stream(
            "GET", collection, params=params, timeout=timeout + _REQUEST_TIMEOUT_SECONDS
        ) as answer:
            if answer.is_error:  # for a moment, while an API server takes up a resource that was changed
                time.sleep(_POLL_SECONDS)
                return seen
            for line in answer.iter_lines():
                event: Json = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    found: Json = event["object"]
                    return found
                break
        return self.get(path)

    def _send(self, method: str, path: str, params: Mapping[str, str], **kwargs: Any) -> Json:
        answer = self._client.request(method, path, params=params, **kwargs)
        body: Json = answer.json()
        if answer.is_error:
            raise RefusedError(answer.status_code, body.get("reason", ""), body.get("message", ""))
        return body
