"""The operator's command line as its own process."""

from __future__ import annotations

import base64
import json
from importlib.metadata import version
from pathlib import Path

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


def test_authorities_that_are_none_end_it_with_2_before_it_waits_for_its_turn(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    ended = command("run", DDM_CLOUD_CA_FILE=str(tmp_path / "ca.pem"))
    assert ended.returncode == 2
    [_, line] = ended.stderr.splitlines()
    assert line.strip().startswith(f"DDM_CLOUD_CA_FILE='{tmp_path}/ca.pem'; allowed is path of a PEM file")


@pytest.mark.parametrize("authorities", ["no certificate", None], ids=["no-certificate", "no-kubeconfig"])
def test_a_kubeconfig_that_cannot_be_used_ends_it_with_1_and_a_sentence(
    tmp_path: Path, authorities: str | None
) -> None:
    path = tmp_path / "config"
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": _base64(authorities or "")}
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "secret-token"}}],
    }
    path.write_text(json.dumps(config) if authorities else "\0{broken: secret-token")
    ended = command("run", "--probes-port", "0", "--log-format", "json", KUBECONFIG=str(path))
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert "cannot be used" in json.loads(line)["message"]
    assert "secret-token" not in line


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
