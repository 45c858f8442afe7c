"""Instances: list and detail, in v1 and v3."""

from __future__ import annotations

from ddm_simulator import times
from ddm_simulator.call import Call, Page
from ddm_simulator.messages import Json, Response
from ddm_simulator.model import Flavor, Group, Instance, Node
from ddm_simulator.world import World

_UNUSED_FLAVOR = Flavor("", "", "", 0, 0, "X86")


def list_v1(call: Call) -> Response:
    """GET /v1/{project_id}/instances."""
    page = call.page()
    found = _all(call)
    rows = [_row(call.world, instance) for instance in found[page.offset : page.offset + page.limit]]
    return Response(200, {"instances": rows, **_paging(page, len(found)), "total_record": len(found)})


def list_v3(call: Call) -> Response:
    """GET /v3/{project_id}/instances: a total of another name, tags, no creation time."""
    page = call.page()
    found = _all(call)
    rows = [_row_v3(call.world, instance) for instance in found[page.offset : page.offset + page.limit]]
    return Response(200, {"instances": rows, **_paging(page, len(found)), "total": len(found)})


def detail_v1(call: Call) -> Response:
    """GET /v1/{project_id}/instances/{instance_id}."""
    instance = call.instance()
    addresses = {group.id: group.address for group in instance.groups}
    nodes = [
        {
            "node_id": node.id,
            "group_id": node.group_id,
            "status": "RUNNING" if node.status == "normal" else node.status,
            "ip": addresses.get(node.group_id, node.private_ip),
            "port": str(instance.port),
        }
        for node in instance.nodes
    ]
    order_id = instance.order_id if call.world.prepaid(instance) else None
    row = _row(call.world, instance)
    return Response(200, {**row, "order_id": order_id, "admin_user_name": instance.admin_user_name, "nodes": nodes})


def detail_v3(call: Call) -> Response:
    """GET /v3/{project_id}/instances/{instance_id}: a list of one, with groups, billing and what is in progress."""
    instance = call.instance()
    prepaid = call.world.prepaid(instance)
    frozen = instance.status == "FROZEN"
    detail: Json = {
        "id": instance.id,
        "name": instance.name,
        "alias": "",
        "project_id": instance.project_id,
        "cluster_mode": "Cluster",
        "status": instance.status,
        "datastore_version": instance.engine_version,
        "datastore_type": "ddm",
        "create_at": times.ddm(instance.created),
        "update_at": times.ddm(instance.updated),
        "delete_at": None,
        "port": str(instance.port),
        "public_ip": None,
        "time_zone": "UTC",
        "create_fail_error_code": None,
        "pay_model": "1" if prepaid else "0",
        "order_id": instance.order_id if prepaid else None,
        "period": 1 if prepaid else 0,
        "is_frozen": frozen,
        "frozen_time": times.ddm(instance.updated) if frozen else None,
        "actions": [] if instance.status == "RUNNING" else [{"action": instance.status}],
        "only_default_group": len(instance.groups) == 1,
        "new_version_available": False,
        "rollback_version_available": False,
        "degrade_version_available": False,
        "enable_ssl": 0,
        "admin_user_name": instance.admin_user_name,
        "groups": [_group(instance, group) for group in instance.groups],
    }
    return Response(200, {"instances": [detail]})


def _all(call: Call) -> list[Instance]:
    project_id = call.project_id
    return call.world.instances.where(lambda instance: instance.project_id == project_id, call.at)


def _paging(page: Page, total: int) -> Json:
    return {
        "instance_num": total,
        "page_no": page.offset // page.limit + 1,
        "page_size": page.limit,
        "total_page": -(-total // page.limit),
    }


def _common(world: World, instance: Instance) -> Json:
    flavor = world.flavors.get(instance.groups[0].flavor_id) or _UNUSED_FLAVOR
    row: Json = {
        "id": instance.id,
        "name": instance.name,
        "status": instance.status,
        "updated": times.ddm(instance.updated),
        "available_zone": ",".join(dict.fromkeys(node.zone for node in instance.nodes)),
        "vpc_id": instance.vpc_id,
        "subnet_id": instance.subnet_id,
        "security_group_id": instance.security_group_id,
        "node_count": len(instance.nodes),
        "access_ip": instance.groups[0].address,
        "access_port": str(instance.port),
        "core_count": str(flavor.vcpus),
        "ram_capacity": str(flavor.memory_gb),
        "node_status": "RUNNING" if all(node.status == "normal" for node in instance.nodes) else "ABNORMAL",
        "project_id": instance.project_id,
        "engine_version": instance.engine_version,
        "enable_ssl": False,
        "flavor_ref": flavor.code,
    }
    if world.settings.site != "otc":
        row["enterprise_project_id"] = instance.enterprise_project_id
    if world.prepaid(instance):
        row["order_id"] = instance.order_id
    if instance.error:
        row["error_msg"] = instance.error
    return row


def _row(world: World, instance: Instance) -> Json:
    return {**_common(world, instance), "created": times.ddm(instance.created)}


def _row_v3(world: World, instance: Instance) -> Json:
    extra: Json = {
        "description": "",
        "maintenance_time": "02:00-06:00",
        "admin_user_name": instance.admin_user_name,
        "tags": [],
    }
    return {**_common(world, instance), **extra}


def _group(instance: Instance, group: Group) -> Json:
    nodes = instance.of_group(group.id)
    return {
        "id": group.id,
        "name": group.name,
        "role": group.role,
        "endpoint": f"{group.address}:{instance.port}",
        "ipv6_endpoint": None,
        "node_count": len(nodes),
        "load_balance": True,
        "is_default_group": group.is_default,
        "nodes": [_node(node) for node in nodes],
    }


def _node(node: Node) -> Json:
    return {
        "id": node.id,
        "status": node.status,
        "name": node.name,
        "az_code": node.zone,
        "subnet_id": node.subnet_id,
        "actions": [],
    }
