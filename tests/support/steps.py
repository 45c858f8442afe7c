"""The same steps on any API server, and what can be equal of the answers of two."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ddm_operator.kube.client import AnsweredError
from ddm_operator.kube.resource import API_VERSION, KIND, RESOLVE_ANNOTATION
from tests.support.ddminstances import PLAIN_SPEC
from tests.support.kubeapi import Json

Request = Callable[[str, str, Json | None], Awaitable[Json]]
"""Sends method, path and body; raises AnsweredError."""

Made = Callable[[Sequence[Json]], Json]
"""Makes a body from the answers so far; that of a refusal is empty."""

ABSENT: Final = object()
"""In the place of a part that is left out."""

OWN: Final = ("uid", "resourceVersion", "creationTimestamp", "managedFields")
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Step:
    """One request.

    Args:
        expected: ``newer`` or ``same``, as the object's version then is; ``listed``; ``gone``; or the refusal's status.
        method: of HTTP.
        path: below the collection.
        body: or how it is made.
    """

    expected: str
    method: str
    path: str = ""
    body: Json | Made | None = None


DELETE: Final = Step("gone", "DELETE", "orders")


@dataclass
class Seen:
    """Brings what one server says into a form in which two can say the same."""

    names: dict[str, str] = field(default_factory=dict)
    """Of uids, by order of appearance."""
    versions: dict[str, int] = field(default_factory=dict)
    """The latest of each object's, by its name."""

    def answer(self, raw: Mapping[str, object]) -> tuple[str, Json]:
        """What happened, and the body."""
        if "items" in raw:
            return self._listed(dict(raw))
        if raw.get("kind") == "Status":
            return "gone", {"status": raw["status"]}
        return self.item(dict(raw))

    def item(self, raw: Json) -> tuple[str, Json]:
        """How the object's version changed, and the object."""
        metadata = raw["metadata"]
        name, version = metadata["name"], int(metadata["resourceVersion"])
        assert TIME.fullmatch(metadata["creationTimestamp"])
        before = self.versions.get(name, 0)
        self.versions[name] = version
        comparable = {key: value for key, value in metadata.items() if key not in OWN}
        comparable["uid"] = self.names.setdefault(metadata["uid"], f"uid {len(self.names) + 1}")
        how = "newer" if version > before else "same" if version == before else "older"
        return how, {**raw, "metadata": comparable}

    def _listed(self, raw: Json) -> tuple[str, Json]:
        items = [self.item(item) for item in raw["items"]]
        assert int(raw["metadata"]["resourceVersion"]) >= max(self.versions.values(), default=0)
        return "listed", {"items": items}


async def take(steps: Sequence[Step], request: Request, collection: str) -> list[tuple[str, Json]]:
    """Take the steps in the collection at a path; what each came to."""
    seen, answers, found = Seen(), list[Json](), list[tuple[str, Json]]()
    for step in steps:
        body = step.body(answers) if callable(step.body) else step.body
        path = f"{collection}/{step.path}".rstrip("/")
        try:
            answers.append(await request(step.method, path, body))
        except AnsweredError as error:
            answers.append({})
            found.append((str(error.status), {"name": error.details.get("name")}))
        else:
            found.append(seen.answer(answers[-1]))
    return found


def entity(**parts: Any) -> Json:
    """A DDMInstance with these parts."""
    return {"apiVersion": API_VERSION, "kind": KIND, **parts}


def create(
    expected: str = "newer", name: str = "orders", metadata: Mapping[str, Any] | None = None, **parts: Any
) -> Step:
    return Step(
        expected, "POST", "", entity(**{"metadata": {"name": name, **(metadata or {})}, "spec": PLAIN_SPEC, **parts})
    )


def get(expected: str = "same", name: str = "orders") -> Step:
    return Step(expected, "GET", name)


def patch(expected: str, path: str = "orders", **change: Any) -> Step:
    return Step(expected, "PATCH", path, change)


def annotate(expected: str, value: str | None) -> Step:
    return patch(expected, metadata={"annotations": {RESOLVE_ANNOTATION: value}})


def put(expected: str, at: int, path: str = "orders", **parts: Any) -> Step:
    """Replace the object by what the answer of an earlier step has, with parts of it changed."""
    return Step(expected, "PUT", path, lambda answers: _changed(answers[at], parts))


def put_status(expected: str, at: int, status: object, **metadata: Any) -> Step:
    """As the operator does, on what the answer of an earlier step has."""

    def made(answers: Sequence[Json]) -> Json:
        named = {key: answers[at]["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
        return _changed(entity(metadata=named), {"status": status, "metadata": metadata})

    return Step(expected, "PUT", "orders/status", made)


def patch_at(expected: str, at: int, path: str, **change: Any) -> Step:
    """A patch that names the version that the answer of an earlier step has."""
    return Step(expected, "PATCH", path, lambda answers: {"metadata": _version(answers[at]), **change})


def put_aimed(expected: str, *, version_of: int, uid_of: int) -> Step:
    """A status for the object of one answer, in the version of another."""

    def made(answers: Sequence[Json]) -> Json:
        metadata = {"name": "orders", "uid": answers[uid_of]["metadata"]["uid"], **_version(answers[version_of])}
        return entity(metadata=metadata, status={"nodes": 5})

    return Step(expected, "PUT", "orders/status", made)


def _version(answer: Json) -> Json:
    return {"resourceVersion": answer["metadata"]["resourceVersion"]}


def _changed(before: Mapping[str, Any], parts: Mapping[str, Any]) -> Json:
    """With some parts in place of what is there, and without those that are absent."""
    metadata = {**before["metadata"], **(parts.get("metadata") or {})}
    after = {**before, **parts, "metadata": {key: value for key, value in metadata.items() if value is not ABSENT}}
    return {key: value for key, value in after.items() if value is not ABSENT}
