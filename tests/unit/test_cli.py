"""The command line, without starting anything."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner, Result

from ddm_operator.__main__ import main
from ddm_operator.environment import variables


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("DDM_"):
            monkeypatch.delenv(name)


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="ddm-operator", terminal_width=100)


def test_help_names_the_command_and_the_exit_codes() -> None:
    answer = ask("--help")
    assert answer.exit_code == 0
    for line in ("run     Run the operator.", "doctor  Check everything", "export  Write manifests"):
        assert line in answer.output
    assert "2  an option or a setting is wrong" in answer.output


def test_help_of_run_names_the_variable_of_each_option() -> None:
    answer = ask("run", "--help")
    named = {variable.name for variable in variables() if f"[{variable.name}" in " ".join(answer.output.split())}
    assert named == {
        "DDM_NAMESPACES",
        "DDM_CLOUD_REGION",
        "DDM_LEASE_ENABLED",
        "DDM_PROBES_PORT",
        "DDM_LOG_FORMAT",
        "DDM_LOG_LEVEL",
    }
    assert max(map(len, answer.output.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--log-format", "xml"], "DDM_LOG_FORMAT='xml'; allowed is auto, text or json"),
        (["--namespace", "shop", "--namespace", "Orders"], "DDM_NAMESPACES='Orders'; allowed is a namespace's name"),
        (["--namespace", "shop,Orders"], "DDM_NAMESPACES='Orders'; allowed is a namespace's name"),
        (["--probes-port", "http"], "DDM_PROBES_PORT='http'; allowed is a whole number from 0 to 65535"),
        (["--unknown"], "No such option"),
    ],
)
def test_a_wrong_option_ends_with_2_and_one_message(arguments: list[str], said: str) -> None:
    answer = ask("run", *arguments)
    assert answer.exit_code == 2
    assert said in answer.output
    assert "Traceback" not in answer.output
