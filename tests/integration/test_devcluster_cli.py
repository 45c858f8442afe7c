"""`python -m devcluster`: a control plane that lives until it is ended."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devcluster.commands import Assets
from devcluster.find import find
from devcluster.foreign import ForeignCluster

REPOSITORY = Path(__file__).parents[2]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs a command with a cache of its own, in which there are the programs of the user's."""
    found = find(os.environ, print)
    if isinstance(found, ForeignCluster):
        # Whoever sets a cluster of their own has all other tests run in it; ours is not built then.
        pytest.skip("there is nothing to start with a cluster of the user's own")
    assets = tmp_path / "assets"
    assets.mkdir()
    etcd, kube_apiserver = (
        (found.etcd, found.kube_apiserver) if isinstance(found, Assets) else (found.program, found.program)
    )
    (assets / "etcd").symlink_to(etcd)
    (assets / "kube-apiserver").symlink_to(kube_apiserver)
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "KUBEBUILDER_ASSETS": str(assets)}

    def command(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "devcluster", *arguments],
            cwd=REPOSITORY,
            env=env | variables,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    yield command
    command("down")


def test_up_and_down(run: Run) -> None:
    assert run("status").returncode == 3

    up = run("up")
    assert up.returncode == 0, up.stderr
    kubeconfig = Path(up.stdout.strip())
    assert kubeconfig.is_file()
    assert f"export KUBECONFIG={kubeconfig}" in up.stderr
    folder = kubeconfig.parent.resolve()

    status = json.loads(run("status").stdout)
    assert status["kubeconfig"] == str(kubeconfig)
    assert status["auditLog"] is None

    again = run("up")
    assert again.stdout == up.stdout
    assert "runs already" in again.stderr
    assert json.loads(run("status").stdout)["pids"] == status["pids"]

    down = run("down")
    assert (down.returncode, "data are removed" in down.stderr) == (0, True)
    assert not folder.exists()
    assert not kubeconfig.exists()
    assert run("status").returncode == 3
    assert "none was running" in run("down").stderr


def test_the_audit_log_is_kept_on_request(run: Run) -> None:
    run("up", "--audit")
    assert Path(json.loads(run("status").stdout)["auditLog"]).is_file()


def test_up_starts_nothing_beside_a_cluster_of_the_users_own(run: Run) -> None:
    refused = run("up", CLUSTER="kubeconfig")
    assert refused.returncode == 1
    assert refused.stderr.startswith("CLUSTER=kubeconfig is set: there is nothing to start.")
    assert run("status").returncode == 3


def test_binary_prints_what_was_found(run: Run, tmp_path: Path) -> None:
    assert run("binary").stdout.splitlines() == [
        str(tmp_path / "assets" / "etcd"),
        str(tmp_path / "assets" / "kube-apiserver"),
    ]


def test_a_wrong_word_is_explained_without_a_traceback(run: Run) -> None:
    refused = run("binary", KUBEBUILDER_ASSETS="/nowhere")
    assert refused.returncode == 1
    assert "KUBEBUILDER_ASSETS=/nowhere has no programs named etcd and kube-apiserver" in refused.stderr
    assert "Traceback" not in refused.stderr
