"""The cloud's paths. Whatever is not listed here is answered as an API that this region does not have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ddm_simulator.call import Call
from ddm_simulator.ddm import catalog, instances, jobs, nodes, parameters, scaling, schemas
from ddm_simulator.errors import Spelling
from ddm_simulator.iam import endpoints as iam
from ddm_simulator.iam import workload
from ddm_simulator.messages import Request, Response

Endpoint: TypeAlias = Callable[[Call], Response]
Access: TypeAlias = Literal["anyone", "user", "project"]
"""Who may call: anyone, whoever is authenticated, or whoever has a part in the path's project."""

UNKNOWN: Final = "unknown"
"""The name of all paths that are not listed."""

_I: Final = "/{project_id}/instances/{instance_id}"


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path, with the name that faults, holds and the ledger know."""

    name: str
    method: str
    path: str
    endpoint: Endpoint
    access: Access = "project"
    mutates: bool = False

    @property
    def spelling(self) -> Spelling:
        """How this API spells its errors."""
        return Spelling.SNAKE if self.path.startswith("/v3") else Spelling.CAMEL


ROUTES: Final[tuple[Route, ...]] = (
    Route("token", "POST", "/v3/auth/tokens", iam.create_token, "anyone"),
    Route("temporary-key", "POST", "/v3.0/OS-CREDENTIAL/securitytokens", iam.create_temporary_key, "anyone"),
    Route("id-token", "POST", "/v3.0/OS-AUTH/id-token/tokens", workload.exchange_token, "anyone"),
    Route("assume-agency", "POST", "/v5/agencies/assume-with-oidc", workload.assume_agency, "anyone"),
    Route("pod-identity", "POST", "/pod-identity", workload.pod_identity, "anyone"),
    Route("projects", "GET", "/v3/projects", iam.list_projects, "user"),
    Route("own-projects", "GET", "/v3/auth/projects", iam.list_projects, "user"),
    Route("versions", "GET", "/", catalog.versions, "anyone"),
    Route("instances", "GET", "/v1/{project_id}/instances", instances.list_v1),
    Route("instances-v3", "GET", "/v3/{project_id}/instances", instances.list_v3),
    Route("instance", "GET", f"/v1{_I}", instances.detail_v1),
    Route("instance-v3", "GET", f"/v3{_I}", instances.detail_v3),
    Route("groups", "GET", f"/v3{_I}/groups", nodes.list_groups),
    Route("nodes", "GET", f"/v1{_I}/nodes", nodes.list_nodes),
    Route("node-v1", "GET", f"/v1{_I}/nodes/{{node_id}}", nodes.detail_v1),
    Route("node", "GET", f"/v3{_I}/nodes/{{node_id}}", nodes.detail_v3),
    Route("enlarge", "POST", f"/v2{_I}/action/enlarge", scaling.enlarge, mutates=True),
    Route("add-nodes", "POST", f"/v3{_I}/nodes", scaling.add_nodes, mutates=True),
    Route("reduce", "POST", f"/v2{_I}/action/reduce", scaling.reduce, mutates=True),
    Route("batch-delete", "POST", f"/v3{_I}/nodes/batch-delete", scaling.delete_nodes, mutates=True),
    Route("delete-nodes", "DELETE", f"/v3{_I}/nodes", scaling.delete_nodes, mutates=True),
    Route("job", "GET", "/v3/{project_id}/jobs/{job_id}", jobs.detail),
    Route("jobs", "GET", "/v3/{project_id}/jobs", jobs.listing),
    Route("engines", "GET", "/v3/{project_id}/engines", catalog.engines_v3),
    Route("engines-v2", "GET", "/v2/{project_id}/engines", catalog.engines_v2),
    Route("flavors", "GET", "/v3/{project_id}/flavors", catalog.flavors_v3),
    Route("flavors-v2", "GET", "/v2/{project_id}/flavors", catalog.flavors_v2),
    Route("parameters", "GET", f"/v3{_I}/configurations", parameters.listing),
    Route("databases", "GET", f"/v1{_I}/databases", schemas.list_v1),
    Route("database-v1", "GET", f"/v1{_I}/databases/{{database}}", schemas.detail_v1),
    Route("database", "GET", f"/v3{_I}/databases/{{database}}", schemas.detail_v3),
    Route("rds", "GET", f"/v1{_I}/rds", schemas.list_available_v1),
    Route("available-data-nodes", "GET", f"/v3{_I}/available-data-nodes", schemas.list_available_v3),
)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", re.escape(path).replace(r"\{", "{").replace(r"\}", "}")))


_PATTERNS: Final = tuple((route, _pattern(route.path)) for route in ROUTES)


def match(request: Request) -> tuple[Route, Mapping[str, str]] | None:
    """The route of a request with the parts of its path; None when there is no such API."""
    path = request.path.rstrip("/") or "/"
    for route, pattern in _PATTERNS:
        found = pattern.fullmatch(path) if route.method == request.method else None
        if found is not None:
            return route, found.groupdict()
    return None
