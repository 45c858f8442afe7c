"""Makes Argo CD's settings, ``argocd/argocd-cm*.yaml``, from the Lua files, or tells that they are out of date."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import yaml
from typing_extensions import override

from tools.drift import ROOT, settle

FOLDER: Final = ROOT / "argocd"
CUSTOMIZATIONS: Final = FOLDER / "resource_customizations/ddm.huaweicloud.com/DDMInstance"
FLAVOURS: Final = {
    "argocd-cm.yaml": (
        CUSTOMIZATIONS / "health.lua",
        "strict: Progressing until the whole desired state holds, also while a scale-out runs",
    ),
    "argocd-cm-serving.yaml": (
        FOLDER / "serving/health.lua",
        "serving: Healthy while the instance serves, whatever is still being added to it",
    ),
}
NAME: Final = "ddm.huaweicloud.com_DDMInstance"
PROGRESS: Final = {
    "jsonPointers": ["/status/operation/progressPercent"],
    "jqPathExpressions": [".status.conditions[]?.message"],
}
"""What changes while a job runs and means nothing for the application: no refresh for these alone."""

HEAD: Final = """\
# Argo CD settings for DDMInstance,
# {flavour}.
# Merge the keys into the ConfigMap that you have:
#   kubectl -n argocd patch configmap argocd-cm --patch-file argocd/{file}
# Made by `make docs` from the files beside it.
"""


class _Literal(str):
    """A text that is written as a block."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    @override
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow=flow, indentless=False)


_Dumper.add_representer(
    _Literal, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def main() -> None:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when a file is out of date")
    settle(made(), check=parser.parse_args().check, remedy="make docs writes it")


def made() -> dict[Path, str]:
    """What each file says."""
    return {FOLDER / file: _config_map(file, *flavour) for file, flavour in FLAVOURS.items()}


def _config_map(file: str, health: Path, flavour: str) -> str:
    data = {
        f"resource.customizations.health.{NAME}": _Literal(health.read_text()),
        f"resource.customizations.actions.{NAME}": _Literal(_dumped(_actions())),
        f"resource.customizations.ignoreResourceUpdates.{NAME}": _Literal(_dumped(PROGRESS)),
    }
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": "argocd"},
        "data": data,
    }
    return HEAD.format(flavour=flavour, file=file) + _dumped(body)


def _actions() -> dict[str, Any]:
    folder = CUSTOMIZATIONS / "actions"
    scripts = sorted(folder.glob("*/action.lua"))
    return {
        "discovery.lua": _Literal((folder / "discovery.lua").read_text()),
        "definitions": [{"name": script.parent.name, "action.lua": _Literal(script.read_text())} for script in scripts],
    }


def _dumped(body: dict[str, Any]) -> str:
    text: str = yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=1000)
    return text


if __name__ == "__main__":
    main()
