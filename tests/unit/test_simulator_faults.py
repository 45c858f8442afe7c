"""Faults and holds: what a caller sees, and what was executed all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ddm_simulator.cloud import Cloud
from ddm_simulator.ids import Ids
from ddm_simulator.messages import Ending
from ddm_simulator.settings import Settings
from ddm_simulator.state import State, StateError
from ddm_simulator.world import World
from tests.support.virtual import GROUP, INSTANCE, PROJECT, Virtual

ENLARGE = f"/v2/{PROJECT}/instances/{INSTANCE}/action/enlarge"
BODY = {"flavor_id": "8f2e696c-a9c1-30bd-af90-25522bc67606", "node_number": 1, "group_id": GROUP}


@pytest.mark.parametrize(
    ("kind", "fields", "ending", "status", "executed"),
    [
        ("refused", {}, Ending.RESET, 200, False),
        ("reset", {}, Ending.RESET, 200, False),
        ("reset", {"executed": True}, Ending.RESET, 200, True),
        ("lost", {}, Ending.SILENCE, 200, True),
        ("lost", {"executed": False}, Ending.SILENCE, 200, False),
        ("error", {"status": 500}, Ending.ANSWERED, 500, False),
        ("error", {"status": 502, "executed": True}, Ending.ANSWERED, 502, True),
        ("error", {"status": 400, "code": "DBS.300002", "executed": True}, Ending.ANSWERED, 400, True),
        ("answer", {"status": 200, "body": {"jobId": "made-up"}}, Ending.ANSWERED, 200, False),
        ("throttled", {}, Ending.ANSWERED, 429, False),
        ("garbage", {}, Ending.ANSWERED, 200, True),
        ("truncated", {}, Ending.TRUNCATED, 200, True),
        ("slow", {"seconds": 7}, Ending.ANSWERED, 200, True),
        ("expired-token", {}, Ending.ANSWERED, 401, False),
        ("not-published", {}, Ending.ANSWERED, 404, False),
    ],
)
def test_what_a_fault_does_to_the_call(
    kind: str, fields: dict[str, object], ending: Ending, status: int, *, executed: bool
) -> None:
    cloud = Virtual()
    cloud.fault(kind, route="enlarge", count=1, **fields)
    reply = cloud.send("POST", ENLARGE, BODY)
    assert (reply.ending, reply.status) == (ending, status)
    [entry] = cloud.ledger()
    assert (entry["executed"], len(entry["faults"])) == (executed, 1)
    cloud.token = cloud.log_in()
    assert cloud.detail()["status"] == ("GROWING" if executed else "RUNNING")
    assert not list(cloud.world.fault_table.values()), "it was counted"


def test_a_late_execution_comes_after_the_answer() -> None:
    cloud = Virtual()
    cloud.fault("late", route="enlarge", seconds=30, count=1)
    assert cloud.send("POST", ENLARGE, BODY).status == 504
    assert cloud.jobs() == []
    cloud.pass_time(29)
    assert [entry["executed"] for entry in cloud.ledger()] == [False]
    cloud.pass_time(1)
    [entry] = cloud.ledger()
    assert entry["executed"]
    assert [job["id"] for job in cloud.jobs()] == [entry["job_id"]]


def test_what_the_gateway_refuses_is_not_executed_late_either() -> None:
    cloud = Virtual()
    cloud.fault("late", route="enlarge", seconds=30, count=1)
    cloud.fault("not-published", route="enlarge", count=1)
    assert cloud.send("POST", ENLARGE, BODY).status == 404
    cloud.pass_time(60)
    assert [entry["executed"] for entry in cloud.ledger()] == [False]
    assert cloud.jobs() == []


def test_reads_that_lag_show_the_past() -> None:
    cloud = Virtual()
    cloud.fault("lag", route="*", seconds=10)
    cloud.pass_time(60)
    cloud.enlarge()
    assert cloud.detail()["status"] == "RUNNING"
    assert cloud.jobs() == []
    cloud.pass_time(11)
    assert cloud.detail()["status"] == "GROWING"
    assert len(cloud.jobs()) == 1


def test_jobs_that_are_not_shown() -> None:
    cloud = Virtual()
    _, answer = cloud.enlarge()
    cloud.fault("job-missing", instance=INSTANCE)
    assert cloud.jobs() == []
    cloud.fault("job-unknown")
    reply = cloud.send("GET", f"/v3/{PROJECT}/jobs/{answer['jobId']}")
    assert (reply.status, json.loads(reply.body)["error_code"]) == (400, "DBS.300400")


def test_the_gateway_says_what_its_limit_is() -> None:
    cloud = Virtual()
    cloud.fault("throttled", route="instances", limit=200, period="5 minute", count=1)
    body = json.loads(cloud.send("GET", f"/v1/{PROJECT}/instances").body)
    assert body["error_code"] == "APIGW.0308"
    assert body["error_msg"].endswith("policy user over ratelimit,limit:200,time:5 minute")
    assert body["request_id"]


def test_new_fields_and_statuses_appear_everywhere() -> None:
    cloud = Virtual()
    cloud.fault("extra-fields", route="instance")
    cloud.fault("unknown-status", route="instance")
    detail = cloud.detail()
    assert detail["status"] == "POLISHING"
    assert detail["nodes"][0]["new_feature"] == {"enabled": True}


def test_a_fault_meets_what_it_names_only() -> None:
    cloud = Virtual()
    cloud.fault("error", route="instance*", instance="another", status=500)
    cloud.fault("error", route="groups", status=500)
    assert cloud.detail()["id"] == INSTANCE


def test_chances_are_drawn_from_the_seed() -> None:
    def outcomes() -> list[int]:
        cloud = Virtual()
        cloud.fault("error", route="instance", probability=0.5, status=503)
        return [cloud.send("GET", f"/v1/{PROJECT}/instances/{INSTANCE}").status for _ in range(40)]

    first = outcomes()
    assert {200, 503} == set(first)
    assert outcomes() == first


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_held_request_whose_caller_goes_away(when: str) -> None:
    cloud = Virtual()
    cloud.hold(when)
    exchange = cloud.begin("POST", ENLARGE, BODY)
    next(exchange)
    assert len(cloud.world.holds.held()) == 1
    assert cloud.ledger()[0]["executed"] == (when == "after")
    exchange.close()
    [entry] = cloud.ledger()
    assert (entry["executed"], entry["ending"]) == (when == "after", "reset")


def test_a_held_request_that_is_let_go() -> None:
    cloud = Virtual()
    cloud.hold("before")
    exchange = cloud.begin("POST", ENLARGE, BODY)
    pause = next(exchange)
    assert not pause.ready()
    assert cloud.world.holds.release() == 1
    assert pause.ready()
    with pytest.raises(StopIteration) as ended:
        exchange.send(None)
    assert ended.value.value.status == 200


def test_the_cloud_comes_back_as_it_was(tmp_path: Path) -> None:
    cloud = Virtual()
    _, answer = cloud.enlarge()
    cloud.fault("job-unknown", count=3)
    state = State(tmp_path / "cloud.db")
    state.save(cloud.world)
    state.close()

    again = Virtual(token=cloud.token)
    again.world = World(again.clock, Ids("test"), Settings())
    again.cloud = Cloud(again.world)
    drawn = cloud.world.ids.drawn
    assert State(tmp_path / "cloud.db").restore(again.world)
    assert again.world.ids.drawn == drawn, "no id is drawn twice"
    assert again.ledger() == cloud.ledger()
    assert again.detail() == cloud.detail()
    assert [fault.kind for fault in again.world.fault_table.values()] == ["job-unknown"]
    again.pass_time(300)
    assert again.detail()["node_count"] == 4
    assert [job["id"] for job in again.jobs()] == [answer["jobId"]]


@pytest.mark.parametrize("content", [b"not a database, whatever it is called", b"SQLite format 3\0" + b"x" * 200])
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cloud.db"
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"cloud\.db"):
        State(path).restore(Virtual().world)


def test_a_rate_limit_counts_what_comes_in_each_period() -> None:
    cloud = Virtual(Settings(rate_limit=3, rate_limit_period="10 second"))
    where = f"/v1/{PROJECT}/instances"
    assert [cloud.send("GET", where).status for _ in range(5)] == [200, 200, 200, 429, 429]
    told = json.loads(cloud.send("GET", where).body)
    assert told["error_code"] == "APIGW.0308"
    assert "limit:3,time:10 second" in told["error_msg"]
    cloud.pass_time(10)
    assert cloud.send("GET", where).status == 200
    assert (cloud.world.gateway.throttled, cloud.world.gateway.most) == (3, {PROJECT: 6})


def test_a_rate_limit_of_some_routes_lets_others_pass_and_executes_nothing_above_it() -> None:
    cloud = Virtual(Settings(rate_limit=1, rate_limit_period="1 hour", rate_limit_routes="enlarge"))
    assert cloud.enlarge()[0] == 200
    assert cloud.enlarge(instance=INSTANCE)[0] == 429
    assert [entry["executed"] for entry in cloud.ledger()] == [True, False]
    assert all(cloud.send("GET", f"/v1/{PROJECT}/instances").status == 200 for _ in range(5))
    assert cloud.log_in()


@pytest.mark.parametrize("period", ["", "0 second", "1 fortnight", "second"])
def test_a_rate_limit_without_a_period_is_refused(period: str) -> None:
    with pytest.raises(ValueError, match="rate_limit_period"):
        Settings(rate_limit=1, rate_limit_period=period)
