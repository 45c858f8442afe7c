"""Which lane of the work queue an object is in: what hangs does so by project, and holds its own lane's workers."""

from __future__ import annotations

from collections.abc import Callable

from ddm_operator.domain.model import Resource
from ddm_operator.ports import Store


def lane_of(store: Store, region: str | None, project_id: str | None) -> Callable[[str], str]:
    """Tells a key's lane.

    Args:
        store: the objects.
        region: the default one.
        project_id: its default project.
    """

    def lane(key: str) -> str:
        resource = store.get(key)
        place = _place(resource, region, project_id) if resource is not None else ""
        return place or f"namespace {key.partition('/')[0]}"

    return lane


def _place(resource: Resource, region: str | None, project_id: str | None) -> str:
    """Region and project; empty when the project is not known before the cloud has been asked."""
    desired, instance, operation = resource.desired, resource.status.instance, resource.status.operation
    regions = [desired.region, instance.region if instance else "", region]
    projects = [desired.project_id, instance.project_id if instance else ""]
    if desired.region in (None, "", region):
        projects.append(project_id)
    if operation is not None and operation.open:  # it stays where it was begun
        regions.insert(0, operation.region)
        projects.insert(0, operation.project_id)
    where, whose = next(filter(None, regions), ""), next(filter(None, projects), "")
    return f"{where}/{whose}" if whose else ""
