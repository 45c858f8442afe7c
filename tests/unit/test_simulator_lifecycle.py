"""What becomes of an accepted operation, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from ddm_simulator.changes import InstanceChange, change_instance
from ddm_simulator.settings import FACTS, Settings
from tests.support.virtual import FLAVOR, GROUP, INSTANCE, PROJECT, START, TWO_GROUPS, YEARLY, Virtual


def test_from_two_nodes_to_four() -> None:
    cloud = Virtual()
    status, answer = cloud.enlarge()
    assert (status, answer["instanceId"], answer["instanceName"]) == (200, INSTANCE, "ddm-test")
    job = answer["jobId"]
    assert cloud.detail()["status"] == "GROWING"
    assert cloud.job(job) == {
        "id": job,
        "name": "EnlargeNode",
        "status": "Running",
        "created_time": "2026-01-01T00:00:00+0000",
        "end_time": "2026-01-01T00:00:00+0000",
        "process": "0%",
        "instance": {"id": INSTANCE, "name": "ddm-test"},
    }
    cloud.pass_time(150)
    assert cloud.job(job)["process"] == "50%"
    nodes = cloud.get(f"/v1/{PROJECT}/instances/{INSTANCE}/nodes")["nodes"]
    assert sorted(node["status"] for node in nodes) == ["creating", "creating", "normal", "normal"]
    cloud.pass_time(150)
    ended = cloud.job(job)
    assert (ended["status"], ended["process"], ended["end_time"]) == ("Completed", "", "2026-01-01T00:05:00+0000")
    detail = cloud.detail()
    assert (detail["status"], detail["node_count"]) == ("RUNNING", 4)
    assert {node["status"] for node in detail["nodes"]} == {"RUNNING"}


@pytest.mark.parametrize("order", list(permutations(FACTS)))
def test_what_becomes_true_last_can_be_chosen(order: tuple[str, ...]) -> None:
    cloud = Virtual(Settings.model_validate({"settle_order": order, "settle_gaps": (10,)}))
    _, answer = cloud.enlarge()

    def true() -> set[str]:
        detail, nodes = cloud.detail(), cloud.get(f"/v1/{PROJECT}/instances/{INSTANCE}/nodes")["nodes"]
        facts = {
            "count": len(nodes) == 4,
            "health": len(nodes) == 4 and all(node["status"] == "normal" for node in nodes),
            "status": detail["status"] == "RUNNING",
            "job": cloud.job(answer["jobId"])["status"] == "Completed",
        }
        return {fact for fact, holds in facts.items() if holds}

    cloud.pass_time(300)
    for number in range(1, 5):
        wanted = set(order[:number])
        # Health shows only with the count, and a node that is listed after it is known to be healthy is so at once.
        if "health" in wanted and "count" not in wanted:
            wanted.remove("health")
        assert true() == wanted
        cloud.pass_time(10)


def test_speed_shortens_what_the_cloud_does() -> None:
    cloud = Virtual()
    cloud.clock.speed = 60
    _, answer = cloud.enlarge()
    cloud.pass_time(5)
    assert cloud.job(answer["jobId"])["status"] == "Completed"


@pytest.mark.parametrize(("failed", "kept", "left"), [(0, 0, 2), (1, 0, 3), (1, 1, 4), (2, 0, 4)])
def test_a_job_that_fails(failed: int, kept: int, left: int) -> None:
    cloud = Virtual()
    cloud.fault("job-fails", failed_nodes=failed, kept_nodes=kept, reason="No room.", count=1)
    _, answer = cloud.enlarge()
    cloud.pass_time(300)
    assert cloud.job(answer["jobId"])["status"] == "Failed"
    assert next(job["fail_reason"] for job in cloud.jobs() if job["id"] == answer["jobId"]) == "No room."
    nodes = cloud.get(f"/v1/{PROJECT}/instances/{INSTANCE}/nodes")["nodes"]
    assert len(nodes) == left
    assert [node["status"] for node in nodes].count("enlargefail") == failed
    assert cloud.detail()["status"] == "RUNNING"


def test_a_job_that_never_ends() -> None:
    cloud = Virtual()
    cloud.fault("job-stuck", percent=60, count=1)
    _, answer = cloud.enlarge()
    cloud.pass_time(80_000)
    assert (cloud.job(answer["jobId"])["status"], cloud.job(answer["jobId"])["process"]) == ("Running", "60%")


def test_nodes_one_by_one_and_away_again() -> None:
    cloud = Virtual()
    body = {"nodes": [{"available_zone": "cn-north-4c"}], "group_id": GROUP}
    added = cloud.send("POST", f"/v3/{PROJECT}/instances/{INSTANCE}/nodes", body)
    assert added.status == 202
    cloud.pass_time(300)
    assert cloud.detail()["node_count"] == 3
    new = cloud.detail()["nodes"][-1]["node_id"]
    gone = cloud.send("POST", f"/v3/{PROJECT}/instances/{INSTANCE}/nodes/batch-delete", {"node_ids": [new]})
    assert gone.status == 202
    assert cloud.detail()["status"] == "REDUCING"
    cloud.pass_time(300)
    assert new not in {node["node_id"] for node in cloud.detail()["nodes"]}
    reduced = cloud.send("POST", f"/v2/{PROJECT}/instances/{INSTANCE}/action/reduce", {"node_number": 1})
    assert reduced.status == 200
    cloud.pass_time(300)
    assert cloud.detail()["node_count"] == 1


@pytest.mark.parametrize(
    ("site", "status", "field"),
    [("cn", 200, "orderId"), ("intl", 200, "orderId"), ("eu", 400, "errCode"), ("otc", 200, "jobId")],
)
def test_yearly_instances_behave_as_their_site_does(site: str, status: int, field: str) -> None:
    cloud = Virtual(Settings.model_validate({"site": site}))
    told, answer = cloud.enlarge(1, YEARLY, group_id=None)
    assert told == status
    assert field in answer
    assert cloud.detail(YEARLY)["node_count"] == 2


def test_an_order_that_is_paid_becomes_a_job() -> None:
    cloud = Virtual()
    _, answer = cloud.enlarge(1, YEARLY, group_id=None, is_auto_pay=True, available_zones=["cn-north-4a"])
    assert set(answer) == {"instanceId", "orderId"}
    assert cloud.detail(YEARLY)["status"] == "GROWING"
    cloud.pass_time(300)
    assert cloud.detail(YEARLY)["node_count"] == 3


PRECONDITIONS = [
    ({"status": "BACKUP"}, {}, 409, "DBS.200019"),
    ({"status": "GROWING"}, {}, 409, "DBS.200019"),
    ({"status": "FROZEN"}, {}, 400, "DBS.280449"),
    ({}, {"group_id": "x"}, 400, "DBS.300375"),
    ({}, {"instance": TWO_GROUPS, "group_id": None}, 400, "DBS.280001"),
    ({}, {"flavor_id": "x"}, 400, "DBS.280239"),
    ({}, {"flavor_id": None}, 400, "DBS.280001"),
    ({}, {"flavor_id": 7}, 400, "DBS.280001"),
    ({}, {"count": 31}, 400, "DBS.200056"),
    ({}, {"count": 0}, 400, "DBS.280001"),
    ({}, {"count": -1}, 400, "DBS.280001"),
    ({}, {"instance": "0" * 32 + "in09"}, 404, "DBS.201028"),
    ({"schemas": {"mytestdb170": "EXPANDING"}}, {}, 400, "DBS.300133"),
    ({"data_nodes": {"rds-test": "rebooting"}}, {}, 400, "DBS.300323"),
]


@pytest.mark.parametrize(("change", "asked", "status", "code"), PRECONDITIONS)
def test_every_precondition_is_enforced_with_its_code(
    change: dict[str, object], asked: dict[str, object], status: int, code: str
) -> None:
    cloud = Virtual()
    change_instance(cloud.world, INSTANCE, InstanceChange.model_validate(change))
    told, answer = cloud.enlarge(**asked)  # type: ignore[arg-type]  # a test's own values
    assert (told, answer["errCode"]) == (status, code)
    assert set(answer) == {"errCode", "externalMessage"}
    assert [entry["executed"] for entry in cloud.ledger()] == [False]
    assert cloud.ledger()[0]["refused"] == code


def test_a_class_that_is_sold_out_is_refused() -> None:
    cloud = Virtual()
    flavor = cloud.world.flavors.get(FLAVOR)
    assert flavor is not None
    zones = tuple((f"cn-north-4{letter}", "sellout") for letter in "abc")
    cloud.world.flavors.put(FLAVOR, replace(flavor, zones=zones), START)
    assert cloud.enlarge()[1]["errCode"] == "DBS.280450"


def test_a_second_operation_meanwhile_is_a_conflict() -> None:
    cloud = Virtual()
    cloud.enlarge()
    status, answer = cloud.enlarge()
    assert (status, answer["errCode"]) == (409, "DBS.200019")
