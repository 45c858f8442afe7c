"""Schemas with the data nodes (RDS instances) that they use, and the data nodes that they could use."""

from __future__ import annotations

from ddm_simulator import errors, times
from ddm_simulator.call import Call
from ddm_simulator.messages import Json, Response
from ddm_simulator.model import DataNode, Instance, Schema


def list_v1(call: Call) -> Response:
    """GET /v1/{project_id}/instances/{instance_id}/databases."""
    page = call.page()
    instance = call.instance()
    shown = instance.schemas[page.offset : page.offset + page.limit]
    return Response(200, {"databases": [_row(instance, schema) for schema in shown], "total": len(instance.schemas)})


def detail_v1(call: Call) -> Response:
    """GET /v1/{project_id}/instances/{instance_id}/databases/{database}."""
    instance = call.instance()
    schema = _schema(instance, call.params["database"])
    created = times.millis(schema.created)
    by_id = {data_node.id: data_node for data_node in instance.data_nodes}
    shards = [
        {
            "dbslot": index,
            "name": name,
            "status": schema.status,
            "created": created,
            "updated": created,
            "id": data_node_id,
            "idName": by_id[data_node_id].name,
        }
        for index, name, data_node_id in _shards(schema)
    ]
    addresses = [f"{group.address}:{instance.port}" for group in instance.groups]
    body: Json = {**_row(instance, schema), "updated": created, "databases": shards, "dataVips": addresses}
    return Response(200, {"database": body})


def detail_v3(call: Call) -> Response:
    """GET /v3/{project_id}/instances/{instance_id}/databases/{database}."""
    instance = call.instance()
    schema = _schema(instance, call.params["database"])
    shards = [
        {"data_node_id": data_node_id, "physical_db_name": name, "status": schema.status, "shard_index": index}
        for index, name, data_node_id in _shards(schema)
    ]
    data_nodes = [
        {
            "id": data_node.id,
            "status": data_node.status,
            "name": data_node.name,
            "engine_name": "mysql",
            "engine_version": data_node.engine_version,
            "mem": 4,
            "cpu": 2,
        }
        for data_node in _used(instance, schema)
    ]
    return Response(
        200,
        {
            "shards": shards,
            "status": schema.status,
            "created": times.ddm(schema.created),
            "updated": times.ddm(schema.created),
            "name": schema.name,
            "shard_mode": schema.shard_mode,
            "shard_number": len(shards),
            "data_nodes": data_nodes,
        },
    )


def list_available_v1(call: Call) -> Response:
    """GET /v1/{project_id}/instances/{instance_id}/rds: those that no schema of the instance uses."""
    page = call.page()
    found = _available(call.instance())
    rows = [
        {
            "id": data_node.id,
            "projectId": call.project_id,
            "status": data_node.status,
            "name": data_node.name,
            "engineName": "mysql",
            "engineSoftwareVersion": data_node.engine_version,
            "privateIp": data_node.private_ip,
            "mode": "Ha",
            "port": 3306,
            "azCode": data_node.zone,
            "timeZone": "UTC",
        }
        for data_node in found[page.offset : page.offset + page.limit]
    ]
    return Response(200, {"instances": rows, "offset": page.offset, "limit": page.limit, "total": len(found)})


def list_available_v3(call: Call) -> Response:
    """GET /v3/{project_id}/instances/{instance_id}/available-data-nodes."""
    page = call.page()
    found = _available(call.instance())
    rows = [
        {
            "id": data_node.id,
            "name": data_node.name,
            "status": data_node.status,
            "engine_name": "mysql",
            "engine_version": data_node.engine_version,
            "private_ip": data_node.private_ip,
            "port": 3306,
            "time_zone": "UTC",
        }
        for data_node in found[page.offset : page.offset + page.limit]
    ]
    return Response(200, {"data_nodes": rows, "offset": page.offset, "limit": page.limit, "total": len(found)})


def _row(instance: Instance, schema: Schema) -> Json:
    used: list[Json] = []
    for data_node in _used(instance, schema):
        row: Json = {"id": data_node.id, "name": data_node.name, "status": data_node.status}
        used.append({**row, "error_msg": data_node.error} if data_node.error else row)
    return {
        "name": schema.name,
        "status": schema.status,
        "created": times.millis(schema.created),
        "shard_mode": schema.shard_mode,
        "shard_number": len(_shards(schema)),
        "shard_unit": schema.shards_per_data_node,
        "used_rds": used,
    }


def _schema(instance: Instance, name: str) -> Schema:
    for schema in instance.schemas:
        if schema.name == name:
            return schema
    raise errors.refuse(errors.NO_SUCH_SCHEMA)


def _used(instance: Instance, schema: Schema) -> list[DataNode]:
    return [data_node for data_node in instance.data_nodes if data_node.id in schema.data_node_ids]


def _available(instance: Instance) -> list[DataNode]:
    used = {data_node_id for schema in instance.schemas for data_node_id in schema.data_node_ids}
    return [data_node for data_node in instance.data_nodes if data_node.id not in used]


def _shards(schema: Schema) -> list[tuple[int, str, str]]:
    """Number, name and data node of each."""
    if schema.shard_mode == "single":
        return [(0, schema.name, schema.data_node_ids[0])]
    holders = [key for key in schema.data_node_ids for _ in range(schema.shards_per_data_node)]
    return [(index, f"{schema.name}_{index:04d}", holder) for index, holder in enumerate(holders)]
