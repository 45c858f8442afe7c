"""What GitOps tools make of objects: Argo CD's Lua interpreter and kstatus, in one program of tests/gitops."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

SECONDS: Final = 60


@dataclass(frozen=True)
class Verdict:
    """What is made of one object."""

    kstatus: str
    """`Current`, `InProgress`, `Failed`, `Terminating`, `NotFound` or `Unknown`."""
    message: str
    """Of kstatus."""
    lua: Mapping[str, Any]
    """What each script returned, by its name."""
    errors: Mapping[str, str]
    """Of the scripts that failed."""
    left: Json
    """The object without what is ignored."""


class Judge:
    """Asks the program."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(
        self, objects: Sequence[Json], scripts: Mapping[str, str] | None = None, ignore: Sequence[str] = ()
    ) -> list[Verdict]:
        """What is made of each object.

        Args:
            objects: whole, as the API server shows them.
            scripts: Lua by name.
            ignore: jq paths.
        """
        asked = json.dumps({"objects": list(objects), "scripts": dict(scripts or {}), "ignore": list(ignore)})
        done = subprocess.run([self._path], input=asked, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        return [Verdict(**found) for found in json.loads(done.stdout)]
