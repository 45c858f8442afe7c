"""The harness counts what it says that it counts."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import report
from bench.__main__ import ROWS, main
from bench.audit import Audit, tally
from bench.results import DAEMONS, OURS, Figure, Sheet, percentile
from bench.rows.counts import reported_steps
from bench.subjects import pace
from bench.usage import Meter, resident_bytes, until_quiet

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
PAGE = f"# Head\n\n{report.BEGIN}\n{report.END}\n\nFoot\n"


def event(user: str = "me", verb: str = "update", code: int = 200, percent: int | None = None, **target: str) -> str:
    phase = "Verifying" if percent == 100 else "Running"
    where = {"resource": "ddminstances", "subresource": "status", "name": "orders", **target}
    body = {"status": {"operation": {"phase": phase, "progressPercent": percent}}} if percent is not None else None
    return json.dumps(
        {
            "stage": "ResponseComplete",
            "verb": verb,
            "user": {"username": user},
            "objectRef": where,
            "responseStatus": {"code": code},
            "requestReceivedTimestamp": "2026-01-02T03:04:05.000006Z",
            "requestObject": body,
        }
    )


def sheet(row: str = "A row", value: float = 3.0) -> Sheet:
    made = Sheet(row)
    made.times("how long", OURS, [value, 1.0, 200.0], "ms", bound=2.0)
    made.times("how long", DAEMONS, [0.25], "ms")
    made.count("how often", OURS, 4, bound=4)
    made.note("A sentence.")
    return made


def test_accepted_writes_of_one_account_are_counted_from_where_the_last_reading_ended(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(event() + "\n")
    audit = Audit(str(log))
    lines = [
        event(percent=10),
        event("somebody else"),
        event(verb="get"),
        event(code=409),
        event(subresource=""),
        event(resource="events", subresource=""),
    ]
    with log.open("a") as file:
        file.write("\n".join(lines) + "\n" + event()[:40])
    writes = audit.writes("me")
    assert tally(writes) == {"ddminstances": 2, "events": 1}
    assert writes[0].at == pytest.approx(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC).timestamp())
    assert audit.writes("me") == []
    with log.open("a") as file:
        file.write(event()[40:] + "\n")
    assert len(audit.writes("me")) == 1


def test_a_step_is_a_percentage_that_was_reported_while_the_job_ran(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.touch()
    audit = Audit(str(log))
    log.write_text("".join(event(percent=percent) + "\n" for percent in (0, 10, 10, 25, 100)))
    assert reported_steps(audit.writes("me")) == 3


def test_the_median_is_shown_with_its_spread_and_held_to_its_bound() -> None:
    [long, other, often] = sheet().figures
    assert (long.value, long.low, long.high, long.runs, long.reached) == (3.0, 1.0, 200.0, 3, False)
    assert (other.reached, often.reached, often.kind) == (None, True, "count")


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100)])
def test_a_percentile_is_a_value_that_was_measured(percent: int, expected: float) -> None:
    assert percentile(range(100, 0, -1), percent) == expected


def test_the_page_keeps_the_rows_that_were_not_measured(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    report.publish([sheet("One", 3.0), sheet("Two", 5.0)], "v1.36.2", 0.25, NOW, page)
    report.publish([sheet("One", 7.0)], "v1.36.2", 0.25, NOW, page)
    text = page.read_text()
    assert text.startswith("# Head\n")
    assert text.endswith("\nFoot\n")
    assert text.count("### One\n") == text.count("### Two\n") == 1
    assert "| how long | 7 ms (1 to 200) | 0.25 ms | ≤ 2 ms ✗ |" in text
    assert "| how long | 5 ms (1 to 200) | 0.25 ms | ≤ 2 ms ✗ |" in text
    assert "| how often | 4 | - | ≤ 4 |" in text
    assert "Measured 2026-01-02 03:04 UTC on " in text
    assert "load 0.2 before it began; Kubernetes v1.36.2" in text


def test_a_run_is_kept_for_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RECORDS", tmp_path)
    kept = json.loads(report.record([sheet()], "quick", "v1.36.2", 0.25, NOW).read_text())
    assert kept["machine"]["kopf"]
    assert Figure(**kept["figures"][0]) == sheet().figures[0]


def test_a_process_is_measured_by_the_kernel_s_books() -> None:
    meter = Meter(os.getpid())
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    used = meter.read()
    assert 0.15 < used.cpu <= used.seconds + 0.05
    assert resident_bytes(os.getpid()) > 10 * 1024 * 1024
    began = time.monotonic()
    until_quiet(os.getpid(), cores=0.9, window=0.01, seconds=5)
    assert time.monotonic() - began < 5


def test_the_operator_s_default_pace_is_accelerated_as_a_whole() -> None:
    slow, fast = pace(1), pace(20)
    assert slow["DDM_CADENCE_POLL_SECONDS"] == "15"
    assert {key: float(value) / 20 for key, value in slow.items()} == {key: float(fast[key]) for key in slow}


def test_every_row_can_be_named_on_the_command_line() -> None:
    assert ROWS
    text = CliRunner().invoke(main, ["--help"]).output
    assert all(row in text for row in ROWS)
