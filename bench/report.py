"""The figures as a table in the terminal, as Markdown in docs/benchmarks.md, and as JSON for comparison over time."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.results import OURS, SUBJECTS, Figure, Sheet
from tools.between import between, fill

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PAGE = Path("docs/benchmarks.md")
RECORDS = Path("build/bench")
LIBRARIES = ("kopf", "kubernetes", "httpx", "aiohttp", "pydantic")
MIB = 1024
NOTHING = "-"
TO = " to "


def show(sheet: Sheet, console: Console) -> None:
    """Print a row's figures."""
    subjects = _present([sheet])
    table = Table(title=sheet.row, title_justify="left", show_edge=False)
    table.add_column("what", ratio=3)
    for subject in subjects:
        table.add_column(subject, justify="right")
    table.add_column("reach", justify="right")
    for what, figures in _lines(sheet):
        ours = figures.get(OURS)
        colour = {True: "green", False: "red", None: ""}[ours.reached if ours else None]
        cells = [_cell(figures.get(subject)) for subject in subjects]
        coloured = [f"[{colour}]{cell}[/]" if colour and subject == OURS else cell
                    for subject, cell in zip(subjects, cells, strict=True)]  # fmt: skip
        table.add_row(what, *coloured, _bound(ours))
    console.print(table)
    for note in sheet.notes:
        console.print(f"  {note}", style="dim")
    console.print()


def machine() -> dict[str, str]:
    """Where this was measured, and with what."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / MIB / MIB
    return {
        "processor": f"{len(os.sched_getaffinity(0))} cores of {model.partition(':')[2].strip() or platform.machine()}",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("ddm-operator", *LIBRARIES)},
    }


def record(sheets: Sequence[Sheet], size: str, server: str, load: float, now: datetime) -> Path:
    """Keep a run's figures as JSON; where."""
    return keep({"figures": [asdict(figure) for sheet in sheets for figure in sheet.figures]}, size, server, load, now)


def keep(found: Mapping[str, object], size: str, server: str, load: float, now: datetime) -> Path:
    """Keep what was found as JSON, with its circumstances; where."""
    RECORDS.mkdir(parents=True, exist_ok=True)
    path = RECORDS / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{size}.json"
    about = {
        "at": now.astimezone(UTC).isoformat(),
        "size": size,
        "kubernetes": server,
        "load_before": load,
        "machine": machine(),
    }
    path.write_text(json.dumps({**about, **found}, indent=1) + "\n")
    return path


def publish(sheets: Sequence[Sheet], server: str, load: float, now: datetime, page: Path = PAGE) -> None:
    """Put the rows that were measured into the page; those that were not stay as they are."""
    kept = _sections(between(page, BEGIN, END))
    for sheet in sheets:
        kept[sheet.row] = "\n".join(_markdown(sheet, server, load, now))
    fill(page, BEGIN, END, "\n".join(kept[row] for row in kept))


def _sections(text: str) -> dict[str, str]:
    """The page's rows by their heading."""
    parts = text.split("### ")
    return {part.partition("\n")[0]: f"### {part.rstrip()}\n" for part in parts[1:]}


def _markdown(sheet: Sheet, server: str, load: float, now: datetime) -> Iterator[str]:
    subjects = _present([sheet])
    yield f"### {sheet.row}"
    yield ""
    yield f"| what | {' | '.join(subjects)} | reach |"
    yield f"| --- |{' ---: |' * (len(subjects) + 1)}"
    for what, figures in _lines(sheet):
        ours = figures.get(OURS)
        missed = " ✗" if ours and ours.reached is False else ""
        cells = " | ".join(_cell(figures.get(subject)) for subject in subjects)
        yield f"| {what} | {cells} | {_bound(ours)}{missed} |"
    yield ""
    yield from (f"{note}\n" for note in sheet.notes)
    yield circumstances(server, load, now)
    yield ""


def circumstances(server: str, load: float, now: datetime) -> str:
    """When, on what and with what something was measured, as a sentence."""
    about = machine()
    tools = ", ".join(f"{name} {about[name]}" for name in ("ddm-operator", *LIBRARIES))
    return (
        f"Measured {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC on {about['processor']}, {about['memory']}, "
        f"{about['system']}, load {load:.1f} before it began; Kubernetes {server}, Python {about['python']}, {tools}."
    )


def _present(sheets: Sequence[Sheet]) -> list[str]:
    found = {figure.subject for sheet in sheets for figure in sheet.figures}
    return [subject for subject in SUBJECTS if subject in found]


def _lines(sheet: Sheet) -> Iterator[tuple[str, dict[str, Figure]]]:
    """What was measured, with the figure of each subject."""
    for what in dict.fromkeys(figure.what for figure in sheet.figures):
        yield what, {figure.subject: figure for figure in sheet.figures if figure.what == what}


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return NOTHING
    text = f"{number(figure.value)} {figure.unit}".strip()
    spread = figure.runs > 1 and (figure.low, figure.high) != (figure.value, figure.value)
    return f"{text} ({number(figure.low)}{TO}{number(figure.high)})" if spread else text


def _bound(figure: Figure | None) -> str:
    return NOTHING if figure is None or figure.bound is None else f"≤ {number(figure.bound)} {figure.unit}".strip()


def number(value: float) -> str:
    """Three digits that count, and all of a whole number."""
    if value == round(value):
        return f"{value:,.0f}"
    digits = next((digits for digits, least in ((0, 100), (1, 10), (2, 0.1)) if abs(value) >= least), 3)
    return f"{value:,.{digits}f}"
