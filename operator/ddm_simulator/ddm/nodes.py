"""Node groups and nodes: lists and details."""

from __future__ import annotations

import hashlib
from uuid import UUID

from ddm_simulator import errors
from ddm_simulator.call import Call
from ddm_simulator.messages import Json, Response
from ddm_simulator.model import Flavor, Instance, Node

_UNKNOWN_FLAVOR = Flavor("", "", "", 0, 0, "X86")
_ARCHITECTURES = {"X86": "X86", "ARM": "Arm"}
_MOST_NODES_PER_PAGE = 128


def list_groups(call: Call) -> Response:
    """GET /v3/{project_id}/instances/{instance_id}/groups."""
    page = call.page()
    instance = call.instance()
    groups: list[Json] = []
    for group in instance.groups[page.offset : page.offset + page.limit]:
        flavor = call.world.flavors.get(group.flavor_id) or _UNKNOWN_FLAVOR
        groups.append(
            {
                "id": group.id,
                "name": group.name,
                "role": group.role,
                "endpoint": f"{group.address}:{instance.port}",
                "ipv6_endpoint": None,
                "is_load_balance": True,
                "is_default_group": group.is_default,
                "cpu_num_per_node": flavor.vcpus,
                "mem_num_per_node": flavor.memory_gb,
                "architecture": _ARCHITECTURES[flavor.architecture],
                "node_list": [{"id": n.id, "name": n.name, "az": n.zone} for n in instance.of_group(group.id)],
            }
        )
    return Response(200, {"total_count": len(instance.groups), "group_list": groups})


def list_nodes(call: Call) -> Response:
    """GET /v1/{project_id}/instances/{instance_id}/nodes."""
    page = call.page(default_limit=_MOST_NODES_PER_PAGE)
    instance = call.instance()
    nodes = [
        {
            "node_id": node.id,
            "status": node.status,
            "ip": node.private_ip,
            "port": str(instance.port),
            "group_id": node.group_id,
        }
        for node in instance.nodes[page.offset : page.offset + page.limit]
    ]
    return Response(200, {"nodes": nodes, "offset": page.offset, "limit": page.limit, "total": len(instance.nodes)})


def detail_v3(call: Call) -> Response:
    """GET /v3/{project_id}/instances/{instance_id}/nodes/{node_id}."""
    node = _node(call.instance(), call.params["node_id"])
    return Response(
        200,
        {
            "id": node.id,
            "name": node.name,
            "status": node.status,
            "private_ip": node.private_ip,
            "group_id": node.group_id,
            "az_code": node.zone,
            "subnet_id": node.subnet_id,
        },
    )


def detail_v1(call: Call) -> Response:
    """GET /v1/{project_id}/instances/{instance_id}/nodes/{node_id}: with what it runs on."""
    node = _node(call.instance(), call.params["node_id"])
    return Response(
        200,
        {
            "status": node.status,
            "name": node.name,
            "node_id": node.id,
            "private_ip": node.private_ip,
            "floating_ip": None,
            "server_id": _part(node, "server"),
            "subnet_name": "default",
            "datavolume_id": _part(node, "datavolume"),
            "res_subnet_ip": node.private_ip,
            "systemvolume_id": _part(node, "systemvolume"),
            "group_id": node.group_id,
            "subnet_id": node.subnet_id,
        },
    )


def _node(instance: Instance, node_id: str) -> Node:
    for node in instance.nodes:
        if node.id == node_id:
            return node
    raise errors.refuse(errors.NO_SUCH_NODE)


def _part(node: Node, kind: str) -> str:
    return str(UUID(bytes=hashlib.sha256(f"{kind}/{node.id}".encode()).digest()[:16]))
