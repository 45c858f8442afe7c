"""The published archive, from a web server of this test."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

from devcluster import fetch as fetch_module
from devcluster.cache import Machine
from devcluster.errors import DevclusterError
from devcluster.fetch import fetch

MACHINE = Machine("linux", "amd64")
PROGRAMS = {f"controller-tools/envtest/{name}": name.encode() for name in ("etcd", "kube-apiserver", "kubectl")}


@dataclass
class Site:
    """What a server of archives answers."""

    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    announced_bytes: int | None = None
    silent: threading.Event = field(default_factory=threading.Event)

    def publish(self, archive: bytes, *, version: str = "v1.36.2", sha512: str | None = None) -> None:
        name = f"envtest-{version}-linux-amd64.tar.gz"
        index = self.bodies.get("/index.yaml", b"releases:\n").decode()
        index += f"  {version}:\n"
        for listed in (name.replace("amd64", "arm64"), name):
            index += f"    {listed}:\n      hash: {sha512 or hashlib.sha512(archive).hexdigest()}\n"
            index += f"      selfLink: {self.url}/{listed}\n"
        self.bodies["/index.yaml"] = index.encode()
        self.bodies[f"/{name}"] = archive

    def env(self, cache: Path) -> dict[str, str]:
        return {"XDG_CACHE_HOME": str(cache), "ENVTEST_INDEX": f"{self.url}/index.yaml"}


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        known: ClassVar[Site] = site

        def do_GET(self) -> None:
            body = self.known.bodies.get(self.path)
            if body is None:
                self.send_error(404)
                return
            if body == b"":
                self.known.silent.wait()
                return
            announced = self.known.announced_bytes if self.path.endswith(".gz") else None
            self.send_response(200)
            self.send_header("Content-Length", str(announced or len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False  # the end of the server is the end of its threads and of their sockets

    with Server(("127.0.0.1", 0), Handler) as server:
        site.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        site.silent.set()
        server.shutdown()
        thread.join()


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def refused(site: Site, cache: Path) -> str:
    """Fetch in vain; returns why. Nothing may be left."""
    with pytest.raises(DevclusterError) as failure:
        fetch(site.env(cache), MACHINE, lambda _: None)
    assert list((cache / "ddm-operator").iterdir()) == []
    return str(failure.value)


def test_a_good_archive_becomes_a_folder_of_programs(site: Site, tmp_path: Path) -> None:
    site.publish(packed(PROGRAMS))
    said: list[str] = []
    folder = fetch(site.env(tmp_path), MACHINE, said.append)
    assert said == [f"downloading {site.url}/envtest-v1.36.2-linux-amd64.tar.gz"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "etcd": b"etcd",
        "kube-apiserver": b"kube-apiserver",
        "kubectl": b"kubectl",
    }
    assert all(path.stat().st_mode & 0o111 for path in folder.iterdir())
    assert list(folder.parent.iterdir()) == [folder]


def test_our_version_comes_before_a_newer_one_of_its_series(site: Site, tmp_path: Path) -> None:
    for version, content in (("v1.36.10", b"newer"), ("v1.36.2", b"ours"), ("v1.37.0", b"next")):
        site.publish(packed(dict.fromkeys(PROGRAMS, content)), version=version)
    assert (fetch(site.env(tmp_path), MACHINE, lambda _: None) / "etcd").read_bytes() == b"ours"


def test_without_our_version_the_newest_of_its_series_will_do(site: Site, tmp_path: Path) -> None:
    for version, content in (("v1.36.9", b"older"), ("v1.36.10", b"newest"), ("v1.37.0", b"next")):
        site.publish(packed(dict.fromkeys(PROGRAMS, content)), version=version)
    assert (fetch(site.env(tmp_path), MACHINE, lambda _: None) / "etcd").read_bytes() == b"newest"


def test_an_index_without_our_series_is_said(site: Site, tmp_path: Path) -> None:
    site.publish(packed(PROGRAMS), version="v1.35.0")
    assert "lists none of v1.36 for linux-amd64" in refused(site, tmp_path)


def test_a_wrong_checksum_is_refused(site: Site, tmp_path: Path) -> None:
    site.publish(packed(PROGRAMS), sha512="0" * 128)
    assert "is not what its checksum says (SHA-512)" in refused(site, tmp_path)


def test_a_truncated_archive_is_refused(site: Site, tmp_path: Path) -> None:
    archive = packed(PROGRAMS)
    site.publish(archive)
    site.announced_bytes = len(archive) + 100
    assert f"after {len(archive)} of {len(archive) + 100} bytes" in refused(site, tmp_path)


def test_an_archive_cut_before_it_was_published_is_refused(site: Site, tmp_path: Path) -> None:
    site.publish(packed({name: body * 100_000 for name, body in PROGRAMS.items()})[:-200])
    assert "cannot be unpacked" in refused(site, tmp_path)


def test_an_index_that_is_not_there_is_said(site: Site, tmp_path: Path) -> None:
    assert "was answered with 404" in refused(site, tmp_path)


def test_an_archive_that_is_not_there_is_said(site: Site, tmp_path: Path) -> None:
    site.publish(packed(PROGRAMS))
    del site.bodies["/envtest-v1.36.2-linux-amd64.tar.gz"]
    assert "was answered with 404" in refused(site, tmp_path)


def test_a_silent_server_is_not_waited_for(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_module, "_SILENCE_SECONDS", 0.2)
    site.bodies["/index.yaml"] = b""
    assert "timed out" in refused(site, tmp_path)


def test_a_slow_server_has_a_deadline(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_module, "_ARCHIVE_SECONDS", 0.0)
    site.publish(packed(PROGRAMS))
    assert "took longer than 0 s" in refused(site, tmp_path)


def test_a_server_that_is_not_there_is_said(site: Site, tmp_path: Path) -> None:
    site.url = "http://127.0.0.1:1"
    assert "cannot be reached" in refused(site, tmp_path)


@pytest.mark.parametrize("path", ["../../etcd", "/etc/etcd", "controller-tools/../../etcd"])
def test_a_path_that_leads_out_of_the_archive_is_refused(site: Site, tmp_path: Path, path: str) -> None:
    site.publish(packed({**PROGRAMS, path: b"evil"}))
    assert f"leads out of it: {path}" in refused(site, tmp_path)


def test_a_link_is_never_followed(site: Site, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("etcd", "kube-apiserver"):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/bin/sh"
            archive.addfile(member)
    site.publish(buffer.getvalue())
    assert "has no etcd and no kube-apiserver" in refused(site, tmp_path)


def test_an_address_that_is_no_web_server_is_refused(site: Site, tmp_path: Path) -> None:
    site.url = "file:///etc"
    assert "is no address of a web server" in refused(site, tmp_path)


def test_an_empty_variable_means_no_download(tmp_path: Path) -> None:
    with pytest.raises(DevclusterError, match="ENVTEST_INDEX is empty"):
        fetch({"XDG_CACHE_HOME": str(tmp_path), "ENVTEST_INDEX": ""}, MACHINE, lambda _: None)
