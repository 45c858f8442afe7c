"""Helm and kubectl as a user has them, and the chart.

Fixtures: `helm`, `kubectl`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import DevclusterError
from devcluster.helm import helm as helm_program
from devcluster.kubectl import kubectl as kubectl_program
from tests.support.kubeapi import Json

CHART = Path(__file__).parents[2] / "helm" / "ddm-operator"

SECONDS = 60.0
"""How long one command may take."""

PROGRAMS: dict[str, Callable[..., Path]] = {"helm": helm_program, "kubectl": kubectl_program}


class Tool:
    """A program that is run with files as its input and output.

    Args:
        program: its path.
        environment: added to the test's own.
    """

    def __init__(self, program: Path, environment: Mapping[str, str]) -> None:
        self._program = program
        self._environment = dict(environment)

    def run(self, *arguments: object, text: str = "") -> str:
        """What it prints.

        Raises:
            AssertionError: it failed; with what it said.
        """
        ended = self._end(arguments, text)
        assert ended.returncode == 0, f"{self._program.name} {' '.join(map(str, arguments))}:\n{ended.stderr[-4000:]}"
        return ended.stdout

    def refusal(self, *arguments: object, text: str = "") -> str:
        """What it says when it fails.

        Raises:
            AssertionError: it did not.
        """
        ended = self._end(arguments, text)
        assert ended.returncode != 0, f"{self._program.name} {' '.join(map(str, arguments))} did not fail"
        return ended.stderr

    def _end(self, arguments: tuple[object, ...], text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._program), *map(str, arguments)],
            env={**os.environ, **self._environment},
            input=text,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


class Helm(Tool):
    """Helm with no memory of its own and no cluster but the one that it is given."""

    def __init__(self, program: Path, folder: Path, kubeconfig: Path | None = None) -> None:
        self._folder = folder
        places = {f"HELM_{name}_HOME": str(folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        super().__init__(program, {**places, "KUBECONFIG": str(kubeconfig or os.devnull)})

    def against(self, kubeconfig: Path) -> Helm:
        """The same for a cluster."""
        return Helm(self._program, self._folder, kubeconfig)

    def template(
        self,
        values: Mapping[str, Any] | None = None,
        *options: str,
        namespace: str = "ddm-operator",
        release: str = "ddm-operator",
    ) -> list[Json]:
        """The objects that the chart makes of some values; they win over those of files among the options."""
        command = ["template", release, CHART, "--namespace", namespace, *options, "--values", "-"]
        text = self.run(*command, text=yaml.safe_dump(dict(values or {})))
        return [found for found in yaml.safe_load_all(text) if found]


def of_kind(objects: list[Json], kind: str, name: str = "") -> Json:
    """The one object of a kind, or the one of them with that end of its name."""
    found = [one for one in objects if one["kind"] == kind and one["metadata"]["name"].endswith(name)]
    assert len(found) == 1, [(one["kind"], one["metadata"]["name"]) for one in objects]
    return found[0]


def container(objects: list[Json]) -> Json:
    """The operator's container."""
    [found] = of_kind(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build before the first test runs: it takes longer than any test may."""
    if session.config.option.collectonly:
        return
    for name, make in PROGRAMS.items():
        if any(name in getattr(item, "fixturenames", ()) for item in session.items):
            try:
                make(os.environ, lambda line: _say(session.config, line))
            except DevclusterError as error:
                _say(session.config, f"The tests that need {name} will fail: {error}")


def _say(config: pytest.Config, line: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(line)


def _program(name: str) -> Path:
    try:
        return PROGRAMS[name](os.environ, print)
    except DevclusterError as error:
        pytest.fail(f"There is no {name}: {error}", pytrace=False)


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster."""
    return Helm(_program("helm"), tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> Tool:
    """The administrator's kubectl for the control plane of the run."""
    return Tool(_program("kubectl"), {"KUBECONFIG": str(kubeconfig)})
