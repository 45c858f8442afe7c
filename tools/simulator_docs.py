"""Fills the tables of ``docs/simulator.md`` from the simulator's code, or tells that they are out of date."""

from __future__ import annotations

import argparse
import re
from typing import Final

from ddm_simulator.control import ENDPOINTS, PREFIX
from ddm_simulator.faults.kinds import Fault
from tools.drift import ROOT, settle

PAGE: Final = ROOT / "docs" / "simulator.md"


def main() -> None:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when the page is out of date")
    check = parser.parse_args().check
    settle({PAGE: render(PAGE.read_text(encoding="utf-8"))}, check=check, remedy="make docs")


def render(page: str) -> str:
    """The page with its two tables as they should be."""
    page = _filled(page, "| kind | what happens |\n| --- | --- |\n", [_fault(kind) for kind in Fault.__subclasses__()])
    rows = [
        f"| `{method}` | `{PREFIX}{path}` | {(handler.__doc__ or '').strip()} |" for method, path, handler in ENDPOINTS
    ]
    return _filled(page, "| method | path | what |\n| --- | --- | --- |\n", rows)


def _filled(page: str, head: str, rows: list[str]) -> str:
    before, found, after = page.partition(head)
    if not found:
        raise ValueError(f"docs/simulator.md has no table that begins with {head!r}")
    return before + head + "\n".join(rows) + "\n" + re.sub(r"\A(?:[|{][^\n]*\n)+", "", after)


def _fault(kind: type[Fault]) -> str:
    fields = [f"`{name}`" for name in kind.model_fields if name not in {*Fault.model_fields, "kind"}]
    more = f" ({', '.join(fields)})" if fields else ""
    return f"| `{kind.model_fields['kind'].default}`{more} | {' '.join((kind.__doc__ or '').split())} |"


if __name__ == "__main__":
    main()
