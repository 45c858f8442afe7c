"""What a thing that is made here is made from: version, commit and time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tools.drift import ROOT


@dataclass(frozen=True)
class Source:
    """The state of the sources.

    Args:
        version: the project's.
        revision: id of the commit, with ``-dirty`` when the files differ from it; ``unknown`` outside of a repository.
        epoch: seconds since 1970 of the commit, or what ``SOURCE_DATE_EPOCH`` says; None when neither is there.
    """

    version: str
    revision: str
    epoch: int | None

    @property
    def created(self) -> str:
        """The time as RFC 3339 has it, in UTC."""
        return datetime.fromtimestamp(self.epoch or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def source(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Source:
    """Look at the sources in a folder; ends with 1 and a sentence when ``SOURCE_DATE_EPOCH`` is no time."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    given = environment.get("SOURCE_DATE_EPOCH", "").strip()
    if given and not re.fullmatch("[0-9]{1,11}", given):
        sys.exit(f"SOURCE_DATE_EPOCH={given[:40]!r} is no time: it is whole seconds since 1970, such as 1700000000.")
    revision, committed = git(root, "rev-parse", "HEAD"), git(root, "log", "-1", "--format=%ct")
    changed = "-dirty" if git(root, "status", "--porcelain") else ""
    epoch = given or committed
    return Source(version, f"{revision}{changed}" if revision else "unknown", int(epoch) if epoch else None)


def git(root: Path, *arguments: str) -> str:
    """What git says; nothing where there is no git or no repository."""
    try:
        ended = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True)  # noqa: S607  # the user's git
    except (OSError, subprocess.CalledProcessError):
        return ""
    return ended.stdout.strip()
