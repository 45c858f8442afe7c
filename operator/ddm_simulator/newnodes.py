"""Where new nodes go and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ddm_simulator import errors, preconditions
from ddm_simulator.model import Flavor, Group, Instance, Node, Project
from ddm_simulator.world import World


def choose(world: World, instance: Instance, group: Group, number: int) -> tuple[str, ...]:
    """Zones for new nodes, evenly over those of the group in which its class can still be bought.

    Raises:
        RefusalError: It is sold out in all of them.
    """
    flavor = _flavor(world, group)
    used = Counter(node.zone for node in instance.of_group(group.id))
    open_zones = [zone for zone in used if flavor.status_in(zone) == "normal"]
    if not open_zones:
        raise errors.refuse(errors.SOLD_OUT)
    zones: list[str] = []
    for _ in range(number):
        zones.append(min(open_zones, key=lambda zone: used[zone]))
        used[zones[-1]] += 1
    return tuple(zones)


def subnet(instance: Instance, group: Group, given: str | None) -> str:
    """The subnet for new nodes; it must be named if the group spans several.

    Raises:
        RefusalError: It is not named, or not one of the group.
    """
    subnets = list(dict.fromkeys(node.subnet_id for node in instance.of_group(group.id)))
    if given is None:
        if len(subnets) > 1:
            raise errors.refuse(errors.PARAMETER_ERROR)
        return subnets[0]
    if given not in subnets:
        raise errors.refuse(errors.INVALID_SUBNET)
    return given


def make(
    world: World, instance: Instance, group: Group, zones: Sequence[str], subnet_id: str | None = None
) -> tuple[Node, ...]:
    """New nodes, one for each zone.

    Raises:
        RefusalError: A zone is unknown, or the class is sold out in it.
    """
    preconditions.zones_open(_project(world, instance), _flavor(world, group), tuple(zones))
    first = len(instance.nodes) + 1
    return tuple(
        Node(
            id=world.ids.node(),
            name=f"{instance.name}_node_{number:02d}",
            group_id=group.id,
            zone=zone,
            subnet_id=subnet_id or instance.subnet_id,
            private_ip=f"192.168.{first // 200}.{10 + number % 200}",
        )
        for number, zone in enumerate(zones, start=first)
    )


def _flavor(world: World, group: Group) -> Flavor:
    flavor = world.flavors.get(group.flavor_id)
    if flavor is None:
        raise errors.refuse(errors.INVALID_FLAVOR)
    return flavor


def _project(world: World, instance: Instance) -> Project:
    project = world.projects.get(instance.project_id)
    if project is None:
        raise errors.refuse(errors.NOT_AUTHORISED)
    return project
