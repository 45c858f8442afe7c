"""The files of ``argocd/`` that are made from real runs: snapshots, and Argo CD's test tables over them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from ddm_operator.kube.resource import RECONCILE_ANNOTATION, RESOLVE_ANNOTATION
from tests.gitops.expected import EXPECTED, NOT_YET
from tests.gitops.moments import moments
from tests.gitops.scene import current, said
from tests.support.repository import ROOT
from tests.torture.apiserver import Json, copy

FOLDER: Final = ROOT / "argocd/resource_customizations/ddm.huaweicloud.com/DDMInstance"
SERVING: Final = ROOT / "argocd/serving"
ACTIONS: Final = FOLDER / "actions"
AT: Final = "2026-01-01T12:00:00Z"
"""In the place of the moment at which an action runs."""

WIDTH: Final = 60
DRAWN: Final = {
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b": "00000000-0000-4000-8000-{:012x}",
    r"\b[0-9a-f]{32}no09\b": "{:032x}no09",
}
"""Ids that are drawn while it runs: of objects, operations, jobs and nodes."""
MOMENT: Final = r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"

ACTED: Final = (
    ("reconcile", "AsDeclared"),
    ("pause", "ScalingOut"),
    ("resume", "Paused"),
    ("resolve-retry", "OutcomeUnknown"),
    ("resolve-abandon", "OutcomeUnknown"),
)
DISCOVERED: Final = ("AsDeclared", "Paused", "ScalingOut", "OutcomeUnknown", "OperationAbandoned", "NeverLookedAt")
NAMES: Final = {
    "reconcile": ("Reconcile now", "fa fa-fw fa-rotate-right"),
    "pause": ("Pause: add no nodes", "fa fa-fw fa-pause"),
    "resume": ("Resume", "fa fa-fw fa-play"),
    "resolve-retry": ("The nodes were not added: plan again", "fa fa-fw fa-redo"),
    "resolve-abandon": ("Leave the operation: add nothing", "fa fa-fw fa-ban"),
}
SNAPSHOT: Final = "# Taken from a run of the operator by `make snapshots`; times and drawn ids are replaced.\n"
TABLE: Final = "# Made by `make snapshots` from what tests/gitops/expected.py expects.\n"


def made() -> dict[Path, str]:
    """What each file says, by its path."""
    taken = {name: normal(take()) for name, take in moments().items()}
    files = {FOLDER / "testdata" / f"{name}.yaml": SNAPSHOT + dumped(body) for name, body in taken.items()}
    files[FOLDER / "health_test.yaml"] = TABLE + dumped({"tests": list(_healths(taken, "strict", "testdata"))})
    there = f"../{FOLDER.relative_to(ROOT / 'argocd')}/testdata"
    files[SERVING / "health_test.yaml"] = TABLE + dumped({"tests": list(_healths(taken, "serving", there))})
    tests: list[Json] = []
    for action, name in ACTED:
        path = f"testdata/{name}-{action}.yaml"
        files[ACTIONS / path] = TABLE + dumped(acted(action, taken[name]))
        tests.append({"action": action, "inputPath": f"../testdata/{name}.yaml", "expectedOutputPath": path})
    found = [
        {"inputPath": f"../testdata/{name}.yaml", "result": [_offered(action, taken[name]) for action in NAMES]}
        for name in DISCOVERED
    ]
    files[ACTIONS / "action_test.yaml"] = TABLE + dumped({"discoveryTests": found, "actionTests": tests})
    return files


def dumped(body: Json) -> str:
    text: str = yaml.safe_dump(body, sort_keys=True, width=WIDTH)
    return text


def normal(body: Json) -> Json:
    """The same whatever was drawn and however long it took; what was equal or earlier stays so."""
    text = dumped(body | {"metadata": body["metadata"] | {"resourceVersion": "1"}})
    for pattern, form in DRAWN.items():
        names = {drawn: form.format(number) for number, drawn in enumerate(dict.fromkeys(re.findall(pattern, text)), 1)}
        text = re.sub(pattern, lambda found, names=names: names[found[0]], text)  # type: ignore[misc]  # bound now
    times = sorted(set(re.findall(MOMENT, text)))
    minutes = {moment: f"2026-01-01T00:{number:02}:00Z" for number, moment in enumerate(times)}
    read: Json = yaml.safe_load(re.sub(MOMENT, lambda found: minutes[found[0]], text))
    return read


def acted(action: str, body: Json) -> Json:
    """The object with the one thing that an action changes."""
    after: Json = copy(body)
    if action in ("pause", "resume"):
        after["spec"]["paused"] = action == "pause"
        return after
    annotations = after["metadata"].setdefault("annotations", {})
    if action == "reconcile":
        annotations[RECONCILE_ANNOTATION] = AT
    else:
        annotations[RESOLVE_ANNOTATION] = f"{body['status']['operation']['id']}={action.removeprefix('resolve-')}"
    return after


def _healths(taken: dict[str, Json], flavour: str, folder: str) -> Iterator[Json]:
    for name, body in taken.items():
        health = {"status": getattr(EXPECTED[name], flavour), "message": _message(flavour, name, body)}
        yield {"inputPath": f"{folder}/{name}.yaml", "healthStatus": health}


def _message(flavour: str, name: str, body: Json) -> str:
    if not current(body):
        return NOT_YET
    quiet = flavour == "serving" and EXPECTED[name].serving != EXPECTED[name].strict and said(body, "Ready")
    kind = "Available" if quiet and quiet["status"] == "True" else "Ready"
    message: str = said(body, kind)["message"]
    return message


def _offered(action: str, body: Json) -> dict[str, Any]:
    paused, asked = body["spec"]["paused"], said(body, "Stalled").get("reason") == "OutcomeUnknown"
    disabled = {"reconcile": False, "pause": paused, "resume": not paused}.get(action, not asked)
    name, icon = NAMES[action]
    return {"name": action, "disabled": disabled, "displayName": name, "iconClass": icon}
