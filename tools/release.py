"""Makes what a release consists of, in ``dist/``: chart, manifests and resource; ``--seal`` adds the checksums.

The parts that others make come between the two: whatever is in ``dist/`` then gets a line in ``SHA256SUMS``.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from devcluster.helm import helm
from tools.drift import ROOT
from tools.source import source

DIST = ROOT / "dist"
SUMS = "SHA256SUMS"


def main() -> None:
    """Make the parts, or seal them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seal", action="store_true", help="write the checksums of all that is there")
    parser.add_argument("--folder", type=Path, default=DIST, help="where to (default: dist)")
    options = parser.parse_args()
    try:
        seal(options.folder) if options.seal else make(options.folder)
    except OSError as error:
        sys.exit(f"No release was made in {options.folder}: {error.strerror}.")


def make(folder: Path) -> None:
    """The chart's package, the manifests in one file, and the resource alone, each with the version in its name."""
    version = source().version
    folder.mkdir(parents=True, exist_ok=True)
    chart = ROOT / "helm" / "ddm-operator"
    subprocess.run([helm(), "package", chart, "--destination", folder], check=True, stdout=subprocess.DEVNULL)
    shutil.copyfile(ROOT / "deploy" / "install.yaml", folder / f"ddm-operator-{version}-install.yaml")
    shutil.copyfile(ROOT / "crds" / "ddminstances.yaml", folder / f"ddm-operator-{version}-crds.yaml")


def seal(folder: Path) -> None:
    """Write the checksums, as ``sha256sum --check`` reads them."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / SUMS).write_text("".join(lines))
    for path in [*files, folder / SUMS]:
        print(path)


if __name__ == "__main__":
    main()
