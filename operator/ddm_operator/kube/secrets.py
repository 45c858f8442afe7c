"""The one Secret of a namespace that may hold a credential: read by its name, never listed, never watched."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from ddm_operator.domain import reasons
from ddm_operator.errors import OperatorError, StalledError, TransientError
from ddm_operator.kube.client import AnsweredError, ApiServer, ApiServerError

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 5.0
"""How long what was read answers those who ask after it.

Shorter than any pause between two passes over an object (15 s by default), so that a pass which begins after a change
sees it; long enough that a thousand objects of one namespace cost the API server one small read in five seconds.
"""

FAILURE_SECONDS: Final = 0.5
"""How long a question that was not answered answers for those who ask after it."""

FORGET_SECONDS: Final = 3600.0
"""A namespace that nobody has asked for in this long is forgotten; what it held must not stay in memory for ever."""


@dataclass
class _Known:
    """One namespace's Secret."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    values: Mapping[str, bytes] | None = field(default=None, repr=False)
    version: str = ""
    """``resourceVersion``; empty: there is none."""
    asked_at: float = 0.0
    tried_at: float = 0.0
    read: bool = False
    failure: OperatorError | None = None
    """Of the latest attempt."""


class ApiSecrets:
    """Implements ``ports.Secrets``.

    Args:
        api: the API server.
        name: of the Secret, in every namespace.
        monotonic: seconds.
    """

    def __init__(self, api: ApiServer, name: str, *, monotonic: Callable[[], float]) -> None:
        self._api = api
        self._name = name
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._forgot_at = monotonic()

    async def read(self, namespace: str) -> Mapping[str, bytes] | None:
        """What the Secret holds, at most ``FRESH_SECONDS`` old; a failure is as old. See ``ports.Secrets``."""
        known = self._of(namespace)
        async with known.lock:
            now = self._monotonic()
            if known.failure is not None and now - known.tried_at < _kept_for(known.failure):
                raise known.failure.with_traceback(None)
            if known.failure is None and known.read and now - known.tried_at < FRESH_SECONDS:
                return known.values
            try:
                found = await self._get(namespace)
            except OperatorError as error:
                known.failure, known.tried_at = error, self._monotonic()
                raise
            self._take(namespace, known, found)
            return known.values

    def last(self, namespace: str) -> Mapping[str, bytes] | None:
        """What it held when it was last read."""
        known = self._known.get(namespace)
        return known.values if known is not None else None

    def _of(self, namespace: str) -> _Known:
        now = self._monotonic()
        if now - self._forgot_at >= FORGET_SECONDS / 4:
            self._known = {key: known for key, known in self._known.items() if now - known.asked_at < FORGET_SECONDS}
            self._forgot_at = now
        known = self._known.setdefault(namespace, _Known())
        known.asked_at = now
        return known

    def _take(self, namespace: str, known: _Known, found: Mapping[str, Any] | None) -> None:
        version = "" if found is None else str(found.get("metadata", {}).get("resourceVersion", ""))
        if known.read and version != known.version:
            what = "was changed" if version and known.version else "was made" if version else "is gone"
            log.info("The Secret %s/%s %s.", namespace, self._name, what, extra={"namespace": namespace})
        if found is None or version != known.version or known.values is None:
            known.values = None if found is None else _decoded(found)
        known.version, known.read, known.failure, known.tried_at = version, True, None, self._monotonic()

    async def _get(self, namespace: str) -> Mapping[str, Any] | None:
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets/{quote(self._name, safe='')}"
        try:
            return await self._api.request("GET", path)
        except AnsweredError as error:
            if error.status == HTTPStatus.NOT_FOUND and error.details.get("name"):
                return None
            if error.status == HTTPStatus.FORBIDDEN:
                raise self._forbidden(namespace) from error
            raise _unanswered(namespace, self._name, error, error.retry_after) from error
        except ApiServerError as error:
            raise _unanswered(namespace, self._name, error, None) from error

    def _forbidden(self, namespace: str) -> StalledError:
        text = f"The operator may not read the Secret {self._name} in namespace {namespace}, so it cannot know whose "
        text += "credential to use. Nothing is asked or changed meanwhile. Let its role get the resource secrets with "
        text += f"resourceNames [{self._name}] there (deploy/rbac.yaml has the rule)."
        return StalledError(reasons.PERMISSION_DENIED, text)


def _unanswered(namespace: str, name: str, error: ApiServerError, retry_after: float | None) -> TransientError:
    text = (
        f"The Secret {name} in namespace {namespace} could not be asked for ({error}). That is not the same as there "
    )
    text += "being none: no other credential is used instead. It is tried again."
    return TransientError(reasons.RETRYING, text, retry_after=retry_after)


def _kept_for(error: OperatorError) -> float:
    return FRESH_SECONDS if isinstance(error, StalledError) else FAILURE_SECONDS


def _decoded(secret: Mapping[str, Any]) -> dict[str, bytes]:
    """``data`` as bytes; what is no Base64 cannot be there, and would be an empty value."""
    values = {}
    for key, text in (secret.get("data") or {}).items():
        try:
            values[key] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            values[key] = b""
    return values
