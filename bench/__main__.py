"""``make bench``: what ddm-operator costs and how fast it is, beside what people would otherwise run."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from bench import report
from bench.ground import Ground
from bench.results import Figure, Sheet
from bench.rows import burst, counts, drift, idle, running, single
from bench.size import FULL, LARGE, QUICK, Size
from tools import numbers

ROWS: dict[str, Callable[[Ground, Size], Sheet]] = {
    "single": single.run,
    "burst": burst.run,
    "counts": counts.run,
    "running": running.run,
    "idle": idle.run,
    "drift": drift.run,
}
"""By the name on the command line, in the order of the page."""

LARGE_ROWS = ("idle",)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("rows", nargs=-1, type=click.Choice(list(ROWS)))
@click.option("--quick", is_flag=True, help="Few objects; exact counts are asserted, times are not.")
@click.option("--large", is_flag=True, help="50,000 idle objects.")
@click.option(
    "--publish/--no-publish", default=None, help="Write docs/benchmarks.md and the README; not by a quick run."
)
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for all logs; one that goes away when absent.")
def main(rows: tuple[str, ...], *, quick: bool, large: bool, publish: bool | None, keep: Path | None) -> None:
    """Measure all rows, or those that are named."""
    size = QUICK if quick else LARGE if large else FULL
    console = Console(width=None if sys.stdout.isatty() else 140)
    chosen = rows or (LARGE_ROWS if large else tuple(ROWS))
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="ddm-bench-") as own, Ground(keep or Path(own), console.print) as ground:
        server = ground.api.get("/version")["gitVersion"]
        measured = {row: _measure(row, ground, size, console) for row in chosen}
    sheets = [sheet for sheet in measured.values() if sheet is not None]
    now = datetime.now(UTC)
    console.print(f"Kept in {report.record(sheets, size.name, server, load, now)}")
    if publish if publish is not None else not quick:
        report.publish(sheets, server, load, now)
        numbers.write()
    missed = [figure for sheet in sheets for figure in sheet.figures if _failed(figure, quick=quick)]
    for figure in missed:
        console.print(f"MISSED: {figure.row}, {figure.what}: {figure.value:g}, at most {figure.bound:g} {figure.unit}")
    raise SystemExit(len(sheets) < len(chosen) or (bool(missed) and quick))


def _measure(row: str, ground: Ground, size: Size, console: Console) -> Sheet | None:
    """A row's figures; None when it came to no end, which must not lose the others'."""
    began = time.monotonic()
    try:
        sheet = ROWS[row](ground, size)
    except (TimeoutError, AssertionError) as error:
        console.print(f"{row}: FAILED after {time.monotonic() - began:.0f} s: {error}", markup=False)
        return None
    finally:
        ground.clear()
    console.print(f"{row}: {time.monotonic() - began:.0f} s", style="dim")
    report.show(sheet, console)
    return sheet


def _failed(figure: Figure, *, quick: bool) -> bool:
    """A quick run holds to the counts only: it may run beside anything."""
    return figure.reached is False and (figure.kind == "count" or not quick)


if __name__ == "__main__":
    main(prog_name="make bench")
