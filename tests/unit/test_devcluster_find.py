"""Which control plane is taken, and in which order the ways are tried."""

import functools
import hashlib
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from devcluster.cache import archive_folder, build_folder, this_machine
from devcluster.commands import Assets, OneProgram
from devcluster.errors import DevclusterError
from devcluster.find import find
from devcluster.foreign import ForeignCluster


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Everything that can be found is there at once; the tests take it away from the front."""
    config = {
        "current-context": "mine",
        "contexts": [{"name": "mine", "context": {"cluster": "home", "user": "me"}}],
        "clusters": [{"name": "home", "cluster": {"server": "https://cluster.example:6443"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    env = {
        "CLUSTER": "kubeconfig",
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        "KUBEBUILDER_ASSETS": str(tmp_path / "assets"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "ENVTEST_INDEX": "",
        "PATH": "",
    }
    program(tmp_path / "assets" / "etcd")
    program(tmp_path / "assets" / "kube-apiserver")
    program(build_folder(env, this_machine()) / "controlplane")
    program(archive_folder(env, this_machine()) / "etcd")
    program(archive_folder(env, this_machine()) / "kube-apiserver")
    return env


def found(env: dict[str, str]) -> Assets | OneProgram | ForeignCluster:
    return find(env, lambda _: None)


def test_first_comes_the_cluster_that_was_asked_for(env: dict[str, str]) -> None:
    assert found(env) == ForeignCluster(Path(env["KUBECONFIG"]), "https://cluster.example:6443")


def test_a_kubeconfig_alone_is_never_taken(env: dict[str, str]) -> None:
    del env["CLUSTER"]
    folder = Path(env["KUBEBUILDER_ASSETS"])
    assert found(env) == Assets(folder / "etcd", folder / "kube-apiserver")


def test_third_comes_a_build_in_the_cache(env: dict[str, str]) -> None:
    del env["CLUSTER"], env["KUBEBUILDER_ASSETS"]
    assert found(env) == OneProgram(build_folder(env, this_machine()) / "controlplane")


def test_or_a_download_in_the_cache(env: dict[str, str]) -> None:
    del env["CLUSTER"], env["KUBEBUILDER_ASSETS"]
    (build_folder(env, this_machine()) / "controlplane").unlink()
    folder = archive_folder(env, this_machine())
    assert found(env) == Assets(folder / "etcd", folder / "kube-apiserver")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server of the folder `site`; its address."""
    (tmp_path / "site").mkdir()
    handler = functools.partial(QuietHandler, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


def publish(folder: Path, site: str) -> None:
    """Put an archive and its index where the web server has them."""
    name = f"envtest-v1.36.2-{this_machine().name}.tar.gz"
    with tarfile.open(folder / name, "w:gz") as archive:
        for asset in ("etcd", "kube-apiserver"):
            archive.add(program(folder / asset), f"controller-tools/envtest/{asset}")
    sha512 = hashlib.sha512((folder / name).read_bytes()).hexdigest()
    entry = f"    {name}:\n      hash: {sha512}\n      selfLink: {site}/{name}\n"
    (folder / "index.yaml").write_text(f"releases:\n  v1.36.2:\n{entry}")


def test_fourth_comes_the_published_archive_and_it_is_kept(tmp_path: Path, site: str) -> None:
    publish(tmp_path / "site", site)
    env = {"XDG_CACHE_HOME": str(tmp_path / "empty"), "ENVTEST_INDEX": f"{site}/index.yaml", "PATH": ""}
    folder = archive_folder(env, this_machine())
    said: list[str] = []
    assert find(env, said.append) == Assets(folder / "etcd", folder / "kube-apiserver")
    assert find(env, said.append) == Assets(folder / "etcd", folder / "kube-apiserver")
    assert len(said) == 1
    assert said[0].startswith(f"downloading {site}")


def test_fifth_comes_a_build(tmp_path: Path, site: str) -> None:
    (tmp_path / "site" / "index.yaml").write_text("releases:\n")
    env = {
        "XDG_CACHE_HOME": str(tmp_path / "empty"),
        "ENVTEST_INDEX": f"{site}/index.yaml",
        "PATH": str(tmp_path / "bin"),
    }
    go = program(tmp_path / "bin" / "go")
    go.write_text('#!/bin/sh\nif [ "$1" = env ]; then echo go1.26.0; else echo no space left; exit 1; fi\n')
    said: list[str] = []
    with pytest.raises(DevclusterError) as failure:
        find(env, said.append)
    assert "lists none of v1.36" in said[0]
    assert said[1].startswith("building controlplane")
    text = str(failure.value)
    assert text.startswith("controlplane could not be built. go build failed with exit code 1.")
    assert "lists none of v1.36" in text
    assert "no space left" in text
    assert "KUBEBUILDER_ASSETS" in text


def test_assets_that_lack_a_program_are_an_error_and_not_passed_over(env: dict[str, str]) -> None:
    del env["CLUSTER"]
    (Path(env["KUBEBUILDER_ASSETS"]) / "etcd").chmod(0o644)
    with pytest.raises(DevclusterError, match="no programs named etcd and kube-apiserver"):
        found(env)


def test_an_unknown_cluster_is_an_error(env: dict[str, str]) -> None:
    env["CLUSTER"] = "kind"
    with pytest.raises(DevclusterError, match="CLUSTER=kind is not known"):
        found(env)


@pytest.mark.parametrize(
    ("kubeconfig", "message"),
    [
        (None, "KUBECONFIG is not set"),
        ("/nowhere", "is not a file"),
        ("a:b", "is not a file"),
        ("{}", "has no current context"),
        ("- 1", "has no current context"),
        ("{", "has no current context"),
        ('{"current-context": "", "contexts": [], "clusters": []}', "has no current context"),
    ],
)
def test_a_kubeconfig_that_names_no_cluster_is_an_error(
    env: dict[str, str], tmp_path: Path, kubeconfig: str | None, message: str
) -> None:
    del env["KUBECONFIG"]
    if kubeconfig is not None:
        env["KUBECONFIG"] = kubeconfig
        if kubeconfig[0] in "{-":
            (tmp_path / "broken").write_text(kubeconfig)
            env["KUBECONFIG"] = str(tmp_path / "broken")
    with pytest.raises(DevclusterError, match=message):
        found(env)


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DevclusterError, match="Set XDG_CACHE_HOME"):
        found({"XDG_CACHE_HOME": str(tmp_path / "file"), "PATH": os.environ["PATH"]})
