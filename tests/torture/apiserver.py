"""A stand-in for the Kubernetes API server, for one kind: the rules that the journal rests on, and nothing else.

Its fidelity is a test of its own: the same steps on it and on a real API server give the same answers
(tests/integration/test_stand_in.py). It takes what a real one takes; what a real one refuses because of the CRD's rules
or a malformed object, nobody may send it. Of metadata it knows labels and annotations; it has no finalizers, no
server-side apply and no pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from random import Random
from typing import Any, Final
from uuid import UUID

from ddm_operator.kube.client import AnsweredError
from ddm_operator.kube.codec import format_time
from ddm_operator.kube.resource import API_VERSION, KIND
from tests.support import crdschema

Json = dict[str, Any]

ROOT: Final = "/apis/ddm.huaweicloud.com/v1beta1"
CORE = "/api/v1/"
SPEC_DEFAULTS: Final = {"approval": "Automatic", "paused": False, "scaleIn": "Forbid"}
STATUS_DEFAULTS: Final = {"observedGeneration": -1}
"""Of a status that is absent; one that is there gets none of it, not even an empty one."""
PEOPLES: Final = ("labels", "annotations")
"""What of metadata a write can change."""


@dataclass(frozen=True)
class Shape:
    """What the CRD has a place for in an object, or in each item of a list."""

    fields: Mapping[str, Shape | None]
    keeps_others: bool

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> Shape | None:
        """None: a plain value."""
        if "items" in schema:
            return cls.of(schema["items"])
        if "properties" not in schema:
            return None
        fields = {name: cls.of(field) for name, field in schema["properties"].items()}
        return cls(fields, schema.get("x-kubernetes-preserve-unknown-fields", False))


SHAPE: Final = Shape.of(crdschema.root())
assert SHAPE is not None
SPEC, STATUS = SHAPE.fields["spec"], SHAPE.fields["status"]


@dataclass(frozen=True)
class Change:
    """One event of the watch: ``ADDED``, ``MODIFIED`` or ``DELETED``, and the object as it then was."""

    version: int
    kind: str
    body: Json


class StandIn:
    """The stored objects; every change is one step and has a version of its own.

    Args:
        now: wall clock of ``creationTimestamp``.
        chance: draws the uids, which are in no order.
    """

    def __init__(self, now: Callable[[], datetime], chance: Random) -> None:
        self._now = now
        self._chance = chance
        self._unwritten: set[str] = set()
        """Uids of new objects: the default of their status is shown and not stored, until the first write stores it,
        which for that reason is a change whatever it says.
        """
        self.version = 100
        self.stored: dict[str, Json] = {}
        """By ``namespace/name``."""
        self.secrets: dict[str, tuple[int, Mapping[str, str]]] = {}
        """By namespace: the version, and the values in Base64."""
        self.watchers: list[Callable[[Change], None]] = []
        """Are told of every change, in order."""

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Answer one request as a real API server does.

        Raises:
            AnsweredError: it is refused.
        """
        if path.startswith(CORE):
            return self._secret(path)
        namespace, name, subresource = _parts(path)
        if not name:
            return self._create(namespace, dict(body or {})) if method == "POST" else self._list(namespace)
        known = self.stored.get(f"{namespace}/{name}")
        if known is None:
            raise _refusal(HTTPStatus.NOT_FOUND, f'ddminstances.ddm.huaweicloud.com "{name}" not found', name)
        if method == "GET":
            return _answer(known)
        if method == "DELETE":
            return self._delete(known)
        changed = _merged(known, body or {}) if method == "PATCH" else dict(body or {})
        _check(known["metadata"], changed["metadata"], method, subresource)
        return _answer(self._update(known, changed, subresource))

    def _secret(self, path: str) -> Json:
        """A Secret by its name; nobody may list them."""
        _, namespace, _, name = path.removeprefix(CORE).strip("/").split("/")
        if (data := self.secrets.get(namespace)) is None:
            raise _refusal(HTTPStatus.NOT_FOUND, f'secrets "{name}" not found', name)
        version, values = data
        return {"metadata": {"name": name, "resourceVersion": str(version)}, "data": dict(values)}

    def _create(self, namespace: str, body: Json) -> Json:
        name = body["metadata"]["name"]
        if f"{namespace}/{name}" in self.stored:
            raise _refusal(HTTPStatus.CONFLICT, f'ddminstances.ddm.huaweicloud.com "{name}" already exists', name)
        uid = str(UUID(int=self._chance.getrandbits(128), version=4))
        self._unwritten.add(uid)
        metadata = {
            **_peoples(body["metadata"]),
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "creationTimestamp": format_time(self._now()),
            "generation": 1,
        }
        spec = {**SPEC_DEFAULTS, **_fitted(body["spec"], SPEC)}
        parts = {"metadata": metadata, "spec": spec, "status": {**STATUS_DEFAULTS}}
        return _answer(self._store({"apiVersion": API_VERSION, "kind": KIND, **parts}, "ADDED"))

    def _list(self, namespace: str) -> Json:
        keys = sorted(key for key in self.stored if namespace in ("", key.partition("/")[0]))
        items = [copy(self.stored[key]) for key in keys]
        return {"metadata": {"resourceVersion": str(self.version)}, "items": items}

    def _update(self, known: Json, changed: Json, subresource: str) -> Json:
        """A write of the status leaves everything else as it is, one of the object leaves the status."""
        if subresource:
            status = changed.get("status")
            wanted = {**known, "status": {**STATUS_DEFAULTS} if status is None else _fitted(status, STATUS)}
        else:
            kept = {key: value for key, value in known["metadata"].items() if key not in PEOPLES}
            spec = {**SPEC_DEFAULTS, **_fitted(changed["spec"], SPEC)}
            wanted = {**known, "metadata": {**kept, **_peoples(changed["metadata"])}, "spec": spec}
            wanted["metadata"]["generation"] += spec != known["spec"]
        uid = known["metadata"]["uid"]
        if wanted == known and uid not in self._unwritten:
            return known
        self._unwritten.discard(uid)
        return self._store(wanted, "MODIFIED")

    def _delete(self, known: Json) -> Json:
        metadata = known["metadata"]
        self.version += 1
        gone = {**known, "metadata": {**metadata, "resourceVersion": str(self.version)}}
        del self.stored[f"{metadata['namespace']}/{metadata['name']}"]
        self._tell("DELETED", gone)
        return {"kind": "Status", "status": "Success"}

    def _store(self, made: Json, kind: str) -> Json:
        """What of it is as before is shared with the version before: nobody changes what is stored."""
        self.version += 1
        body = {**made, "metadata": {**made["metadata"], "resourceVersion": str(self.version)}}
        self.stored[f"{body['metadata']['namespace']}/{body['metadata']['name']}"] = body
        self._tell(kind, body)
        return body

    def _tell(self, kind: str, body: Json) -> None:
        for watcher in tuple(self.watchers):
            watcher(Change(self.version, kind, body))


def copy(value: Any) -> Any:
    """A JSON value that shares nothing with the one given."""
    if isinstance(value, dict):
        return {key: copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy(item) for item in value]
    return value


def _parts(path: str) -> tuple[str, str, str]:
    """Namespace, name and subresource of a path; empty when it names none."""
    rest = path.removeprefix(ROOT).strip("/").split("/")
    if rest[0] != "namespaces":
        return "", "", ""
    _, namespace, _, name, subresource, *_ = [*rest, "", ""]
    return namespace, name, subresource


def _merged(known: Json, patch: Mapping[str, Any]) -> Json:
    """JSON merge patch (RFC 7386)."""
    merged = dict(known)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            before = merged.get(key)
            merged[key] = _merged(before if isinstance(before, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def _fitted(value: Any, shape: Shape | None) -> Any:
    """A copy without what the CRD has no place for, and without nulls in its own fields."""
    if shape is None:
        return copy(value)
    if isinstance(value, list):
        return [_fitted(item, shape) for item in value]
    fitted = {}
    for key, item in value.items():
        if key not in shape.fields:
            if shape.keeps_others:
                fitted[key] = copy(item)
        elif item is not None:
            fitted[key] = _fitted(item, shape.fields[key])
    return fitted


def _peoples(metadata: Mapping[str, Any]) -> Json:
    return {key: copy(metadata[key]) for key in PEOPLES if metadata.get(key)}


def _check(known: Json, named: Mapping[str, Any], method: str, subresource: str) -> None:
    """The preconditions of an update: the version and the uid that its metadata names are those that are stored."""
    name = known["name"]
    changed = f'Operation cannot be fulfilled on ddminstances.ddm.huaweicloud.com "{name}": '
    invalid = f'ddminstances.ddm.huaweicloud.com "{name}" is invalid: '
    another = named.get("uid") not in (None, "", known["uid"])
    if another and method == "PUT":
        raise _refusal(HTTPStatus.CONFLICT, f"{changed}Precondition failed: UID", name)
    if not named.get("resourceVersion"):
        text = f"{invalid}metadata.resourceVersion: Invalid value: 0: must be specified for an update"
        raise _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, text, name)
    if named["resourceVersion"] != known["resourceVersion"]:
        raise _refusal(HTTPStatus.CONFLICT, f"{changed}the object has been modified", name)
    if another and not subresource:
        raise _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{invalid}metadata.uid: field is immutable", name)


def _answer(body: Json) -> Json:
    answer: Json = copy(body)
    return answer


def _refusal(status: HTTPStatus, message: str, name: str) -> AnsweredError:
    return AnsweredError(status, {"message": message, "details": {"name": name, "kind": "ddminstances"}}, None)
