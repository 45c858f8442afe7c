"""Fetching the published envtest archive: etcd, kube-apiserver and kubectl for one machine.

The archives are releases of kubernetes-sigs/controller-tools; its file `envtest-releases.yaml` lists each with its
address and its SHA-512, and is what setup-envtest reads too.
"""

import hashlib
import http.client
import re
import shutil
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from devcluster.cache import KUBERNETES_SERIES, KUBERNETES_VERSION, Machine, Progress, archive_folder, publish
from devcluster.errors import DevclusterError

INDEX_VARIABLE = "ENVTEST_INDEX"
"""Environment variable with the address of another index, or with nothing for no download at all."""

_INDEX = "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"
_PROGRAMS = frozenset({"etcd", "kube-apiserver", "kubectl"})

_SILENCE_SECONDS = 5.0
"""How long a server may say nothing, also while connecting: a build should not wait for what cannot be reached."""

_INDEX_SECONDS = 15.0
_ARCHIVE_SECONDS = 300.0
_INDEX_BYTES = 4 << 20
_ARCHIVE_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class _Release:
    url: str
    sha512: str


class _FetchError(Exception):
    """Says why in words that complete a sentence."""


def fetch(env: Mapping[str, str], machine: Machine, progress: Progress) -> Path:
    """Download, verify and unpack the archive into the cache. To be called under the cache's lock.

    Returns:
        The folder with the programs.

    Raises:
        DevclusterError: There is none, it cannot be reached, or it is not what its checksum says. Nothing is left.
    """
    index = env.get(INDEX_VARIABLE, _INDEX)
    if not index:
        raise DevclusterError(f"The published archive was not asked for: {INDEX_VARIABLE} is empty.")
    folder = archive_folder(env, machine)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder.parent) as workshop:
        archive, programs = Path(workshop) / "archive", Path(workshop) / "programs"
        try:
            release = _find_release(index, machine)
            progress(f"downloading {release.url}")
            _download(release, archive)
            _unpack(archive, programs)
        except _FetchError as error:
            raise DevclusterError(f"The published archive could not be had: {error}.") from error
        shutil.rmtree(folder, ignore_errors=True)
        publish(programs, folder)
    return folder


def _find_release(index: str, machine: Machine) -> _Release:
    """The archive of our version, or else the newest one of its series."""
    text = b"".join(_read(index, _INDEX_SECONDS, _INDEX_BYTES)).decode(errors="replace")
    # The index has one shape, two levels below the version; a YAML reader is not part of the standard library.
    name = rf"envtest-{re.escape(KUBERNETES_SERIES)}\.(\d+)-{machine.name}\.tar\.gz"
    releases = {}
    for patch, entry in re.findall(rf"^ +{name}:\n((?: +(?:hash|selfLink): \S+\n?)+)", text, re.MULTILINE):
        fields = dict(re.findall(r"(hash|selfLink): (\S+)", entry))
        if fields.keys() == {"hash", "selfLink"}:
            releases[int(patch)] = _Release(fields["selfLink"], fields["hash"])
    if not releases:
        raise _FetchError(f"{index} lists none of {KUBERNETES_SERIES} for {machine.name}")
    ours = int(KUBERNETES_VERSION.rpartition(".")[2])
    return releases.get(ours) or releases[max(releases)]


def _download(release: _Release, archive: Path) -> None:
    digest = hashlib.sha512()
    with archive.open("wb") as file:
        for chunk in _read(release.url, _ARCHIVE_SECONDS, _ARCHIVE_BYTES):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != release.sha512.lower():
        raise _FetchError(f"{release.url} is not what its checksum says (SHA-512)")


def _read(url: str, limit_seconds: float, limit_bytes: int) -> Iterator[bytes]:
    """Yield a body in pieces; whatever goes wrong, and a body shorter than announced, is a `_FetchError`."""
    if urlsplit(url).scheme not in {"https", "http"}:
        raise _FetchError(f"{url} is no address of a web server")
    deadline = time.monotonic() + limit_seconds
    received = 0
    try:
        with urllib.request.urlopen(url, timeout=_SILENCE_SECONDS) as response:  # noqa: S310 -- the scheme was looked at
            announced = response.headers.get("Content-Length")
            while chunk := response.read1(_CHUNK_BYTES):
                received += len(chunk)
                if time.monotonic() > deadline:
                    raise _FetchError(f"{url} took longer than {limit_seconds:.0f} s")
                if received > limit_bytes:
                    raise _FetchError(f"{url} is larger than {limit_bytes} bytes")
                yield chunk
    except urllib.error.HTTPError as error:
        error.close()  # it is the response, too
        raise _FetchError(f"{url} was answered with {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _FetchError(f"{url} cannot be reached: {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _FetchError(f"{url} cannot be read: {error}") from error
    if announced is not None and received != int(announced):
        raise _FetchError(f"{url} ended after {received} of {announced} bytes")


def _unpack(archive: Path, programs: Path) -> None:
    """Write the programs under names of ours: no path of the archive is ever used."""
    programs.mkdir()
    try:
        with tarfile.open(archive, "r:gz") as contents:
            for member in contents:
                path = PurePosixPath(member.name)
                if path.is_absolute() or ".." in path.parts:
                    raise _FetchError(f"the archive has a path that leads out of it: {member.name}")
                body = contents.extractfile(member) if member.isreg() and path.name in _PROGRAMS else None
                if body:
                    _write_program(body, programs / path.name)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _FetchError(f"the archive cannot be unpacked: {error}") from error
    if missing := _PROGRAMS - {"kubectl"} - {path.name for path in programs.iterdir()}:
        raise _FetchError(f"the archive has no {' and no '.join(sorted(missing))}")


def _write_program(body: IO[bytes], path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(body, file)
    path.chmod(0o755)
