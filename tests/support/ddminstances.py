"""The DDMInstances of one namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.kubeapi import TABLE, Api, Json

API_VERSION = "ddm.huaweicloud.com/v1beta1"
KIND = "DDMInstance"
INSTANCE_ID = "28e8841d0b9c4f6a9a30742ee60e1068in09"
PLAIN_SPEC = {"instanceId": INSTANCE_ID, "nodes": 2}


@dataclass(frozen=True)
class DDMInstances:
    """Reads and writes them, each with one request."""

    api: Api
    namespace: str

    def path(self, name: str = "", subresource: str = "") -> str:
        parts = (f"/apis/{API_VERSION}/namespaces/{self.namespace}/ddminstances", name, subresource)
        return "/".join(part for part in parts if part)

    def create(self, spec: Mapping[str, Any] | None = None, name: str = "orders", **metadata: Any) -> Json:
        """Create one; a field that the schema does not know is refused, as kubectl has it."""
        return self.post({"metadata": {"name": name, **metadata}, "spec": spec or PLAIN_SPEC})

    def post(self, body: Mapping[str, Any]) -> Json:
        return self.api.post(self.path(), {"apiVersion": API_VERSION, "kind": KIND, **body}, fieldValidation="Strict")

    def get(self, name: str = "orders", subresource: str = "") -> Json:
        return self.api.get(self.path(name, subresource))

    def table(self) -> Json:
        """What kubectl prints."""
        return self.api.get(self.path(), accept=TABLE)

    def patch_spec(self, changes: Mapping[str, Any], name: str = "orders") -> Json:
        return self.api.patch(self.path(name), {"spec": changes}, fieldValidation="Strict")

    def put_status(self, metadata: Mapping[str, Any], status: Mapping[str, Any]) -> Json:
        """Replace the whole status of the object and version that `metadata` names, as the operator does."""
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": status}
        return self.api.put(self.path(metadata["name"], "status"), body)
