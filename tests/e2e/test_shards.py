"""Two releases of the chart share a cluster by namespaces, with the values of ``examples/shards``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest
import yaml

from tests.support.ddminstances import DDMInstances
from tests.support.helm import CHART
from tests.support.installed import NAMESPACE, Installed
from tests.support.kubeapi import Json
from tests.support.process import Process
from tests.support.repository import ROOT
from tests.support.rights import Right, granted, used
from tests.support.simulator import JOB_SECONDS
from tests.support.stage import in_phase, is_ready, operation

FOLDER: Final = ROOT / "examples" / "shards"
SHARDS: Final = {"ddm-operator-a": "a.yaml", "ddm-operator-b": "b.yaml"}
OBJECTS: Final = ("orders", "stock")
READS: Final = ("get", "list", "watch")

Spaces = Mapping[str, DDMInstances]


def watched(shard: str) -> set[str]:
    """The namespaces of a shard, by its example."""
    return set(yaml.safe_load((FOLDER / SHARDS[shard]).read_text())["watchNamespaces"])


def release(installed: Installed, verb: str, shard: str, **values: object) -> None:
    """A shard as its example has it, at the simulated cloud and at the pace of the tests."""
    settings = installed.values()["settings"]
    files = (f"--values={FOLDER / 'common.yaml'}", f"--values={FOLDER / SHARDS[shard]}")
    installed.release(verb, CHART, {"settings": settings, **values}, *files, name=shard)


def start(installed: Installed, shard: str) -> Process:
    process = installed.operator(shard)
    process.start()
    return process


@pytest.fixture
def spaces(installed: Installed) -> dict[str, DDMInstances]:
    """Both shards are installed; every namespace has its objects, each for an instance of its own."""
    made = {name: installed.namespace(name) for shard in SHARDS for name in sorted(watched(shard))}
    for shard in SHARDS:
        release(installed, "install", shard)
    groups: list[Json] = [{"name": "group-default", "nodes": 2}]
    for space in made.values():
        for name in OBJECTS:
            instance = installed.cloud.add_instance(project=installed.project.project_id, groups=groups)
            space.create({"instanceId": instance["id"], "nodes": 2}, name=name)
    return made


def scale_all(spaces: Spaces, nodes: int) -> None:
    for space in spaces.values():
        for name in OBJECTS:
            space.patch_spec({"nodes": nodes}, name)


def until_all(installed: Installed, spaces: Spaces, nodes: int) -> None:
    for space in spaces.values():
        for name in OBJECTS:
            try:
                installed.api.until(
                    space.path(name), lambda body: is_ready(body) and body["status"].get("nodes") == nodes, 40.0
                )
            except TimeoutError as error:
                logs = "\n".join(process.text[-4000:] for process in installed.processes)
                raise AssertionError(f"{error}\n{logs}") from None


def enlarged(installed: Installed, spaces: Spaces) -> dict[str, list[int]]:
    """By namespace and object, how many nodes each executed call has added."""
    ids = {
        f"{place}/{name}": space.get(name)["spec"]["instanceId"] for place, space in spaces.items() for name in OBJECTS
    }
    assert len(set(ids.values())) == len(ids)
    return {key: [call["body"]["node_number"] for call in installed.cloud.executed(id_)] for key, id_ in ids.items()}


def writes(installed: Installed, shard: str) -> list[Json]:
    return [one for one in installed.requests(shard) if one["verb"] not in READS and one.get("objectRef")]


def holders(installed: Installed) -> dict[str, str]:
    """Who holds each Lease."""
    items = installed.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases")["items"]
    return {one["metadata"]["name"]: one["spec"].get("holderIdentity", "") for one in items}


def test_two_shards_never_touch_the_same_object(installed: Installed, spaces: Spaces) -> None:
    for shard in SHARDS:
        start(installed, shard)
    until_all(installed, spaces, 2)
    scale_all(spaces, 3)
    until_all(installed, spaces, 3)

    held = holders(installed)
    assert held.keys() == SHARDS.keys(), "a Lease each"
    assert len(set(held.values()) - {""}) == len(SHARDS), "and each holds its own"
    assert enlarged(installed, spaces) == {f"{place}/{name}": [1] for place in spaces for name in OBJECTS}
    for shard in SHARDS:
        own = watched(shard)
        wrote = [(one["objectRef"]["resource"], one["objectRef"].get("namespace")) for one in writes(installed, shard)]
        assert {place for kind, place in wrote if kind == "ddminstances"} == own
        assert {place for kind, place in wrote if kind == "events"} == own
        assert {(kind, place) for kind, place in wrote if kind not in ("ddminstances", "events")} == {
            ("leases", NAMESPACE)
        }
        uses = used(installed.requests(shard))
        asked = {use.place for use in uses if use.resource.startswith("ddminstances")}
        assert asked == own, "nor does it look at the others'"
        leases = {use.name for use in uses if use.resource.startswith("leases") and use.verb == "update"}
        assert leases == {shard}


@pytest.mark.usefixtures("spaces")
def test_helm_refuses_a_second_owner(installed: Installed) -> None:
    """Of the resource, and of a Deployment's name, which is the Lease's."""
    for values in ({"crds": {"enabled": True}}, {"crds": {"enabled": False}, "fullnameOverride": "ddm-operator-a"}):
        command = ("install", "ddm-operator-c", CHART, "--namespace", NAMESPACE, "--values=-")
        said = installed.helm.refusal(*command, text=yaml.safe_dump({"watchNamespaces": ["billing"], **values}))
        assert "cannot be imported into the current release" in said


def test_a_shard_has_no_right_in_the_other_s_namespaces(installed: Installed, spaces: Spaces) -> None:
    assert set(spaces) == watched("ddm-operator-a") | watched("ddm-operator-b")
    for shard in SHARDS:
        grants = granted(installed.manifest(shard))
        for place in spaces:
            use = Right(place, "update", "ddminstances.ddm.huaweicloud.com/status", "orders")
            assert any(right.allows(use) for right in grants) == (place in watched(shard))


def test_a_namespace_moves_to_the_other_shard_with_an_operation_open(installed: Installed, spaces: Spaces) -> None:
    first, second = (start(installed, shard) for shard in SHARDS)
    until_all(installed, spaces, 2)
    installed.cloud.settings(job_seconds=600.0)
    try:
        moved = spaces["checkout"]
        moved.patch_spec({"nodes": 4}, "orders")
        before = operation(installed.api.until(moved.path("orders"), in_phase("Running"), 40.0))
        # As docs/scale.md has it: out of the one, then into the other.
        release(installed, "upgrade", "ddm-operator-a", watchNamespaces=["shop"])
        assert first.stop() == 0
        first = start(installed, "ddm-operator-a")
        assert operation(moved.get())["phase"] == "Running", "between the two it waits"
        release(installed, "upgrade", "ddm-operator-b", watchNamespaces=["billing", "checkout"])
        assert second.stop() == 0
        seen = len(writes(installed, "ddm-operator-b"))
        second = start(installed, "ddm-operator-b")
        installed.cloud.finish_job(before["jobId"])
        after = installed.api.until(moved.path("orders"), is_ready, 40.0)
    finally:
        installed.cloud.settings(job_seconds=JOB_SECONDS)
    assert operation(after)["id"] == before["id"]
    assert enlarged(installed, spaces)["checkout/orders"] == [2]
    told = [one["objectRef"] for one in writes(installed, "ddm-operator-b")[seen:]]
    assert "checkout" in {about.get("namespace") for about in told if about["resource"] == "ddminstances"}
