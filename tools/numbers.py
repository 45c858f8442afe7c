"""Writes the README's numbers from ``docs/benchmarks.md``; ``--check`` tells whether they are those of that page."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tools.between import between, filled
from tools.drift import ROOT, settle

MEASURED = "<!-- measured: begin -->", "<!-- measured: end -->"
MARKERS = "<!-- numbers: begin -->", "<!-- numbers: end -->"
SOURCE = ROOT / "docs" / "benchmarks.md"
PAGE = ROOT / "README.md"


class Number(NamedTuple):
    """A cell of the page, in the column of ours, and what the README says of it."""

    section: str
    what: str
    text: str


NUMBERS = (
    Number("One change", "enlarge calls for each change", "enlarge call for each change of `spec.nodes`"),
    Number("One change", "spec change → enlarge received, median", "from the change to the call at the cloud, median"),
    Number("One scale-out", "10 min, cloud requests, the first", "cloud requests for a scale-out of ten minutes"),
    Number("10,000 objects at rest", "resident memory", "of resident memory with 10,000 objects"),
    Number("10,000 objects at rest", "cloud requests per minute", "cloud requests a minute for all 10,000 at rest"),
)


def render(source: Path = SOURCE) -> str:
    """The lines of the README.

    Raises:
        ValueError: a number is not there.
    """
    measured = cells(between(source, *MEASURED))
    lines = []
    for number in NUMBERS:
        value = measured.get((number.section, number.what))
        if value is None:
            raise ValueError(f"{source} has no row {number.what!r} under {number.section!r}")
        lines.append(f"- **{value}** {number.text}\n")
    return "".join(lines)


def cells(text: str) -> Mapping[tuple[str, str], str]:
    """The first column of numbers, without the spread of its runs, by heading and row."""
    found = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("### "):
            section = line.removeprefix("### ")
        elif line.startswith("| ") and not line.startswith(("| what |", "| --- |")):
            what, value = (cell.strip() for cell in line.strip("|").split("|")[:2])
            found[section, what] = value.partition(" (")[0]
    return found


def write(source: Path = SOURCE, page: Path = PAGE) -> None:
    """Bring the README up to date."""
    settle({page: filled(page, *MARKERS, render(source))}, check=False, remedy="make docs")


def main() -> None:
    """Write the README's part, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when the README is out of date")
    settle({PAGE: filled(PAGE, *MARKERS, render())}, check=parser.parse_args().check, remedy="make docs")


if __name__ == "__main__":
    main()
