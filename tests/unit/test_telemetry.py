"""The metrics as Prometheus reads them."""

from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ddm_operator.ports import Metrics
from ddm_operator.telemetry import MOST_LABEL_VALUES, OPERATION_EVENTS, Telemetry


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
    telemetry.show_leader(lambda: len(waiting) == 2)
    waiting.append(7.0)
    assert samples(telemetry, "ddm_operator_queue_depth") == {(): 2}
    assert samples(telemetry, "ddm_operator_queue_oldest_age_seconds") == {(): 7}
    assert samples(telemetry, "ddm_operator_leader") == {(): 1}


def test_a_label_never_grows_without_bound(telemetry: Telemetry) -> None:
    for number in range(MOST_LABEL_VALUES + 10):
        telemetry.pass_ended(f"outcome{number}", 0.1)
    counts = samples(telemetry, "ddm_operator_pass_duration_seconds_count")
    assert len(counts) == MOST_LABEL_VALUES + 1
    assert counts["other",] == 10


def test_two_operators_in_one_process_count_apart(telemetry: Telemetry) -> None:
    telemetry.operation("begun")
    assert samples(Telemetry("1"), "ddm_operator_operations_total")["begun",] == 0


def test_names_follow_the_conventions(telemetry: Telemetry) -> None:
    telemetry.show_queue(lambda: 0, lambda: 0)
    telemetry.show_leader(lambda: True)
    text = telemetry.render().decode()
    names = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    assert all(name.startswith(("ddm_operator_", "process_")) for name, _ in names)
    assert all(name.endswith("_total") for name, kind in names if kind == "counter")
    assert "_created" not in text
    assert 'ddm_operator_build_info{python_version="' in text
    assert 'version="1.2.3"' in text
