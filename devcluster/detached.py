"""One control plane per user that lives until it is ended: `make cluster` and `make cluster-down`.

A symbolic link in the cache folder names its temporary folder, and thereby gives its kubeconfig a path that stays.
"""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from devcluster.cache import Progress, cache_folder, locked
from devcluster.embedded import END_TIMEOUT_SECONDS
from devcluster.errors import DevclusterError
from devcluster.home import Home
from devcluster.process import ControlPlane
from devcluster.readiness import POLL_SECONDS, read_report


def running(env: Mapping[str, str]) -> Home | None:
    """The folder, by its lasting path, of the control plane that runs; None when none does."""
    home = Home(_link(env))
    return home if home.is_alive() else None


def up(env: Mapping[str, str], progress: Progress, *, audit: bool) -> Home:
    """Start it unless it runs; returns its folder by the lasting path.

    Raises:
        DevclusterError: It did not start, or `CLUSTER` names a cluster of the user's own.
    """
    with locked(cache_folder(env) / "cluster.lock", lambda: progress("another run is starting it: waiting")):
        if home := running(env):
            progress("the control plane runs already")
            return home
        if env.get("CLUSTER"):
            raise DevclusterError(
                f"CLUSTER={env['CLUSTER']} is set: there is nothing to start.",
                advice=["Unset CLUSTER to start the embedded control plane."],
            )
        with ControlPlane.start(progress, audit=audit, env=env) as control_plane:
            _point(_link(env), control_plane.kubeconfig.parent)
            control_plane.detach()
        return Home(_link(env))


def down(env: Mapping[str, str]) -> bool:
    """End it and remove its data; returns whether there was one.

    Raises:
        DevclusterError: It does not end.
    """
    with locked(cache_folder(env) / "cluster.lock", lambda: None):
        home = running(env)
        if home:
            _end(Home(home.path.resolve()))
        _link(env).unlink(missing_ok=True)
    return home is not None


def _link(env: Mapping[str, str]) -> Path:
    return cache_folder(env) / "cluster"


def _point(link: Path, folder: Path) -> None:
    unfinished = link.with_name("cluster.new")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(folder)
    unfinished.replace(link)


def _end(home: Home) -> None:
    """Ask the guard to end. Its lock was seen held: the process id in its report is its own, not one used again."""
    if report := read_report(home):
        os.kill(report.guard, signal.SIGTERM)
    deadline = time.monotonic() + END_TIMEOUT_SECONDS
    while home.is_alive():
        if time.monotonic() > deadline:
            raise DevclusterError(
                f"The control plane in {home.path} did not end within {END_TIMEOUT_SECONDS:.0f} s.",
                advice=[f"Look at its log: {home.log}", "End its processes yourself: their ids are in processes.json."],
            )
        time.sleep(POLL_SECONDS)
