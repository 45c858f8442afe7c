"""An older Kubernetes, for `make test-matrix`: the same program, with the versions that `older/go.mod` pins.

    python -m devcluster.older

prints the folder to name in `KUBEBUILDER_ASSETS`.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from devcluster.build import build, locked_for_making, target_folder
from devcluster.cache import COMMON_FLAGS, SOURCES, Progress, is_program, this_machine
from devcluster.errors import DevclusterError
from devcluster.estimate import CONTROL_PLANE, Target

PINS = SOURCES / "older"

_NAMES = ("etcd", "kube-apiserver")


def older_version() -> str:
    """The version of Kubernetes that is pinned, such as `v1.33.13`."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", (PINS / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise DevclusterError(f"{PINS / 'go.mod'} names no version of k8s.io/kubernetes.")
    return found[1]


def assets(env: Mapping[str, str], progress: Progress) -> Path:
    """A folder with etcd and kube-apiserver, out of the cache or built into it.

    Raises:
        DevclusterError: They could not be built.
    """
    machine = this_machine()
    version = older_version()
    target = Target(
        f"controlplane-{version}",
        ".",
        CONTROL_PLANE.packages,
        CONTROL_PLANE.processor_seconds,
        pins=PINS,
        flags=(
            *COMMON_FLAGS,
            "-modfile=older/go.mod",
            f"-ldflags=-s -w -X k8s.io/component-base/version.gitVersion={version}",
        ),
    )
    folder = target_folder(target, env, machine)
    with locked_for_making(env, progress):
        if not is_program(folder / target.name):
            build(target, env, machine, progress)
        for name in _NAMES:
            # The program is what it is called.
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(target.name)
    return folder


if __name__ == "__main__":
    try:
        print(assets(os.environ, lambda line: print(line, file=sys.stderr)))
    except DevclusterError as error:
        sys.exit(str(error))
