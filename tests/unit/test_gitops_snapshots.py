"""What GitOps tools make of the operator's objects: Argo CD's Lua, and kstatus, over snapshots of real runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ddm_operator.domain import reasons
from tests.gitops.expected import EXPECTED, OF_READY
from tests.gitops.moments import moments
from tests.gitops.record import ACTIONS, AT, FOLDER, NAMES, SERVING, acted, made
from tests.gitops.scene import said
from tests.support.repository import ROOT
from tests.support.verdicts import Judge
from tests.torture.apiserver import Json, copy
from tools.argocd import PROGRESS
from tools.argocd import made as settings

STRICT = (FOLDER / "health.lua").read_text()
FLAVOURS = {"strict": FOLDER, "serving": SERVING}
SNAPSHOTS: dict[str, Json] = {
    path.stem: yaml.safe_load(path.read_text()) for path in sorted((FOLDER / "testdata").glob("*.yaml"))
}
ACTION_TESTS: Json = yaml.safe_load((ACTIONS / "action_test.yaml").read_text())
HEALTHS = [
    (flavour, folder / test["inputPath"], test["healthStatus"])
    for flavour, folder in FLAVOURS.items()
    for test in yaml.safe_load((folder / "health_test.yaml").read_text())["tests"]
]


def read(path: Path) -> Json:
    found: Json = yaml.safe_load(path.read_text())
    return found


def test_there_is_a_snapshot_of_every_reason_that_can_be_written() -> None:
    assert set(OF_READY) == reasons.CONDITION_REASONS
    assert set(EXPECTED) == set(SNAPSHOTS) == set(moments())
    assert {said(SNAPSHOTS[reason], "Ready")["reason"] for reason in OF_READY} == reasons.CONDITION_REASONS
    seen = {said(body, "Available").get("reason") for body in SNAPSHOTS.values()}
    assert seen == {None, reasons.INSTANCE_NOT_FOUND, *reasons.AVAILABLE_REASONS}


def test_the_snapshots_are_what_a_run_gives_now() -> None:
    late = [str(path.relative_to(ROOT)) for path, text in made().items() if path.read_text() != text]
    assert late == [], "make snapshots"


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_argo_cd_shows_the_colour_and_the_sentence(judge: Judge, flavour: str) -> None:
    cases = [(path, wanted) for of, path, wanted in HEALTHS if of == flavour]
    script = (FLAVOURS[flavour] / "health.lua").read_text()
    verdicts = judge([read(path) for path, _ in cases], {"health": script})
    assert [verdict.errors for verdict in verdicts] == [{}] * len(SNAPSHOTS)
    assert {path.stem: verdict.lua["health"] for (path, _), verdict in zip(cases, verdicts, strict=True)} == {
        path.stem: wanted for path, wanted in cases
    }


def test_kstatus_and_kubectl_wait_agree_with_it(judge: Judge) -> None:
    verdicts = dict(zip(SNAPSHOTS, judge(list(SNAPSHOTS.values())), strict=True))
    assert {name: verdict.kstatus for name, verdict in verdicts.items()} == {
        name: expected.kstatus for name, expected in EXPECTED.items()
    }
    assert {name: waits_no_more(body) for name, body in SNAPSHOTS.items()} == {
        name: expected.ready for name, expected in EXPECTED.items()
    }


def waits_no_more(body: Json) -> bool:
    """What ``kubectl wait --for=condition=Ready`` looks at."""
    ready = said(body, "Ready")
    return ready.get("status") == "True" and ready["observedGeneration"] >= body["metadata"]["generation"]


def test_what_is_deleted_is_terminating(judge: Judge) -> None:
    """A ``deletionTimestamp`` is there only while somebody's finalizer is; none of the operator's."""
    going = [
        body | {"metadata": body["metadata"] | {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
        for body in SNAPSHOTS.values()
    ]
    assert {verdict.kstatus for verdict in judge(going)} == {"Terminating"}


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("status", [None, {}, {"conditions": []}, {"observedGeneration": 1}])
def test_a_status_that_says_nothing_is_never_green(judge: Judge, flavour: str, status: Json | None) -> None:
    body = {key: value for key, value in SNAPSHOTS["AsDeclared"].items() if key != "status"}
    body |= {} if status is None else {"status": status}
    [verdict] = judge([body], {"health": (FLAVOURS[flavour] / "health.lua").read_text()})
    assert verdict.errors == {}
    assert verdict.lua["health"]["status"] == "Progressing"


@pytest.mark.parametrize("script", ["return string.upper('x')", "return ('x'):upper()", "return os.time()", "x()"])
def test_the_interpreter_is_as_bare_as_argo_cds(judge: Judge, script: str) -> None:
    """Or a script would pass here and fail there."""
    [verdict] = judge([SNAPSHOTS["AsDeclared"]], {"it": script})
    assert "it" in verdict.errors


def test_a_script_that_never_ends_is_ended(judge: Judge) -> None:
    [verdict] = judge([SNAPSHOTS["AsDeclared"]], {"it": "while true do end"})
    assert "deadline" in verdict.errors["it"]


@pytest.mark.parametrize("test", ACTION_TESTS["discoveryTests"], ids=lambda test: Path(test["inputPath"]).stem)
def test_what_does_not_apply_cannot_be_chosen(judge: Judge, test: Json) -> None:
    assert discovered(judge, read(ACTIONS / test["inputPath"])) == {
        action.pop("name"): action for action in copy(test["result"])
    }


def discovered(judge: Judge, body: Json) -> dict[str, Any]:
    [verdict] = judge([body], {"discovery": (ACTIONS / "discovery.lua").read_text()})
    assert verdict.errors == {}
    found: dict[str, Any] = verdict.lua["discovery"]
    return {name: {"disabled": False, **action} for name, action in found.items()}


def test_an_answer_can_be_given_once(judge: Judge) -> None:
    asked = SNAPSHOTS["OutcomeUnknown"]
    answered = acted("resolve-retry", asked)
    handled = copy(asked)
    handled["status"]["lastHandledResolve"] = answered["metadata"]["annotations"]["ddm.huaweicloud.com/resolve"]
    for body in (answered, handled):
        offered = discovered(judge, body)
        assert offered["resolve-retry"]["disabled"]
        assert not offered["resolve-abandon"]["disabled"]


@pytest.mark.parametrize("test", ACTION_TESTS["actionTests"], ids=lambda test: test["action"])
def test_an_action_sets_exactly_one_thing(judge: Judge, test: Json) -> None:
    before = read(ACTIONS / test["inputPath"])
    after = run(judge, test["action"], before)
    assert after == read(ACTIONS / test["expectedOutputPath"])
    changes = list(differences(before, after))
    assert len(changes) == 1, changes


def test_every_action_is_offered_and_tested() -> None:
    scripts = {path.parent.name for path in ACTIONS.glob("*/action.lua")}
    assert scripts == set(NAMES) == {test["action"] for test in ACTION_TESTS["actionTests"]}


@pytest.mark.parametrize("action", ["reconcile", "resolve-retry", "resolve-abandon"])
def test_the_annotations_that_are_there_stay(judge: Judge, action: str) -> None:
    body = copy(SNAPSHOTS["OutcomeUnknown"])
    body["metadata"]["annotations"] = {"kept": "yes"}
    assert run(judge, action, body)["metadata"]["annotations"].items() >= {"kept": "yes"}.items()


def run(judge: Judge, action: str, body: Json) -> Json:
    [verdict] = judge([body], {"action": (ACTIONS / action / "action.lua").read_text()})
    assert verdict.errors == {}
    after: Json = verdict.lua["action"]
    key = "ddm.huaweicloud.com/reconcile-requested-at"
    if action == "reconcile":
        after["metadata"]["annotations"][key] = AT
    return after


def differences(before: Any, after: Any, at: str = "") -> list[str]:
    """Paths of what is not the same; a map that was not there counts as its entries."""
    if isinstance(before, dict) or isinstance(after, dict):
        old, new = before or {}, after or {}
        return [path for key in {*old, *new} for path in differences(old.get(key), new.get(key), f"{at}/{key}")]
    return [] if before == after else [at]


def test_progress_alone_refreshes_nothing(judge: Judge) -> None:
    paths = [pointer.replace("/", ".") for pointer in PROGRESS["jsonPointers"]] + PROGRESS["jqPathExpressions"]
    before, after = SNAPSHOTS["ScalingOut"], SNAPSHOTS["ScalingOutFurther"]
    assert before["status"]["operation"]["progressPercent"] < after["status"]["operation"]["progressPercent"]
    left = [verdict.left for verdict in judge([before, after], ignore=paths)]
    assert left[0] == left[1]


def test_what_matters_still_refreshes(judge: Judge) -> None:
    paths = [pointer.replace("/", ".") for pointer in PROGRESS["jsonPointers"]] + PROGRESS["jqPathExpressions"]
    names = ["ScalingOut", "Verifying", "OperationOverdue", "AsDeclared", "Retrying"]
    left = [str(verdict.left) for verdict in judge([SNAPSHOTS[name] for name in names], ignore=paths)]
    assert len(set(left)) == len(names)


def test_argo_cds_settings_are_made_from_these_files() -> None:
    for path, text in settings().items():
        assert path.read_text() == text, "make docs"
        data = yaml.safe_load(text)["data"]
        actions = yaml.safe_load(data["resource.customizations.actions.ddm.huaweicloud.com_DDMInstance"])
        assert actions["discovery.lua"] == (ACTIONS / "discovery.lua").read_text()
        assert {each["name"]: each["action.lua"] for each in actions["definitions"]} == {
            path.parent.name: path.read_text() for path in ACTIONS.glob("*/action.lua")
        }
