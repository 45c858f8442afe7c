"""What the objects of the store say, counted whenever one changes: nothing has to be counted when somebody asks."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TypeVar

from ddm_operator.domain.conditions import STALLED
from ddm_operator.domain.model import Condition, Resource

Key = TypeVar("Key", bound=tuple[str, ...])


class Census:
    """Implements what ``telemetry.objects`` asks for."""

    __slots__ = ("_count", "opened", "projects", "said", "stalled")

    def __init__(self) -> None:
        self._count = 0
        self.said: Counter[tuple[str, str, str]] = Counter()
        """Conditions: how many objects have one of this type, status and reason."""
        self.stalled: dict[tuple[str, str], str] = {}
        """Namespace and name of what waits for a person, and the reason."""
        self.opened: dict[tuple[str, str], tuple[str, datetime | None]] = {}
        """Phase and begin of what is under way, by namespace and name."""
        self.projects: Counter[tuple[str, str]] = Counter()
        """Region and project id: how many objects live there."""

    def __len__(self) -> int:
        return self._count

    def add(self, resource: Resource) -> None:
        """Count one in; it must not be counted yet."""
        self._count += 1
        key = resource.desired.namespace, resource.desired.name
        for condition in resource.status.conditions:
            self.said[_said(condition)] += 1
            if condition.type == STALLED and condition.status == "True":
                self.stalled[key] = condition.reason
        operation = resource.status.operation
        if operation is not None and operation.open:
            self.opened[key] = operation.phase, operation.request_time or operation.start_time
        if (project := _project(resource)) is not None:
            self.projects[project] += 1

    def drop(self, resource: Resource) -> None:
        """Count one out, exactly as it was counted in."""
        self._count -= 1
        key = resource.desired.namespace, resource.desired.name
        for condition in resource.status.conditions:
            _less(self.said, _said(condition))
        self.stalled.pop(key, None)
        self.opened.pop(key, None)
        if (project := _project(resource)) is not None:
            _less(self.projects, project)


def _said(condition: Condition) -> tuple[str, str, str]:
    return condition.type, condition.status, condition.reason


def _project(resource: Resource) -> tuple[str, str] | None:
    instance = resource.status.instance
    return (instance.region, instance.project_id) if instance is not None else None


def _less(counted: Counter[Key], key: Key) -> None:
    counted[key] -= 1
    if not counted[key]:
        del counted[key]
