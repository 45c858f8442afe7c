"""Helm, of the version that `helm/go.mod` names: one on the PATH may be of another one."""

import sys
from collections.abc import Mapping
from os import environ
from pathlib import Path

from devcluster.build import kept_or_built, target_folder
from devcluster.cache import Machine, Progress, is_program
from devcluster.estimate import HELM


def helm(env: Mapping[str, str] = environ, progress: Progress = lambda line: print(line, file=sys.stderr)) -> Path:
    """The program, out of the cache or built into it.

    Raises:
        DevclusterError: It could not be built.
    """

    def kept(machine: Machine) -> Path | None:
        program = target_folder(HELM, env, machine) / HELM.name
        return program if is_program(program) else None

    return kept_or_built(HELM, kept, env, progress)
