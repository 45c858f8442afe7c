"""Kubernetes Events on an object: merged, sent in the background, dropped rather than waited for."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from ddm_operator.domain.model import MAX_TEXT, Resource
from ddm_operator.kube.client import MERGE_PATCH, AnsweredError, ApiServer, ApiServerError
from ddm_operator.kube.codec import format_time
from ddm_operator.kube.resource import API_VERSION, KIND

logger = logging.getLogger(__name__)

COMPONENT = "ddm-operator"
MERGE_FOR = timedelta(minutes=10)
"""How long after its last occurrence an Event is raised, not repeated; the API server keeps Events for an hour."""

HELD_SECONDS = 10.0
"""How long an Event leaves the way to what is urgent, at most."""

Key = tuple[str, str, str, str]


@dataclass
class _Series:
    """One Event and its repetitions."""

    body: dict[str, Any]
    last: datetime
    count: int = 1
    stored: bool = False

    @property
    def path(self) -> str:
        return f"/api/v1/namespaces/{self.body['metadata']['namespace']}/events"


class ApiEvents:
    """Implements ``ports.Events``.

    Args:
        api: the API server.
        now: wall clock.
        instance: which replica speaks (pod name).
        remembered: Events that can be merged into, at most.
        waiting: Events that wait to be sent, at most; more are dropped and counted.
    """

    def __init__(
        self,
        api: ApiServer,
        *,
        now: Callable[[], datetime],
        instance: str,
        remembered: int = 1000,
        waiting: int = 1000,
    ) -> None:
        self._api = api
        self._now = now
        self._instance = instance
        self._remembered = remembered
        self._limit = waiting
        self._series: OrderedDict[Key, _Series] = OrderedDict()
        self._waiting: OrderedDict[Key, _Series] = OrderedDict()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0
        """Events that were never sent."""
        self.calm: Callable[[float], Awaitable[None]] = _at_once
        """Waits until nothing urgent is under way, for so many seconds at most."""

    def publish(self, resource: Resource, kind: str, reason: str, message: str) -> None:
        """Note an Event; it is sent soon, merged with what is the same, and dropped when too many wait."""
        message = message[:MAX_TEXT]
        key = (resource.desired.uid, kind, reason, message)
        now = self._now()
        series = self._series.get(key)
        if key not in self._waiting and len(self._waiting) >= self._limit:
            self.dropped += 1
            return
        if series is None or now - series.last > MERGE_FOR:
            series = self._series[key] = _Series(self._body(resource, kind, reason, message, now), now)
        else:
            series.count += 1
            series.last = now
        self._series.move_to_end(key)
        if len(self._series) > self._remembered:
            self._series.popitem(last=False)
        self._waiting[key] = series
        self._idle.clear()
        self._wake.set()

    def start(self) -> None:
        """Start sending."""
        self._task = asyncio.create_task(self._send_all(), name="events")

    async def flushed(self) -> None:
        """Wait until nothing waits to be sent; only while it is started."""
        await self._idle.wait()

    async def stop(self, seconds: float) -> None:
        """Send what waits, for so long at most, and end."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self.flushed()
        except TimeoutError:
            self.dropped += len(self._waiting)
            logger.warning("%d events were not sent before the end", len(self._waiting))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _send_all(self) -> None:
        while True:
            await self._wake.wait()
            while self._waiting:
                held = (self._now() - next(iter(self._waiting.values())).last).total_seconds()
                await self.calm(HELD_SECONDS - max(held, 0.0))
                key, series = self._waiting.popitem(last=False)
                await self._send(key, series)
            self._wake.clear()
            self._idle.set()

    async def _send(self, key: Key, series: _Series) -> None:
        try:
            if not series.stored or not await self._raise(series):
                await self._api.request("POST", series.path, body=series.body | _times(series))
                series.stored = True
        except ApiServerError as error:
            self.dropped += 1
            if self._series.get(key) is series and not series.stored:
                del self._series[key]
            level = logging.WARNING if self.dropped == 1 else logging.DEBUG
            logger.log(level, "An event was dropped: %s", error, extra={"reason": key[2]})

    async def _raise(self, series: _Series) -> bool:
        """Raise the count of a stored Event; False when the API server has it no longer."""
        path = f"{series.path}/{series.body['metadata']['name']}"
        try:
            await self._api.request("PATCH", path, body=_times(series), content_type=MERGE_PATCH)
        except AnsweredError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def _body(self, resource: Resource, kind: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
        desired = resource.desired
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{desired.name[:200]}.{uuid4().hex[:16]}", "namespace": desired.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "namespace": desired.namespace,
                "name": desired.name,
                "uid": desired.uid,
                "resourceVersion": resource.resource_version,
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "firstTimestamp": format_time(now),
            "source": {"component": COMPONENT, "host": self._instance},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._instance,
        }


async def _at_once(_seconds: float) -> None:
    """Nothing is urgent."""


def _times(series: _Series) -> dict[str, Any]:
    return {"count": series.count, "lastTimestamp": format_time(series.last)}
