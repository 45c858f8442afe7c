"""Which control plane to use: five ways, in this order.

1. the cluster that `KUBECONFIG` names, only with `CLUSTER=kubeconfig`;
2. `KUBEBUILDER_ASSETS`, a folder with etcd and kube-apiserver;
3. a build or a download kept in the user's cache folder;
4. the published envtest archive;
5. a build from the Go modules of this folder.
"""

from collections.abc import Mapping
from pathlib import Path

from devcluster.build import build, locked_for_making
from devcluster.cache import Machine, Progress, archive_folder, build_folder, is_program, this_machine
from devcluster.commands import Assets, Binaries, OneProgram
from devcluster.errors import DevclusterError
from devcluster.estimate import CONTROL_PLANE
from devcluster.fetch import fetch
from devcluster.foreign import ForeignCluster, foreign_cluster

_OWN_CLUSTER = "kubeconfig"


def find(env: Mapping[str, str], progress: Progress) -> Binaries | ForeignCluster:
    """The control plane to use; makes one when there is none yet.

    Raises:
        DevclusterError: What was asked for is not there, or none could be made.
    """
    asked = env.get("CLUSTER", "")
    if asked == _OWN_CLUSTER:
        return foreign_cluster(env)
    if asked:
        raise DevclusterError(
            f"CLUSTER={asked} is not known.",
            advice=[f"Set CLUSTER={_OWN_CLUSTER} for the cluster that KUBECONFIG names, or leave it unset."],
        )
    if env.get("KUBEBUILDER_ASSETS"):
        return _assets_asked_for(Path(env["KUBEBUILDER_ASSETS"]))
    machine = this_machine()
    return _kept(env, machine) or _make(env, machine, progress)


def _assets_asked_for(folder: Path) -> Assets:
    assets = _assets(folder.absolute())
    if assets is None:
        raise DevclusterError(
            f"KUBEBUILDER_ASSETS={folder} has no programs named etcd and kube-apiserver.",
            advice=["Let it name a folder with both, for example the one that setup-envtest prints.", "Or unset it."],
        )
    return assets


def _assets(folder: Path) -> Assets | None:
    assets = Assets(folder / "etcd", folder / "kube-apiserver")
    return assets if is_program(assets.etcd) and is_program(assets.kube_apiserver) else None


def _kept(env: Mapping[str, str], machine: Machine) -> Binaries | None:
    program = build_folder(env, machine) / CONTROL_PLANE.name
    return OneProgram(program) if is_program(program) else _assets(archive_folder(env, machine))


def _make(env: Mapping[str, str], machine: Machine, progress: Progress) -> Binaries:
    with locked_for_making(env, progress):
        # Another run may have made it while this one waited for the lock.
        if kept := _kept(env, machine):
            return kept
        try:
            folder = fetch(env, machine, progress)
        except DevclusterError as error:
            progress(error.happened)
            return OneProgram(build(CONTROL_PLANE, env, machine, progress, tried=[error.happened]))
        return Assets(folder / "etcd", folder / "kube-apiserver")
