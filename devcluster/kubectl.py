"""A kubectl for machines that have none, of the same version as the control plane."""

from collections.abc import Mapping
from pathlib import Path

from devcluster.build import kept_or_built
from devcluster.cache import Machine, Progress, archive_folder, build_folder, is_program
from devcluster.estimate import KUBECTL


def kubectl(env: Mapping[str, str], progress: Progress) -> Path:
    """The program, out of the cache or built into it.

    Raises:
        DevclusterError: It could not be built.
    """

    def kept(machine: Machine) -> Path | None:
        folders = (build_folder(env, machine), archive_folder(env, machine))
        return next((folder / KUBECTL.name for folder in folders if is_program(folder / KUBECTL.name)), None)

    return kept_or_built(KUBECTL, kept, env, progress)
