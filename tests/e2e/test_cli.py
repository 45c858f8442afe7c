"""The operator's command line as its own process."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest

from tests.support.commands import command


def test_the_version_is_the_package_s() -> None:
    ended = command("--version")
    assert (ended.returncode, ended.stdout) == (0, f"ddm-operator, version {version('ddm-operator')}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["doctor", "--help"], ["export", "--help"]])
def test_help_goes_to_stdout(arguments: list[str]) -> None:
    ended = command(*arguments)
    assert ended.returncode == 0
    assert ended.stdout.startswith("Usage: ddm-operator")
    assert ended.stderr == ""


def test_a_wrong_setting_ends_the_process_at_once_with_2() -> None:
    ended = command("run", DDM_CADENCE_SETTLE_SECONDS="30", DDM_LOG_FROMAT="json")
    assert ended.returncode == 2
    assert ended.stdout == ""
    first, *lines = ended.stderr.splitlines()
    assert first == "ddm-operator was not started; its settings are wrong:"
    assert [line.split()[0] for line in lines] == ["DDM_LOG_FROMAT", "DDM_CADENCE_SETTLE_SECONDS"]
    assert "is 30 and must be more than 160 (DDM_CADENCE_SEND_LIMIT_SECONDS 10 + " in lines[1]


def test_a_wrong_option_ends_the_process_with_2() -> None:
    ended = command("run", "--log-level", "loud")
    assert ended.returncode == 2
    assert "DDM_LOG_LEVEL='loud'; allowed is DEBUG, INFO, WARNING or ERROR" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_command_ends_the_process_with_2() -> None:
    assert command("fly").returncode == 2


def test_without_a_cluster_it_ends_with_1_and_a_sentence() -> None:
    ended = command("run", "--probes-port", "0", "--log-format", "json", KUBECONFIG="/absent", HOME="/absent")
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert json.loads(line)["level"] == "ERROR"
    assert "KUBECONFIG" in json.loads(line)["message"]
