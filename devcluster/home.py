"""The temporary folder of one control plane: what lies where, and whether its guard still lives.

A folder belongs to whoever holds the lock on its `guard.lock`. The operating system gives a lock back when its holder
ends, however it ends, so that a free lock is proof that a folder may be removed.
"""

import fcntl
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import DevclusterError

_PREFIX = f"ddm-operator-{os.getuid()}-"

_SOCKET_NAME_BYTES = len("/etcd/etcd.sock")
_MAX_SOCKET_PATH_BYTES = 103
"""Longest path of a unix socket on every supported system (bytes): Linux keeps 107, macOS 103."""

_UNLOCKED_GRACE_SECONDS = 3600.0
"""A folder without a lock file may be in the making; after this long it is not."""


@dataclass(frozen=True)
class Home:
    """Paths of one control plane, all below `path`."""

    path: Path

    @property
    def etcd(self) -> Path:
        """The data and the unix socket of etcd."""
        return self.path / "etcd"

    @property
    def certificates(self) -> Path:
        """Where kube-apiserver makes its own serving certificate."""
        return self.path / "certificates"

    @property
    def ca_file(self) -> Path:
        """The serving certificate with its issuer, good for 127.0.0.1 and not for localhost."""
        return self.certificates / "apiserver.crt"

    @property
    def service_account_key(self) -> Path:
        """Private key that signs service account tokens."""
        return self.path / "service-account.key"

    @property
    def tokens(self) -> Path:
        """kube-apiserver's table of static tokens."""
        return self.path / "tokens.csv"

    @property
    def audit_policy(self) -> Path:
        """What the audit log tells."""
        return self.path / "audit-policy.json"

    @property
    def audit_log(self) -> Path:
        """One JSON audit event a line."""
        return self.path / "audit.log"

    @property
    def log(self) -> Path:
        """What etcd and kube-apiserver print."""
        return self.path / "control-plane.log"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; it exists once the control plane is ready."""
        return self.path / "kubeconfig"

    @property
    def commands(self) -> Path:
        """What the guard runs: a JSON list of argument lists."""
        return self.path / "commands.json"

    @property
    def processes(self) -> Path:
        """What the guard reports."""
        return self.path / "processes.json"

    @property
    def lock(self) -> Path:
        """Held by the guard as long as it lives."""
        return self.path / "guard.lock"

    def is_alive(self) -> bool:
        """Whether a guard holds this folder."""
        try:
            descriptor = os.open(self.lock, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)


def create_home() -> tuple[Home, int]:
    """Make a new folder and lock it.

    Returns:
        The folder, and the descriptor that holds its lock: to be handed to the guard and closed here.

    Raises:
        DevclusterError: The system's folder for temporary files has too long a path for a unix socket.
    """
    path = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    if len(os.fsencode(path)) + _SOCKET_NAME_BYTES > _MAX_SOCKET_PATH_BYTES:
        path.rmdir()
        raise DevclusterError(
            f"The folder for temporary files, {path.parent}, has too long a path: etcd listens on a unix socket in it, "
            f"whose path may have {_MAX_SOCKET_PATH_BYTES} bytes.",
            advice=["Set TMPDIR to a folder with a shorter path, for example TMPDIR=/tmp."],
        )
    home = Home(path)
    # Locked before it has its name: nobody ever sees a lock file that is free because it is new.
    unnamed = path / "guard.lock.new"
    descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    unnamed.rename(home.lock)
    return home, descriptor


def remove_abandoned_homes(now: float | None = None) -> list[Path]:
    """Remove the folders whose guard was killed before it could; returns them.

    Args:
        now: Seconds since the epoch; the clock's when absent.
    """
    now = time.time() if now is None else now
    abandoned = [path for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if _is_abandoned(path, now)]
    for path in abandoned:
        shutil.rmtree(path, ignore_errors=True)
    return abandoned


def _is_abandoned(path: Path, now: float) -> bool:
    try:
        if path.stat().st_uid != os.getuid():
            return False
        if Home(path).lock.exists():
            return not Home(path).is_alive()
        return now - path.stat().st_mtime > _UNLOCKED_GRACE_SECONDS
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
