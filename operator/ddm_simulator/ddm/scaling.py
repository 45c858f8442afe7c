"""Adding and removing nodes: v2 by number, v3 one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from ddm_simulator import errors, lifecycle, newnodes, preconditions
from ddm_simulator.call import Call
from ddm_simulator.messages import Json, Response
from ddm_simulator.model import Instance, Job, Node, Order

ORDERS_GROWTH: Final = frozenset({"cn", "intl"})
"""Sites on which yearly/monthly instances can be scaled; everywhere reducing by number is refused for them."""


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)


class _Enlarge(_Body):
    flavor_id: str
    node_number: int = Field(ge=1)
    group_id: str | None = None
    is_auto_pay: bool | None = None
    available_zones: list[str] | None = None


class _NewNode(_Body):
    available_zone: str


class _AddNodes(_Body):
    nodes: Annotated[list[_NewNode], Field(min_length=1, max_length=preconditions.MOST_NODES)]
    group_id: str | None = None
    subnet_id: str | None = None
    is_auto_pay: bool | None = None


class _Reduce(_Body):
    node_number: int = Field(ge=1)
    group_id: str | None = None


class _DeleteNodes(_Body):
    node_ids: list[str] = Field(min_length=1)


def enlarge(call: Call) -> Response:
    """POST /v2/{project_id}/instances/{instance_id}/action/enlarge."""
    asked = call.body(_Enlarge)
    instance = call.instance()
    preconditions.idle(instance)
    prepaid = _growing_order(call, instance)
    group = preconditions.chosen_group(instance, asked.group_id)
    preconditions.same_class(group, asked.flavor_id)
    preconditions.room_for(instance, asked.node_number)
    preconditions.data_nodes_idle(instance)
    zones = tuple(asked.available_zones) if prepaid and asked.available_zones is not None else None
    if zones is not None and len(zones) != asked.node_number:
        raise errors.refuse(errors.PARAMETER_ERROR)
    added = newnodes.make(
        call.world, instance, group, zones or newnodes.choose(call.world, instance, group, asked.node_number)
    )
    return _answer_v2(instance, _start(call, instance, added=added, pay=bool(asked.is_auto_pay)))


def add_nodes(call: Call) -> Response:
    """POST /v3/{project_id}/instances/{instance_id}/nodes."""
    asked = call.body(_AddNodes)
    instance = call.instance()
    preconditions.idle(instance)
    _growing_order(call, instance)
    group = preconditions.chosen_group(instance, asked.group_id)
    preconditions.room_for(instance, len(asked.nodes))
    preconditions.data_nodes_idle(instance)
    subnet_id = newnodes.subnet(instance, group, asked.subnet_id)
    zones = tuple(node.available_zone for node in asked.nodes)
    added = newnodes.make(call.world, instance, group, zones, subnet_id)
    return _answer_v3(_start(call, instance, added=added, pay=bool(asked.is_auto_pay)))


def reduce(call: Call) -> Response:
    """POST /v2/{project_id}/instances/{instance_id}/action/reduce: the youngest nodes go."""
    asked = call.body(_Reduce)
    instance = call.instance()
    preconditions.idle(instance)
    if call.world.prepaid(instance):
        raise errors.refuse(errors.NOT_SUPPORTED)
    group = preconditions.chosen_group(instance, asked.group_id)
    preconditions.someone_stays(instance, group, asked.node_number)
    preconditions.data_nodes_idle(instance)
    removed = [node.id for node in instance.of_group(group.id)[-asked.node_number :]]
    return _answer_v2(instance, _start(call, instance, removed=removed))


def delete_nodes(call: Call) -> Response:
    """POST …/nodes/batch-delete, and DELETE …/nodes with the same body."""
    asked = call.body(_DeleteNodes)
    instance = call.instance()
    preconditions.idle(instance)
    _growing_order(call, instance)
    removed = dict.fromkeys(asked.node_ids)
    group_ids = {node.group_id for node in instance.nodes if node.id in removed}
    if not set(removed) <= {node.id for node in instance.nodes}:
        raise errors.refuse(errors.INVALID_PARAMETER, "Invalid node_ids.")
    if len(group_ids) != 1:
        raise errors.refuse(errors.PARAMETER_ERROR)
    preconditions.someone_stays(instance, preconditions.chosen_group(instance, group_ids.pop()), len(removed))
    preconditions.data_nodes_idle(instance)
    return _answer_v3(_start(call, instance, removed=list(removed)))


def _growing_order(call: Call, instance: Instance) -> bool:
    """Whether this change is an order; refused where yearly/monthly instances cannot be changed so."""
    prepaid = call.world.prepaid(instance)
    if prepaid and call.world.settings.site not in ORDERS_GROWTH:
        raise errors.refuse(errors.NOT_SUPPORTED)
    return prepaid


def _start(
    call: Call, instance: Instance, *, added: Sequence[Node] = (), removed: Sequence[str] = (), pay: bool = False
) -> Job | Order:
    fate = call.fate(instance)
    if not call.world.prepaid(instance):
        return lifecycle.begin(call.world, instance, call.now, fate, added=added, removed=removed)
    order = Order(
        call.world.ids.order(), instance.project_id, instance.id, call.now, tuple(added), tuple(removed), fate
    )
    call.world.orders.put(order.id, order, call.now)
    if pay:
        lifecycle.pay(call.world, order, call.now)
    return order


def _answer_v2(instance: Instance, begun: Job | Order) -> Response:
    if isinstance(begun, Order):
        return Response(200, {"instanceId": instance.id, "orderId": begun.id})
    return Response(200, {"instanceId": instance.id, "instanceName": instance.name, "jobId": begun.id})


def _answer_v3(begun: Job | Order) -> Response:
    body: Json = {"order_id": begun.id} if isinstance(begun, Order) else {"job_id": begun.id}
    return Response(202, body)
