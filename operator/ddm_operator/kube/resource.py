"""The ``DDMInstance`` as the API server stores it, to and from the nouns of the domain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from sys import intern
from typing import Any, Final

from ddm_operator.domain import reasons
from ddm_operator.domain.model import (
    MAX_NODES,
    NOTHING,
    Condition,
    Desired,
    GroupStatus,
    InstanceStatus,
    Operation,
    Resource,
    Status,
)
from ddm_operator.errors import StalledError
from ddm_operator.kube.codec import Codec

GROUP: Final = "ddm.huaweicloud.com"
VERSION: Final = "v1beta1"
PLURAL: Final = "ddminstances"
KIND: Final = "DDMInstance"
API_VERSION: Final = f"{GROUP}/{VERSION}"

RECONCILE_ANNOTATION: Final = f"{GROUP}/reconcile-requested-at"
RESOLVE_ANNOTATION: Final = f"{GROUP}/resolve"
MAX_ANNOTATION = 256
"""Characters of an annotation's value that count; longer ones could not be echoed in ``status``."""

ID: Final = r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}"
SHAPES: Final = {
    "instanceId": ID,
    "groupId": ID,
    "flavorId": ID,
    "region": r"(?=.{1,63}$)[0-9a-z]+(-[0-9a-z]+)*",
    "projectId": r"[0-9A-Za-z]{1,64}",
}
"""What the CRD promises of texts that become part of an address; looked at here too, for a CRD may be an older one."""

_STATUS = Codec(Status)
_INSTANCE = Codec(InstanceStatus)
_GROUP = Codec(GroupStatus)
_CONDITION = Codec(Condition)
_OPERATION = Codec(Operation)

_PARTS: Final[dict[str, Codec[Any]]] = {"instance": _INSTANCE, "groups": _GROUP, "conditions": _CONDITION}

WORDS: Final = {
    **dict.fromkeys(("instanceId", "groupId", "flavorId"), "an id of letters, digits, '-' and '_'"),
    "region": "a region's name such as cn-north-4",
    "projectId": "a project's id of letters and digits",
}

_UNREADABLE = Operation(id="", type="", phase="")
"""Stands for a journal that is not even an object; what is there stays in ``Status.extra``."""


class InvalidSpecError(StalledError):
    """The object breaks a rule of the CRD that did not exist yet when it was stored.

    Args:
        resource: all that could be read of the object, good enough to report the problem in its status.
    """

    def __init__(self, message: str, resource: Resource) -> None:
        super().__init__(reasons.INVALID_SPEC, message)
        self.resource = resource


def read_resource(body: Mapping[str, Any], *, seen_at: float = 0.0) -> Resource:
    """Read an object as the API server sent it.

    Args:
        body: the whole object; whatever stands in its ``status`` is tolerated.
        seen_at: when this process knew that version to be stored (monotonic seconds).

    Raises:
        InvalidSpecError: ``spec`` is not what the CRD promises.
    """
    desired, wrong = _read_desired(body)
    message = f"The object's spec breaks the rules of its CRD: {', '.join(wrong)}. Correct it." if wrong else ""
    resource = Resource(
        desired=desired,
        status=read_status(body.get("status")),
        resource_version=body["metadata"]["resourceVersion"],
        deleting="deletionTimestamp" in body["metadata"],
        seen_at=seen_at,
        problem=message,
    )
    if wrong:
        raise InvalidSpecError(message, resource)
    return resource


def read_status(raw: object) -> Status:
    """Read ``status``, whoever wrote it; never raises.

    What is not understood goes to ``extra``. An ``operation`` that is there but unreadable is an open operation of no
    known type, never an empty journal.
    """
    if not isinstance(raw, Mapping):
        return Status()
    known, rest, _ = _STATUS.read(raw)
    if isinstance(rest.get("instance"), Mapping):
        known["instance"] = InstanceStatus(**_INSTANCE.read(rest.pop("instance")).known)
    if (items := _take(rest, "groups")) is not None:
        known["groups"] = tuple(GroupStatus(**{"id": "", **_GROUP.read(item).known}) for item in items)
    if (items := _take(rest, "conditions")) is not None:
        known["conditions"] = tuple(_read_condition(item) for item in items)
    if (items := _take(rest, "history")) is not None:
        known["history"] = tuple(_read_operation(item) for item in items)
    if isinstance(rest.get("operation"), Mapping):
        known["operation"] = _read_operation(rest.pop("operation"))
    elif rest.get("operation") is not None:
        known["operation"] = _UNREADABLE
    return Status(**known, extra=rest or NOTHING)


def write_status(status: Status) -> dict[str, Any]:
    """Make the JSON of ``status``: what the operator knows, and beside it what another version left there."""
    written = _STATUS.write(status, status.extra)
    if status.instance is not None:
        written["instance"] = _INSTANCE.write(status.instance)
    if status.groups:
        written["groups"] = [_GROUP.write(group) for group in status.groups]
    if status.operation is not None and not (status.operation == _UNREADABLE and "operation" in status.extra):
        written["operation"] = _write_operation(status.operation)
    if status.history:
        written["history"] = [_write_operation(operation) for operation in status.history]
    if status.conditions:
        written["conditions"] = [_CONDITION.write(condition) for condition in status.conditions]
    return written


def needed_fields() -> frozenset[str]:
    """Paths below ``status`` that this version writes; a schema that lacks one drops it without a word."""
    operation = {f"{place}.{key}" for place in ("operation", "history") for key in _OPERATION.keys}
    parts = {f"{place}.{key}" for place, codec in _PARTS.items() for key in codec.keys}
    return frozenset({*_STATUS.keys, *parts, *operation})


def _read_desired(body: Mapping[str, Any]) -> tuple[Desired, list[str]]:
    """What is asked for, and what is wrong with it."""
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    spec = body.get("spec") or {}
    wrong: list[str] = []

    def text(key: str) -> str | None:
        value = spec.get(key)
        if value is None or (isinstance(value, str) and re.fullmatch(SHAPES[key], value)):
            return value
        wrong.append(f"{key} must be {WORDS[key]}, and not empty")
        return None

    instance_id = text("instanceId")
    if "instanceId" not in spec:
        wrong.append("instanceId is required")
    nodes = spec.get("nodes")
    if nodes is not None and (type(nodes) is not int or not 1 <= nodes <= MAX_NODES):
        wrong.append(f"nodes must be a whole number from 1 to {MAX_NODES}")
        nodes = None
    paused = spec.get("paused", False)
    if not isinstance(paused, bool):
        wrong.append("paused must be true or false")
        paused = True
    desired = Desired(
        uid=metadata["uid"],
        namespace=intern(metadata["namespace"]),
        name=metadata["name"],
        generation=metadata.get("generation", 0),
        created=metadata["creationTimestamp"],
        instance_id=instance_id or "",
        nodes=nodes,
        group_id=text("groupId"),
        flavor_id=text("flavorId"),
        region=text("region"),
        project_id=text("projectId"),
        paused=paused,
        reconcile_requested_at=annotations.get(RECONCILE_ANNOTATION, "")[:MAX_ANNOTATION],
        resolve=annotations.get(RESOLVE_ANNOTATION, "")[:MAX_ANNOTATION],
    )
    return desired, wrong


def _read_condition(raw: Mapping[str, Any]) -> Condition:
    return Condition(**{"type": "", "status": "", "reason": "", "message": "", **_CONDITION.read(raw).known})


def _read_operation(raw: Mapping[str, Any]) -> Operation:
    known, rest, sound = _OPERATION.read(raw)
    if not sound or not known.get("id"):
        # A journal that is not exactly readable is nobody's to act on: type and phase are carried along, not believed.
        rest |= {key: raw[key] for key in ("type", "phase") if key in raw}
        known |= {"type": "", "phase": ""}
    return Operation(**{"id": "", "type": "", "phase": "", **known}, extra=rest or NOTHING)


def _write_operation(operation: Operation) -> dict[str, Any]:
    return _OPERATION.write(operation, operation.extra)


def _take(rest: dict[str, Any], key: str) -> list[Mapping[str, Any]] | None:
    """Take a list of JSON objects out; anything else stays where it is."""
    items = rest.get(key)
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        return None
    rest.pop(key)
    return items
