"""The alerts as Prometheus reads them: each fires when it should and not before; the dashboard's queries are sound."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.promtool import Promtool
from tools.monitoring import ALERTS, panels, queried, rules

CASES = Path("tests/promtool/alerts.yaml")
NAMES = [rule["alert"] for rule in rules()]


def test_the_rules_are_sound(promtool: Promtool) -> None:
    judged = promtool("check", "rules", ALERTS)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_each_alert_fires_when_it_should_and_not_before(promtool: Promtool) -> None:
    judged = promtool("test", "rules", CASES)
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize("broken", ["vector(0) > 1", "vector(1)"], ids=["never", "always"])
def test_rules_that_never_fire_or_always_do_are_found_out(promtool: Promtool, tmp_path: Path, broken: str) -> None:
    """Or the cases prove nothing."""
    document = yaml.safe_load(ALERTS.read_text())
    for rule in document["groups"][0]["rules"]:
        rule["expr"] = broken
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(document))
    cases = yaml.safe_load(CASES.read_text()) | {"rule_files": ["alerts.yaml"]}
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(cases))
    judged = promtool("test", "rules", tmp_path / "cases.yaml")
    assert judged.returncode != 0
    assert {name for name in NAMES if name in judged.stdout + judged.stderr} == set(NAMES)


def test_each_alert_has_a_case_where_it_fires_and_one_where_it_does_not() -> None:
    seen: dict[str, set[bool]] = defaultdict(set)
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for expected in case["alert_rule_test"]:
            seen[expected["alertname"]].add(bool(expected["exp_alerts"]))
    assert seen == {name: {True, False} for name in NAMES}


@pytest.mark.parametrize("rule", rules(), ids=NAMES)
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^### (.+)$", Path(page).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
    assert anchor == f"alert-{rule['alert'].lower()}"


def test_the_dashboard_s_queries_are_sound(promtool: Promtool, tmp_path: Path) -> None:
    expressions = [query.replace("$job", ".+") for panel in panels() for query in panel.queries]
    recorded = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions)]
    path = tmp_path / "panels.yaml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))
    judged = promtool("check", "rules", path)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert len(expressions) > 20
    assert all(queried(text) for text in expressions)
