"""What must hold before the cloud accepts that nodes are added or removed."""

from __future__ import annotations

from typing import Final

from ddm_simulator import errors
from ddm_simulator.model import Flavor, Group, Instance, Project

MOST_NODES: Final = 32


def idle(instance: Instance) -> None:
    """The instance is paid for, healthy, and nothing else is being done to it.

    Raises:
        RefusalError: It is not.
    """
    if instance.status == "FROZEN":
        raise errors.refuse(errors.FROZEN)
    if instance.status != "RUNNING":
        raise errors.refuse(errors.ANOTHER_OPERATION)


def data_nodes_idle(instance: Instance) -> None:
    """All associated RDS instances are available, and no schema is being scaled out.

    Raises:
        RefusalError: They are not.
    """
    if any(schema.status in ("EXPANDING", "ROLLING BACK") for schema in instance.schemas):
        raise errors.refuse(errors.SCHEMA_EXPANDING)
    used = {data_node_id for schema in instance.schemas for data_node_id in schema.data_node_ids}
    if any(data_node.status != "normal" for data_node in instance.data_nodes if data_node.id in used):
        raise errors.refuse(errors.DATA_NODE_UNAVAILABLE)


def chosen_group(instance: Instance, group_id: str | None) -> Group:
    """The group that is meant; it must be named as soon as there are several.

    Raises:
        RefusalError: It is not named, or there is none of that id.
    """
    if group_id is None:
        if len(instance.groups) > 1:
            raise errors.refuse(errors.PARAMETER_ERROR)
        return instance.groups[0]
    for group in instance.groups:
        if group.id == group_id:
            return group
    raise errors.refuse(errors.INVALID_PARAMETER, "Invalid group_id.")


def room_for(instance: Instance, number: int) -> None:
    """An instance has at most 32 nodes, all groups together.

    Raises:
        RefusalError: It would have more.
    """
    if len(instance.nodes) + number > MOST_NODES:
        raise errors.refuse(errors.TOO_MANY_NODES)


def someone_stays(instance: Instance, group: Group, number: int) -> None:
    """A group keeps one node at least.

    Raises:
        RefusalError: It would lose its last one.
    """
    if number >= len(instance.of_group(group.id)):
        raise errors.refuse(errors.PARAMETER_ERROR)


def same_class(group: Group, flavor_id: str) -> None:
    """All nodes of a group have one class.

    Raises:
        RefusalError: It is another one.
    """
    if flavor_id != group.flavor_id:
        raise errors.refuse(errors.INVALID_FLAVOR)


def zones_open(project: Project, flavor: Flavor, zones: tuple[str, ...]) -> None:
    """Zones exist and the class can be bought there.

    Raises:
        RefusalError: One does not, or it cannot.
    """
    if not set(zones) <= set(project.zones):
        raise errors.refuse(errors.INVALID_ZONE)
    if any(flavor.status_in(zone) != "normal" for zone in zones):
        raise errors.refuse(errors.SOLD_OUT)
