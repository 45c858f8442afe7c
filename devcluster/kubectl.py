"""A kubectl for machines that have none, of the same version as the control plane."""

from collections.abc import Mapping
from pathlib import Path

from devcluster.build import build, locked_for_making
from devcluster.cache import Machine, Progress, archive_folder, build_folder, is_program, this_machine
from devcluster.estimate import KUBECTL


def kubectl(env: Mapping[str, str], progress: Progress) -> Path:
    """The program, out of the cache or built into it.

    Raises:
        DevclusterError: It could not be built.
    """
    machine = this_machine()
    if kept := _kept(env, machine):
        return kept
    with locked_for_making(env, progress):
        return _kept(env, machine) or build(KUBECTL, env, machine, progress)


def _kept(env: Mapping[str, str], machine: Machine) -> Path | None:
    folders = (build_folder(env, machine), archive_folder(env, machine))
    return next((folder / KUBECTL.name for folder in folders if is_program(folder / KUBECTL.name)), None)
