"""Does what a container engine does, without one: the Dockerfile's own steps, and the result as a container.

A stage is a root of its own, laid over the machine's system (``/usr``, read-only) and a Python (``/usr/local``) that
take the place of the base image. Steps run without a network; pip finds the locked wheels in a folder. A container has
a read-only root, the writable folders that the pod gives it, its user, no capabilities.

It needs root and Linux; mounts are made in namespaces of their own and end with the process.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.dockerfile import Recipe, Stage, pairs
from tests.support.repository import ROOT

# The base image's own, and what its ldconfig does there.
BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LD_LIBRARY_PATH": "/usr/local/lib"}

DEVICES = ("null", "zero", "random", "urandom")
MOUNT_POINTS = (
    "etc",
    "usr",
    "wheels",
    "proc",
    "dev",
    "tmp",
    "opt",
    "root",
    "var/run/secrets/kubernetes.io/serviceaccount",
)
SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Links into ``/usr`` on a system that has merged them."""

REMOVED = "removed"
"""Of a file of the base that is not in the image."""

NAMESPACE = ["unshare", "--mount", "--propagation", "private"]


@dataclass(frozen=True)
class Layer:
    """What one stage has changed, below ``/`` and below ``/usr/local``."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def local(self) -> Path:
        return self.folder / "local"


class Engine:
    """Builds images and runs containers below one folder.

    Args:
        folder: on a file system that an overlay may write to; may hold what an engine has built in it.
        python: prefix of a Python installation that has pip, of the base image's version.
        wheels: folder in which pip finds all that is locked.
    """

    def __init__(self, folder: Path, python: Path, wheels: Path) -> None:
        self.folder = folder
        self.python = python
        self.wheels = wheels
        self.bottom = folder / "bottom"
        self.mounted = folder / "mounted"
        for path in MOUNT_POINTS:
            (self.bottom / path).mkdir(parents=True, exist_ok=True)
        for name in SYSTEM:
            if Path("/", name).is_symlink() and not (self.bottom / name).is_symlink():
                (self.bottom / name).symlink_to(f"usr/{name}")
        (folder / "etc" / "ddm-operator" / "credentials").mkdir(parents=True, exist_ok=True)
        # Whoever has a number on this machine has none in the image.
        (folder / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        self.mounted.mkdir(exist_ok=True)

    def layer(self, stage: str) -> Layer:
        """What a stage has changed of its base."""
        return Layer(self.folder / f"stage-{stage}")

    def build(self, recipe: Recipe, context: Path, arguments: Mapping[str, str]) -> Layer:
        """Take all steps of all stages; what the last one has changed of its base."""
        for stage in recipe.stages:
            self._build(stage, context, arguments)
        for stage in recipe.stages[:-1]:
            shutil.rmtree(self.layer(stage.name).folder)
        return self.layer(recipe.final.name)

    def _build(self, stage: Stage, context: Path, given: Mapping[str, str]) -> None:
        layer = self.layer(stage.name)
        for path in (layer.root, layer.local, layer.folder / "root-work", layer.folder / "local-work"):
            path.mkdir(parents=True)
        environment, place = dict(BASE_ENVIRONMENT), "/"
        for instruction, value in stage.steps:
            match instruction:
                case "ARG":
                    environment |= pairs(value)
                    environment |= {name: given[name] for name in (value.partition("=")[0],) if name in given}
                case "ENV":
                    environment |= pairs(value)
                case "WORKDIR":
                    place = value
                    (layer.root / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(layer, place, shlex.split(value), context)
                case "RUN":
                    self._run(layer, place, value, environment)

    def _copy(self, layer: Layer, place: str, words: list[str], context: Path) -> None:
        option, base = "--from=", context
        if words[0].startswith(option):
            base = self.layer(words.pop(0).removeprefix(option)).root
        *sources, target = words
        goal = layer.root / os.path.join(place, target).lstrip("/")  # noqa: PTH118  # the target may be absolute
        for name in sources:
            source = base / name.lstrip("/")
            inside = goal / source.name if source.is_file() else goal
            inside.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "--archive", "--no-target-directory", source, inside], check=True)
        # Of a folder on the way, each engine has a time of its own.
        for parent in goal.relative_to(layer.root).parents:
            os.utime(layer.root / parent, (0, 0))

    def _run(self, layer: Layer, place: str, command: str, environment: Mapping[str, str]) -> None:
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}
        given = [f"{name}={value}" for name, value in {**environment, **offline}.items()]
        inside = ["chroot", self.mounted, "env", "-i", *given, "sh", "-c", f"cd {place} && {command}"]
        script = "\n".join([*self._mounts(layer, writable=True), f"exec {shlex.join(map(str, inside))}"])
        ended = subprocess.run(
            [*NAMESPACE, "--net", "sh", "-euc", script], capture_output=True, text=True, timeout=300, check=False
        )
        assert ended.returncode == 0, f"RUN {command}\nended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"

    def container(
        self,
        layer: Layer,
        command: list[str],
        environment: Mapping[str, str],
        *,
        user: int,
        group: int,
        writable: Mapping[str, int],
        mounts: Mapping[str, Path],
    ) -> list[str]:
        """The command that runs a command in a container; the process is the container's own.

        Args:
            layer: of the image.
            command: looked up on the ``PATH`` of the environment.
            environment: all of it.
            user: its number.
            group: its number, and that of its files in volumes.
            writable: folders that may be written to, with their size in bytes.
            mounts: further folders, read-only.
        """
        lines = self._mounts(layer, writable=False)
        lines += [
            f"mount -t tmpfs -o size={size},mode=0777 tmpfs {self.mounted}{path}" for path, size in writable.items()
        ]
        lines += [f"mount -o bind,ro {source} {self.mounted}{path}" for path, source in mounts.items()]
        who = [f"--reuid={user}", f"--regid={group}", f"--groups={group}"]
        without = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]
        # The stand-in for ldconfig again.
        all_of_it = {**environment, "LD_LIBRARY_PATH": BASE_ENVIRONMENT["LD_LIBRARY_PATH"]}
        given = [f"{name}={value}" for name, value in all_of_it.items()]
        inside = ["chroot", str(self.mounted), "setpriv", *who, *without, "env", "-i", *given, *command]
        return [*NAMESPACE, "sh", "-euc", "\n".join([*lines, f"exec {shlex.join(inside)}"])]

    def _mounts(self, layer: Layer, *, writable: bool) -> list[str]:
        at = self.mounted
        if writable:
            root = f"lowerdir={self.bottom},upperdir={layer.root},workdir={layer.folder}/root-work"
            local = f"lowerdir={self.python},upperdir={layer.local},workdir={layer.folder}/local-work"
        else:
            root, local = f"ro,lowerdir={layer.root}:{self.bottom}", f"ro,lowerdir={layer.local}:{self.python}"
        devices = [
            line for name in DEVICES for line in (f"touch {at}/dev/{name}", f"mount --bind /dev/{name} {at}/dev/{name}")
        ]
        return [
            f"mount -t overlay -o {root} overlay {at}",
            f"mount -o bind,ro /usr {at}/usr",
            f"mount -t overlay -o {local} overlay {at}/usr/local",
            f"mount -t overlay -o ro,lowerdir={self.folder}/etc:/etc overlay {at}/etc",
            f"mount --bind /proc {at}/proc",
            f"mount -t tmpfs -o mode=0755 tmpfs {at}/dev",
            *devices,
            f"mount -o remount,ro {at}/dev",
            *([f"mount -o bind,ro {self.wheels} {at}/wheels", f"mount -t tmpfs tmpfs {at}/tmp"] if writable else []),
        ]


def digest(layer: Layer) -> dict[str, str]:
    """Everything that an image has besides its base: by path, kind, mode, time and content."""
    return {
        f"{name}/{path.relative_to(top)}": _describe(path)
        for name, top in (("root", layer.root), ("local", layer.local))
        for path in _walk(top)
    }


def _walk(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        for name in sorted([*folders, *names]):
            yield Path(folder, name)


def _describe(path: Path) -> str:
    found = path.lstat()
    if stat.S_ISCHR(found.st_mode):
        return REMOVED
    content = ""
    if stat.S_ISLNK(found.st_mode):
        content = str(path.readlink())
    elif stat.S_ISREG(found.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid} {found.st_mtime_ns / 1e9:.3f} {content}"


def lay_out(context: Path, names: list[Path], *, time: int) -> Path:
    """A checkout with these files of the project, as of a time."""
    for name in names:
        target = context / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        os.utime(target, (time, time))
    return context
