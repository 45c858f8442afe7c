"""Builds the image with the first of docker, podman and buildah that is there and works.

Its time is that of the last commit, or what ``SOURCE_DATE_EPOCH`` says, so that the same sources make the same image.
Arguments that this program does not know go to the engine: ``make image ARGS="--platform linux/arm64"``.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys

from tools.drift import ROOT
from tools.source import Source, source

NAME = "ddm-operator/ddm-operator"
"""As the chart and ``deploy/`` have it."""

ENGINES = {
    "docker": ("version", "--format", "{{.Server.Version}}"),
    "podman": ("version",),
    "buildah": ("version",),
}
"""In the order of trying, with the question whether it works: a docker without its daemon is a client only."""

NONE = """\
No image was built: no container engine works here.
{found}
Install docker, podman or buildah, or start the one that is there, and run `make image` again.
"""


def main() -> None:
    """Build it; ends with 1 and a sentence when nothing here can, else with the engine's exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=ENGINES, help="this one and no other")
    parser.add_argument("--name", default=NAME, help=f"the image's name without its tag (default: {NAME})")
    options, further = parser.parse_known_args()
    state = source()
    if state.epoch is None:
        sys.exit("No image was built: this is no git repository, so its time is unknown; set SOURCE_DATE_EPOCH.")
    engine = working([options.engine] if options.engine else list(ENGINES))
    command = build(engine, state, f"{options.name}:{state.version}", further)
    print(shlex.join(command), flush=True)
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


def working(names: list[str]) -> str:
    """The first engine that works; ends with 1 and what each of them says when none does."""
    found = []
    for name in names:
        if shutil.which(name) is None:
            found.append(f"  {name}: is not installed")
            continue
        asked = subprocess.run([name, *ENGINES[name]], capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return name
        found.append(f"  {name}: {' '.join(asked.stderr.split()) or f'ended with {asked.returncode}'}")
    sys.exit(NONE.format(found="\n".join(found)))


def build(engine: str, state: Source, tag: str, further: list[str]) -> list[str]:
    """The command that builds it from the project's folder."""
    arguments = {
        "SOURCE_DATE_EPOCH": str(state.epoch),
        "CREATED": state.created,
        "REVISION": state.revision,
        "VERSION": state.version,
    }
    given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    # BuildKit takes the time from the argument; the others give it to every file of a layer when they are told so.
    time = [] if engine == "docker" else ["--timestamp", str(state.epoch)]
    return [engine, "build", "--file", "Dockerfile", *given, *time, "--tag", tag, *further, "."]


if __name__ == "__main__":
    main()
