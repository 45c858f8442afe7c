"""What the API server says of itself, of the CRD and of the operator's rights; whoever may log in may ask this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from typing_extensions import override

from ddm_operator.kube.client import AnsweredError, ApiServer
from ddm_operator.kube.resource import GROUP, KIND, PLURAL, VERSION, needed_fields

REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True)
class Right:
    """One verb on one resource, in one namespace or in all (empty); of one object only when there is a name."""

    group: str
    resource: str
    verb: str
    namespace: str
    name: str = ""

    @override
    def __str__(self) -> str:
        where = f"in namespace {self.namespace}" if self.namespace else "in all namespaces"
        what = f"{self.resource}/{self.name}" if self.name else self.resource
        return f"{self.verb} {what} {where}"


def rights(namespaces: Iterable[str], secret: str | None, lease: tuple[str, str] | None) -> Iterator[Right]:
    """Every right that ``run`` needs.

    Args:
        namespaces: where the objects are; none: everywhere.
        secret: name of the one that may hold a namespace's credential; None: none may.
        lease: namespace and name of the Lease; None without one. The right to make it cannot be limited to a name.
    """
    for namespace in tuple(namespaces) or ("",):
        yield from (Right(GROUP, PLURAL, verb, namespace) for verb in ("get", "list", "watch"))
        yield Right(GROUP, f"{PLURAL}/status", "update", namespace)
        yield from (Right("", "events", verb, namespace) for verb in ("create", "patch"))
        if secret is not None:
            yield Right("", "secrets", "get", namespace, secret)
    if lease is not None:
        where, name = lease
        yield Right("coordination.k8s.io", "leases", "create", where)
        yield from (Right("coordination.k8s.io", "leases", verb, where, name) for verb in ("get", "update"))


@dataclass(frozen=True)
class Inquiry:
    """Questions to the API server; each raises ``ApiServerError`` when it was not answered."""

    api: ApiServer

    async def version(self) -> str:
        """The server's, such as ``v1.36.2``."""
        return str((await self.api.request("GET", "/version")).get("gitVersion", "of no known version"))

    async def served(self) -> frozenset[str]:
        """What there is of our group and version, such as ``ddminstances/status``; empty when it is not served."""
        try:
            found = await self.api.request("GET", f"/apis/{GROUP}/{VERSION}")
        except AnsweredError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return frozenset()
            raise
        return frozenset(resource["name"] for resource in found.get("resources", ()))

    async def missing_fields(self) -> frozenset[str]:
        """Paths below ``status`` that this version of the operator writes and the served schema does not have."""
        document = await self.api.request("GET", f"/openapi/v3/apis/{GROUP}/{VERSION}")
        schemas = document.get("components", {}).get("schemas", {}).values()
        ours: Mapping[str, Any] = next((schema for schema in schemas if _is_ours(schema)), {})
        status = ours.get("properties", {}).get("status", {})
        return frozenset(path for path in needed_fields() if not _has(status, path.split(".")))

    async def may(self, right: Right) -> bool:
        """Whether whoever asks has a right."""
        resource, _, subresource = right.resource.partition("/")
        attributes = {
            "group": right.group,
            "resource": resource,
            "subresource": subresource,
            "verb": right.verb,
            "namespace": right.namespace,
            "name": right.name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = await self.api.request("POST", REVIEWS, body=review)
        return bool(answer.get("status", {}).get("allowed"))


def _is_ours(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("x-kubernetes-group-version-kind", ())
    return any((kind.get("kind"), kind.get("version")) == (KIND, VERSION) for kind in kinds)


def _has(schema: Mapping[str, Any], path: list[str]) -> bool:
    """Whether a schema knows a path, through lists too."""
    for name in path:
        inner = schema.get("items", schema).get("properties", {})
        if name not in inner:
            return False
        schema = inner[name]
    return True
