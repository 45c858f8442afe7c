"""The part of a page between two markers, which a program writes."""

from __future__ import annotations

from pathlib import Path


def between(page: Path, begin: str, end: str) -> str:
    """What stands there, whole lines.

    Raises:
        ValueError: the page has not each marker once, on a line of its own.
    """
    return _parts(page, begin, end)[1]


def filled(page: Path, begin: str, end: str, body: str) -> str:
    """The page with other lines there; raises like ``between``."""
    before, _, after = _parts(page, begin, end)
    return f"{before}{begin}\n{body}{end}\n{after}"


def fill(page: Path, begin: str, end: str, body: str) -> None:
    """Write them; raises like ``between``."""
    page.write_text(filled(page, begin, end, body), encoding="utf-8")


def _parts(page: Path, begin: str, end: str) -> tuple[str, str, str]:
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(f"{begin}\n")
    inside, ended, after = rest.partition(f"{end}\n")
    if not found or not ended:
        raise ValueError(f"{page} has no lines {begin} and {end}")
    return before, inside, after
