"""The repository as text: its files, without what is made by building and running."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

IGNORED = (".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().split()))
"""Names, as ``.gitignore`` has them; it holds plain names only, so that no git is needed to understand it."""


def files(*patterns: str, under: str = ".") -> list[Path]:
    """Files whose name matches a pattern, all without one, relative to the root and in order."""
    found = (path.relative_to(ROOT) for path in _walk(ROOT / under))
    return sorted(path for path in found if not patterns or any(fnmatch(path.name, pattern) for pattern in patterns))


def text_of(path: Path) -> str:
    """What a file says; empty for one that is no text."""
    content = (ROOT / path).read_bytes()
    return "" if b"\0" in content else content.decode()


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if any(fnmatch(path.name, pattern) for pattern in IGNORED):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path
