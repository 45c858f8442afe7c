"""The resource as JSON: what is written is read back, and nothing that another version wrote is lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddm_operator.domain.model import (
    MAX_TEXT,
    Condition,
    GroupStatus,
    InstanceStatus,
    Operation,
    Phase,
    Resource,
    Status,
)
from ddm_operator.errors import StalledError
from ddm_operator.kube.resource import InvalidSpecError, read_resource, read_status, write_status

TEXT = st.text(max_size=12)
NUMBER = st.integers(-(2**40), 2**40)
TEXTS = st.lists(TEXT, max_size=3)
TIME = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda t: t.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001 - the zone follows
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
EXTRA = st.dictionaries(st.text("xyz", min_size=1, max_size=3), JSON, max_size=3)


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


OPERATIONS = st.builds(
    Operation,
    id=st.text(min_size=1, max_size=8),
    type=TEXT,
    phase=st.sampled_from([*Phase, "Draining"]).map(str),
    group_id=TEXT,
    from_nodes=optional(NUMBER),
    to_nodes=optional(NUMBER),
    baseline_node_ids=TEXTS.map(tuple),
    baseline_job_ids=TEXTS.map(tuple),
    generation=NUMBER,
    job_id=TEXT,
    progress_percent=optional(NUMBER),
    request_time=optional(TIME),
    deadline_time=optional(TIME),
    attempt=NUMBER,
    failures=optional(NUMBER),
    message=TEXT,
    extra=EXTRA,
)
GROUPS = st.builds(GroupStatus, id=TEXT, name=TEXT, nodes=NUMBER, desired_nodes=optional(NUMBER))
CONDITIONS = st.builds(
    Condition, type=TEXT, status=TEXT, reason=TEXT, message=TEXT, last_transition_time=optional(TIME)
)
STATUSES = st.builds(
    Status,
    observed_generation=NUMBER,
    last_handled_reconcile_at=TEXT,
    nodes=optional(NUMBER),
    selector=TEXT,
    instance=optional(st.builds(InstanceStatus, name=TEXT, region=TEXT, node_count=NUMBER)),
    groups=st.lists(GROUPS, max_size=2).map(tuple),
    operation=optional(OPERATIONS),
    history=st.lists(OPERATIONS, max_size=2).map(tuple),
    conditions=st.lists(CONDITIONS, max_size=2).map(tuple),
    extra=EXTRA,
)
KNOWN_KEYS = (
    "id", "type", "phase", "groupId", "toNodes", "baselineNodeIds", "requestTime", "attempt", "message", "operation",
    "history", "instance", "groups", "conditions", "nodes", "observedGeneration", "lastTransitionTime", "status",
)  # fmt: skip
MALFORMED = st.recursive(
    st.none() | st.booleans() | NUMBER | st.floats(allow_nan=False) | TEXT | st.just("2026-02-30T00:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN_KEYS) | TEXT, inner, max_size=6),
    max_leaves=25,
)


def body(**changes: Any) -> dict[str, Any]:
    metadata = {
        "name": "orders",
        "namespace": "shop",
        "uid": "u-1",
        "resourceVersion": "41",
        "generation": 7,
        "creationTimestamp": "2026-11-24T02:00:00Z",
    }
    return {"metadata": metadata, "spec": {"instanceId": "28e8in09"}} | changes


@given(STATUSES)
def test_what_is_written_is_read_back(status: Status) -> None:
    assert read_status(write_status(status)) == status


@given(STATUSES)
def test_what_is_read_is_written_back(status: Status) -> None:
    stored = write_status(status)
    assert write_status(read_status(stored)) == stored


@given(MALFORMED)
def test_a_malformed_status_is_tolerated_and_settles(raw: Any) -> None:
    once = write_status(read_status(raw))
    assert write_status(read_status(once)) == once


@given(st.dictionaries(st.sampled_from(KNOWN_KEYS) | TEXT, MALFORMED, max_size=8))
def test_a_malformed_journal_loses_nothing(raw: dict[str, Any]) -> None:
    written = write_status(read_status({"operation": raw, "observedGeneration": 1}))["operation"]
    for key, value in raw.items():
        if value not in (None, "", []) and key != "requestTime":
            assert written[key] == value
    assert set(written) - set(raw) <= {"attempt", "generation"}, "only defaults are added"


@given(st.dictionaries(st.sampled_from(KNOWN_KEYS) | TEXT, MALFORMED, max_size=8))
def test_a_journal_that_is_not_exactly_readable_is_open_and_not_understood(raw: dict[str, Any]) -> None:
    mistyped = {"id": "op-1", "type": "ScaleOut", "phase": "Succeeded"} | raw | {"toNodes": "four"}
    operation = read_status({"operation": mistyped}).operation
    assert operation is not None
    assert operation.open
    assert not operation.understood
    assert operation.extra["toNodes"] == "four"


@pytest.mark.parametrize("raw", ["text", 3, [1], True])
def test_a_journal_that_is_no_object_is_no_empty_journal(raw: Any) -> None:
    status = read_status({"operation": raw})
    assert status.operation is not None
    assert status.operation.open
    assert not status.operation.understood
    assert write_status(status)["operation"] == raw


def test_a_readable_journal_is_understood() -> None:
    operation = read_status(
        {"operation": {"id": "op-1", "type": "ScaleOut", "phase": "Running", "later": {"x": 1}}}
    ).operation
    assert operation is not None
    assert operation.understood
    assert operation.extra == {"later": {"x": 1}}


def test_a_journal_without_an_id_is_not_understood() -> None:
    operation = read_status({"operation": {"type": "ScaleOut", "phase": "Succeeded"}}).operation
    assert operation is not None
    assert operation.open
    assert not operation.understood


def test_times_are_whole_seconds_in_utc() -> None:
    east = timezone(timedelta(hours=8))
    operation = Operation(
        "op-1", "ScaleOut", "Running", request_time=datetime(2026, 11, 24, 10, 0, 1, 999_999, tzinfo=east)
    )
    assert write_status(Status(operation=operation))["operation"]["requestTime"] == "2026-11-24T02:00:01Z"


@pytest.mark.parametrize(
    "text",
    ["2026-11-24T02:00:01Z", "2026-11-24T02:00:01.5Z", "2026-11-24T10:00:01+08:00", "2026-11-24T02:00:01.123456789Z"],
)
def test_times_are_read_as_rfc_3339_allows(text: str) -> None:
    operation = read_status({"operation": {"id": "op-1", "requestTime": text}}).operation
    assert operation is not None
    assert operation.request_time == datetime(2026, 11, 24, 2, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-11-24", "2026-11-24T02:00:01", "0001-01-01T00:00:00+10:00", ""])
def test_a_time_that_is_none_is_kept_as_it_is(text: str) -> None:
    operation = read_status({"operation": {"id": "op-1", "requestTime": text}}).operation
    assert operation is not None
    assert operation.request_time is None
    assert operation.extra["requestTime"] == text


def test_absent_fields_are_left_out() -> None:
    assert write_status(Status()) == {"observedGeneration": -1}
    assert write_status(Status(operation=Operation("a", "ScaleOut", "Requesting")))["operation"] == {
        "id": "a",
        "type": "ScaleOut",
        "phase": "Requesting",
        "generation": 0,
        "attempt": 1,
    }


def test_long_texts_are_cut() -> None:
    status = Status(conditions=(Condition("Ready", "False", "Retrying", "ä" * 5000),))
    assert len(write_status(status)["conditions"][0]["message"]) == MAX_TEXT


def test_an_own_value_wins_over_what_another_version_left() -> None:
    status = Status(operation=Operation("b", "ScaleOut", "Requesting"), extra={"operation": "text", "later": 1})
    written = write_status(status)
    assert written["operation"]["id"] == "b"
    assert written["later"] == 1


def test_the_desired_state_is_read() -> None:
    spec = {
        "instanceId": "28e8in09",
        "nodes": 4,
        "groupId": "f080gr09",
        "flavorId": "8f2e",
        "region": "cn-north-4",
        "paused": True,
    }
    annotations = {"ddm.huaweicloud.com/reconcile-requested-at": "now", "ddm.huaweicloud.com/resolve": "op-1=retry"}
    raw = body(spec=spec)
    raw["metadata"] |= {"annotations": annotations, "deletionTimestamp": "2026-11-24T03:00:00Z"}
    resource = read_resource(raw, seen_at=5.0)
    desired = resource.desired
    assert (desired.uid, desired.namespace, desired.name, desired.generation) == ("u-1", "shop", "orders", 7)
    assert (desired.created, desired.instance_id, desired.nodes) == ("2026-11-24T02:00:00Z", "28e8in09", 4)
    assert (desired.group_id, desired.flavor_id, desired.region) == ("f080gr09", "8f2e", "cn-north-4")
    assert (desired.project_id, desired.paused) == (None, True)
    assert (desired.reconcile_requested_at, desired.resolve) == ("now", "op-1=retry")
    assert (resource.resource_version, resource.deleting, resource.seen_at) == ("41", True, 5.0)
    assert resource.status == Status()


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({}, "instanceId"),
        ({"instanceId": ""}, "instanceId"),
        ({"instanceId": 5}, "instanceId"),
        ({"nodes": 0}, "nodes"),
        ({"nodes": 33}, "nodes"),
        ({"nodes": True}, "nodes"),
        ({"nodes": "4"}, "nodes"),
        ({"groupId": []}, "groupId"),
        ({"paused": "yes"}, "paused"),
    ],
)
def test_a_spec_that_the_crd_would_refuse_is_named(spec: Mapping[str, Any], named: str) -> None:
    whole = spec if "instanceId" in spec or not spec else {"instanceId": "28e8in09", **spec}
    raw = body(spec=whole, status={"observedGeneration": 3})
    with pytest.raises(StalledError, match=named) as caught:
        read_resource(raw)
    assert caught.value.reason == "InvalidSpec"
    assert isinstance(caught.value, InvalidSpecError)
    resource: Resource = caught.value.resource
    assert resource.desired.uid == "u-1"
    assert resource.status.observed_generation == 3
