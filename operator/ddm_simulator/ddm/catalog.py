"""What can be bought: engines and node classes, and the versions of the API."""

from __future__ import annotations

from typing import Final

from ddm_simulator import errors
from ddm_simulator.call import Call, Page
from ddm_simulator.messages import Json, Response
from ddm_simulator.model import Flavor, Project

ENGINES: Final[tuple[tuple[str, str], ...]] = (
    ("b6907aa2-aacb-3ac9-9782-b90b152d456c", "3.0.8"),
    ("2a9c1f0e-5b7d-3c44-8e16-7f2d90b3a651", "3.0.6"),
    ("6d1e84b7-c03f-39a5-b2c8-41f6e7d05a92", "3.1.0"),
)
"""Ids and versions."""

ARCHITECTURES: Final = ("X86", "ARM")


def versions(_: Call) -> Response:
    """GET /."""
    rows = [
        {"id": "v3", "links": [], "status": "CURRENT", "updated": "2019-01-15T12:00:00Z", "version": ""},
        {"id": "v1", "links": [], "status": "DEPRECATED", "updated": "2017-02-07T17:34:02Z", "version": ""},
    ]
    return Response(200, {"versions": rows})


def engines_v3(call: Call) -> Response:
    """GET /v3/{project_id}/engines."""
    page = call.page()
    rows = [{"id": key, "name": "ddm", "version": version} for key, version in _slice(page)]
    return Response(200, {"engine_groups": rows, **_counters(page, len(ENGINES))})


def engines_v2(call: Call) -> Response:
    """GET /v2/{project_id}/engines: with the zones."""
    page = call.page()
    zones = [{"code": zone, "name": zone, "favored": True} for zone in _project(call).zones]
    rows = [{"id": key, "name": "ddm", "version": version, "supportAzs": zones} for key, version in _slice(page)]
    return Response(200, {"engineGroups": rows, **_counters(page, len(ENGINES))})


def flavors_v3(call: Call) -> Response:
    """GET /v3/{project_id}/flavors: by engine id or version; the pages are those of each architecture."""
    page = call.page()
    engine_id, version = call.request.parameter("engine_id"), call.request.parameter("engine_version")
    if not (engine_id or version):
        raise errors.refuse(errors.PARAMETER_ERROR)
    sold = any(engine_id in (None, key) and version in (None, known) for key, known in ENGINES)
    zones = _zones(call)
    groups: list[Json] = []
    for architecture in ARCHITECTURES:
        found = _flavors(call, architecture) if sold else []
        rows = [_flavor_v3(flavor, zones) for flavor in found[page.offset : page.offset + page.limit]]
        groups.append({"group_type": architecture, "flavors": rows, **_counters(page, len(found))})
    return Response(200, {"flavor_groups": groups})


def flavors_v2(call: Call) -> Response:
    """GET /v2/{project_id}/flavors: by engine id."""
    page = call.page()
    engine_id = call.request.parameter("engine_id")
    if not engine_id:
        raise errors.refuse(errors.PARAMETER_ERROR)
    sold = any(engine_id == key for key, _ in ENGINES)
    zones = _project(call).zones
    groups: list[Json] = []
    for architecture in ARCHITECTURES:
        found = _flavors(call, architecture) if sold else []
        rows = [_flavor_v2(flavor, zones) for flavor in found[page.offset : page.offset + page.limit]]
        groups.append({"groupType": architecture, "computeFlavors": rows, **_counters(page, len(found))})
    return Response(200, {"computeFlavorGroups": groups})


def _slice(page: Page) -> tuple[tuple[str, str], ...]:
    return ENGINES[page.offset : page.offset + page.limit]


def _counters(page: Page, total: int) -> Json:
    return {"offset": page.offset, "limit": page.limit, "total": total}


def _project(call: Call) -> Project:
    project = call.world.projects.get(call.project_id)
    if project is None:
        raise errors.refuse(errors.NOT_AUTHORISED)
    return project


def _zones(call: Call) -> tuple[str, ...]:
    known = _project(call).zones
    asked = call.request.parameter("available_zones")
    if asked is None:
        return known
    zones = tuple(asked.split(","))
    if not set(zones) <= set(known):
        raise errors.refuse(errors.INVALID_ZONE)
    return zones


def _flavors(call: Call, architecture: str) -> list[Flavor]:
    return call.world.flavors.where(lambda flavor: flavor.architecture == architecture)


def _flavor_v3(flavor: Flavor, zones: tuple[str, ...]) -> Json:
    return {
        "id": flavor.id,
        "spec_code": flavor.code,
        "vcpus": str(flavor.vcpus),
        "ram": str(flavor.memory_gb),
        "az_infos": [
            {"code": zone, "description": zone, "status": flavor.status_in(zone), "support_ipv6": True}
            for zone in zones
        ],
    }


def _flavor_v2(flavor: Flavor, zones: tuple[str, ...]) -> Json:
    listed = ",".join(zones)
    return {
        "id": flavor.id,
        "typeCode": "hws.resource.type.ddm",
        "code": flavor.code,
        "iaasCode": flavor.iaas_code,
        "cpu": str(flavor.vcpus),
        "mem": str(flavor.memory_gb),
        "maxConnections": None,
        "serverType": "KVM",
        "architecture": flavor.architecture,
        "azStatus": {zone: flavor.status_in(zone) for zone in zones},
        "regionStatus": "normal",
        "groupType": None,
        "dbType": "DDM",
        "extendFields": {"azCode": listed, "azDescription": listed},
    }
