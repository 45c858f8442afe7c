"""Leader election by a ``coordination.k8s.io`` Lease, in monotonic time and with an orderly release."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from ddm_operator.kube.client import AnsweredError, ApiServer, ApiServerError

logger = logging.getLogger(__name__)

NEVER = float("-inf")


@dataclass(frozen=True)
class Timing:
    """How long, in seconds; the defaults are those of Kubernetes' own components.

    Args:
        duration: an unrenewed lease is free after this, counted by whoever watches it.
        renew_deadline: a holder that could not renew for this long no longer leads; shorter than ``duration``.
        retry: between two renewals, and after a failed one.
        look: between two looks of a replica that stands by, if shorter than ``retry``: what it looks for is a release.
        request: for one request; less than ``renew_deadline``, so that a lost answer does not cost the lease.
    """

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 2.0
    request: float = 4.0
    look: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.retry < self.renew_deadline < self.duration or not 0 < self.request < self.renew_deadline:
            raise ValueError("lease times must rise: retry and request < renew deadline < duration")


class LeaseElection:
    """Implements ``ports.Lease``.

    Args:
        api: the API server.
        namespace, name: of the Lease.
        identity: unique to this process, never used again by another.
        now: wall clock, for the people who read the Lease.
        monotonic: clock that decides (seconds); counts suspension.
        on_lost: called once when a lease that was held is gone; ends the process.
    """

    def __init__(
        self,
        api: ApiServer,
        *,
        namespace: str,
        name: str,
        identity: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        on_lost: Callable[[], None],
        timing: Timing | None = None,
    ) -> None:
        self._api = api
        self._name = name
        self._namespace = namespace
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._identity = identity
        self._now = now
        self._monotonic = monotonic
        self._on_lost = on_lost
        self._timing = timing or Timing()
        self.renewed = NEVER
        """When the last successful renewal was sent (monotonic seconds)."""
        self._lease: dict[str, Any] | None = None
        self._seen: tuple[str, float] = ("", NEVER)
        self._free_at: float | None = None
        """When the lease that somebody else holds ends by itself (monotonic seconds); None: that is not known."""
        self.leader = ""
        """Who else led when this process last looked; stays what it was while this one leads."""
        self.trouble: str | None = None
        """Why the latest look at the lease was none; None after one that told who leads."""
        self.answered = monotonic()
        """When it was last known who leads; before that when this object was made (monotonic seconds)."""
        self.on_look: Callable[[], None] = lambda: None
        """Called after each attempt to take or renew it."""
        self._task: asyncio.Task[None] | None = None

    def held(self) -> bool:
        """Whether this process leads: the last successful renewal was *sent* less than a renew deadline ago."""
        return self._monotonic() < self.renewed + self._timing.renew_deadline

    async def acquire(self) -> None:
        """Wait until this process leads, and go on renewing in the background."""
        while True:
            if await self._attempt():
                break
            await asyncio.sleep(self._pause())
        logger.info("Leading", extra={"lease": f"{self._namespace}/{self._name}", "identity": self._identity})
        self._task = asyncio.create_task(self._keep(), name="lease")
        self._task.add_done_callback(self._lose)

    async def release(self) -> None:
        """Stop leading and free the lease for another at once; never raises, takes a request's time-out at most."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        was_held, self.renewed = self.held(), NEVER
        if not was_held:
            return
        try:
            async with asyncio.timeout(self._timing.request):
                lease = self._lease or await self._read()
                if lease is not None and _holder(lease) == self._identity:
                    await self._put(lease, "")
        except (ApiServerError, TimeoutError) as error:
            logger.warning("The lease was not released, it ends by itself: %s", error)

    async def _keep(self) -> None:
        """Renew until it fails for a renew deadline."""
        while self.held():
            left = self.renewed + self._timing.renew_deadline - self._monotonic()
            await asyncio.sleep(min(self._timing.retry, left))
            if not self.held():
                break
            try:
                async with asyncio.timeout(self.renewed + self._timing.renew_deadline - self._monotonic()):
                    await self._attempt()
            except TimeoutError:
                break

    def _lose(self, keeping: asyncio.Task[None]) -> None:
        """However the renewing ends, but by a release: who does not renew must not stay without leading."""
        if keeping.cancelled():
            return
        if (error := keeping.exception()) is not None:
            logger.error("The lease could not be renewed, for a reason that nobody expected", exc_info=error)
        self.renewed = NEVER
        logger.error("The lease is lost, the process ends", extra={"lease": f"{self._namespace}/{self._name}"})
        self._on_lost()

    async def _attempt(self) -> bool:
        """Take or renew once, and say so."""
        try:
            held = await self._take()
        except ApiServerError as error:
            if self.trouble != str(error):
                logger.warning("The lease could not be taken or renewed: %s", error)
            self.trouble, held = str(error), False
        else:
            if self.trouble is not None:
                logger.info("The API server tells again who leads")
            self.trouble, self.answered = None, self._monotonic()
        self.on_look()
        return held

    async def _take(self) -> bool:
        """After any failure the next attempt starts from a fresh read."""
        lease, self._lease = self._lease, None
        self._free_at = None
        if lease is None:
            lease = await self._read()
        if not self._ours(lease):
            return False
        sent = self._monotonic()
        try:
            self._lease = await (self._create() if lease is None else self._put(lease, self._identity))
        except AnsweredError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            self._ours(await self._read())  # another one was quicker; that tells who
            return False
        self.renewed = sent
        return True

    def _ours(self, lease: dict[str, Any] | None) -> bool:
        """Whether it is, or may be taken."""
        if lease is None or self._free(lease):
            return True
        self.renewed = NEVER
        return False

    def _free(self, lease: dict[str, Any]) -> bool:
        """Whether the lease is ours, nobody's, or unchanged for its duration by our own clock."""
        holder = _holder(lease)
        if holder in ("", self._identity):
            return True
        if holder != self.leader:
            logger.info("Standing by, %s leads", holder, extra={"lease": f"{self._namespace}/{self._name}"})
            self.leader = holder
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, self._monotonic())
        duration = max(self._timing.duration, float(lease["spec"].get("leaseDurationSeconds") or 0))
        self._free_at = self._seen[1] + duration
        return self._monotonic() >= self._free_at

    def _pause(self) -> float:
        """Until the next attempt: soon while another one leads, and no later than its lease ends."""
        if self._free_at is None:
            return self._timing.retry
        return max(0.01, min(self._timing.retry, self._timing.look, self._free_at - self._monotonic()))

    async def _read(self) -> dict[str, Any] | None:
        try:
            return await self._api.request("GET", f"{self._path}/{self._name}", timeout=self._timing.request)
        except AnsweredError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def _create(self) -> dict[str, Any]:
        moment = _micro_time(self._now())
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._spec(self._identity, moment) | {"acquireTime": moment, "leaseTransitions": 0},
        }
        return await self._api.request("POST", self._path, body=body, timeout=self._timing.request)

    async def _put(self, lease: dict[str, Any], holder: str) -> dict[str, Any]:
        """Write by compare-and-swap on the resourceVersion that ``lease`` was read with."""
        old = lease.get("spec") or {}
        moment = _micro_time(self._now())
        spec = {**old, **self._spec(holder, moment)}
        if holder and holder != old.get("holderIdentity"):
            spec |= {"acquireTime": moment, "leaseTransitions": int(old.get("leaseTransitions") or 0) + 1}
        body = {**lease, "spec": spec}
        return await self._api.request("PUT", f"{self._path}/{self._name}", body=body, timeout=self._timing.request)

    def _spec(self, holder: str, moment: str) -> dict[str, Any]:
        seconds = max(1, round(self._timing.duration))
        return {"holderIdentity": holder, "leaseDurationSeconds": seconds, "renewTime": moment}


def _holder(lease: dict[str, Any]) -> str:
    return (lease.get("spec") or {}).get("holderIdentity") or ""


def _micro_time(moment: datetime) -> str:
    """Kubernetes' MicroTime: RFC 3339 with exactly six digits."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
