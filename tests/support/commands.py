"""The operator's command line as its own process, for commands that end by themselves."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.process import OURS


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end, with nothing of the test's own environment that concerns our programs."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, "-m", "ddm_operator", *arguments],
        env=clean | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
