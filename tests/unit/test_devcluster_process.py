"""Starts that fail, and clusters that are not ours. The programs are stand-ins that fail in known ways."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devcluster import ControlPlane, DevclusterError
from devcluster.home import Home


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "assets").mkdir()
    return {"KUBEBUILDER_ASSETS": str(tmp_path / "assets"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def assets(tmp_path: Path) -> Callable[[str, str], None]:
    def write(etcd: str, kube_apiserver: str) -> None:
        for name, script in (("etcd", etcd), ("kube-apiserver", kube_apiserver)):
            program = tmp_path / "assets" / name
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)

    return write


def until_written(path: Path) -> str:
    """Shell words that wait for a file with something in it."""
    return f"while [ ! -s {path} ]; do sleep 0.02; done"


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_start_that_fails_says_why_and_leaves_only_its_log(
    env: dict[str, str], temporary: Path, tmp_path: Path, assets: Callable[[str, str], None]
) -> None:
    assets(
        f"echo $$ > {tmp_path}/etcd.pid; exec sleep 600",
        f'{until_written(tmp_path / "etcd.pid")}; echo "bind: permission denied"; exit 7',
    )
    with pytest.raises(DevclusterError) as failure:
        ControlPlane.start(lambda _: None, env=env)
    text = str(failure.value)
    assert text.startswith("The control plane did not start: kube-apiserver ended with exit code 7.")
    assert "bind: permission denied" in text
    kept = tmp_path / "cache" / "ddm-operator" / "last-failure.log"
    assert str(kept) in text
    assert "bind: permission denied" in kept.read_text()
    assert list(temporary.iterdir()) == []
    assert not is_running(int((tmp_path / "etcd.pid").read_text()))


def test_an_etcd_that_ends_ends_the_start(
    env: dict[str, str], temporary: Path, assets: Callable[[str, str], None]
) -> None:
    assets("kill -9 $$", "exec sleep 600")
    with pytest.raises(DevclusterError, match="etcd ended with signal SIGKILL"):
        ControlPlane.start(lambda _: None, env=env)
    assert list(temporary.iterdir()) == []


def test_a_program_that_is_none_is_said(
    env: dict[str, str], temporary: Path, tmp_path: Path, assets: Callable[[str, str], None]
) -> None:
    assets("exec sleep 600", "")
    (tmp_path / "assets" / "kube-apiserver").write_bytes(b"\x7fELF")
    with pytest.raises(DevclusterError, match="kube-apiserver could not be started"):
        ControlPlane.start(lambda _: None, env=env)
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("temporary")
def test_the_two_programs_get_one_socket_and_no_other_port(
    env: dict[str, str], tmp_path: Path, assets: Callable[[str, str], None]
) -> None:
    assets(
        f'echo "$@" > {tmp_path}/etcd.args; exec sleep 600',
        f'echo "$@" > {tmp_path}/server.args; {until_written(tmp_path / "etcd.args")}; exit 1',
    )
    with pytest.raises(DevclusterError):
        ControlPlane.start(lambda _: None, env=env)
    server = (tmp_path / "server.args").read_text().split()
    etcd = (tmp_path / "etcd.args").read_text().split()
    (socket,) = [flag.partition("=")[2] for flag in etcd if flag.startswith("--listen-client-urls=")]
    assert socket.startswith("unix:///")
    assert f"--etcd-servers={socket}" in server
    assert "--authorization-mode=RBAC" in server
    assert "--bind-address=127.0.0.1" in server


def test_a_cluster_of_the_users_own_is_wrapped_and_left_alone(tmp_path: Path) -> None:
    config = {
        "current-context": "mine",
        "contexts": [{"name": "mine", "context": {"cluster": "home"}}],
        "clusters": [{"name": "home", "cluster": {"server": "https://cluster.example:6443"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    env = {"CLUSTER": "kubeconfig", "KUBECONFIG": str(tmp_path / "kubeconfig")}
    with ControlPlane.start(lambda _: None, env=env) as control_plane:
        assert control_plane.kubeconfig == tmp_path / "kubeconfig"
        assert control_plane.server == "https://cluster.example:6443"
        assert (control_plane.audit_log, control_plane.token, control_plane.pid) == (None, None, None)
        with pytest.raises(DevclusterError, match="it is a cluster of your own"):
            control_plane.crash()
    assert (tmp_path / "kubeconfig").exists()


def test_secrets_are_in_no_command_line(
    env: dict[str, str], temporary: Path, tmp_path: Path, assets: Callable[[str, str], None]
) -> None:
    assets(
        f"cp {temporary}/*/tokens.csv {tmp_path}/tokens.csv; exec sleep 600",
        f'echo "$@" > {tmp_path}/server.args; {until_written(tmp_path / "tokens.csv")}; exit 1',
    )
    with pytest.raises(DevclusterError) as failure:
        ControlPlane.start(lambda _: None, env=env)
    token = (tmp_path / "tokens.csv").read_text().split(",")[0]
    assert len(token) > 40
    assert token not in (tmp_path / "server.args").read_text()
    assert token not in str(failure.value)


def test_a_home_has_everything_below_one_folder(tmp_path: Path) -> None:
    home = Home(tmp_path)
    paths = [home.etcd, home.ca_file, home.tokens, home.audit_log, home.log, home.kubeconfig, home.lock, home.processes]
    assert all(path.is_relative_to(tmp_path) for path in paths)
