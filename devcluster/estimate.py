"""How far a build is and how long it will still take, from what `go build -v` prints."""

from dataclasses import dataclass

_PACKAGES = 2130
"""Packages of the program, as `go list -deps` counts them; Go prints those that it compiles, none that it has kept."""

_PROCESSOR_SECONDS = 350.0
"""Processor time of a build from nothing (seconds): 340 on two cores at 3 GHz, linking included."""

_LINE_INTERVAL_SECONDS = 15.0


@dataclass
class BuildEstimate:
    """Reads the lines of a build and says now and then how far it is."""

    processors: int
    started: float
    """By the clock that also times the lines (seconds)."""

    compiled: int = 0
    fetched: int = 0
    said: float | None = None
    """When it last said something; None before the first time."""

    def announcement(self) -> str:
        """What is about to happen, before the first line."""
        return (
            f"building from Go modules, once: about {self._minutes(_PROCESSOR_SECONDS)} on {self.processors} cores "
            f"and 4 GB of disk the first time, seconds when Go has kept the parts"
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
        return f"building: {self._state(now)}"

    def _state(self, now: float) -> str:
        elapsed = now - self.started
        if not self.compiled:
            return f"{self.fetched} modules fetched, {elapsed:.0f} s"
        share = min(self.compiled / _PACKAGES, 1.0)
        left = elapsed * (1 - share) / share
        packages = f"{self.compiled} of at most {_PACKAGES} packages compiled"
        return f"{packages}, {elapsed:.0f} s, at most {left / 60:.1f} min left"

    def _minutes(self, processor_seconds: float) -> str:
        minutes = processor_seconds / self.processors / 60
        return f"{max(round(minutes), 1)} min"
