"""The operator's command line as its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version

import pytest


def operator(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("DDM_")}
    return subprocess.run(
        [sys.executable, "-m", "ddm_operator", *arguments],
        env=clean | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_is_the_package_s() -> None:
    ended = operator("--version")
    assert (ended.returncode, ended.stdout) == (0, f"ddm-operator, version {version('ddm-operator')}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_help_goes_to_stdout(arguments: list[str]) -> None:
    ended = operator(*arguments)
    assert ended.returncode == 0
    assert ended.stdout.startswith("Usage: ddm-operator")
    assert ended.stderr == ""


def test_a_wrong_setting_ends_the_process_at_once_with_2() -> None:
    ended = operator("run", DDM_CADENCE_SETTLE_SECONDS="30", DDM_LOG_FROMAT="json")
    assert ended.returncode == 2
    assert ended.stdout == ""
    first, *lines = ended.stderr.splitlines()
    assert first == "ddm-operator was not started; its settings are wrong:"
    assert [line.split()[0] for line in lines] == ["DDM_LOG_FROMAT", "DDM_CADENCE_SETTLE_SECONDS"]
    assert "is 30 and must be more than 160 (DDM_CADENCE_SEND_LIMIT_SECONDS 10 + " in lines[1]


def test_a_wrong_option_ends_the_process_with_2() -> None:
    ended = operator("run", "--log-level", "loud")
    assert ended.returncode == 2
    assert "DDM_LOG_LEVEL='loud'; allowed is DEBUG, INFO, WARNING or ERROR" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_command_ends_the_process_with_2() -> None:
    assert operator("fly").returncode == 2


def test_without_a_cluster_it_ends_with_1_and_a_sentence() -> None:
    ended = operator("run", "--probes-port", "0", "--log-format", "json", KUBECONFIG="/absent", HOME="/absent")
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert json.loads(line)["level"] == "ERROR"
    assert "KUBECONFIG" in json.loads(line)["message"]
