"""Files that a tool makes: written, or compared with what would be written."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def settle(made: Mapping[Path, str], *, check: bool, remedy: str) -> None:
    """Write the files, or end with 1 and the differences when they are not what would be written.

    Args:
        made: what each file should say.
        check: write nothing.
        remedy: the command that writes them.
    """
    late = {path: text for path, text in made.items() if not path.exists() or path.read_text() != text}
    if not check:
        for path, text in late.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return
    for path, text in late.items():
        before = path.read_text() if path.exists() else ""
        name = str(path.relative_to(ROOT))
        lines = difflib.unified_diff(before.splitlines(), text.splitlines(), name, "would be made", lineterm="", n=1)
        print("\n".join(lines))
    if late:
        sys.exit(f"out of date: {', '.join(str(path.relative_to(ROOT)) for path in late)}; {remedy}")
