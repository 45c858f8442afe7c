"""Which objects there are: all of them before the first pass, and what the watch has lost without a word."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from ddm_operator.domain.model import Resource
from ddm_operator.errors import OperatorError
from ddm_operator.kube.objects import ApiObjects
from ddm_operator.kube.resource import InvalidSpecError
from ddm_operator.kube.rollcall import RollCall
from ddm_operator.kube.store import Store

log = logging.getLogger(__name__)

WATCH_LAG_SECONDS: Final = 2.0
"""How far a watch that works may be behind a list."""


class Line(Protocol):
    """The work queue."""

    def add(self, key: str) -> None:
        """Ask for a pass."""

    def busy(self, key: str) -> bool:
        """Whether a pass over it is running."""

    def forget(self, key: str) -> None:
        """The object is gone."""

    def start(self) -> None:
        """Begin with the passes."""


class Knowledge:
    """The store and the queue, and how they are filled besides the watch."""

    def __init__(self, store: Store, queue: Line, objects: ApiObjects) -> None:
        self.store = store
        self.queue = queue
        self.roll = RollCall()
        self._objects = objects
        self._working = False

    async def gather(self) -> None:
        """List every object before a watch begins; the first time passes begin after it, what is pressing first.

        No pass before every object is known: which of two that name one instance is the older one must be seen first.
        What is made after the list is younger than all that is in it.

        Raises:
            OperatorError: they could not be listed.
        """
        uids: set[str] = set()
        pressing: list[str] = []
        others: list[str] = []
        async for resource in self._objects.every():
            uids.add(resource.desired.uid)
            if self.store.put(resource):
                (pressing if _is_pressing(resource) else others).append(resource.desired.key)
        self.roll.expect(uids)
        for key in (*pressing, *others):
            self.queue.add(key)
        if not self._working:
            self._working = True
            self.queue.start()
            log.info("Working; every object is known", extra={"objects": len(uids)})

    async def caught_up(self) -> None:
        """Wait until the watch has shown what ``gather`` has listed, and drop what is gone since; raises like it."""
        gone = await self.roll.complete(self._objects)
        for key in self.store:
            resource = self.store.get(key)
            if resource is not None and resource.desired.uid in gone and self.store.remove(key, resource.desired.uid):
                self._forget(key)
                for rival in self.store.rivals(resource):
                    self.queue.add(rival.desired.key)

    def changed(self, instance_id: str) -> None:
        """An instance is not as it was: whoever rests looks now; an open operation has a pace of its own."""
        for key in self.store.naming(instance_id):
            resource = self.store.get(key)
            operation = resource.status.operation if resource is not None else None
            if operation is None or not operation.open:
                self.queue.add(key)

    async def mend(self, every: float) -> None:
        """Look for what the watch did not show: objects that are gone, and changes that it lost without a word."""
        while True:
            await asyncio.sleep(every)
            try:
                gone, behind = await self.store.reconcile(self._objects, WATCH_LAG_SECONDS)
                for key in gone:
                    self._forget(key)
                if behind:
                    log.warning(
                        "The watch has not shown %d objects as they are now; they are read one by one.", len(behind)
                    )
                for key in behind:
                    await self._read(key)
            except OperatorError as error:
                log.debug("The objects could not be compared with the watch's: %s", error.message)

    def _forget(self, key: str) -> None:
        self.queue.forget(key)
        self.queue.add(key)  # a last pass drops what is remembered of it

    async def _read(self, key: str) -> None:
        try:
            found = await self._objects.get(*key.split("/"))
        except InvalidSpecError as error:
            found = error.resource
        if found is not None and self.store.put(found):
            self.queue.add(key)


def _is_pressing(resource: Resource) -> bool:
    """Whether an operation is under way, or somebody has declared something that nobody has looked at."""
    operation = resource.status.operation
    under_way = operation is not None and operation.open
    return under_way or resource.desired.generation != resource.status.observed_generation
