"""The metrics as Prometheus reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ddm_operator.domain.conditions import READY, STALLED
from ddm_operator.domain.model import Condition, InstanceStatus, Operation, Phase, Resource, Status
from ddm_operator.kube.census import Census
from ddm_operator.ports import Metrics
from ddm_operator.telemetry import MOST_LABEL_VALUES, OPERATION_EVENTS, Telemetry
from ddm_operator.telemetry.catalog import CATALOG, MOST_STALLED
from tests.support import cases


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry("1.2.3")


def samples(telemetry: Telemetry, name: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(telemetry.render().decode())
    return {
        tuple(value for label, value in sorted(sample.labels.items()) if label != "le"): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def test_it_is_what_the_engine_counts_with(telemetry: Telemetry) -> None:
    metrics: Metrics = telemetry
    metrics.pass_ended("rest", 0.02)
    metrics.operation("begun")
    assert samples(telemetry, "ddm_operator_pass_duration_seconds_count") == {("rest",): 1}
    assert samples(telemetry, "ddm_operator_operations_total")["begun",] == 1


def test_every_event_is_there_before_it_happens(telemetry: Telemetry) -> None:
    assert samples(telemetry, "ddm_operator_operations_total") == {(event,): 0 for event in OPERATION_EVENTS}


def test_requests_to_the_cloud_are_counted_by_route_and_outcome(telemetry: Telemetry) -> None:
    telemetry.request("list_jobs", "200", 0.1)
    telemetry.request("list_jobs", "200", 0.3)
    telemetry.request("enlarge", "timeout", 30.0)
    assert samples(telemetry, "ddm_operator_cloud_request_duration_seconds_count") == {
        ("200", "list_jobs"): 2,
        ("timeout", "enlarge"): 1,
    }
    assert samples(telemetry, "ddm_operator_cloud_request_duration_seconds_sum")["200", "list_jobs"] == pytest.approx(
        0.4
    )


def test_the_queue_and_the_lease_are_asked_when_the_metrics_are_read(telemetry: Telemetry) -> None:
    waiting = [1.5]
    telemetry.show_queue(lambda: len(waiting), lambda: max(waiting, default=0.0))
    telemetry.show_leader(lambda: len(waiting) == 2, lambda: 3.5)
    waiting.append(7.0)
    assert samples(telemetry, "ddm_operator_queue_depth") == {(): 2}
    assert samples(telemetry, "ddm_operator_queue_oldest_age_seconds") == {(): 7}
    assert samples(telemetry, "ddm_operator_leader") == {(): 1}
    assert samples(telemetry, "ddm_operator_lease_answer_age_seconds") == {(): 3.5}


def test_a_label_never_grows_without_bound(telemetry: Telemetry) -> None:
    for number in range(MOST_LABEL_VALUES + 10):
        telemetry.pass_ended(f"outcome{number}", 0.1)
    counts = samples(telemetry, "ddm_operator_pass_duration_seconds_count")
    assert len(counts) == MOST_LABEL_VALUES + 1
    assert counts["other",] == 10


def test_two_operators_in_one_process_count_apart(telemetry: Telemetry) -> None:
    telemetry.operation("begun")
    assert samples(Telemetry("1"), "ddm_operator_operations_total")["begun",] == 0


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def stalled(name: str, reason: str = "OutcomeUnknown") -> Resource:
    conditions = (Condition(READY, "False", reason, "why"), Condition(STALLED, "True", reason, "why"))
    status = Status(
        conditions=conditions,
        instance=InstanceStatus(region="cn-north-4", project_id="055d"),
        operation=Operation(id=name, type="ScaleOut", phase=Phase.UNCONFIRMED, request_time=NOW - timedelta(minutes=5)),
    )
    return Resource(cases.desired(name=name), status, "1")


def test_objects_are_counted_by_condition_status_and_reason(telemetry: Telemetry) -> None:
    census = Census()
    telemetry.show_objects(census, lambda: NOW)
    for name in ("a", "b"):
        census.add(stalled(name))
    census.add(stalled("c", "WordsOfSomebody"))
    assert samples(telemetry, "ddm_operator_watched_objects") == {(): 3}
    assert samples(telemetry, "ddm_operator_objects") == {
        ("Ready", "OutcomeUnknown", "False"): 2,
        ("Stalled", "OutcomeUnknown", "True"): 2,
        ("Ready", "other", "False"): 1,
        ("Stalled", "other", "True"): 1,
    }


def test_a_stalled_object_is_named_until_it_is_no_more(telemetry: Telemetry) -> None:
    census = Census()
    telemetry.show_objects(census, lambda: NOW)
    one = stalled("orders")
    census.add(one)
    namespace = one.desired.namespace
    assert samples(telemetry, "ddm_operator_object_stalled") == {("orders", namespace, "OutcomeUnknown"): 1}
    assert samples(telemetry, "ddm_operator_open_operations") == {("Unconfirmed",): 1}
    assert samples(telemetry, "ddm_operator_open_operation_oldest_age_seconds") == {(): 300}
    census.drop(one)
    for name in ("objects", "object_stalled", "open_operations"):
        assert samples(telemetry, f"ddm_operator_{name}") == {}
    assert samples(telemetry, "ddm_operator_open_operation_oldest_age_seconds") == {(): 0}


def test_of_very_many_stalled_objects_some_are_named_and_all_are_counted(telemetry: Telemetry) -> None:
    census = Census()
    telemetry.show_objects(census, lambda: NOW)
    for number in range(MOST_STALLED + 100):
        census.add(stalled(f"orders-{number}"))
    assert len(samples(telemetry, "ddm_operator_object_stalled")) == MOST_STALLED
    assert samples(telemetry, "ddm_operator_objects")["Stalled", "OutcomeUnknown", "True"] == MOST_STALLED + 100


class Pressed:
    """Limiters as they were told to be."""

    throttled: Mapping[str, float] = MappingProxyType({"ddm.example": 12.5})

    def saturation(self) -> dict[str, float]:
        return {"ddm.example": 0.75}


def test_the_cloud_s_limits_and_the_age_of_what_it_showed(telemetry: Telemetry) -> None:
    in_use = [("cn-north-4", "055d")]
    telemetry.show_cloud(Pressed(), lambda: 100.0, lambda: in_use)
    telemetry.observed("cn-north-4", "055d", 70.0)
    telemetry.observed("cn-north-4", "055d", 60.0)
    telemetry.observed("cn-east-3", "7f1c", 10.0)
    assert samples(telemetry, "ddm_operator_cloud_throttled_seconds_total") == {("ddm.example",): 12.5}
    assert samples(telemetry, "ddm_operator_cloud_limiter_saturation_ratio") == {("ddm.example",): 0.75}
    assert samples(telemetry, "ddm_operator_last_observation_age_seconds") == {("055d", "cn-north-4"): 30}


def test_how_long_an_operation_took_is_counted_by_how_it_ended(telemetry: Telemetry) -> None:
    telemetry.operation_ended("succeeded", 240.0)
    assert samples(telemetry, "ddm_operator_operation_duration_seconds_sum") == {("succeeded",): 240}


def test_the_catalog_has_every_metric_and_no_other(telemetry: Telemetry) -> None:
    telemetry.show_queue(lambda: 0, lambda: 0)
    telemetry.show_leader(lambda: True, lambda: 0)
    telemetry.show_objects(Census(), lambda: NOW)
    names = set(re.findall(r"^# TYPE (ddm_operator_\S+) ", telemetry.render().decode(), re.MULTILINE))
    assert names == {metric.shown for metric in CATALOG}
    assert all(metric.text.endswith(".") for metric in CATALOG)


def test_names_follow_the_conventions(telemetry: Telemetry) -> None:
    telemetry.show_queue(lambda: 0, lambda: 0)
    telemetry.show_leader(lambda: True, lambda: 0)
    text = telemetry.render().decode()
    names = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    assert all(name.startswith(("ddm_operator_", "process_")) for name, _ in names)
    assert all(name.endswith("_total") for name, kind in names if kind == "counter")
    assert "_created" not in text
    assert 'ddm_operator_build_info{python_version="' in text
    assert 'version="1.2.3"' in text
