"""The operator has the rights that it uses, and uses every right that it has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.ddminstances import DDMInstances
from tests.support.installed import NAMESPACE, RELEASE, Installed
from tests.support.kubeapi import Json
from tests.support.rights import compared, granted, used
from tests.support.stage import in_phase, is_ready, ready

WATCHED = ("shop", "billing")
DENIED = {"status": 403, "code": "DBS.200010"}

Holds = Callable[[Json], bool]
Record = Callable[[str, object], None]


def is_at(nodes: int) -> Holds:
    return lambda body: is_ready(body) and body["status"].get("nodes") == nodes


@pytest.mark.parametrize("scope", ["whole-cluster", "two-namespaces"])
def test_what_is_used_is_what_is_granted(installed: Installed, scope: str, record_property: Record) -> None:
    spaces = [installed.namespace(name) for name in WATCHED]
    # The right to read Secrets is for credentials of namespaces; this story has the operator's own.
    credentials = {"existingSecret": "cloud", "ownNamespaces": ["*"]}
    watched = list(WATCHED) if scope == "two-namespaces" else []
    installed.release("install", values=installed.values(watchNamespaces=watched, credentials=credentials))
    ids = [installed.project.instance_id, another_instance(installed)]
    for space, instance_id in zip(spaces, ids, strict=True):
        space.create({"instanceId": instance_id, "nodes": 2})

    everything_that_happens(installed, spaces)

    requests = installed.requests()
    refused = [one for one in requests if one["responseStatus"]["code"] == 403]
    assert not refused, f"refused: {used(refused)}"
    grants, uses = granted(installed.manifest()), used(requests)
    record_property("rights", f"{scope}:\n{compared(grants, uses)}")
    assert [right for right in grants if not any(right.allows(use) for use in uses)] == [], "granted and never used"
    assert [use for use in uses if not any(right.allows(use) for right in grants)] == [], "used and not of the chart"


def everything_that_happens(installed: Installed, spaces: list[DDMInstances]) -> None:
    """A scale-out whose object is touched meanwhile, its events, trouble, a standby, a kill, and an orderly end."""
    first, second = installed.operator(), installed.operator()
    first.start()
    until(installed, spaces, is_at(2))
    second.start()
    second.await_line("Probes and metrics")
    for _ in range(2):
        installed.cloud.fault("error", route="instance*", project=installed.project.project_id, **DENIED)
        until(installed, spaces, lambda body: ready(body)["status"] == "False")
        installed.cloud.clear_faults(installed.project.project_id)
        until(installed, spaces, is_at(2))
    for space in spaces:
        with installed.cloud.hold("databases", instance=space.get()["spec"]["instanceId"]) as hold:
            installed.api.patch(space.path("orders", "scale"), {"spec": {"replicas": 3}})
            hold.wait()
            installed.api.patch(space.path("orders"), {"metadata": {"annotations": {"example.com/touched": "yes"}}})
    until(installed, spaces, in_phase("Running", "Verifying", "Succeeded"))
    first.kill()
    until(installed, spaces, is_at(3))
    assert second.stop() == 0
    lease = installed.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{RELEASE}")
    assert not lease["spec"].get("holderIdentity")
    calls = [one for one in installed.cloud.executed() if one["project"] == installed.project.project_id]
    assert [call["body"]["node_number"] for call in calls] == [1, 1]


def until(installed: Installed, spaces: list[DDMInstances], holds: Holds) -> None:
    for space in spaces:
        try:
            installed.api.until(space.path("orders"), holds, 40.0)
        except TimeoutError as error:
            logs = "\n".join(process.text[-4000:] for process in installed.processes)
            raise AssertionError(f"{error}\n{logs}") from None


def another_instance(installed: Installed) -> str:
    groups: list[Json] = [{"name": "group-default", "nodes": 2}]
    return str(installed.cloud.add_instance(project=installed.project.project_id, groups=groups)["id"])
