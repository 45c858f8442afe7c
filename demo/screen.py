"""What a person sees: the table that kubectl shows, and a timeline of what each side did."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

COLOURS = {"you": "bold cyan", "operator": "bold green", "cloud": "bold magenta", "object": "bold yellow"}
"""The sides of the story."""

WIDTH = 118
"""Columns of the picture for the README."""

FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Nothing that shows the picture should have to fetch anything."""

Columns = Callable[[], tuple[list[str], list[list[str]]]]


class Screen:
    """A live table above a growing timeline on a terminal; plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._lines: list[tuple[float, str, str]] = []
        self._columns: tuple[list[str], list[list[str]]] = ([], [])
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(self._picture(), console=self._console, refresh_per_second=10)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
            self._live.stop()

    def say(self, side: str, text: str) -> None:
        """Add a line to the timeline."""
        at = time.monotonic() - self._began
        self._lines.append((at, side, text))
        if self._live is None:
            self._console.print(f"{at:6.1f} s  {side:<9} {text}", highlight=False, markup=False, soft_wrap=True)
        self._show()

    def table(self, heads: list[str], rows: list[list[str]]) -> None:
        """Show what kubectl would."""
        told = _ageless(*self._columns)
        self._columns = (heads, rows)
        for row in _ageless(heads, rows) if self._live is None else ():
            if row not in told:
                self._console.print(f"{'':10}kubectl   {row}", highlight=False, markup=False, soft_wrap=True)
        self._show()

    def export(self, path: Path) -> None:
        """Write the whole of it as a picture."""
        recorder = Console(record=True, width=WIDTH, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115  # lives as long as the console
        recorder.print(self._picture())
        picture = FONT.sub("", recorder.export_svg(title="make demo"))
        path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")

    def _show(self) -> None:
        if self._live is not None:
            self._live.update(self._picture())

    def _picture(self) -> Group:
        heads, rows = self._columns
        table = Table(
            *heads, box=None, pad_edge=False, header_style="bold", title="$ kubectl get ddm", title_justify="left"
        )
        for row in rows:
            table.add_row(*row)
        timeline = Table.grid(padding=(0, 2))
        for at, side, text in self._lines:
            timeline.add_row(f"{at:5.1f} s", Text(side, style=COLOURS.get(side, "bold")), Text(text))
        return Group(table, Text(), timeline)


def _ageless(heads: list[str], rows: list[list[str]]) -> list[str]:
    """The table's rows as lines, without what changes by itself."""
    return ["  ".join(f"{head}={cell}" for head, cell in zip(heads, row, strict=True) if head != "AGE") for row in rows]
