"""Take the snapshots anew: ``make snapshots``."""

from __future__ import annotations

import sys

from tests.gitops.record import FOLDER, made
from tools.drift import settle

wanted = made()
for path in (FOLDER / "testdata").glob("*.yaml"):
    if path not in wanted:
        path.unlink()
settle(wanted, check="--check" in sys.argv, remedy="make snapshots writes them")
