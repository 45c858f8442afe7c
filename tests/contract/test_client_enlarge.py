"""The one call: at most once on the wire, and every outcome told for what it is."""

from __future__ import annotations

import pytest

from ddm_operator.domain import reasons
from ddm_operator.ports import Accepted, CallOutcome, EnlargeRequest, Refused, Unknown
from ddm_simulator.client import Credentials, Simulator
from tests.support.clouds import Connect, Observed


def request(project: Credentials, **changes: object) -> EnlargeRequest:
    asked = {
        "instance_id": project.instance_id,
        "group_id": project.group_id,
        "flavor_id": project.flavor_id,
        "node_number": 2,
    }
    return EnlargeRequest(**{**asked, **changes})  # type: ignore[arg-type]  # a test's own values


async def call(connect: Connect, project: Credentials, **changes: object) -> CallOutcome:
    cloud = await connect()
    await cloud.prepare()
    return await cloud.enlarge(request(project, **changes), may_leave=lambda: True)


async def test_accepted(connect: Connect, simulator: Simulator, project: Credentials) -> None:
    outcome = await call(connect, project)
    [entry] = simulator.ledger(project.instance_id)
    assert outcome == Accepted(entry["job_id"])
    assert entry["body"] == {"flavor_id": project.flavor_id, "node_number": 2, "group_id": project.group_id}


async def test_a_yearly_instance_answers_with_an_order(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    simulator.change_instance(project.instance_id, order_id="CS1810251738L8VVD")
    outcome = await call(connect, project)
    assert isinstance(outcome, Accepted)
    assert outcome.job_id == ""
    assert outcome.order_id.startswith("CS")


@pytest.mark.parametrize(
    ("changes", "asked", "code", "reason", "heals"),
    [
        ({"status": "BACKUP"}, {}, "DBS.200019", reasons.INSTANCE_BUSY, True),
        ({"status": "FROZEN"}, {}, "DBS.280449", reasons.INSTANCE_FROZEN, False),
        ({}, {"group_id": "0" * 32 + "gr09"}, "DBS.300375", reasons.REQUEST_INVALID, False),
        ({}, {"flavor_id": "nonsense"}, "DBS.280239", reasons.REQUEST_INVALID, False),
        ({}, {"node_number": 31}, "DBS.200056", reasons.QUOTA_EXCEEDED, False),
        ({}, {"node_number": 0}, "DBS.280001", reasons.REQUEST_INVALID, False),
        ({}, {"instance_id": "0" * 32 + "in09"}, "DBS.201028", reasons.INSTANCE_NOT_FOUND, False),
    ],
)
async def test_refused_before_anything_was_executed(
    connect: Connect,
    simulator: Simulator,
    project: Credentials,
    changes: dict[str, object],
    asked: dict[str, object],
    code: str,
    reason: str,
    *,
    heals: bool,
) -> None:
    simulator.change_instance(project.instance_id, **changes)
    outcome = await call(connect, project, **asked)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.reason, outcome.heals, outcome.sent) == (code, reason, heals, True)
    assert simulator.executed(project.instance_id) == []


@pytest.mark.parametrize(
    ("kind", "fields", "executed"),
    [
        ("error", {"status": 500, "executed": True}, True),
        ("error", {"status": 502}, False),
        ("error", {"status": 504, "executed": True}, True),
        ("error", {"status": 400, "code": "DBS.300005", "executed": True}, True),
        ("error", {"status": 400, "code": "DBS.999999"}, False),
        ("reset", {"executed": True}, True),
        ("reset", {}, False),
        ("lost", {}, True),
        ("garbage", {}, True),
        ("truncated", {}, True),
        ("answer", {"status": 200, "body": {}, "executed": True}, True),
        ("answer", {"status": 307, "headers": {"Location": "/v2/elsewhere"}}, False),
    ],
)
async def test_unknown_is_never_told_otherwise_and_never_repeated(
    connect: Connect,
    simulator: Simulator,
    project: Credentials,
    kind: str,
    fields: dict[str, object],
    *,
    executed: bool,
) -> None:
    simulator.fault(kind, route="enlarge", instance=project.instance_id, count=1, **fields)
    outcome = await call(connect, project)
    assert isinstance(outcome, Unknown)
    assert [entry["executed"] for entry in simulator.ledger(project.instance_id)] == [executed]


async def test_a_401_ends_the_attempt_and_the_next_one_has_a_new_token(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    simulator.fault("expired-token", route="enlarge", instance=project.instance_id, count=1)
    seen: Observed = []
    cloud = await connect("user", seen=seen)
    await cloud.prepare()
    outcome = await cloud.enlarge(request(project), may_leave=lambda: True)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.heals, outcome.sent) == (reasons.RETRYING, True, True)
    assert len(simulator.ledger(project.instance_id)) == 1
    await cloud.prepare()
    assert isinstance(await cloud.enlarge(request(project), may_leave=lambda: True), Accepted)
    assert [route for route, _ in seen] == ["create_token", "enlarge", "create_token", "enlarge"]


async def test_what_may_not_leave_does_not(connect: Connect, simulator: Simulator, project: Credentials) -> None:
    cloud = await connect()
    await cloud.prepare()
    asked = []

    def may_leave() -> bool:
        asked.append(True)
        return False

    outcome = await cloud.enlarge(request(project), may_leave=may_leave)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.sent) == (reasons.NOT_SENT, False)
    assert asked == [True]
    assert simulator.ledger(project.instance_id) == []
    assert len(await cloud.list_instances()) == 1, "the connection that was given up does no harm"


async def test_what_has_become_too_old_in_the_middle_leaves_without_its_body(
    connect: Connect, simulator: Simulator, project: Credentials
) -> None:
    """A gateway may wait a minute for the rest: nothing of it may come."""
    cloud = await connect()
    await cloud.prepare()
    answers = [True, False]
    outcome = await cloud.enlarge(request(project), may_leave=lambda: answers.pop(0))
    assert isinstance(outcome, Unknown), "its headers have left"
    assert answers == []
    assert simulator.ledger(project.instance_id) == []


async def test_a_connection_that_never_came_up_sent_nothing(connect: Connect, project: Credentials) -> None:
    cloud = await connect(ddm_endpoint="http://127.0.0.1:9")
    await cloud.prepare()
    outcome = await cloud.enlarge(request(project), may_leave=lambda: True)
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.sent, outcome.heals) == (reasons.CLOUD_UNREACHABLE, False, True)
