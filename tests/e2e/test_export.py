"""Manifests of what there is: applied, they change nothing."""

from __future__ import annotations

import yaml

from tests.support.commands import command
from tests.support.stage import Stage, is_ready, ready


def test_applying_what_was_exported_changes_nothing(stage: Stage) -> None:
    project = stage.project
    groups = [{"name": "writes", "nodes": 2}, {"name": "reads", "role": "r", "nodes": 1}]
    other = stage.cloud.add_instance(name="Other_Orders", project=project.project_id, groups=groups)
    before = {key: stage.cloud.instance(key) for key in (project.instance_id, other["id"])}
    ended = command("export", "--namespace", stage.namespace, **stage.operator().environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    names = []
    for body in filter(None, yaml.safe_load_all(ended.stdout)):
        stage.objects.post(body)
        names.append(body["metadata"]["name"])
    stage.start()
    for name in names:
        assert ready(stage.until(is_ready, name))["reason"] == "ObserveOnly"
    assert sorted(names) == sorted({"other-orders", *names})
    assert {key: stage.cloud.instance(key) for key in before} == before
    assert stage.cloud.ledger(project.instance_id) == stage.cloud.ledger(other["id"]) == []
