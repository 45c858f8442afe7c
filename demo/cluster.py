"""What the demo does on the API server, as a person with kubectl would."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, cast

import httpx
import yaml

from devcluster import ControlPlane

OBJECTS = "/apis/ddm.huaweicloud.com/v1beta1/namespaces/default/ddminstances"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

Json = dict[str, Any]


class Cluster:
    """A few requests to the API server."""

    def __init__(self, plane: ControlPlane) -> None:
        self._http = httpx.Client(
            base_url=plane.server,
            headers={"Authorization": f"Bearer {plane.token}"},
            verify=ssl.create_default_context(cafile=str(plane.ca_file)),
            trust_env=False,
            timeout=10,
        )

    def apply(self, file: Path) -> None:
        """Apply a manifest server-side, as ``kubectl apply --server-side`` does."""
        for document in yaml.safe_load_all(file.read_text()):
            name = document["metadata"]["name"]
            place = DEFINITIONS if document["kind"] == "CustomResourceDefinition" else OBJECTS
            self._send(
                "PATCH", f"{place}/{name}?fieldManager=demo&force=true", document, "application/apply-patch+yaml"
            )

    def established(self, name: str) -> bool:
        """Whether the API server serves a kind already."""
        status = self._send("GET", f"{DEFINITIONS}/{name}").get("status") or {}
        return any(c["type"] == "Established" and c["status"] == "True" for c in status.get("conditions") or ())

    def scale(self, name: str, nodes: int) -> None:
        """Set ``spec.nodes`` through the scale subresource, as ``kubectl scale`` does."""
        patch = {"spec": {"replicas": nodes}}
        self._send("PATCH", f"{OBJECTS}/{name}/scale", patch, "application/merge-patch+json")

    def get(self, name: str) -> Json:
        """The object."""
        return self._send("GET", f"{OBJECTS}/{name}")

    def columns(self) -> tuple[list[str], list[list[str]]]:
        """What ``kubectl get ddm`` prints: the API server makes the table, from the CRD's printer columns."""
        table = self._send("GET", OBJECTS, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        shown = [i for i, column in enumerate(table["columnDefinitions"]) if column.get("priority", 0) == 0]
        heads = [table["columnDefinitions"][i]["name"].upper() for i in shown]
        return heads, [
            ["" if row["cells"][i] is None else str(row["cells"][i]) for i in shown] for row in table["rows"]
        ]

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _send(
        self, method: str, path: str, body: Json | None = None, content: str = "application/json", accept: str = ""
    ) -> Json:
        headers = {"Content-Type": content, "Accept": accept or "application/json"}
        answer = self._http.request(method, path, json=body, headers=headers)
        answer.raise_for_status()
        return cast("Json", answer.json())
