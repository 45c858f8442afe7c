"""The cloud's answers, word for word as the reference prints them, and with what real ones may do beyond that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ddm_operator.cloud import wire
from ddm_operator.domain import reasons
from ddm_operator.errors import TransientError

ROW: dict[str, Any] = {
    "id": "73f27bb0b26d4a79a9b0c58a4c700c4fin09",
    "name": "ddm-orders",
    "status": "RUNNING",
    "created": "2021-12-14T07:46:22+0000",
    "updated": "2021-12-14T10:11:22+0000",
    "available_zone": "cn-north-4a,cn-north-4b",
    "vpc_id": "1d9441c5",
    "node_count": 2,
    "access_port": "5066",
    "core_count": "4",
    "ram_capacity": "8",
    "node_status": "RUNNING",
    "project_id": "055d9f4ee780d4d42f96c01c1bc3c50c",
    "engine_version": "3.0.8",
    "enable_ssl": False,
    "flavor_ref": "ddm.c6.xlarge.2",
    "enterprise_project_id": "0",
}
JOB: dict[str, Any] = {
    "id": "1eb697c0-1842-43a3-8671-f562d0385cb9",
    "name": "EnlargeNode",
    "status": "Running",
    "created_time": "2025-05-20T14:41:14+0000",
    "end_time": "2025-05-20T14:41:14+0000",
    "process": "60%",
    "instance": {"id": "28e8841d0b9c4f6a9a30742ee60e1068in09", "name": "ddm-test"},
}


def test_a_row_of_the_list() -> None:
    page = wire.read(wire.Instances, {"instance_num": 1, "total_record": 1, "page_no": 1, "instances": [ROW]})
    [row] = [instance.row() for instance in page.instances]
    assert page.total == 1
    assert row.zones == ("cn-north-4a", "cn-north-4b")
    assert (row.status, row.node_count, row.flavor, row.engine_version) == ("RUNNING", 2, "ddm.c6.xlarge.2", "3.0.8")
    assert row.order_id == ""


def test_a_detail_with_its_nodes() -> None:
    node = {"node_id": "4a2bno09", "group_id": "b415gr09", "status": "RUNNING", "ip": "192.168.0.160", "port": "5066"}
    detail = wire.read(wire.Instance, {**ROW, "order_id": None, "nodes": [node]}).detail()
    assert [(n.id, n.group_id, n.status) for n in detail.nodes] == [("4a2bno09", "b415gr09", "RUNNING")]
    assert detail.order_id == ""


def test_a_detail_without_nodes_is_no_detail() -> None:
    with pytest.raises(TransientError, match="names no nodes"):
        wire.read(wire.Instance, ROW).detail()


def test_groups() -> None:
    group = {
        "id": "b4153b807b1a4f83870bf868fcc4f4eagr09",
        "name": "group-default",
        "role": "rw",
        "cpu_num_per_node": 4,
        "mem_num_per_node": "8",
        "node_list": [
            {"id": "1no09", "name": "n1", "az": "cn-north-4a"},
            {"id": "2no09", "name": "n2", "az": "cn-north-4a"},
        ],
    }
    page = wire.read(wire.Groups, {"total_count": 1, "group_list": [group]})
    [found] = [entry.value() for entry in page.group_list]
    assert (found.node_ids, found.zones, found.cpu, found.memory_gb) == (("1no09", "2no09"), ("cn-north-4a",), 4, 8)


def test_a_running_job_has_an_end_time_that_says_nothing() -> None:
    job = wire.read(wire.OneJob, {"job": JOB}).job.value(datetime(2025, 5, 20, 15, tzinfo=UTC))
    assert (job.instance_id, job.progress_percent, job.ended_ago) == ("28e8841d0b9c4f6a9a30742ee60e1068in09", 60, None)


@pytest.mark.parametrize(
    ("created", "ended", "answered", "ago"),
    [
        ("2025-05-20T07:51:47+0000", "2025-05-20T07:56:54+0000", datetime(2025, 5, 20, 7, 57, 54, tzinfo=UTC), 60.0),
        ("2025-05-20T07:51:47+0000", "2025-05-20T09:56:54+0200", datetime(2025, 5, 20, 7, 57, 54, tzinfo=UTC), 60.0),
        ("2025-05-20T07:51:47+0000", "2025-05-20T07:51:47+0000", datetime(2025, 5, 20, 7, 57, 54, tzinfo=UTC), None),
        ("2025-05-20T07:51:47+0000", "2025-05-20T07:56:54+0000", datetime(2025, 5, 20, 7, 50, tzinfo=UTC), 0.0),
        ("2025-05-20T07:51:47+0000", "2025-05-20T07:56:54+0000", None, None),
        ("", "", datetime(2025, 5, 20, tzinfo=UTC), None),
        ("yesterday", "2025-05-20T07:56:54+0000", datetime(2025, 5, 20, tzinfo=UTC), None),
    ],
)
def test_how_long_ago_a_job_ended(created: str, ended: str, answered: datetime | None, ago: float | None) -> None:
    row = {**JOB, "status": "Completed", "created_time": created, "end_time": ended, "process": "", "instance_id": "i"}
    assert wire.read(wire.Jobs, {"jobs": [row], "total": 1}).jobs[0].value(answered).ended_ago == ago


@pytest.mark.parametrize(
    ("process", "percent"),
    [("60%", 60), ("", None), ("100%", 100), ("250%", 100), ("half", None), (7, 7), ("-1%", None), ("٣%", None)],
)
def test_progress(process: object, percent: int | None) -> None:
    assert wire.read(wire.OneJob, {"job": {**JOB, "process": process}}).job.value(None).progress_percent == percent


@pytest.mark.parametrize(
    ("body", "job", "order"),
    [
        ({"instanceId": "i", "instanceName": "n", "jobId": "j"}, "j", ""),
        ({"instanceId": "i", "orderId": "CS1810251738L8VVD"}, "", "CS1810251738L8VVD"),
        ({"job_id": "j"}, "j", ""),
        ({"order_id": "o"}, "", "o"),
        ({"jobId": None, "extra": {}}, "", ""),
    ],
)
def test_the_answer_to_enlarge(body: dict[str, Any], job: str, order: str) -> None:
    told = wire.read(wire.Enlarged, body)
    assert (told.job_id, told.order_id) == (job, order)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"errCode": "DBS.280001", "externalMessage": "Parameter error."}, "DBS.280001", "Parameter error."),
        ({"error_code": "APIGW.0301", "error_msg": "no", "request_id": "r"}, "APIGW.0301", "no"),
        ({"error": {"code": 401, "message": "wrong password", "title": "Unauthorized"}}, "401", "wrong password"),
        (None, "", ""),
        ([], "", ""),
        ("text", "", ""),
        ({"errCode": {"deep": 1}}, "{'deep': 1}", ""),
    ],
)
def test_the_spellings_of_an_error(body: object, code: str, message: str) -> None:
    assert (wire.failure(body).code, wire.failure(body).message) == (code, message)


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (wire.Instances, None),
        (wire.Instances, {}),
        (wire.Instances, {"instances": [{}]}),
        (wire.Instances, {"instances": [{**ROW, "node_count": "many"}]}),
        (wire.OneJob, {"jobs": []}),
        (wire.Flavors, "no"),
    ],
)
def test_another_shape_is_no_answer(shape: type[wire.Model], body: object) -> None:
    with pytest.raises(TransientError) as caught:
        wire.read(shape, body)
    assert caught.value.reason == reasons.CLOUD_ANSWER_UNREADABLE
    assert shape.__name__ in caught.value.message


def test_unknown_fields_and_statuses_are_let_through() -> None:
    row = wire.read(wire.Instance, {**ROW, "status": "POLISHING", "new_feature": {"enabled": True}}).row()
    assert row.status == "POLISHING"
