"""Who may ask, and what the answers look like: casing, types, paging and errors as the reference has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ddm_operator.cloud.credentials import AccessKey
from ddm_operator.cloud.signer import signed_headers
from ddm_simulator import seed
from ddm_simulator.messages import Request
from ddm_simulator.routes import ROUTES
from ddm_simulator.seed import SeedError
from tests.support.virtual import FLAVOR, GROUP, INSTANCE, PROJECT, START, TWO_GROUPS, Virtual

ACCESS, SECRET = "EXAMPLEACCESSKEY0001", "ExampleSecretKeyForDocumentationOnly0001"


def test_a_token_and_its_answer() -> None:
    cloud = Virtual()
    identity = {
        "methods": ["password"],
        "password": {"user": {"name": "ddm-user", "password": "Example-Password-1", "domain": {"name": "ddm-account"}}},
    }
    reply = cloud.send(
        "POST", "/v3/auth/tokens", {"auth": {"identity": identity, "scope": {"project": {"name": "cn-north-4"}}}}
    )
    token = json.loads(reply.body)["token"]
    assert reply.status == 201
    assert reply.headers["X-Subject-Token"]
    assert (token["issued_at"], token["expires_at"]) == ("2026-01-01T00:00:00.000000Z", "2026-01-02T00:00:00.000000Z")
    assert (token["project"]["id"], token["user"]["name"]) == (PROJECT, "ddm-user")


def test_a_wrong_password_is_401() -> None:
    cloud = Virtual()
    assert cloud.log_in("wrong") == ""


def test_a_token_ends() -> None:
    cloud = Virtual()
    cloud.pass_time(86401)
    reply = cloud.send("GET", f"/v1/{PROJECT}/instances")
    assert (reply.status, json.loads(reply.body)["error_code"]) == (401, "APIGW.0301")
    assert "token expires" in json.loads(reply.body)["error_msg"]


def test_nobody_in_particular_is_told_so_by_the_gateway() -> None:
    cloud = Virtual(token="nonsense")
    reply = cloud.send("GET", f"/v1/{PROJECT}/instances")
    assert set(json.loads(reply.body)) == {"error_code", "error_msg", "request_id"}
    assert reply.headers["X-Request-Id"] == json.loads(reply.body)["request_id"]


@pytest.mark.parametrize("path", [f"/v1/{'f' * 32}/instances", "/v1/7f1c2a9be04d4d7fa6a1c2c5d3b0e8f1/instances"])
def test_another_project_is_refused(path: str) -> None:
    reply = Virtual().send("GET", path)
    assert reply.status in (401, 403)
    assert json.loads(reply.body)["error_code"] in ("APIGW.0310", "APIGW.0307", "DBS.200010")


def signed(cloud: Virtual, *, secret: str = SECRET, ago: float = 0.0) -> tuple[int, dict[str, Any]]:
    path, query = f"/v1/{PROJECT}/instances", (("offset", "0"), ("limit", "1"))
    moment = datetime.fromtimestamp(cloud.clock.now() - ago, UTC)
    headers = signed_headers(AccessKey(ACCESS, secret), "GET", "ddm", path, query=query, project_id=PROJECT, now=moment)
    request = Request("GET", path, query, {name.lower(): value for name, value in headers.items()})
    exchange = cloud.cloud.exchange(request)
    with pytest.raises(StopIteration) as ended:
        next(exchange)
    return ended.value.value.status, json.loads(ended.value.value.body)


@pytest.mark.parametrize(("ago", "status"), [(0, 200), (899, 200), (-899, 200), (901, 401), (-901, 401)])
def test_a_signature_may_be_fifteen_minutes_off(ago: float, status: int) -> None:
    assert signed(Virtual(), ago=ago)[0] == status


def test_a_key_is_locked_after_five_wrong_signatures() -> None:
    cloud = Virtual()
    for _ in range(5):
        status, body = signed(cloud, secret="wrong")
        assert (status, body["error_code"]) == (401, "APIGW.0301")
    assert signed(cloud)[0] == 401, "locked, although this one is right"
    cloud.pass_time(301)
    assert signed(cloud)[0] == 200


def test_temporary_keys_and_a_token_from_a_token() -> None:
    cloud = Virtual()
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": cloud.token, "duration_seconds": 900}}}}
    key = json.loads(cloud.send("POST", "/v3.0/OS-CREDENTIAL/securitytokens", body).body)["credential"]
    assert {"access", "secret", "securitytoken", "expires_at"} <= set(key)
    again = cloud.send("POST", "/v3/auth/tokens", {"auth": {"identity": {"methods": ["token"]}}})
    assert again.status == 201


def test_fields_keep_their_types() -> None:
    row = Virtual().get(f"/v1/{PROJECT}/instances", limit=1)["instances"][0]
    assert (row["core_count"], row["ram_capacity"], row["access_port"]) == ("4", "8", "5066")
    assert (row["node_count"], row["enable_ssl"]) == (2, False)
    assert row["created"].endswith("+0000")


@pytest.mark.parametrize(
    ("path", "key", "total", "default"),
    [
        (f"/v1/{PROJECT}/instances", "instances", "total_record", 10),
        (f"/v3/{PROJECT}/instances", "instances", "total", 10),
        (f"/v3/{PROJECT}/instances/{TWO_GROUPS}/groups", "group_list", "total_count", 10),
        (f"/v1/{PROJECT}/instances/{INSTANCE}/nodes", "nodes", "total", 128),
        (f"/v1/{PROJECT}/instances/{INSTANCE}/databases", "databases", "total", 10),
        (f"/v3/{PROJECT}/engines", "engine_groups", "total", 10),
    ],
)
def test_lists_page_by_item(path: str, key: str, total: str, default: int) -> None:
    cloud = Virtual()
    seed.many(cloud.world, 15)
    whole = cloud.get(path, limit=128)
    assert len(whole[key]) == whole[total]
    assert len(cloud.get(path)[key]) == min(default, whole[total])
    assert cloud.get(path, offset=1, limit=1)[key] == whole[key][1:2]
    assert cloud.get(path, offset=whole[total])[key] == []
    for query in ({"limit": 0}, {"limit": 129}, {"limit": "all"}, {"offset": -1}):
        assert cloud.send("GET", path, **query).status == 400


def test_classes_are_found_by_the_engine_s_version() -> None:
    groups = Virtual().get(f"/v3/{PROJECT}/flavors", engine_version="3.0.8", limit=128)["flavor_groups"]
    assert [group["group_type"] for group in groups] == ["X86", "ARM"]
    flavor = next(f for f in groups[0]["flavors"] if f["id"] == FLAVOR)
    assert (flavor["spec_code"], flavor["vcpus"], flavor["ram"]) == ("ddm.c6.xlarge.2", "4", "8")
    assert {zone["status"] for zone in flavor["az_infos"]} == {"normal"}


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [(-31 * 86400, 0, 400), (-29 * 86400, 86400, 200), (0, -10, 400)],
)
def test_the_job_list_s_window(start: int, end: int, status: int) -> None:
    window = {"start_time": int((START + start) * 1000), "end_time": int((START + end) * 1000)}
    assert Virtual().send("GET", f"/v3/{PROJECT}/jobs", **window).status == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/v3/{PROJECT}/instances/{INSTANCE}/restart"),
        ("PUT", f"/v3/{PROJECT}/instances/{INSTANCE}/flavor"),
        ("POST", f"/v3/{PROJECT}/instances"),
        ("DELETE", f"/v3/{PROJECT}/instances/{INSTANCE}"),
        ("GET", "/v9/anything"),
        ("GET", f"/v2/{PROJECT}/instances/{INSTANCE}/action/enlarge"),
    ],
)
def test_what_is_not_there_is_not_published(method: str, path: str) -> None:
    reply = Virtual().send(method, path)
    assert (reply.status, json.loads(reply.body)["error_code"]) == (404, "APIGW.0101")


@pytest.mark.parametrize(
    ("path", "field"),
    [(f"/v1/{PROJECT}/instances/none", "errCode"), (f"/v3/{PROJECT}/instances/none/groups", "error_code")],
)
def test_each_version_spells_its_errors(path: str, field: str) -> None:
    assert json.loads(Virtual().send("GET", path).body)[field] == "DBS.201028"


def test_every_read_answers() -> None:
    cloud = Virtual()
    _, answer = cloud.enlarge()
    known = {
        "project_id": PROJECT, "instance_id": INSTANCE, "job_id": answer["jobId"], "database": "mytestdb170",
        "node_id": cloud.detail()["nodes"][0]["node_id"],
    }  # fmt: skip
    engine = cloud.get(f"/v3/{PROJECT}/engines")["engine_groups"][0]["id"]
    query = {"start_time": int(START * 1000), "end_time": int(START * 1000) + 1, "engine_id": engine}
    for route in ROUTES:
        if route.method == "GET":
            assert cloud.get(route.path.format(**known), **query) != {}, route.name


def test_the_second_group_is_the_one_that_grows() -> None:
    cloud = Virtual()
    assert cloud.enlarge(1, TWO_GROUPS, group_id=GROUP)[0] == 200
    cloud.pass_time(300)
    groups = cloud.get(f"/v3/{PROJECT}/instances/{TWO_GROUPS}/groups")["group_list"]
    assert {group["name"]: len(group["node_list"]) for group in groups} == {"group-default": 1, "reporting": 2}


def test_the_example_for_users_is_a_seed() -> None:
    given = seed.load(Path("examples/simulator/seed.yaml"))
    cloud = Virtual()
    cloud.world.clear()
    seed.plant(cloud.world, given)
    assert len(cloud.world.instances) == len(given.instances) > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("projects: 7", "projects"),
        ("instances: [{project: x, nodes: 3}]", "instances.0.nodes"),
        ("a: [", "is no YAML"),
        ("colour: blue", "colour"),
    ],
)
def test_a_wrong_seed_says_where(text: str, said: str) -> None:
    with pytest.raises(SeedError, match=said):
        seed.parse(text, "seed.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("instances: [{project: x}]", "there is no project x"),
        ("users: [{name: u, password: p, projects: [x]}]", "there is no project x"),
    ],
)
def test_a_seed_that_names_what_is_not_there(text: str, said: str) -> None:
    cloud = Virtual()
    cloud.world.clear()
    with pytest.raises(SeedError, match=said):
        seed.plant(cloud.world, seed.parse(text, "seed.yaml"))
