"""How far a build is and how long it will still take, from what `go build -v` prints."""

from dataclasses import dataclass
from pathlib import Path

from devcluster.cache import BUILD_FLAGS, SOURCES

_LINE_INTERVAL_SECONDS = 15.0


@dataclass(frozen=True)
class Target:
    """A program to build, and what that takes."""

    name: str
    package: str
    """Its package: a path relative to the Go module's folder, such as `.`, or one of a module that it requires."""

    packages: int
    """How many packages it consists of, as `go list -deps` counts them: Go prints those that it compiles."""

    processor_seconds: float
    """Processor time of a build with nothing kept, measured at about 3 GHz, linking included (seconds)."""

    sources: Path = SOURCES
    """Folder that it is built in."""

    pins: Path = SOURCES
    """Folder of the go.mod and the go.sum that decide what it is made of."""

    flags: tuple[str, ...] = BUILD_FLAGS
    """Flags of `go build`."""


CONTROL_PLANE = Target("controlplane", ".", packages=2130, processor_seconds=350.0)
KUBECTL = Target("kubectl", "./kubectl", packages=900, processor_seconds=180.0)


@dataclass
class BuildEstimate:
    """Reads the lines of a build and says now and then how far it is."""

    target: Target
    processors: int
    started: float
    """By the clock that also times the lines (seconds)."""

    compiled: int = 0
    fetched: int = 0
    said: float | None = None
    """When it last said something; None before the first time."""

    def announcement(self) -> str:
        """What is about to happen, before the first line."""
        minutes = max(round(self.target.processor_seconds / self.processors / 60), 1)
        return (
            f"building {self.target.name} from Go modules, once: about {minutes} min on {self.processors} cores and "
            f"4 GB of disk the first time, seconds when Go has kept the parts"
        )

    def after_line(self, line: str, now: float) -> str | None:
        """Take one line; returns what to tell the user, or None when it is too early to say something again."""
        if line.startswith("go: downloading "):
            self.fetched += 1
        elif "/" in line and " " not in line.strip():
            self.compiled += 1
        if now - (self.started if self.said is None else self.said) < _LINE_INTERVAL_SECONDS:
            return None
        self.said = now
        return f"building {self.target.name}: {self._state(now)}"

    def _state(self, now: float) -> str:
        elapsed = now - self.started
        if not self.compiled:
            return f"{self.fetched} modules fetched, {elapsed:.0f} s"
        share = min(self.compiled / self.target.packages, 1.0)
        left = elapsed * (1 - share) / share
        packages = f"{self.compiled} of at most {self.target.packages} packages compiled"
        return f"{packages}, {elapsed:.0f} s, about {left / 60:.1f} min left"
