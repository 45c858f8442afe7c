"""The ``DDMInstance`` objects on the API server: read one, replace one's status, tell which there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import quote

from ddm_operator.domain import reasons
from ddm_operator.domain.model import Resource, Status
from ddm_operator.errors import AmbiguousError, ConflictError, OperatorError, StalledError, TransientError
from ddm_operator.kube.client import JSON, AnsweredError, ApiServer, ApiServerError, NotSentError, Query
from ddm_operator.kube.resource import (
    API_VERSION,
    GROUP,
    KIND,
    PLURAL,
    VERSION,
    InvalidSpecError,
    read_resource,
    write_status,
)
from ddm_operator.kube.store import Listed

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PAGE = 200
"""Objects in one page of a list: what a page takes up for a moment is memory that the process keeps."""

ABREATH = 20
"""Objects that are read at a stretch; in between the next page is asked for, and probes are answered."""


class ApiObjects:
    """Implements ``ports.Objects``.

    Args:
        api: the API server.
        urgent: the same, for what must not wait; ``api`` when absent.
        monotonic: clock of ``Resource.seen_at`` (seconds).
        namespaces: where to look; empty for everywhere.
    """

    def __init__(
        self,
        api: ApiServer,
        *,
        monotonic: Callable[[], float],
        namespaces: tuple[str, ...] = (),
        urgent: ApiServer | None = None,
    ) -> None:
        self._api = api
        self._urgent = urgent or api
        self._monotonic = monotonic
        self._paths = [_path(namespace) for namespace in namespaces] or [f"/apis/{API_VERSION}/{PLURAL}"]

    async def get(self, namespace: str, name: str, *, urgent: bool = False) -> Resource | None:
        """A fresh read; None when there is no such object.

        Raises:
            InvalidSpecError: it is there, and breaks the rules of its CRD.
            TransientError: the question failed.
            StalledError: not allowed, or there is no such kind.
        """
        try:
            body = await (self._urgent if urgent else self._api).request("GET", _path(namespace, name))
        except AnsweredError as error:
            if error.status == HTTPStatus.NOT_FOUND and _names_object(error):
                return None
            _raise_read(error)
        except ApiServerError as error:
            _raise_read(error)
        return read_resource(body, seen_at=self._monotonic())

    async def put_status(self, resource: Resource, status: Status, *, urgent: bool = False) -> Resource:
        """Replace the whole status by compare-and-swap on uid and resourceVersion; see ``ports.Objects``."""
        desired = resource.desired
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": desired.name,
                "namespace": desired.namespace,
                "uid": desired.uid,
                "resourceVersion": resource.resource_version,
            },
            "status": write_status(status),
        }
        try:
            api, path = self._urgent if urgent else self._api, _path(desired.namespace, desired.name) + "/status"
            stored = await api.request("PUT", path, body=body)
        except ApiServerError as error:
            raise _write_error(error) from error
        try:
            return read_resource(stored, seen_at=self._monotonic())
        except InvalidSpecError as error:
            return error.resource  # the write is stored, whatever the spec is like

    def pause(self) -> float:
        """Seconds for which the API server is spared what may wait; see ``Restraint``."""
        return self._api.restraint.left() if self._api.restraint is not None else 0.0

    async def served(self) -> bool:
        """Whether the API server knows the kind at all; asked by a list of one. Raises like ``get``."""
        try:
            await self._api.request("GET", self._paths[0], query=(("limit", "1"),), accept=METADATA_ONLY)
        except AnsweredError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            _raise_read(error)
        except ApiServerError as error:
            _raise_read(error)
        return True

    async def every(self) -> AsyncIterator[Resource]:
        """Every object as it is now, whatever its spec is like; raises like ``get``."""
        async for items in self._pages(JSON):
            for place, item in enumerate(items):
                if place % ABREATH == 0:
                    await asyncio.sleep(0)
                try:
                    yield read_resource(item, seen_at=self._monotonic())
                except InvalidSpecError as error:
                    yield error.resource

    async def listed(self) -> AsyncIterator[Listed]:
        """Every object, in pages, without the objects themselves; raises like ``get``."""
        async for items in self._pages(METADATA_ONLY):
            for item in items:
                metadata = item["metadata"]
                key = f"{metadata['namespace']}/{metadata['name']}"
                yield Listed(key, metadata["uid"], metadata["resourceVersion"])

    async def _pages(self, accept: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        for path in self._paths:
            page = await self._page(path, accept, "")
            while token := page["metadata"].get("continue"):
                following = asyncio.create_task(self._page(path, accept, token))  # it comes while this one is taken in
                try:
                    yield page.get("items") or ()
                    page = await following
                finally:
                    following.cancel()
            yield page.get("items") or ()

    async def _page(self, path: str, accept: str, token: str) -> dict[str, Any]:
        query: Query = (("limit", str(PAGE)), *((("continue", token),) if token else ()))
        try:
            return await self._api.request("GET", path, query=query, accept=accept)
        except ApiServerError as error:
            _raise_read(error)


def _path(namespace: str, name: str = "") -> str:
    collection = f"/apis/{GROUP}/{VERSION}/namespaces/{quote(namespace, safe='')}/{PLURAL}"
    return f"{collection}/{quote(name, safe='')}" if name else collection


def _names_object(error: AnsweredError) -> bool:
    """Whether a 404 is about one object; the one for a kind that is not served names none."""
    return bool(error.details.get("name"))


def _raise_read(error: ApiServerError) -> NoReturn:
    """A question that failed: nothing was changed, so there is no doubt to keep."""
    if isinstance(error, AnsweredError) and error.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        raise _forbidden_or_gone(error) from error
    retry_after = error.retry_after if isinstance(error, AnsweredError) else None
    message = f"The objects cannot be read ({error}). It is tried again."
    raise TransientError(reasons.RETRYING, message, retry_after=retry_after) from error


def _write_error(error: ApiServerError) -> OperatorError:
    """What a failed status write means for whether it is stored.

    Certain is only what ends before the API server touches its store: a missing connection, 401, 403, 429 (turned away
    by flow control or while stopping), and refusals of the content. A 5xx may come after the store was asked, or from
    something on the way.
    """
    if isinstance(error, NotSentError):
        return TransientError(reasons.RETRYING, f"The status was not stored ({error}). It is tried again.")
    if not isinstance(error, AnsweredError) or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return AmbiguousError(reasons.RETRYING, f"Whether the status was stored is unknown ({error}). It is read back.")
    if error.status == HTTPStatus.CONFLICT or (error.status == HTTPStatus.NOT_FOUND and _names_object(error)):
        return ConflictError(reasons.RETRYING, f"The object was changed or replaced meanwhile ({error.message}).")
    if error.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return _forbidden_or_gone(error)
    if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS):
        message = f"The status was not stored ({error}). It is tried again."
        return TransientError(reasons.RETRYING, message, retry_after=error.retry_after)
    message = f"The API server refuses the status{_fields(error.details)}: {error.message}. "
    message += "Install the CRD that belongs to this version of the operator."
    return StalledError(reasons.STATUS_REFUSED, message)


def _forbidden_or_gone(error: AnsweredError) -> StalledError:
    if error.status == HTTPStatus.FORBIDDEN:
        message = f"The operator's service account may not do this: {error.message}. Grant it the operator's role."
        return StalledError(reasons.PERMISSION_DENIED, message)
    message = f"The API server does not serve {PLURAL}.{GROUP} {VERSION}. Install the operator's CRD."
    return StalledError(reasons.STATUS_REFUSED, message)


def _fields(details: Mapping[str, Any]) -> str:
    fields = [cause["field"] for cause in details.get("causes") or () if cause.get("field")]
    return f" because of {', '.join(sorted(set(fields)))}" if fields else ""
